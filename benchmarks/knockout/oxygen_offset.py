"""The oxygen sensor of the first aerobic tank shows 0.5 mg/L too much."""

import pandas as pd
from knockout_plant import Knockout


def less_oxygen(water: pd.DataFrame) -> pd.DataFrame:
    """Return what is in the tank; there is a trace where the sensor shows less than its offset."""
    return water.assign(**{"aerobic_1.S_O": (water["aerobic_1.S_O"] - 0.5).clip(lower=0.05)})


KNOCKOUT = Knockout(
    name="oxygen_offset",
    says="the oxygen sensor of the first aerobic tank shows 0.5 mg/L too much",
    layout="quickstart",
    weather=602,
    family="oxygen",
    right=("oxygen.aerobic_1",),
    parameters={"mu_A": 0.7, "K_NH": 1.3},
    true=less_oxygen,
)
