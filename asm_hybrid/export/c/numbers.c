/* As CasADi has them: of two numbers one, even where the other is not a number. */

static inline double least(double a, double b) { return a < b ? a : b; }
static inline double largest(double a, double b) { return a > b ? a : b; }

