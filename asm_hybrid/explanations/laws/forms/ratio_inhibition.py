"""Inhibition by a ratio of two substances."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="ratio_inhibition",
    order=51,
    title="inhibition by a ratio",
    text="the rate falls where there is much of the first for each unit of the second, to one half at the ratio K_I",
    kinds=("ratio",),
    factor="ratio({K_I} * {per}, {K_I} * {per} + {x})",
    constants=(Constant("K_I", "inhibition constant", lambda d: (d.floor / 5, d.high * 20)),),
    source="M. Henze, W. Gujer, T. Mino, M. van Loosdrecht (2000), Activated Sludge Models ASM1, ASM2, ASM2d and ASM3",
)
"""``K_I / (K_I + A/B)``, folded so that B may be zero."""
