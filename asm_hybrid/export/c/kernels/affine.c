/* Kernels of the networks behind n. Rows are spots, and lie `wide` values apart in what is read. */

/* y = x w + b, (row, group, m), with the columns of x in groups of n and a matrix (n, m) for each; b may be missing. */
KERNEL void affine(const double *restrict x, int wide, int rows, int n, const double *restrict w,
                          const double *restrict b, int m, int groups, double *restrict y)
{
    enum { BLOCK = 8 };
    for (int row = 0; row < rows; row++) {
        for (int g = 0; g < groups; g++) {
            const double *from = x + row * wide + g * n, *matrix = w + g * n * m;
            double *into = y + (row * groups + g) * m;
            const int whole = m - m % BLOCK;
            for (int j = 0; j < whole; j += BLOCK) {
                double sum[BLOCK];
                for (int k = 0; k < BLOCK; k++) sum[k] = b ? b[g * m + j + k] : 0.0;
                for (int i = 0; i < n; i++) {
                    for (int k = 0; k < BLOCK; k++) sum[k] += from[i] * matrix[i * m + j + k];
                }
                for (int k = 0; k < BLOCK; k++) into[j + k] = sum[k];
            }
            for (int j = whole; j < m; j++) {
                double sum = b ? b[g * m + j] : 0.0;
                for (int i = 0; i < n; i++) sum += from[i] * matrix[i * m + j];
                into[j] = sum;
            }
        }
    }
}

KERNEL void unit(double *matrix, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) matrix[i * n + j] = i == j ? 1.0 : 0.0;
    }
}

/* Takes slopes of what is read (spot, column) through dz/dr (spot, column, target). */
KERNEL void through(const double *d, const double *dr, int spots, int n, int targets, double *dz)
{
    for (int spot = 0; spot < spots; spot++) {
        for (int j = 0; j < targets; j++) {
            double sum = 0.0;
            for (int i = 0; i < n; i++) sum += d[(spot * n + i) * targets + j] * dr[spot * n + i];
            dz[spot * targets + j] = sum;
        }
    }
}
