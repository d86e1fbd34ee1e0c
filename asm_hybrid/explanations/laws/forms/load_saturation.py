"""A rate that does not keep up with a load."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="load_saturation",
    order=40,
    title="saturation by the load",
    text="the rate falls with the load or flow, to one half at L_h",
    kinds=("inflow",),
    factor="inhibition({x}, {L_h})",
    constants=(Constant("L_h", "where one half is left", lambda d: (d.floor / 5, d.high * 20)),),
    source="E. L. Stover, D. F. Kincannon (1982), Proc. 37th Purdue Industrial Waste Conf., 1-15",
)
"""``L_h / (L_h + L)``."""
