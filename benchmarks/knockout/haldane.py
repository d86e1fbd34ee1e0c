"""Nitrification follows Haldane: much ammonium inhibits it."""

import numpy as np
import pandas as pd
from knockout_plant import Knockout


def with_discharge(water: pd.DataFrame) -> pd.DataFrame:
    """Let a factory discharge ammonium around 11 h on working days, which the record has."""
    time = water["time"]
    discharge = 35.0 * np.exp(-((((time % 1) * 24 - 11) / 2.5) ** 2)) * (time // 1 % 7 < 5)
    return water.assign(
        **{
            "influent.S_NH": water["influent.S_NH"] + discharge,
            "influent.S_ALK": water["influent.S_ALK"] + discharge / 14.0,
        }
    )


KNOCKOUT = Knockout(
    name="haldane",
    says="nitrification follows Haldane: much ammonium inhibits it",
    layout="quickstart",
    weather=202,
    family="kinetics",
    right=("process.aerobic_growth_autotrophs",),
    parameters={"K_OA": 0.5, "eta_g": 0.9},
    logged=with_discharge,
    table="""
parameters:
  K_I: {default: 10, unit: g N/m3, bounds: [1, 100], source: this benchmark}
  mu_A: {default: 0.95}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * ratio(S_NH, K_NH + S_NH + S_NH * S_NH / K_I) * monod(S_O, K_OA) * X_BA
""",
)
