"""A search by trials: the same trials on any number of processes, and however often it was stopped."""

from dataclasses import replace

import numpy as np
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import load_config
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.parallel import Outcome, Pool
from asm_hybrid.studies.distributions import Distribution
from asm_hybrid.sweeps.search import batch_size, best_note, search, write_best
from asm_hybrid.sweeps.trainings import KeyChange, Trainings, open_trainings

FACTORS = {
    "rate": Distribution("log_uniform", (1e-4, 1e-1)),
    "optimiser": Distribution("values", (), choices=("adam", "soap")),
    "width": Distribution("values", (), choices=("[4]", "[8, 8]")),
}
CHANGES = {
    "rate": KeyChange("training.learning_rate", "set", "study.yaml:4"),
    "optimiser": KeyChange("training.optimiser", "set", "study.yaml:5"),
    "width": KeyChange("network.hidden", "set", "study.yaml:6"),
}
CASES, HERE = 24, Pool(1)


def score(values):
    """Return what a trial would give: least at a rate of 0.01 with soap."""
    rate = values.get("rate", 1e-3)
    return (np.log10(rate) + 2) ** 2 + (values.get("optimiser") != "soap")


class Pretended(Trainings):
    """Trials that are not trained: their scores follow from their values, and some fail."""

    def evaluate(self, case, values):
        if values.get("rate", 0) > 0.07:
            raise SimulationError("every window diverges")
        return Outcome(case, {"validation": score(values)})


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """Return pretended trials of a small plant."""
    base = tmp_path_factory.mktemp("search")
    return Pretended(**vars(open_trainings(write_case(base, CONFIG), CHANGES, base / "study")))


@pytest.fixture(scope="module")
def found(trainings):
    """Return a search in one go."""
    return search(trainings, FACTORS, cases=CASES, seed=3, pool=HERE)


def test_what_came_out_guides_the_search(found):
    early, late = (np.mean([score(v) for v in part]) for part in (found.cases[:8], found.cases[-8:]))
    assert late < 0.5 * early
    best = found.best
    assert found.outcomes[best].figures["validation"] == min(o.figures.get("validation", 9) for o in found.outcomes)
    assert found.cases[best]["optimiser"] == "soap"
    assert found.base.figures["validation"] == 2.0
    assert [o.case for o in found.outcomes] == list(range(CASES))


def test_trials_that_fail_are_told_and_stop_nothing(found):
    failed = [o for o in found.outcomes if o.error]
    assert failed
    assert all("every window diverges" in o.error for o in failed)


def test_another_seed_tries_other_cases(trainings, found):
    assert search(trainings, FACTORS, cases=4, seed=4, pool=HERE).cases != found.cases[:4]


def test_a_search_that_was_stopped_goes_on_to_the_same_trials(trainings, found, tmp_path, monkeypatch):
    count = 0

    def evaluate(self, case, values):
        nonlocal count
        count += 1
        if count == 11:
            raise KeyboardInterrupt
        return Outcome(case, {"validation": score(values)}) if values.get("rate", 0) <= 0.07 else _diverges()

    def _diverges():
        raise SimulationError("every window diverges")

    monkeypatch.setattr(Pretended, "evaluate", evaluate)
    journal = tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        search(trainings, FACTORS, cases=CASES, seed=3, journal=journal, pool=HERE)
    told = []
    again = search(trainings, FACTORS, cases=CASES, seed=3, journal=journal, pool=HERE, progress=told.append)
    assert count == CASES + 2  # with the config as it is, and the one that was stopped
    assert again.cases == found.cases
    assert [replace(o, seconds=0) for o in again.outcomes] == [replace(o, seconds=0) for o in found.outcomes]
    assert {p.total for p in told} == {CASES + 1}
    assert told[-1].done == CASES + 1


def test_best_yaml_is_the_config_with_the_best_keys_and_reads_its_test_block(trainings, found):
    path = write_best(trainings, found, "tuning")
    config, values = load_config(path), found.cases[found.best]
    assert config.training.test
    assert (config.training.learning_rate, config.training.optimiser) == (values["rate"], "soap")
    assert config.data.sources["online"].file.endswith("plant.csv")
    text = path.read_text()
    assert f"# The config that validates best in the study tuning: case {found.best} of {CASES} trials." in text
    assert f"# Changed: training.learning_rate: {values['rate']}" in text
    assert "asm-hybrid train best.yaml" in text


def test_best_yaml_is_the_config_as_it_was_where_no_trial_is_better(trainings, found):
    worse = replace(found, base=replace(found.base, figures={"validation": -1.0}))
    assert worse.best is None
    path = write_best(trainings, worse, "tuning")
    assert "the config as it was" in path.read_text()
    assert best_note(worse).startswith("No trial validates better than the config as it was")
    assert f"that of case {found.best};" in best_note(found)
    assert load_config(path).training.learning_rate == 0.01


def test_a_distribution_that_reaches_what_is_no_config_is_refused_before_anything_is_trained(trainings):
    wrong = FACTORS | {"rate": Distribution("uniform", (-0.1, 0.1))}
    with pytest.raises(InputError, match=r"study.yaml:4: a config with training.learning_rate: -0.1 is refused"):
        search(trainings, wrong, cases=CASES, seed=3, pool=HERE)


def test_batches_do_not_depend_on_processes():
    assert [batch_size(n) for n in (1, 3, 8, 40, 200)] == [1, 3, 4, 4, 20]
