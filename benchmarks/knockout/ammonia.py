"""Nitrifiers are inhibited by their own substrate, as in `mechanisms.py`."""

from knockout_plant import Knockout
from mechanisms_plant import MECHANISMS

KNOCKOUT = Knockout(
    name="ammonia",
    says=MECHANISMS["ammonia"].says,
    layout="bsm1",
    weather=101,
    family="kinetics",
    right=("process.aerobic_growth_autotrophs",),
    parameters={"K_NH": 1.3, "eta_g": 0.7},
    table=MECHANISMS["ammonia"].table,
)
