static inline double least(double a, double b) { return a < b ? a : b; }
