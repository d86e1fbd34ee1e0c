"""Hydrolysis is of first order in its substrate, and does not saturate by it."""

from knockout_plant import Knockout

KNOCKOUT = Knockout(
    name="hydrolysis_order",
    says="hydrolysis is of first order in its substrate",
    layout="bsm1",
    weather=204,
    family="kinetics",
    right=("process.hydrolysis_organics", "process.hydrolysis_nitrogen"),
    parameters={"mu_A": 1.0, "eta_g": 0.7},
    table="""
parameters:
  k_1: {default: 20, unit: 1/d, bounds: [1, 100], source: this benchmark}
processes:
  hydrolysis_organics:
    rate: k_1 * X_S * (monod(S_O, K_OH) + eta_h * inhibition(S_O, K_OH) * monod(S_NO, K_NO))
  hydrolysis_nitrogen:
    rate: k_1 * X_ND * (monod(S_O, K_OH) + eta_h * inhibition(S_O, K_OH) * monod(S_NO, K_NO))
""",
)
