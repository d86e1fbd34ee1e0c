ELEMENTWISE(softplus_of, v > 20.0 ? v : log1p(exp(v)), 1.0 / (1.0 + quick_exp(-v)))
