"""The composition of the influent arrives 2 h later than the record says."""

import pandas as pd
from knockout_plant import Knockout, later


def two_hours_later(water: pd.DataFrame) -> pd.DataFrame:
    """Delay all concentrations; the flow meter is right."""
    return later(water, tuple(c for c in water if c.startswith("influent.")), hours=2.0)


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
