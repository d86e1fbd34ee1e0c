"""F first, n last: what the record may have wrong is looked for, proposed, and taken when it is asked for."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import Config, build_layout, corrected_config, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.diagnosis import FirstLook
from asm_hybrid.diagnosis.explanation_words import proposal_lines
from asm_hybrid.errors import InputError
from asm_hybrid.explanations.arena import Arena
from asm_hybrid.explanations.suspects import FAMILIES
from asm_hybrid.plant import Plant
from asm_hybrid.yamlfile import parse_yaml

DAYS = 11
LONG = CONFIG.replace(
    "{train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]}",
    "{train: [0.0, 0.6], validate: [0.62, 0.85], test: [0.9, 1.0]}",
)


class Heard:
    """A receiver of progress that remembers."""

    def __init__(self):
        self.said, self.stages = [], []

    def stage(self, name, total=None):
        self.stages.append(name)

    def advance(self, text=""):
        pass

    def say(self, text):
        self.said.append(text)


def case(folder, text=LONG, **changes):
    """Write a record whose true internal recycle is 60 % of what the config says."""
    true = text.replace("flow: 12000}", "flow: 7200}")
    path = write_case(folder, true, days=DAYS, **changes)
    path.write_text(text, encoding="utf-8")
    return path


def first_look(path, accept, heard):
    """Return the config with what was taken, and what explains the misfit of f."""
    config = load_config(path)
    plant = Plant(load_kinetics(config), build_layout(config, load_kinetics(config)))
    look = FirstLook(accept, heard)
    return look(config, plant, read_dataset(config, plant.table, plant.layout)), look.explained


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    path = case(tmp_path_factory.mktemp("wrong_recycle"))
    heard = Heard()
    return heard, first_look(path, False, heard)


def test_a_wrong_recycle_is_proposed_and_not_taken(looked):
    heard, (config, explained) = looked
    assert config is None
    assert explained.first.explanation.name == "flow.internal"
    proposal = explained.proposals()[0]
    assert proposal["section"] == "factors"
    assert proposal["key"] == "internal"
    assert proposal["low"] < 0.6 < proposal["high"]
    assert any("internal" in text for text in heard.said)
    assert any("corrections:" in text for text in heard.said)


def test_the_lines_to_paste_hold_what_is_corrected_already(looked):
    _, (_, explained) = looked
    proposal = explained.proposals()[0]
    assert proposal["stated"] is None
    arena = explained.competition.arena
    config = corrected_config(arena.record.config, [proposal | {"value": 0.9}])
    again = replace(
        explained, competition=replace(explained.competition, arena=Arena(replace(arena.record, config=config)))
    )
    found = again.proposals()[0]
    assert found["value"] == proposal["value"]
    assert float(found["stated"]) == pytest.approx(0.9 * proposal["value"], rel=0.01)
    assert parse_yaml("\n".join(proposal_lines([found])), "config.yaml").data["corrections"] == {
        "factors": {"internal": float(found["stated"])}
    }


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    text = LONG + "diagnosis: {leave_out: [kinetics, lacking, sensor.NH4.bias]}\n"
    heard = Heard()
    return heard, first_look(case(tmp_path_factory.mktemp("accepted"), text), True, heard)


def test_with_accept_it_is_taken_and_nothing_is_left(accepted):
    heard, (config, explained) = accepted
    assert isinstance(config, Config)
    assert config.corrections.factors["internal"] == pytest.approx(0.6, rel=0.1)
    assert any(text.startswith("taken: ") for text in heard.said)
    assert explained.first is None or explained.first.explanation.name != "flow.internal"


def test_what_is_left_out_does_not_compete(accepted):
    _, (_, explained) = accepted
    names = {r.explanation.name for r in explained.competition.rivals}
    assert not {n for n in names if n.startswith(("process.", "lacking."))}
    assert "sensor.NH4.bias" not in names
    assert "sensor.NH4.drift" in names


def test_an_unknown_explanation_is_refused_with_the_nearest_name(tmp_path):
    path = case(tmp_path, LONG + "diagnosis: {leave_out: [process.anoxic_growth_autotrophs]}\n")
    with pytest.raises(InputError, match="anoxic_growth_autotrophs") as caught:
        first_look(path, False, Heard())
    assert "process." in caught.value.fix
    assert caught.value.where.startswith(str(path))


def test_a_name_is_refused_although_too_few_days_let_anything_compete(tmp_path):
    with pytest.raises(InputError, match="nosuch"):
        first_look(write_case(tmp_path, CONFIG + "diagnosis: {leave_out: [nosuch]}\n"), False, Heard())


def test_a_config_that_leaves_everything_out_is_refused(tmp_path):
    path = case(tmp_path, LONG + f"diagnosis: {{leave_out: [{', '.join(FAMILIES)}]}}\n")
    with pytest.raises(InputError, match="every explanation is left out") as caught:
        first_look(path, False, Heard())
    assert "diagnosis.leave_out" in caught.value.where
    assert "explain: false" in caught.value.fix


def test_an_explanation_that_is_left_alone_is_still_told(tmp_path):
    others = "kinetics, lacking, influent, oxygen, sensors, flow.Q_in, flow.return_sludge, flow.wastage"
    _, explained = first_look(case(tmp_path, LONG + f"diagnosis: {{leave_out: [{others}]}}\n"), False, Heard())
    assert [r.explanation.name for r in explained.named] == ["flow.internal"]
    assert explained.beside is None


def test_a_bias_that_a_sensor_learns_belongs_to_f_and_explains_nothing(tmp_path):
    text = LONG.replace("as: aerobic.S_NH, unit: mg N/L", "as: aerobic.S_NH, unit: mg N/L, bias: learn")
    text += "diagnosis: {leave_out: [kinetics, lacking, influent, flows, oxygen]}\n"
    path = write_case(tmp_path, text, days=DAYS)
    table = pd.read_csv(path.parent / "plant.csv")
    table["NH4"] += 1.5
    table.to_csv(path.parent / "plant.csv", index=False)
    _, explained = first_look(path, False, Heard())
    arena = explained.competition.arena
    found = dict(zip((k.name for k in arena.knobs), arena.f[0].near.at, strict=True))
    assert found["bias of NH4"] == pytest.approx(1.5, abs=0.1)
    assert explained.first is None
    names = {r.explanation.name for r in explained.competition.rivals}
    assert names == {"sensor.NH4.drift", "sensor.NO3.bias", "sensor.NO3.drift"}


def test_few_days_let_nothing_compete(tmp_path):
    config, explained = first_look(write_case(tmp_path), False, Heard())
    assert explained is None
    assert config is None


def test_rows_hold_everything_and_nothing_too(looked):
    _, (_, explained) = looked
    rows = json.loads(json.dumps(explained.rows()))
    assert json.dumps(explained.proposals())
    assert [row["name"] for row in rows[-2:]] == ["everything", "nothing"]
    assert rows[0]["gain"] == pytest.approx(1.0, abs=0.1)
    assert sum(row["best_share"] or 0.0 for row in rows) == pytest.approx(1.0)
    assert all(np.isfinite(row["gain"]) for row in rows)
