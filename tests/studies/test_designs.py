"""Designs are the same for a seed everywhere, and spread as they say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.subject import load_subject
from asm_hybrid.studies.definition import load_study
from asm_hybrid.studies.designs import Design, make_design
from asm_hybrid.studies.distributions import truncated_normal
from asm_hybrid.studies.evaluation import open_bench
from asm_hybrid.studies.fitted_parameters import FittedParameters

FACTORS: dict[str, Any] = {
    "load": {"input": "load", "scale": {"uniform": [0.8, 1.2]}},
    "T": {"input": "T", "set": {"values": [6, 10, 15]}},
    "mu_A": {"parameter": "mu_A", "set": {"normal": [0.5, 0.05]}},
    "air": {"input": "tank.kla", "set": {"log_uniform": [10, 200]}},
    "K_NH": {"parameter": "K_NH", "set": {"triangular": [0.5, 1.0, 2.0]}},
}


@pytest.fixture(scope="module")
def subject() -> Any:
    return load_subject("cstr")


def design_of(subject: Any, design: dict[str, Any], factors: dict[str, Any] = FACTORS) -> Design:
    study = load_study({"factors": factors, "design": design})
    return make_design(study, open_bench(lambda: subject, "cstr", study).factors)


def test_a_latin_hypercube_has_a_case_in_every_share_of_every_factor(subject: Any) -> None:
    design = design_of(subject, {"method": "latin_hypercube", "cases": 30, "seed": 4})
    assert design.cube is not None
    for places in design.cube.T:
        assert sorted(np.floor(places * 30).astype(int)) == list(range(30))
    assert design.cases["T"].value_counts().to_dict() == {6.0: 10, 10.0: 10, 15.0: 10}
    assert design.cases["air"].between(10, 200).all()
    assert design.cases["K_NH"].between(0.5, 2.0).all()
    assert design.cases["mu_A"].median() == pytest.approx(0.5, abs=0.01)


def test_a_seed_gives_the_numbers_that_it_always_gave(subject: Any) -> None:
    design = {"method": "latin_hypercube", "cases": 3, "seed": 1}
    first = design_of(subject, design).cases
    assert first.equals(design_of(subject, design).cases)
    assert not first.equals(design_of(subject, {**design, "seed": 2}).cases)
    assert first.iloc[0].to_list() == FIRST_LATIN
    sobol = design_of(subject, {"method": "sobol", "cases": 4, "seed": 1}).cases
    assert sobol.iloc[1].to_list() == SECOND_SOBOL


FIRST_LATIN = [1.10679539368, 15.0, 0.440822045816, 145.26657343, 0.975168095792]
SECOND_SOBOL = [1.05653935075, 15.0, 0.496215666631, 127.629206695, 1.09887986273]


def test_a_sobol_sequence_that_is_no_power_of_two_says_so(subject: Any) -> None:
    assert design_of(subject, {"method": "sobol", "cases": 8}).notes == ()
    cut = design_of(subject, {"method": "sobol", "cases": 6})
    assert len(cut.cases) == 6
    assert "as 4 or 8 would be" in cut.notes[0]


def test_a_grid_has_all_combinations_from_end_to_end(subject: Any) -> None:
    factors = {name: FACTORS[name] for name in ("load", "T")}
    cases = design_of(subject, {"method": "grid", "levels": 3}, factors).cases
    assert cases.to_numpy().tolist() == [[v, t] for v in (0.8, 1.0, 1.2) for t in (6, 10, 15)]
    with pytest.raises(InputError, match="10,000,000 cases"):
        design_of(subject, {"method": "grid", "levels": 10}, {f"f{i}": FACTORS["load"] for i in range(7)})


def test_designs_for_sensitivities_come_in_blocks(subject: Any) -> None:
    morris = design_of(subject, {"method": "morris", "trajectories": 4})
    assert len(morris.cases) == 4 * 6
    assert np.isfinite(morris.cases.to_numpy(dtype=float)).all()
    assert morris.cube is not None
    np.testing.assert_allclose(np.unique(np.round(morris.cube, 9)), [0.0, 1 / 3, 2 / 3, 1.0], atol=1e-9)
    saltelli = design_of(subject, {"method": "sobol_indices", "base": 8})
    assert len(saltelli.cases) == 8 * 7
    both = design_of(subject, {"method": "sobol_indices", "base": 8, "second_order": True})
    assert len(both.cases) == 8 * 12


def test_what_is_missing_for_a_design_is_said_with_its_remedy(subject: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib.sample", None)
    with pytest.raises(InputError, match=r"asm-hybrid\[study\]"):
        design_of(subject, {"method": "morris"})


def test_a_list_has_a_column_a_factor(subject: Any, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    factors = {name: FACTORS[name] for name in ("load", "T")}
    design = {"method": "list", "file": str(path)}
    path.write_text("T,load\n8,1.5\n9,0.5\n")
    assert design_of(subject, design, factors).cases.to_dict("list") == {"load": [1.5, 0.5], "T": [8.0, 9.0]}
    columns = open_bench(lambda: subject, "cstr", load_study({"factors": factors, "design": design})).factors
    infos = columns.infos(pd.DataFrame({"load": [1.5, 0.5], "T": [8.0, 9.0]}), listed=True)
    assert [info.text for info in infos] == ["load × 0.5 to 1.5, from the list", "T = 8 to 9 degC, from the list"]
    for text, message in (
        ("T,lod\n8,1\n", "did you mean 'load'"),
        ("T\n8\n", "no column 'load'"),
        ("T,load\n8,=1+1\n", r"cases.csv:2 \(load\)"),
        ("T,load\n8,nan\n", "no value of load"),
        ("T,load\n", "0 rows"),
        ("T;load\n8,5;1\n", "separated by a semicolon"),
        ("T,load\n8,1,5\n9,0,5\n", "more cells than its first line"),  # decimal commas
        ("T,load\n8,1,\n", "more cells than its first line"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            design_of(subject, design, factors)
    with pytest.raises(InputError, match="there is no file"):
        design_of(subject, {"method": "list", "file": str(tmp_path / "none.csv")}, factors)


def fitted(**changes: Any) -> FittedParameters:
    given: dict[str, Any] = {
        "names": ("a", "b"),
        "units": ("-", "-"),
        "values": np.array([1.0, 2.0]),
        "deviations": np.array([0.1, 0.2]),
        "correlation": np.array([[1.0, 0.8], [0.8, 1.0]]),
        "low": np.array([1e-3, 1e-3]),
        "high": np.array([1e3, 1e3]),
    }
    return FittedParameters(**given | changes)


def test_fitted_parameters_are_drawn_with_their_covariance_and_within_their_bounds() -> None:
    places = np.random.default_rng(1).random((20_000, 2))
    drawn = np.log(np.array(fitted().draw(places)))
    np.testing.assert_allclose(drawn.mean(axis=1), np.log([1.0, 2.0]), atol=0.005)
    np.testing.assert_allclose(np.cov(drawn), [[0.01, 0.016], [0.016, 0.04]], rtol=0.05)
    tight = fitted(low=np.array([0.98, 1.8]), high=np.array([1.05, 1.9]))
    a, b = np.array(tight.draw(places))
    assert 0.98 <= a.min() < a.max() <= 1.05
    assert 1.8 <= b.min() < b.max() <= 1.9
    same = fitted(correlation=np.ones((2, 2)))
    assert np.isfinite(same.draw(places[:100])).all()


def test_a_normal_between_bounds_keeps_its_shape_within_them() -> None:
    places = np.linspace(0, 1, 101)
    values = truncated_normal(places, 0.0, 1.0, -1.0, 0.5)
    assert values[0] == -1.0
    assert values[-1] == 0.5
    assert (np.diff(values) > 0).all()
    assert pd.Series(truncated_normal(places, 0.0, 1.0)[1:-1]).median() == pytest.approx(0.0, abs=1e-12)
