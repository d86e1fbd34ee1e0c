"""Two orders more than f has."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="second_order",
    order=2,
    title="two orders more",
    text="the rate follows its square, on top of what f has",
    kinds=("concentration",),
    factor="({x} / {x_r})**2",
    constants=(
        Constant("x_r", "where the law is one", lambda d: (d.floor / 100, d.high * 100), value=lambda d: d.middle),
    ),
    source="law of mass action",
)
"""``(x / x_r)²``."""
