"""Nitrate is denitrified in the sludge blanket of the settler, before the sludge returns."""

from knockout_layouts import QUICKSTART
from knockout_plant import Knockout

KNOCKOUT = Knockout(
    name="return_sludge",
    says="nitrate is denitrified in the sludge blanket: the return sludge passes 300 m3 without oxygen",
    layout="quickstart",
    weather=301,
    family="lacking",
    right=("lacking.settler_denitrification",),
    parameters={"mu_A": 0.7, "K_NH": 1.3},
    plant={
        "tanks": {"blanket": {"volume": "300 m3"}} | QUICKSTART.plant["tanks"],
        "return_sludge": QUICKSTART.plant["return_sludge"] | {"to": "blanket"},
    },
)
