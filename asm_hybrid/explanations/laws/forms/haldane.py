"""Limitation by a substrate that inhibits where there is much of it."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="haldane",
    order=20,
    title="Haldane inhibition",
    text="the rate falls where there is little of it, and where there is much",
    kinds=("concentration",),
    factor="monod({x}, {K} + {x}**2 / {K_I})",
    constants=(
        Constant("K", "half-saturation", lambda d: (d.floor / 20, d.high * 5)),
        Constant("K_I", "inhibition constant", lambda d: (d.floor / 5, d.high * 20)),
    ),
    source="J. F. Andrews (1968), Biotechnol. Bioeng. 10, 707-723, https://doi.org/10.1002/bit.260100602",
)
"""``S / (K + S + S²/K_I)``."""
