"""A rate limited by the surface that organisms offer, or find."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="surface_limited",
    order=50,
    title="limitation by a ratio (Contois)",
    text="the rate falls where there is little of the first for each unit of the second, to one half at the ratio K",
    kinds=("ratio",),
    factor="ratio({x}, {K} * {per} + {x})",
    constants=(Constant("K", "half-saturation", lambda d: (d.floor / 20, d.high * 5)),),
    source="D. E. Contois (1959), J. Gen. Microbiol. 21, 40-50, https://doi.org/10.1099/00221287-21-1-40",
)
"""``(A/B) / (K + A/B)``, folded so that B may be zero."""
