"""A rate that rises with temperature."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="arrhenius",
    order=30,
    title="Arrhenius",
    text="the rate rises with temperature more than f has it",
    kinds=("temperature",),
    factor="exp(ratio({E_R} * ({x} - {T_r}), ({T_r} - {T_0}) * ({x} - {T_0})))",
    constants=(
        Constant("E_R", "activation energy by the gas constant", lambda d: (200.0, 30000.0), "K"),
        Constant("T_r", "where the law is one", lambda d: (-20.0, 80.0), "degC", lambda d: d.middle),
        Constant("T_0", "absolute zero", lambda d: (-273.15, -273.14), "degC", lambda d: -273.15),
    ),
    source="S. Arrhenius (1889), Z. Phys. Chem. 4, 226-248, https://doi.org/10.1515/zpch-1889-0416",
)
"""``exp(E/R (1/T_r - 1/T))`` in absolute temperatures."""
