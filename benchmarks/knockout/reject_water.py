"""Reject water of the digesters enters the first tank, with ammonium that no sampler of the influent sees."""

import numpy as np
import pandas as pd
from knockout_plant import Knockout

LOAD = 90_000.0
"""Ammonium in the reject water, 15 to 20 % of that in the influent [g N/d]."""


def with_reject_water(water: pd.DataFrame) -> pd.DataFrame:
    """Add the load, which wanders by 15 % over days, to the influent."""
    rng = np.random.default_rng(302)
    days = np.arange(int(water["time"].iloc[-1]) + 2)
    load = LOAD * np.exp(0.15 * np.interp(water["time"], days, rng.normal(size=len(days))))
    ammonium = load / water["Q_in"]
    return water.assign(
        **{
            "influent.S_NH": water["influent.S_NH"] + ammonium,
            "influent.S_ALK": water["influent.S_ALK"] + ammonium / 14.0,
        }
    )


KNOCKOUT = Knockout(
    name="reject_water",
    says="reject water brings ammonium into the first tank, at all hours",
    layout="bsm1",
    weather=302,
    family="lacking",
    right=("lacking.reject_water",),
    parameters={"mu_A": 0.95, "k_h": 3.6},
    true=with_reject_water,
)
