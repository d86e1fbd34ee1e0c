"""Cardinal temperatures: least, best and highest for growth."""

from asm_hybrid.explanations.laws.form import Constant, LawForm

__all__ = ["FORM"]

FORM = LawForm(
    name="cardinal_temperature",
    order=35,
    title="cardinal temperatures (CTMI)",
    text="the rate is highest at T_opt, and zero T_up above it and T_up + T_low below it",
    kinds=("temperature",),
    factor="ratio(max(0, {T_up} + ({T_opt} - {x})) * max(0, {T_up} + {T_low} + ({x} - {T_opt}))**2, "
    "({T_up} + {T_low}) * ({T_up} * ({T_up} + {T_low}) + ({T_low} - {T_up}) * ({T_opt} - {x})))",
    constants=(
        Constant("T_opt", "optimum", lambda d: (max(1.0, d.low), max(2.0, d.high + 15.0)), "degC"),
        Constant("T_up", "from the optimum to the highest temperature of growth", lambda d: (1.0, 20.0), "K"),
        Constant("T_low", "by how much farther the least temperature of growth is", lambda d: (0.5, 40.0), "K"),
    ),
    source="L. Rosso, J. R. Lobry, J. P. Flandrois (1993), J. Theor. Biol. 162, 447-463, "
    "https://doi.org/10.1006/jtbi.1993.1099",
)
"""Written in distances from the optimum, of which the lower is the larger: so the form has no pole at any value."""
