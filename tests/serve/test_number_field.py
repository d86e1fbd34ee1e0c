"""What a field for a number takes."""

from __future__ import annotations

import pytest

from asm_hybrid.serve.number_field import number_fault, number_text


@pytest.mark.parametrize("text", ["", " ", "1.5", "-3", "1e3", ".5"])
def test_a_number_or_nothing_is_taken(text: str) -> None:
    assert number_fault(text) is None


@pytest.mark.parametrize("text", ["1,5", "1.500,0"])
def test_a_comma_is_said(text: str) -> None:
    assert "decimal point" in str(number_fault(text))


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "1_000", "abc", "5 mg/L", "0x10"])
def test_what_is_no_number_is_not_taken(text: str) -> None:
    assert "no number" in str(number_fault(text))


def test_a_limit_is_above_zero() -> None:
    assert "above 0" in str(number_fault("0", 0.0))
    assert number_fault("0.1", 0.0) is None


@pytest.mark.parametrize("number", [1 / 3, 18446.0, 1e-12, 2.5, 1e22])
def test_a_number_is_shown_with_every_digit(number: float) -> None:
    assert float(number_text(number)) == number
    assert not number_text(number).endswith(".0")
