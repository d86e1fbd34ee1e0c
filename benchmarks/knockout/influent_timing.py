"""The composition of the influent arrives 2 h later than the record says."""

import numpy as np
import pandas as pd
from knockout_layouts import NITROGEN, ORGANIC
from knockout_plant import Knockout


def two_hours_later(water: pd.DataFrame) -> pd.DataFrame:
    """Delay all concentrations that vary; the flow meter is right."""
    time = water["time"]
    late = {name: np.interp(time - 2.0 / 24.0, time, water[name]) for name in (*ORGANIC, *NITROGEN)}
    return water.assign(**late)


KNOCKOUT = Knockout(
    name="influent_timing",
    says="the composition of the influent arrives 2 h later than recorded",
    layout="bsm1",
    weather=402,
    family="influent",
    right=("influent.timing",),
    parameters={"mu_A": 0.9, "eta_g": 0.7},
    true=two_hours_later,
)
