static inline double largest(double a, double b) { return a > b ? a : b; }
