"""A capacity that a load exceeds."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="load_capacity",
    order=41,
    title="capacity",
    text="the rate is as f has it up to the load or flow L_c, and falls in inverse proportion beyond",
    kinds=("inflow",),
    factor="{L_c} / max({x}, {L_c})",
    constants=(Constant("L_c", "capacity", lambda d: (d.floor / 2, d.high)),),
    source="F. F. Blackman (1905), Ann. Bot. 19, 281-295, https://doi.org/10.1093/oxfordjournals.aob.a089000",
)
"""``L_c / max(L, L_c)``."""
