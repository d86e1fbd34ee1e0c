"""Nitrification follows Haldane: much ammonium inhibits it."""

from knockout_plant import Knockout

KNOCKOUT = Knockout(
    name="haldane",
    says="nitrification follows Haldane: much ammonium inhibits it",
    layout="quickstart",
    weather=202,
    family="kinetics",
    right=("process.aerobic_growth_autotrophs",),
    parameters={"K_OA": 0.5, "eta_g": 0.9},
    table="""
parameters:
  K_I: {default: 6, unit: g N/m3, bounds: [1, 100], source: this benchmark}
  mu_A: {default: 1.0}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * ratio(S_NH, K_NH + S_NH + S_NH * S_NH / K_I) * monod(S_O, K_OA) * X_BA
""",
)
