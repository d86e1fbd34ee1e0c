"""Units that a file states of its columns, beside those of the config."""

import numpy as np
import pytest

from asm_hybrid.config import build_layout, load_kinetics
from asm_hybrid.data.findings import Place
from asm_hybrid.data.series import read_sources
from asm_hybrid.data.stated import check_stated_unit
from asm_hybrid.units import parse_unit, without_substances


def found(header, unit, cells=None):
    return check_stated_unit(header, cells or {}, Place("plant.csv", header, unit, np.arange(3)))


@pytest.mark.parametrize(
    ("header", "unit", "taken"),
    [
        ("NH4 (mg/l NH4)", "mg/L", "1.29 times too large"),
        ("NH4 [mg/L NH4]", "mg N/L", "1.29 times too large"),
        ("NO3 mg/l NO3", "mg/L", "4.43 times too large"),
        ("Q m³/h", "m3/d", "24 times too small"),
        ("Q [l/s]", "m3/h", "3.6 times too small"),
        ("MLSS (g/L)", "mg/L", "1e+03 times too small"),
        ("Q (MGD)", "m3/d", "times too small"),
        ("T (°F)", "degC", "times too large"),
    ],
)
def test_a_header_that_contradicts_the_config(header, unit, taken):
    (finding,) = found(header, unit)
    assert (finding.severity, finding.kind) == ("warning", "unit")
    assert taken in finding.message
    assert "in its header" in finding.message


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("NH4 (mg/l)", "mg NH4/L"),  # names no substance: nothing to contradict
        ("NH4 (mg/l)", "mg NH4-N/L"),
        ("NH4-N (mg/l N)", "mg/L"),
        ("COD (mg/l O2)", "mg COD/L"),
        ("MLSS (g/L)", "kg/m3"),
        ("air (m3/h)", "Nm3/h"),
        ("Q", "m3/h"),
        ("Q (lane A/B)", "m3/h"),
        ("Q (A/B)", "m3/h"),
        ("Q N/S", "m3/h"),
        ("NH4/N", "mg/L"),
        ("T (C)", "degC"),
        ("T (°C)", "degC"),
        ("flow (in/out)", "m3/h"),
    ],
)
def test_headers_that_contradict_nothing(header, unit):
    assert not found(header, unit)


def test_a_unit_of_another_dimension():
    (finding,) = found("level", "m3/h", {2: "[mg/l]"})
    assert "they measure different things" in finding.message


def test_a_row_of_units(record):
    header, *rows = record.frame.to_csv(index=False).splitlines()
    content = ["Plant; June", header, "y-m-d,[m³/h],mg/l,mg/l,mg/l NH4", *rows]
    record.file.write_text("\n".join(content), encoding="utf-8")
    record.replace("file: plant.csv", "file: plant.csv\n      header_row: 2\n      first_row: 4")
    config = record.config()
    table = load_kinetics(config)
    _, findings = read_sources(config, table, build_layout(config, table))
    (finding,) = [f for f in findings if f.kind == "unit"]
    assert (finding.column, finding.severity) == ("NH4", "warning")
    assert "the file says 'mg/l NH4' in row 3" in finding.message
    assert finding.fix.startswith("write unit: 'mg/l NH4'")


@pytest.mark.parametrize(
    ("behind", "written"),
    [("mg/l NH4", "mg NH4/L"), ("mg/L as N", "mg N/L"), ("g/m3 TSS", "g TSS/m3"), ("mg/L as CaCO3", "mg CaCO3/L")],
)
def test_a_substance_at_the_end(behind, written):
    a, b = parse_unit(behind), parse_unit(written)
    assert (a.size, a.dimension, a.substances) == (b.size, b.dimension, b.substances)


@pytest.mark.parametrize("unit", ["mg NH4/L", "mg/L NH4", "mgNH4/L", "mg/L as NH4", "mg NH4-N/L"])
def test_without_substances(unit):
    plain = parse_unit(without_substances(unit))
    assert (plain.size, plain.substances) == (parse_unit("mg/L").size, ())
