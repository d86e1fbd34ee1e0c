KERNEL double quick_tanh(double x)
{
    const double e = quick_exp(-2.0 * fabs(x)), size = (1.0 - e) / (1.0 + e);
    return x < 0.0 ? -size : size;
}

ELEMENTWISE(tanh_of, quick_tanh(v), 1.0 - quick_tanh(v) * quick_tanh(v))
