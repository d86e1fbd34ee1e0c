"""Aerobic growth of heterotrophs is limited by ammonium, as in `mechanisms.py`."""

from knockout_plant import Knockout
from mechanisms_plant import MECHANISMS

KNOCKOUT = Knockout(
    name="ammonium",
    says=MECHANISMS["ammonium"].says,
    layout="bsm1",
    weather=104,
    family="kinetics",
    right=("process.aerobic_growth_heterotrophs",),
    parameters={"mu_A": 0.95, "k_h": 2.5},
    table=MECHANISMS["ammonium"].table,
)
