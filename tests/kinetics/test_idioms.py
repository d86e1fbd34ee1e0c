"""The laws in docs/tables.md: every one is read, and is the formula that it is named after."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from kinetics_tools import NUMPY

from asm_hybrid.kinetics import compile_table, load_table, parse_table

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8").split("## Laws of your own")[1]
TABLE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
LAWS = dict(re.findall(r"^\| (?!law|---)(.+?) \| `(.+?)` \|$", PAGE.split("## ")[0], re.MULTILINE))
GROWTH = "mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) / (1 + exp((T - T_c) / T_w)) * X_BA"


def cardinal(T, low=4.0, best=28.0, high=36.0):
    """Return the cardinal temperature model with inflection as Rosso et al. (1993) write it."""
    below = (best - low) * ((best - low) * (T - best) - (best - high) * (best + low - 2 * T))
    return (T - high) * (T - low) ** 2 / below if low < T < high else 0.0


# S_NH 7, S_O 1.2, S_NO 3, S_S 40, load.COD 1.8e6
EXPECTED = {
    "inhibition by the substrate (Haldane, Andrews)": lambda T: 7 / (1 + 7 + 7**2 / 30),
    "inhibitions of several": lambda T: 30 / 37 * 30 / 33,
    "the scarcest limits (Liebig)": lambda T: 1.2 / 1.6,
    "a substrate with an optimum (Steele)": lambda T: 40 / 60 * math.exp(1 - 40 / 60),
    "a collapse above 22 °C, as a sigmoid": lambda T: 1 / (1 + math.exp((T - 22) / 1.5)),
    "the same as a hinge, zero from 23.5 °C on": lambda T: np.interp(T, [22, 23.5], [1, 0]),
    "Arrhenius": lambda T: math.exp(8000 * (1 / 293.15 - 1 / (T + 273.15))),
    "cardinal temperatures (Rosso)": cardinal,
    "a constant that follows the load": lambda T: 1 + 0.5 * 0.2,
    "toxic above a concentration, as a sigmoid": lambda T: 1 / (1 + math.exp((7 - 30) / 1.0)),
}


@pytest.mark.parametrize("law", EXPECTED)
@pytest.mark.parametrize("T", [-1.0, 10.0, 22.0, 22.6, 31.0])
def test_a_law_is_the_formula_of_its_name(law, T):
    assert set(LAWS) == set(EXPECTED)
    table = parse_table(TABLE.replace(GROWTH, f"mu_A * ({LAWS[law]}) * X_BA"), "laws.yaml")
    state = dict.fromkeys(table.component_names, 1.0) | {"S_NH": 7.0, "S_O": 1.2, "S_NO": 3.0, "S_S": 40.0}
    inputs = {"T": T, "load.COD": 1.8e6}
    p = [q.default for q in table.parameters] + [inputs[name] for name in table.input_names]
    rates = compile_table(table).rates([np.array(v) for v in state.values()], p, NUMPY)
    assert rates[2] == pytest.approx(0.8 * EXPECTED[law](T), rel=1e-12)


def test_the_example_extends_asm1_and_reads_temperature_and_load():
    table, asm1 = parse_table(TABLE, "laws.yaml"), load_table("asm1")
    assert table.input_names == ("T", "load.COD")
    assert table.process_names == asm1.process_names
