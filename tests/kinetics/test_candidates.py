"""Candidates: every one fits, closes, acts, is sourced; tables that hold them; files of a user's own that cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from kinetics_tools import NUMPY

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import (
    available_tables,
    candidate_patch,
    candidates_for,
    compile_table,
    load_table,
    parse_table,
    with_candidates,
)
from asm_hybrid.kinetics.candidates import CANDIDATES
from asm_hybrid.kinetics.read import TABLES
from asm_hybrid.yamlfile import load_yaml, to_yaml

FILES = sorted(CANDIDATES.glob("*.yaml"))
SLUDGE = ("asm1", "asm1_2n", "asm2d", "asm3")
TAKEN_FREELY = ("S_ALK",)
"""Components that the tables' own processes take up too where there is none left."""
INPUTS = {"Q_in": 18000.0, "return_sludge": 18000.0, "here.volume": 1300.0}
"""Typical inputs; concentrations of the influent are 50 g/m3, shares one."""

OWN = """\
name: mine
title: decay of organic nitrogen
source: own work
place: aerated
rate_constant: k_my
parameters:
  k_my: {default: 0.1, unit: 1/d, bounds: [0.01, 1], source: own work}
processes:
  mine:
    rate: k_my * S_ND
    stoichiometry: {S_ND: -1, S_NH: 1, S_ALK: "?"}
"""


@pytest.fixture(scope="module")
def found():
    return {name: candidates_for(load_table(name)) for name in SLUDGE}


@pytest.fixture(scope="module")
def extended(found):
    return {name: with_candidates(load_table(name), found[name]) for name in SLUDGE}


def point(table, **changed):
    """Return a state with something of everything, parameters with the rate constants as given, and inputs."""
    typical = {"soluble": 5.0, "particulate": 500.0}
    states = [np.array(changed.get(c.name, typical[c.phase])) for c in table.components]
    parameters = [changed.get(p.name, p.default) for p in table.parameters]
    inputs = [INPUTS.get(n, 50.0 if n.startswith("influent.") else 1.0) for n in table.input_names]
    return states, parameters + inputs


def rates(table, **changed):
    return dict(
        zip(table.process_names, map(float, compile_table(table).rates(*point(table, **changed), NUMPY)), strict=True)
    )


def test_the_library_fits_the_tables_that_it_names(found):
    names = {name: [c.name for c in candidates] for name, candidates in found.items()}
    for path in FILES:
        data = load_yaml(path).data
        assert data["name"] == path.stem
        assert {n for n in SLUDGE if path.stem in names[n]} == set(data["tables"])
    assert [c.name for c in candidates_for(load_table("asm1_bsm"))] == names["asm1"] == sorted(names["asm1"])
    assert candidates_for(load_table("lotka_volterra")) == []


def test_sources_are_in_the_bibliography_or_own_judgement():
    keys = set(re.findall(r"@\w+\{(\w+),", (TABLES / "references.bib").read_text(encoding="utf-8")))
    for path in FILES:
        data = load_yaml(path).data
        assert data["source"] in keys
        assert {p["source"] for p in data["parameters"].values()} <= keys
        assert all(p["description"] for p in data["parameters"].values())
        assert data["title"]
        assert len(data["description"]) > 60


@pytest.mark.parametrize("name", SLUDGE)
def test_every_candidate_acts_at_its_typical_size_and_not_at_zero(found, extended, name):
    table = extended[name]
    assert [f"{p}: {r}" for p, r in rates(table).items() if p not in load_table(name).process_names and r != 0] == []
    for candidate in found[name]:
        own = [r for p, r in rates(table, **{candidate.rate_constant: candidate.typical}).items()
               if p in candidate.processes]  # fmt: skip
        assert len(own) == len(candidate.processes)
        assert all(rate > 0 for rate in own), candidate.name
        double = rates(table, **{candidate.rate_constant: 2 * candidate.typical})
        np.testing.assert_allclose([double[p] for p in candidate.processes], 2 * np.array(own), rtol=1e-12)


@pytest.mark.parametrize("name", SLUDGE)
def test_what_a_candidate_takes_up_it_leaves_where_there_is_none(found, extended, name):
    table = extended[name]
    coefficients = compile_table(table).stoichiometry(point(table)[1], NUMPY)
    for candidate in found[name]:
        for process in candidate.processes:
            i = table.process_names.index(process)
            if any(s.name.startswith("influent.") for s in table.processes[i].rate.value.free_symbols):
                continue  # takes a share of what the influent brings at the same moment
            for component, value in zip(table.component_names, coefficients[i], strict=True):
                nutrient = component in ("S_NH", "S_NH4", "S_PO4") and value is not None and abs(value) < 0.1
                if value is not None and value < 0 and component not in TAKEN_FREELY and not nutrient:
                    gone = rates(table, **{candidate.rate_constant: candidate.typical, component: 0.0})[process]
                    assert gone == 0, (process, component)


