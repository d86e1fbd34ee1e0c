/* exp(x) to a few units of the last place, without a branch, so that loops over it run on vectors. The polynomial takes
 * the values of exp at the Chebyshev nodes of [-ln 2 / 2, ln 2 / 2]; its relative error there is below 2e-17. */
KERNEL double quick_exp(double x)
{
    union { double number; int64_t bits; } scale;
    const double magic = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to a whole number */
    const double clipped = x < -708.0 ? -708.0 : x > 708.0 ? 708.0 : x;
    const double shifted = clipped * 1.4426950408889634 + magic;
    const double whole = shifted - magic;
    const double r = (clipped - whole * 0.69314718036912382) - whole * 1.9082149292705877e-10;
    double sum = 2.5110049204818658e-08;
    sum = sum * r + 2.763265472252779e-07;
    sum = sum * r + 2.755724088722987e-06;
    sum = sum * r + 2.4801485441561313e-05;
    sum = sum * r + 0.00019841269890076403;
    sum = sum * r + 0.0013888888952352863;
    sum = sum * r + 0.008333333333319589;
    sum = sum * r + 0.04166666666648795;
    sum = sum * r + 0.1666666666666668;
    sum = sum * r + 0.5000000000000019;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    scale.number = shifted;
    scale.bits = (int64_t)((uint64_t)scale.bits << 52);
    scale.bits += (int64_t)1023 << 52;
    return sum * scale.number;
}
