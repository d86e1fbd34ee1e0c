"""The record says 15 % less organic matter in the influent than there is."""

import pandas as pd
from knockout_layouts import ORGANIC
from knockout_plant import Knockout


def more_organic(water: pd.DataFrame) -> pd.DataFrame:
    """Put all organic matter back."""
    return water.assign(**{name: water[name] / 0.85 for name in ORGANIC})


KNOCKOUT = Knockout(
    name="influent_cod",
    says="the record says 15 % less organic matter in the influent than there is",
    layout="quickstart",
    weather=401,
    family="influent",
    right=("influent.COD",),
    parameters={"mu_A": 0.65, "K_OA": 0.5},
    true=more_organic,
)
