"""Nothing is wrong but three parameters."""

from knockout_plant import Knockout

KNOCKOUT = Knockout(
    name="nothing_bsm1",
    says="nothing is wrong but three parameters",
    layout="bsm1",
    weather=702,
    parameters={"mu_A": 0.95, "K_OA": 0.55, "k_h": 3.8},
)
