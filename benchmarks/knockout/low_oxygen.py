"""Denitrification goes on at low oxygen, which falls off as exp(-S_O/0.8) in the place of a hyperbola at 0.2 mg/L."""

import pandas as pd
from knockout_plant import Knockout


def little_oxygen(water: pd.DataFrame) -> pd.DataFrame:
    """Let the plant save air."""
    return water.assign(**{name: 0.6 * water[name] for name in ("aerobic_1.S_O", "aerobic_2.S_O")})


KNOCKOUT = Knockout(
    name="low_oxygen",
    says="denitrification goes on at low oxygen, of which this plant has little",
    layout="quickstart",
    weather=203,
    family="kinetics",
    right=("process.anoxic_growth_heterotrophs", "lacking.floc_denitrification"),
    parameters={"mu_A": 0.7, "K_OA": 0.3},
    logged=little_oxygen,
    table="""
parameters:
  K_D: {default: 0.8, unit: g O2/m3, bounds: [0.01, 5], source: this benchmark}
processes:
  anoxic_growth_heterotrophs:
    rate: mu_H * monod(S_S, K_S) * exp(-S_O / K_D) * monod(S_NO, K_NO) * eta_g * X_BH
""",
)