@pytest.mark.parametrize("name", SLUDGE)
def test_what_does_not_close_is_said_and_the_rest_closes(found, extended, name):
    table = extended[name]
    values = dict(zip(table.parameter_names, point(table)[1], strict=False))
    held = {
        c.name: {m: float(e.value.subs({s: values[s.name] for s in e.value.free_symbols}))
                 for m, e in c.composition.items()}
        for c in table.components
    }  # fmt: skip
    coefficients = compile_table(table).stoichiometry(point(table)[1], NUMPY)
    for process, row in zip(table.processes, coefficients, strict=True):
        for material in table.materials:
            made = sum(float(v) * held[c].get(material, 0.0) for c, v in zip(held, row, strict=True) if v is not None)
            if material in process.exchanges:
                assert abs(made) > 1e-3, (process.name, material)
            else:
                assert abs(made) <= max(table.tolerance, 1e-12), (process.name, material)


def test_the_own_part_of_an_extended_table_is_that_of_the_table(extended):
    for name, table in extended.items():
        base = load_table(name)
        assert table.components == base.components
        assert table.parameters[: len(base.parameters)] == base.parameters
        assert table.processes[: len(base.processes)] == base.processes
        assert (table.name, table.title, table.composites) == (base.name, base.title, base.composites)


def test_an_extended_table_can_be_written_and_read(extended, tmp_path):
    (tmp_path / "all.yaml").write_text(extended["asm1"].text, encoding="utf-8")
    again = load_table(tmp_path / "all.yaml")
    assert again.process_names == extended["asm1"].process_names
    assert rates(again, k_rej=30.0) == rates(extended["asm1"], k_rej=30.0)
    assert candidates_for(again) == []  # it has them all


def test_a_patch_is_a_table_with_the_candidate_at_its_value(found, extended, tmp_path):
    base = load_table("asm1")
    for candidate in (c for c in found["asm1"] if c.name in ("reject_water", "storage", "floc_denitrification")):
        value = 2 * candidate.bounds[1]
        path = tmp_path / f"{candidate.name}.yaml"
        path.write_text(to_yaml(candidate_patch(candidate, value)), encoding="utf-8")
        table = load_table(path)
        assert table.process_names == (*base.process_names, *candidate.processes)
        constant = next(p for p in table.parameters if p.name == candidate.rate_constant)
        assert (constant.default, constant.bounds) == (value, (candidate.bounds[0], value))
        whole = rates(extended["asm1"], **{candidate.rate_constant: value})
        assert rates(table) == pytest.approx({p: whole[p] for p in table.process_names}, rel=1e-12)
        others = [c.name for c in candidates_for(table)]
        assert others == [c.name for c in found["asm1"] if c.name != candidate.name]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_patch_needs_a_size(found, value):
    with pytest.raises(InputError, match="k_amx of anammox is"):
        candidate_patch(next(c for c in found["asm1"] if c.name == "anammox"), value)


def test_a_table_of_ones_own_gets_what_its_names_allow(tmp_path):
    text = load_table("asm3").text.replace("name: asm3", "name: my_asm3")
    mine = parse_table(text, tmp_path / "my asm3.yaml")
    names = [c.name for c in candidates_for(mine)]
    assert names == [c.name for c in candidates_for(load_table("asm3"))]
    patch = candidate_patch(candidates_for(mine)[0], 1.0)
    assert patch["extends"] == str(tmp_path / "my asm3.yaml")
    assert patch["name"] == f"my_asm3_{names[0]}"
    without = parse_table(
        "name: few\nextends: asm1\nparameters: {K_X: null}\nprocesses: {hydrolysis_organics: null, "
        "hydrolysis_nitrogen: null}\n",
        tmp_path / "few.yaml",
    )
    left_out = {c.name for c in candidates_for(load_table("asm1"))} - {c.name for c in candidates_for(without)}
    assert left_out == {"anaerobic_hydrolysis", "settler_denitrification", "soluble_inerts"}


