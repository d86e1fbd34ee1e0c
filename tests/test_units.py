"""The field's unit grammar."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from asm_hybrid import units
from asm_hybrid.errors import InputError
from asm_hybrid.units import conversion, parse_quantity, parse_unit, to_internal


@pytest.mark.parametrize(
    ("text", "internal", "factor", "offset"),
    [
        ("g COD/m3", "g COD/m3", 1, 0),
        ("mg COD/L", "g COD/m3", 1, 0),
        ("mgCOD/L", "g COD/m3", 1, 0),
        ("mg N/L", "g N/m3", 1, 0),
        ("mg NH4-N/l", "g N/m3", 1, 0),
        ("mg/L", "g COD/m3", 1, 0),
        ("µg/L", "g N/m3", 1e-3, 0),
        ("kg/m³", "g/m3", 1000, 0),
        ("m3/h", "m3/d", 24, 0),
        ("m³/h", "m3/d", 24, 0),
        ("L/s", "m3/d", 86.4, 0),
        ("MGD", "m3/d", 3785.411784, 0),
        ("cfs", "m3/d", 0.3048**3 * 86400, 0),
        ("mmol/L", "mol/m3", 1, 0),
        ("meq/L", "mol/m3", 1, 0),
        ("mg HCO3/L", "mol/m3", 1 / 61, 0),
        ("mg CaCO3/L", "mol/m3", 1 / 50, 0),
        ("mg NH4/L", "g N/m3", 14.007 / 18.039, 0),
        ("mg NO3/L", "g N/m3", 14.007 / 62.004, 0),
        ("mg PO4/L", "g P/m3", 30.974 / 94.970, 0),
        ("d-1", "1/d", 1, 0),
        ("1/h", "1/d", 24, 0),
        ("min", "d", 1 / 1440, 0),
        ("m3/(g COD d)", "L/mg/d", 1, 0),
        ("g m⁻³ d⁻¹", "g/(m3 d)", 1, 0),
        ("g N/g COD", "g N/(g COD)", 1, 0),
        ("kg/d", "g/d", 1000, 0),
        ("%", "-", 0.01, 0),
        ("-", "-", 1, 0),
        ("K", "degC", 1, -273.15),
        ("°C", "degC", 1, 0),
        ("degF", "degC", 5 / 9, -160 / 9),
        ("Nm3/h", "m3/d", 24, 0),
        ("Nm³/h", "m3/d", 24, 0),
        ("cfm", "m3/d", 0.3048**3 * 1440, 0),
        ("scfm", "m3/d", 0.3048**3 * 1440 * 273.15 / 293.15, 0),
        ("SCFM", "m3/d", 0.3048**3 * 1440 * 273.15 / 293.15, 0),
        ("scf/h", "m3/d", 0.3048**3 * 24 * 273.15 / 293.15, 0),
        ("mg Mg/L", "g Mg/m3", 1, 0),
        ("mg K/L", "g K/m3", 1, 0),
        ("g Ca/m3", "mg Ca/L", 1, 0),
    ],
)
def test_conversion(text, internal, factor, offset):
    found = conversion(text, internal)
    assert found == pytest.approx((factor, offset), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "internal", "words"),
    [
        ("mg N/L", "g COD/m3", "different substances"),
        ("mg COD/L", "mg O2/L", "different substances"),
        ("m3/h", "g/m3", "dimension"),
        ("mg N/L", "mol/m3", "dimension"),
        ("d", "1/d", "dimension"),
        ("N/m3", "g/m3", "follow a mass"),
        ("g/m3 d", "g/(m3 d)", "brackets"),
        ("mgg/L", "g/m3", "not known"),
        ("g//m3", "g/m3", "missing"),
        ("g/(m3", "g/m3", "not closed"),
        ("g)", "g", "not opened"),
        ("3 g", "g", "cannot be read"),
        ("g; import os", "g", "cannot be read"),
        ("g" * 90, "g", "too long"),
        ("nan m3", "m3", "'nan' is not known"),
        ("inf", "-", "'inf' is not known"),
        ("Nm", "m3", "Nm|dimension"),
        ("mg K/L", "g Mg/m3", "different substances"),
    ],
)
def test_refused(text, internal, words):
    with pytest.raises(InputError, match=words):
        conversion(text, internal)


@pytest.mark.parametrize("name", units._COMMON)
def test_common_names_are_those_of_pint(name, monkeypatch):
    known = units._named.__wrapped__(name)
    monkeypatch.setattr(units, "_COMMON", {})
    assert units._named.__wrapped__(name) == known


def test_the_celsius_scale_is_that_of_pint():
    registry = units._registry()
    assert registry.Quantity(Fraction(0), "degC").to("kelvin").magnitude == parse_unit("degC").zero
    assert registry.Quantity(Fraction(1), "degC").to("kelvin").magnitude - parse_unit("degC").zero == 1


def test_products_write_themselves_out():
    rate = parse_unit("m3/(g COD d)") * parse_unit("g N/m3") * parse_unit("g COD/m3")
    assert str(rate) == "g N/(m3 d)"
    assert rate.compatible(parse_unit("g N/m3") / parse_unit("d"))
    assert not rate.compatible(parse_unit("g COD/m3") / parse_unit("d"))
    assert str(parse_unit("m") ** 2) == "m2"
    assert parse_unit("1/d").coherent
    assert not parse_unit("1/h").coherent


def test_arrays_are_converted():
    np.testing.assert_allclose(to_internal(np.array([32.0, 212.0]), "degF", "degC"), [0, 100], atol=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("9800 m3/h", "m3/d", 235200),
        ("15 degC", "degC", 15),
        (3, "m3/d", 3),
        ("2.5", "d", 2.5),
        ("15 min", "d", 1 / 96),
    ],
)
def test_quantity(value, unit, expected):
    assert parse_quantity(value, unit) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("value", ["x", "1.2.3", "1e999", True, float("nan"), float("inf"), "5 kg", "", None])
def test_quantity_refused(value):
    with pytest.raises(InputError):
        parse_quantity(value, "d")


@pytest.mark.parametrize("value", ["1,5", "1,5 d", " -2,25 h", "1,500.0"])
def test_a_comma_within_a_number_is_said(value):
    with pytest.raises(InputError, match="comma within the number") as caught:
        parse_quantity(value, "d")
    assert "decimal point" in caught.value.fix


@pytest.mark.parametrize(
    "value", ["9" * 400, "9" * 400 + " m3", 10**400, -(10**400), "1e400 m3", "1e308 km3", "nan m3", "5 nan m3", "inf"]
)
def test_what_is_no_number_is_refused_in_few_words(value):
    with pytest.raises(InputError) as caught:
        parse_quantity(value, "m3")
    assert len(str(caught.value)) < 300
