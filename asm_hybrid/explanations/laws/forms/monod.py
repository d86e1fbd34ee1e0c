"""Limitation by a substrate."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="monod",
    order=10,
    title="Monod limitation",
    text="the rate falls where there is little of it, to one half at K",
    kinds=("concentration",),
    factor="monod({x}, {K})",
    constants=(Constant("K", "half-saturation", lambda d: (d.floor / 20, d.high * 5)),),
    source="J. Monod (1949), Annu. Rev. Microbiol. 3, 371-394, https://doi.org/10.1146/annurev.mi.03.100149.002103",
)
"""``S / (K + S)``."""
