"""In cold water nitrification falls by more than the temperature law of ASM1 says: by half at 12 degC."""

import numpy as np
import pandas as pd
from knockout_plant import Knockout


def cold_spells(water: pd.DataFrame) -> pd.DataFrame:
    """Let the temperature swing between 10 and 17 degC within 12 d."""
    return water.assign(T=water["T"] - 2.5 + 3.5 * np.sin(2 * np.pi * (water["time"] - 2) / 24))


KNOCKOUT = Knockout(
    name="temperature",
    says="nitrification has another temperature law: half of its rate is lost at 12 degC, and more below",
    layout="quickstart",
    weather=201,
    family="kinetics",
    right=("process.aerobic_growth_autotrophs",),
    parameters={"K_NH": 1.3, "eta_g": 0.7},
    logged=cold_spells,
    table="""
parameters:
  T_half: {default: 12, unit: degC, bounds: [5, 20], source: this benchmark}
  T_steep: {default: 0.8, unit: 1/degC, bounds: [0.1, 5], source: this benchmark}
  mu_A: {default: 0.95}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A / (1 + exp(T_steep * (T_half - T))) * monod(S_NH, K_NH) * monod(S_O, K_OA) * X_BA
""",
)
