"""A rate that rises less with temperature than f has it, or falls."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="exponential_fall",
    order=31,
    title="exponential fall with temperature",
    text="the rate rises less with temperature than f has it, or falls",
    kinds=("temperature",),
    factor="exp(({T_r} - {x}) / {T_e})",
    constants=(
        Constant("T_e", "rise of temperature by which the rate falls to 1/e", lambda d: (2.0, 500.0), "K"),
        Constant("T_r", "where the law is one", lambda d: (-20.0, 80.0), "degC", lambda d: d.middle),
    ),
    source="M. Henze, W. Gujer, T. Mino, M. van Loosdrecht (2000), Activated Sludge Models ASM1, ASM2, ASM2d and ASM3",
)
"""``exp((T_r - T)/T_e)``, or θ^(T - T_r) with θ = exp(-1/T_e)."""
