"""A rate that collapses in the cold."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="cold_collapse",
    order=33,
    title="collapse in the cold",
    text="the rate falls to one half at T_c, within a width of some T_w",
    kinds=("temperature",),
    factor="1 / (1 + exp(({T_c} - {x}) / {T_w}))",
    constants=(
        Constant("T_c", "where one half is left", lambda d: (max(1.0, d.low - 5.0), max(2.0, d.high)), "degC"),
        Constant("T_w", "width of the change", lambda d: (0.2, 10.0), "K"),
    ),
    source="logistic function",
)
"""``1 / (1 + exp((T_c - T)/T_w))``."""
