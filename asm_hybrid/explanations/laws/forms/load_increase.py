"""A rate that follows a load."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="load_increase",
    order=42,
    title="increase with the load",
    text="the rate rises with the load or flow beyond L_c",
    kinds=("inflow",),
    factor="1 + {s_L} * max(0, {x} - {L_c}) / {L_c}",
    constants=(
        Constant("L_c", "where the increase begins", lambda d: (d.floor / 2, d.high)),
        Constant("s_L", "relative increase by a relative load", lambda d: (0.01, 10.0), "-"),
    ),
    source="piecewise linear",
)
"""``1 + s_L max(0, L - L_c)/L_c``."""
