"""Limitation that sets in steeply."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="hill",
    order=12,
    title="Hill limitation of order 2",
    text="the rate falls steeply where there is little of it, to one half at K",
    kinds=("concentration",),
    factor="monod({x}**2, {K}**2)",
    constants=(Constant("K", "half-saturation", lambda d: (d.floor / 5, d.high * 5)),),
    source="A. V. Hill (1910), J. Physiol. 40 (suppl.), iv-vii",
)
"""``S² / (K² + S²)``; a table has whole exponents alone."""
