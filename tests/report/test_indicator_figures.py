"""Plots of key performance indicators."""

import numpy as np
import pytest
from kpi_plant import plant

from asm_hybrid.errors import InputError
from asm_hybrid.report.indicator_figures import plot_effluents, plot_indicators
from asm_hybrid.scenario.kpi import evaluate

SOLIDS = {"waste_tss": np.full(4, 7000.0), "inventory": np.full(4, 9e5)}
LIMITS = {"TSS": 30.0, "TN": 18.0}


def test_bars_hold_energies_and_indices_of_all_cases():
    cases = {
        "base": evaluate(plant(**SOLIDS)),
        "more return": evaluate(plant(**SOLIDS, return_sludge=np.full(4, 600.0))),
    }
    plots = plot_indicators("Two cases", cases)
    assert plots["kpi.png"].startswith(b"\x89PNG")
    svg = plots["kpi.svg"].decode()
    for text in (
        "Two cases",
        "base",
        "more return",
        "aeration",
        "pumping",
        "mixing",
        "Energy [kWh/d]",
        "EQI",
        "Effluent quality index [kg PU/d]",
        "OCI",
    ):
        assert f">{text}<" in svg
    assert plot_indicators("Two cases", cases) == plots


def test_bars_without_solids_have_no_cost_index():
    svg = plot_indicators("One case", {"base": evaluate(plant())})["kpi.svg"].decode()
    assert ">EQI<" in svg
    assert ">OCI<" not in svg


@pytest.mark.parametrize("held_until", [2.0, None])
def test_effluents_with_their_limits(held_until):
    cases = {f"a scenario with a long name, no. {i}": plant(held_until=held_until) for i in range(6)}
    plots = plot_effluents("Six cases", cases, LIMITS)
    assert plots["effluent.png"].startswith(b"\x89PNG")
    svg = plots["effluent.svg"].decode()
    for text in (
        "TSS [g TSS/m³]",
        "limit 30, above it",
        "TN [g N/m³]",
        "limit 18, above it",
        "0 %",
        "time [d]",
        *cases,
    ):
        assert f">{text}<" in svg
    assert f">{'62.5' if held_until else '50'} %<" in svg
    assert plot_effluents("Six cases", cases, LIMITS) == plots


def test_what_cannot_be_drawn():
    with pytest.raises(InputError, match="0 cases"):
        plot_indicators("None", {})
    with pytest.raises(InputError, match="7 cases"):
        plot_effluents("Seven", dict.fromkeys("abcdefg", plant()), LIMITS)
    with pytest.raises(InputError, match="no limit"):
        plot_effluents("None", {"base": plant()}, {})
    with pytest.raises(InputError, match="effluent has no TP"):
        plot_effluents("TP", {"base": plant()}, {"TP": 1.0})
