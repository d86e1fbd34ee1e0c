"""What of the operation a table says instead of a panel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from asm_hybrid.report.steady_operation import steady_rows

COURSE = np.array([10.0, 30.0, 20.0])


def _case(**columns: Any) -> Any:
    return SimpleNamespace(record=SimpleNamespace(columns={k: np.asarray(v, float) for k, v in columns.items()}))


def test_constants_are_stated_and_courses_are_drawn() -> None:
    cases = [_case(wastage=[150.0] * 3, Q_in=COURSE), _case(wastage=[120.0] * 3, Q_in=1.3 * COURSE)]
    assert steady_rows(cases, ["wastage", "Q_in"], ()) == {"wastage": ("150.0", "120.0")}


def test_an_influent_that_is_a_multiple_of_the_base_case_is_stated() -> None:
    cases = [_case(S=COURSE), _case(S=1.3 * COURSE)]
    assert steady_rows(cases, ["S"], ["S"]) == {"S": ("mean 20.00", "× 1.300")}


def test_an_influent_that_is_shifted_is_drawn() -> None:
    assert steady_rows([_case(S=COURSE), _case(S=COURSE + 1.0)], ["S"], ["S"]) == {}


def test_constant_in_one_case_alone_is_drawn() -> None:
    assert steady_rows([_case(kla=[240.0] * 3), _case(kla=COURSE)], ["kla"], ()) == {}


def test_what_a_case_does_not_have_is_a_dash() -> None:
    assert steady_rows([_case(kla=[240.0] * 3), _case()], ["kla"], ()) == {"kla": ("240.0", "–")}
