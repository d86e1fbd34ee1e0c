"""Flows of a record that cannot be: an error or a warning with column and times."""

import numpy as np
import pytest

from asm_hybrid.errors import InputError

PLANT = "  return_sludge: {to: anoxic, flow: 400 m3/h}\n  settler: {type: ideal}\n  wastage: {from: settler}\n"


def settled(record, wasted):
    """Give the plant a settler, and waste by column."""
    record.replace("  settler: {type: none}\n", PLANT)
    record.replace("        DO: {", "        was: {role: input, as: wastage, unit: m3/h}\n        DO: {")
    record.frame["was"] = wasted
    return record


def test_wastage_above_the_influent_every_night_is_refused_with_the_times(record):
    hours = np.arange(len(record.frame)) % 24
    with pytest.raises(InputError) as caught:
        settled(record, np.where((hours >= 2) & (hours < 5), 600.0, 5.0)).read()
    for words in ("column was", "drawn from 'settler'", "backwards", "2021-06-01 0", "UTC", "% of the time"):
        assert words in str(caught.value)


def test_a_moment_of_it_is_a_warning(record):
    wasted = np.full(len(record.frame), 5.0)
    wasted[7] = 407.0 * 1.01
    (found,) = [f for f in settled(record, wasted).read().quality if f.kind == "backward flow"]
    assert found.severity == "warning"
    assert "2021-06-01 07:00" in found.message


def test_a_settler_from_which_nothing_is_drawn_is_refused(record):
    record.replace("  settler: {type: none}\n", "  settler: {type: ideal}\n")
    with pytest.raises(InputError, match="nothing is drawn from the settler"):
        record.read()


def test_a_neural_model_has_no_use_for_flows(record):
    record.replace("  settler: {type: none}\n", "  settler: {type: ideal}\n")
    record.replace("model: {kinetics: asm1}", "model: {kinetics: asm1, mode: neural}")
    assert [f for f in record.read().quality if f.kind == "flows"] == []
