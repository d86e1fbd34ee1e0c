"""Oxygen sensors whose zero moves are reported; loads, days and rain do not look like it."""

import numpy as np
import pytest

from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.data.drift import check_drift
from asm_hybrid.data.findings import Place
from asm_hybrid.data.quality import check_values

DAYS = np.arange(0, 70, 1 / 48)
PLACE = Place("plant.csv", "DO", "mg/L", np.arange(len(DAYS)) + 2)


def oxygen(seed=1):
    """Return a tank near 0.2 mg/L with peaks when load is low."""
    rng = np.random.default_rng(seed)
    peaks = np.maximum(0.0, np.sin(2 * np.pi * DAYS)) ** 8 * rng.gamma(2.0, 0.5, len(DAYS))
    return 0.2 + 0.02 * rng.normal(size=len(DAYS)) + peaks


def test_a_tank_with_peaks_does_not_drift():
    assert check_drift(oxygen(), DAYS, PLACE) == []


def test_a_zero_that_climbs_is_reported_where_it_is_high():
    values = oxygen() + np.clip((DAYS - 28) / 20, 0, None) * (DAYS < 63)
    (found,) = check_drift(values, DAYS, PLACE)
    assert (found.severity, found.kind) == ("warning", "drift")
    first, last = (int(n) for n in found.rows.removeprefix("rows ").split("-"))
    assert 35 <= DAYS[first - 2] <= 49
    assert last == pytest.approx(63 * 48 + 1, abs=1)


def test_missing_values_and_short_records_are_no_drift():
    values = oxygen()
    values[: len(values) // 2] = np.nan
    assert check_drift(values, DAYS, PLACE) == []
    assert check_drift(np.full(len(DAYS), np.nan), DAYS, PLACE) == []
    assert check_drift(values[-300:] + 1.0, DAYS[-300:], PLACE) == []


@pytest.mark.parametrize(
    ("role", "target", "found"), [("imposed", "tank.S_O", 1), ("imposed", "tank.S_NO", 0), ("input", "Q_in", 0)]
)
def test_only_imposed_oxygen_is_looked_at(role, target, found):
    values = oxygen() + (DAYS > 35)
    column = ColumnSection.model_validate({"role": role, "as": target, "unit": PLACE.unit})
    checked = check_values(values, values, DAYS, column, PLACE, np.zeros(len(DAYS), dtype=bool), "g O2/m3")
    assert len([f for f in checked if f.kind == "drift"]) == found
