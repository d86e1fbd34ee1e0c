"""The ammonium sensor drifts upwards by 0.06 mg/L a day."""

import pandas as pd
from knockout_plant import Knockout


def drifting(shown: pd.DataFrame) -> pd.DataFrame:
    """Return what the sensor shows."""
    return shown.assign(NH4=shown["NH4"] + 0.06 * shown["time"])


KNOCKOUT = Knockout(
    name="ammonium_drift",
    says="the ammonium sensor drifts upwards by 0.06 mg/L a day",
    layout="quickstart",
    weather=601,
    family="sensors",
    right=("sensor.NH4.drift",),
    parameters={"mu_A": 0.65, "eta_g": 0.9},
    shown=drifting,
)
