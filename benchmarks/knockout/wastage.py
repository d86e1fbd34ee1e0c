"""More sludge is wasted than is recorded: 420 m3/d, and not 240."""

import pandas as pd
from knockout_plant import Knockout


def more_wastage(water: pd.DataFrame) -> pd.DataFrame:
    """Return what flows."""
    return water.assign(wastage=1.75 * water["wastage"])


KNOCKOUT = Knockout(
    name="wastage",
    says="wastage is 420 m3/d, and not 240 as recorded",
    layout="quickstart",
    weather=502,
    family="flows",
    right=("flow.wastage",),
    parameters={"mu_A": 0.85, "eta_g": 0.7},
    true=more_wastage,
)
