"""Inhibition that sets in steeply."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="hill_inhibition",
    order=14,
    title="Hill inhibition of order 2",
    text="the rate falls steeply where there is much of it, to one half at K_I",
    kinds=("concentration",),
    factor="inhibition({x}**2, {K_I}**2)",
    constants=(Constant("K_I", "inhibition constant", lambda d: (d.floor / 5, d.high * 5)),),
    source="A. V. Hill (1910), J. Physiol. 40 (suppl.), iv-vii",
)
"""``K_I² / (K_I² + S²)``."""
