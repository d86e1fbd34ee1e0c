"""Denitrification bears ten times as much oxygen, as in `mechanisms.py`."""

from knockout_plant import Knockout
from mechanisms_plant import MECHANISMS

KNOCKOUT = Knockout(
    name="flocs",
    says=MECHANISMS["flocs"].says,
    layout="bsm1",
    weather=102,
    family="kinetics",
    right=("process.anoxic_growth_heterotrophs", "lacking.floc_denitrification"),
    parameters={"mu_A": 0.95, "k_h": 3.6},
    table=MECHANISMS["flocs"].table,
)
