KERNEL void less(const double *x, int wide, const double *y, int other, int rows, int n, double *result)
{
    for (int row = 0; row < rows; row++) {
        for (int j = 0; j < n; j++) result[row * n + j] = x[row * wide + j] - y[row * other + j];
    }
}
