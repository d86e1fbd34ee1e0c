/* Kernels of the networks behind n. Rows are spots, and lie `wide` values apart in what is read. */

/* exp(x) to a few units of the last place, without a branch, so that loops over it run on vectors. */
static inline double quick_exp(double x)
{
    union { double number; int64_t bits; } scale;
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to a whole number */
    const double clipped = x < -708.0 ? -708.0 : x > 708.0 ? 708.0 : x;
    const double shifted = clipped * 1.4426950408889634 + magic;
    const double whole = shifted - magic;
    const double r = (clipped - whole * 0.69314718036912382) - whole * 1.9082149292705877e-10;
    double sum = 1.6059043836821613e-10; /* 1/13! */
    sum = sum * r + 2.0876756987868099e-09;
    sum = sum * r + 2.5052108385441719e-08;
    sum = sum * r + 2.7557319223985891e-07;
    sum = sum * r + 2.7557319223985893e-06;
    sum = sum * r + 2.4801587301587302e-05;
    sum = sum * r + 1.9841269841269841e-04;
    sum = sum * r + 1.3888888888888889e-03;
    sum = sum * r + 8.3333333333333332e-03;
    sum = sum * r + 4.1666666666666664e-02;
    sum = sum * r + 1.6666666666666666e-01;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    scale.number = shifted;
    scale.bits = (int64_t)((uint64_t)scale.bits << 52);
    scale.bits += (int64_t)1023 << 52;
    return sum * scale.number;
}

static inline double quick_tanh(double x)
{
    const double e = quick_exp(-2.0 * fabs(x)), size = (1.0 - e) / (1.0 + e);
    return x < 0.0 ? -size : size;
}

/* y = x w + b, (row, group, m), with the columns of x in groups of n and a matrix (n, m) for each; b may be missing. */
static inline void affine(const double *restrict x, int wide, int rows, int n, const double *restrict w,
                          const double *restrict b, int m, int groups, double *restrict y)
{
    enum { BLOCK = 8 };
    for (int row = 0; row < rows; row++) {
        for (int g = 0; g < groups; g++) {
            const double *from = x + row * wide + g * n, *matrix = w + g * n * m;
            double *into = y + (row * groups + g) * m;
            int j = 0;
            for (; j + BLOCK <= m; j += BLOCK) {
                double sum[BLOCK];
                for (int k = 0; k < BLOCK; k++) sum[k] = b ? b[g * m + j + k] : 0.0;
                for (int i = 0; i < n; i++) {
                    for (int k = 0; k < BLOCK; k++) sum[k] += from[i] * matrix[i * m + j + k];
                }
                for (int k = 0; k < BLOCK; k++) into[j + k] = sum[k];
            }
            for (; j < m; j++) {
                double sum = b ? b[g * m + j] : 0.0;
                for (int i = 0; i < n; i++) sum += from[i] * matrix[i * m + j];
                into[j] = sum;
            }
        }
    }
}

#define ELEMENTWISE(name, value, slope)                                                                             \
    static inline void name(const double *x, int wide, int rows, int n, double *y)                                  \
    {                                                                                                               \
        for (int row = 0; row < rows; row++) {                                                                      \
            for (int j = 0; j < n; j++) {                                                                           \
                const double v = x[row * wide + j];                                                                 \
                y[row * n + j] = (value);                                                                           \
            }                                                                                                       \
        }                                                                                                           \
    }                                                                                                               \
    /* Takes slopes (direction, column) through the function, at one row of its argument. */                        \
    static inline void name##_slope(const double *x, int wide, const double *at, int directions, int n, double *y)  \
    {                                                                                                               \
        for (int j = 0; j < n; j++) {                                                                               \
            const double v = at[j], s = (slope);                                                                    \
            for (int i = 0; i < directions; i++) y[i * n + j] = s * x[i * wide + j];                                \
        }                                                                                                           \
    }

ELEMENTWISE(tanh_of, quick_tanh(v), 1.0 - quick_tanh(v) * quick_tanh(v))
ELEMENTWISE(silu_of, v / (1.0 + quick_exp(-v)),
            (1.0 + v * quick_exp(-v) / (1.0 + quick_exp(-v))) / (1.0 + quick_exp(-v)))
ELEMENTWISE(relu_of, v > 0.0 ? v : 0.0, v > 0.0 ? 1.0 : 0.0)
ELEMENTWISE(softplus_of, v > 20.0 ? v : log1p(exp(v)), 1.0 / (1.0 + quick_exp(-v)))

static inline void unit(double *matrix, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) matrix[i * n + j] = i == j ? 1.0 : 0.0;
    }
}

static inline void less(const double *x, int wide, const double *y, int other, int rows, int n, double *result)
{
    for (int row = 0; row < rows; row++) {
        for (int j = 0; j < n; j++) result[row * n + j] = x[row * wide + j] - y[row * other + j];
    }
}

/* Takes slopes of what is read (spot, column) through dz/dr (spot, column, target). */
static inline void through(const double *d, const double *dr, int spots, int n, int targets, double *dz)
{
    for (int spot = 0; spot < spots; spot++) {
        for (int j = 0; j < targets; j++) {
            double sum = 0.0;
            for (int i = 0; i < n; i++) sum += d[(spot * n + i) * targets + j] * dr[spot * n + i];
            dz[spot * targets + j] = sum;
        }
    }
}
