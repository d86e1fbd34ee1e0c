"""Limitation that sets in at once."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="hill_steep",
    order=13,
    title="Hill limitation of order 4",
    text="the rate falls within a narrow range around K, below which it is nearly zero",
    kinds=("concentration",),
    factor="monod({x}**4, {K}**4)",
    constants=(Constant("K", "half-saturation", lambda d: (d.floor / 3, d.high * 3)),),
    source="A. V. Hill (1910), J. Physiol. 40 (suppl.), iv-vii",
)
"""``S⁴ / (K⁴ + S⁴)``."""
