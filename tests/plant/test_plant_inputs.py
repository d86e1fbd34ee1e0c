"""Which inputs a plant has: their order, on which weights and files depend, their units and kinds."""

import pytest

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import PI, AirLaw, Controller, Layout, OnOff, Plant, Recycle, Sensor, Tank

LAYOUT = Layout(
    tanks=(
        Tank("anoxic", 1000.0, aerated=True),
        Tank("aerobic", 1500.0, air=AirLaw(0.2)),
        Tank("metered", 500.0),
        Tank("batch", 500.0, variable=True, to={"effluent": 1.0}),
    ),
    influent_to={"anoxic": 1.0},
    return_to={"anoxic": 1.0},
    recycles=(Recycle("internal", "aerobic", "anoxic"),),
    controllers=(
        Controller("oxygen", "aerobic.S_O", "g O2/m3", ("aerobic.air",), PI(25.0, 0.01, 0.01), Sensor(noise=0.1)),
        Controller("nitrate", "anoxic.S_NO", "g N/m3", ("recycle.internal",), OnOff(1.0, 0.0, 1.0, 2.0)),
    ),
    imposed=(("metered", "S_O"),),
    metered=("metered",),
    clock=True,
)


@pytest.fixture
def inputs():
    return Plant(load_table("asm1"), LAYOUT).inputs


def test_inputs_have_an_order_that_stays(inputs):
    before = [spec for spec in inputs if spec.kind not in ("influent", "clock")]
    assert [(spec.name, spec.unit) for spec in before] == [
        ("Q_in", "m3/d"),
        ("T", "degC"),
        ("return_sludge", "m3/d"),
        ("wastage", "m3/d"),
        ("recycle.internal", "m3/d"),
        ("anoxic.kla", "1/d"),
        ("aerobic.air", "m3/d"),
        ("metered.air", "m3/d"),
        ("batch.decant", "m3/d"),
        ("oxygen.setpoint", "g O2/m3"),
        ("oxygen.noise", "g O2/m3"),
        ("metered.S_O", "g O2/m3"),
    ]
    table = load_table("asm1")
    last = [f"influent.{name}" for name in table.component_names] + ["clock.sin", "clock.cos"]
    assert list(inputs.names[len(before) :]) == last
    assert [spec.owner for spec in inputs[inputs.influent]] == list(table.component_names)


def test_inputs_are_found_by_what_they_are_and_belong_to(inputs):
    assert [spec.owner for spec in inputs.of_kind("air")] == ["aerobic", "metered"]
    assert [inputs.positions[spec.name] for spec in inputs.of_kind("Q_in", "decant")] == [0, 8]
    assert inputs.owned("oxygen", "setpoint") == inputs[9]
    assert inputs.owned("nitrate", "setpoint") is None
    assert inputs.owned("metered", "air") == inputs[7]
    assert inputs.owned("metered", "kla") is None
