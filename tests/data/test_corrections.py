import numpy as np
import pytest


@pytest.fixture
def recorded(record):
    record.replace(
        "  settler: {type: none}",
        "  return_sludge: {to: anoxic, flow: 4000}\n  wastage: {flow: 200}\n"
        "  recycles: {internal: {from: aerobic, to: anoxic, flow: 9000}}",
    )
    return record


def corrected(record, section):
    """Return the dataset without and with a section ``corrections``."""
    before = record.read()
    record.text += f"corrections: {section}\n"
    return before, record.read()


def column(dataset, name):
    return dataset.inputs[:, dataset.input_names.index(name)]


def test_factors_act_on_columns_and_on_constants(recorded):
    section = "{factors: {wastage: 1.75, internal: 0.5, Q_in: 1.02, influent.COD: 0.9, influent.solids: 1.2}}"
    before, after = corrected(recorded, section)
    factors = {"wastage": 1.75, "recycle.internal": 0.5, "Q_in": 1.02, "influent.S_S": 0.9, "influent.S_I": 0.9}
    factors |= {f"influent.{name}": 0.9 * 1.2 for name in ("X_I", "X_S", "X_BH")} | {"influent.X_ND": 1.2}
    for name in before.input_names:
        np.testing.assert_allclose(column(after, name), factors.get(name, 1.0) * column(before, name), rtol=1e-14)
