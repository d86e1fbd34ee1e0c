"""Nothing is wrong but three parameters."""

from knockout_plant import Knockout

KNOCKOUT = Knockout(
    name="nothing_quickstart",
    says="nothing is wrong but three parameters",
    layout="quickstart",
    weather=701,
    parameters={"mu_A": 0.65, "K_NH": 1.4, "eta_g": 0.65},
)
