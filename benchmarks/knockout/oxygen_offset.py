"""The oxygen sensor of the first aerobic tank shows 0.5 mg/L too much."""

import pandas as pd
from knockout_plant import Knockout

TANK = "aerobic_1.S_O"
OFFSET = 0.5


def little_oxygen(water: pd.DataFrame) -> pd.DataFrame:
    """Let the first tank have little oxygen, and the sensor never show less than its offset."""
    return water.assign(**{TANK: (water[TANK] - 0.4).clip(lower=OFFSET + 0.05)})


def less_oxygen(water: pd.DataFrame) -> pd.DataFrame:
    """Return what is in the tank."""
    return water.assign(**{TANK: water[TANK] - OFFSET})


KNOCKOUT = Knockout(
    name="oxygen_offset",
    says="the oxygen sensor of the first aerobic tank shows 0.5 mg/L too much",
    layout="quickstart",
    weather=602,
    family="oxygen",
    right=("oxygen.aerobic_1",),
    parameters={"mu_A": 0.75, "K_NH": 1.3},
    logged=little_oxygen,
    true=less_oxygen,
)
