"""One order less than f has."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="order_less",
    order=3,
    title="an order less",
    text="the rate is in inverse proportion to it above x_c, on top of what f has: there it no longer rises with it",
    kinds=("concentration",),
    factor="{x_c} / max({x}, {x_c})",
    constants=(Constant("x_c", "where the law sets in", lambda d: (d.floor / 2, d.high)),),
    source="F. F. Blackman (1905), Ann. Bot. 19, 281-295, https://doi.org/10.1093/oxfordjournals.aob.a089000",
)
"""``x_c / max(x, x_c)``."""