def test_a_candidate_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN, encoding="utf-8")
    candidate = candidates_for(load_table("asm1"), [path])[-1]
    assert (candidate.name, candidate.place, candidate.unit, candidate.typical) == ("mine", "aerated", "1/d", 0.1)
    table = with_candidates(load_table("asm1"), [candidate])
    assert str(table.processes[-1].rate) == "k_my * S_ND * here.aerated"
    assert rates(table, k_my=0.1)["mine"] == pytest.approx(0.5)
    path.write_text(OWN.replace("k_my * S_ND", "k_my * S_ND + k_my * X_ND"), encoding="utf-8")
    table = with_candidates(load_table("asm1"), candidates_for(load_table("asm1"), [path])[-1:])
    assert str(table.processes[-1].rate) == "(k_my * S_ND + k_my * X_ND) * here.aerated"


@pytest.mark.parametrize(
    ("table", "old", "new", "words", "line"),
    [
        ("asm3", "", "", "does not fit the table 'asm3': the name 'S_ND' is not known", 10),
        ("asm1", "S_ND\n", "S_NX\n", "the name 'S_NX' is not known", 10),
        ("asm1", "k_my * S_ND", "k_my * S_ND)", "'k_my \\* S_ND\\)' is not an expression", 10),
        ("asm1", "{S_ND: -1", "{S_NX: -1", "'S_NX' is not a component", 11),
        ("asm1", 'S_ALK: "?"', "S_ALK: 0", "makes charge of nothing", 11),
        ("asm1", "1/d, bounds", "g N/m3, bounds", "the rate is in", 10),
        ("asm1", "place: aerated", "place: aired", "the place is 'aired'", 4),
        ("asm1", "place:", "places:", "the key 'places' is not known", 4),
        ("asm1", "rate_constant: k_my", "rate_constant: k_me", "'k_me' is not among the parameters", 5),
        ("asm1", "rate_constant: k_my\n", "", "the key 'rate_constant' is missing", 1),
        ("asm1", "k_my * S_ND", "k_my**2 * S_ND * K_NH / K_NH", "rate is in|not k_my times something", 10),
        ("asm1", "k_my * S_ND", "(k_my + b_H) * S_ND", "not k_my times something", 10),
        ("asm1", "k_my * S_ND", "b_H * S_ND", "not k_my times something", 10),
        ("asm1", "bounds: [0.01", "bounds: [0", "the lower bound of k_my is 0", 7),
        ("asm1", "name: mine", "name: anammox", "'anammox' is there twice", 1),
        ("asm1", "  mine:", "  anammox:", "the name 'anammox' is there twice", 9),
        ("asm1", "  mine:", "  ammonification:", "has a process 'ammonification' already", 9),
        ("asm1", "k_my", "k_amx", "the name 'k_amx' is there twice", 7),
        ("asm1", "k_my", "k_a", "'k_a' is taken|the name 'k_a'", 7),
        ("asm1", "processes:", "tables: {asm3: {}}\nprocesses:", "which it does not name", 8),
        ("asm1", "processes:", "tables: {asm1: {rename: {}}}\nprocesses:", "the key 'rename' is not known", 8),
        ("asm1", "stoichiometry: {", "exchanges: [iron]\n    stoichiometry: {", r"\['iron'\] stands here", 11),
    ],
)
def test_candidates_of_ones_own_that_cannot_be(tmp_path, table, old, new, words, line):
    assert old in OWN
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace(old, new) if old else OWN, encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        candidates_for(load_table(table), [path])
    assert f"{caught.value.where} ".startswith(f"{path}:{line} "), caught.value
    assert caught.value.expected


def test_two_of_ones_own_with_one_name(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(OWN, encoding="utf-8")
    with pytest.raises(InputError, match="'mine' is there twice") as caught:
        candidates_for(load_table("asm1"), [tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert str(tmp_path / "a.yaml") in caught.value.expected


def test_the_page_names_every_candidate_and_its_example_fits(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "candidates.md").read_text(encoding="utf-8")
    for path in FILES:
        data = load_yaml(path).data
        constant = data["parameters"][data["rate_constant"]]
        size = f"`{data['rate_constant']}` {constant['default']:g} {constant['unit']}".removesuffix(" -")
        row = next(line for line in page.splitlines() if line.startswith(f"| `{path.stem}` |"))
        assert row.split(" | ")[1] == data["title"]
        assert row.split(" | ")[3:] == [size, f"{', '.join(data['tables'])} |"]
    (example,) = re.findall(r"```yaml\n(name: .*?)```", page, re.DOTALL)
    (tmp_path / "own.yaml").write_text(example, encoding="utf-8")
    assert candidates_for(load_table("asm1"), [tmp_path / "own.yaml"])[-1].place == "unaerated"


def test_the_shipped_tables_are_those_that_are_looked_at():
    assert set(available_tables()) == {*SLUDGE, "asm1_2n_ph", "asm1_bsm", "lotka_volterra"}
