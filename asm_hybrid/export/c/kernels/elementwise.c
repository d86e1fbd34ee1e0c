#define ELEMENTWISE(name, value, slope)                                                                             \
    KERNEL void name(const double *x, int wide, int rows, int n, double *y)                                         \
    {                                                                                                               \
        for (int row = 0; row < rows; row++) {                                                                      \
            for (int j = 0; j < n; j++) {                                                                           \
                const double v = x[row * wide + j];                                                                 \
                y[row * n + j] = (value);                                                                           \
            }                                                                                                       \
        }                                                                                                           \
    }                                                                                                               \
    /* Takes slopes (direction, column) through the function, at one row of its argument. */                        \
    KERNEL void name##_slope(const double *x, int wide, const double *at, int directions, int n, double *y)         \
    {                                                                                                               \
        for (int j = 0; j < n; j++) {                                                                               \
            const double v = at[j], s = (slope);                                                                    \
            for (int i = 0; i < directions; i++) y[i * n + j] = s * x[i * wide + j];                                \
        }                                                                                                           \
    }
