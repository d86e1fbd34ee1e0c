"""The internal recycle is recorded 30 % too high."""

import pandas as pd
from knockout_plant import Knockout


def less_recycle(water: pd.DataFrame) -> pd.DataFrame:
    """Return what flows."""
    return water.assign(**{"recycle.internal": water["recycle.internal"] / 1.3})


KNOCKOUT = Knockout(
    name="internal_recycle",
    says="the internal recycle is recorded 30 % too high",
    layout="bsm1",
    weather=501,
    family="flows",
    right=("flow.internal",),
    parameters={"mu_A": 0.9, "k_h": 3.6},
    true=less_recycle,
)
