KERNEL double quick_logistic(double x) { return 1.0 / (1.0 + quick_exp(-x)); }

ELEMENTWISE(silu_of, v * quick_logistic(v), quick_logistic(v) * (1.0 + v * (1.0 - quick_logistic(v))))
