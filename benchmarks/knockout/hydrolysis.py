"""Hydrolysis needs oxygen, and much of it, as in `mechanisms.py`."""

from knockout_plant import Knockout
from mechanisms_plant import MECHANISMS

KNOCKOUT = Knockout(
    name="hydrolysis",
    says=MECHANISMS["hydrolysis"].says,
    layout="bsm1",
    weather=103,
    family="kinetics",
    right=("process.hydrolysis_organics", "process.hydrolysis_nitrogen"),
    parameters={"mu_A": 0.9, "eta_g": 0.7},
    table=MECHANISMS["hydrolysis"].table,
)
