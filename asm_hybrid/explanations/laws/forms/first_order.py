"""One order more than f has."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="first_order",
    order=1,
    title="an order more",
    text="the rate is in proportion to it, on top of what f has",
    kinds=("concentration",),
    factor="{x} / {x_r}",
    constants=(
        Constant("x_r", "where the law is one", lambda d: (d.floor / 100, d.high * 100), value=lambda d: d.middle),
    ),
    source="law of mass action",
)
"""``x / x_r``."""
