"""Inhibition by a substance."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="inhibition",
    order=11,
    title="inhibition",
    text="the rate falls where there is much of it, to one half at K_I",
    kinds=("concentration",),
    factor="inhibition({x}, {K_I})",
    constants=(Constant("K_I", "inhibition constant", lambda d: (d.floor / 5, d.high * 20)),),
    source="M. Henze, W. Gujer, T. Mino, M. van Loosdrecht (2000), Activated Sludge Models ASM1, ASM2, ASM2d and ASM3",
)
"""``K_I / (K_I + S)``."""
