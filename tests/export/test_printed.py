"""CasADi functions as C: every operation gives the number that CasADi gives."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import casadi
import numpy as np
import pytest
from c_toys import COMPILER

from asm_hybrid.export.printed import BINARY, UNARY, print_array, print_function, print_number, print_text

NUMBERS = [0.0, -0.0, 1.0, -2.5, 1e-300, -1e300, 0.1, 1 / 3, 5e-324, np.pi]


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_every_operation_is_that_of_casadi(tmp_path: Path) -> None:
    x, y = casadi.SX.sym("x"), casadi.SX.sym("y")
    kinds = [*((o, casadi.SX.binary(o, x, y)) for o in BINARY), *((o, casadi.SX.unary(o, x)) for o in UNARY)]
    written = {}
    for operation, expression in kinds:
        base = casadi.substitute(casadi.SX(expression), y, 2.5) if operation == casadi.OP_CONSTPOW else expression
        function = casadi.Function("f", [x, y], [casadi.SX(base)])
        used = {function.instruction_id(k) for k in range(function.n_instructions())}
        if operation in used:
            written[operation] = function
    never = {casadi.OP_ASSIGN}
    assert set(BINARY) | set(UNARY) == set(written) | never
    functions = "\n".join(print_function(f"f{o}", ["x", "y"], "z", f) for o, f in written.items())
    heads = "static double least(double a, double b) { return a < b ? a : b; }\n"
    heads += "static double largest(double a, double b) { return a > b ? a : b; }\n"
    calls = "\n".join(f"void g{o}(const double *x, const double *y, double *z) {{ f{o}(x, y, z); }}" for o in written)
    source, library = tmp_path / "f.c", tmp_path / "f.so"
    source.write_text(f"#include <math.h>\n{heads}{functions}\n{calls}\n")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared"]
    subprocess.run([str(COMPILER), *flags, "-o", str(library), str(source), "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    values = [-2.0, -1.0, -0.3, 0.0, 0.4, 1.0, 2.5]
    for operation, function in written.items():
        for a in values:
            for b in values:
                z = ctypes.c_double()
                getattr(loaded, f"g{operation}")(
                    ctypes.byref(ctypes.c_double(a)), ctypes.byref(ctypes.c_double(b)), ctypes.byref(z)
                )
                expected = float(function(a, b))
                assert z.value == pytest.approx(expected, rel=4e-16, abs=0, nan_ok=True), (operation, a, b)


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_a_text_is_read_back_in_utf_8(tmp_path: Path) -> None:
    texts = ["Größe 2.S_NH", "𝐀x²", 'a"b\\c\n', "??/ ??=", "é1 %d"]
    source, library = tmp_path / "t.c", tmp_path / "t.so"
    source.write_text("\n".join(f"const char t{i}[] = {print_text(t)};" for i, t in enumerate(texts)), encoding="ascii")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared"]
    subprocess.run([str(COMPILER), *flags, "-o", str(library), str(source)], check=True)
    loaded = ctypes.CDLL(str(library))
    found = [ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(loaded, f"t{i}"))) for i in range(len(texts))]
    assert found == [text.encode() for text in texts]


@pytest.mark.parametrize("value", NUMBERS)
def test_a_number_is_read_back_as_the_same_bits(value: float) -> None:
    text = print_number(value).strip("()")
    assert float(text).hex() == float(value).hex()
    assert "." in text or "e" in text


def test_infinities_have_a_name_and_what_is_no_number_is_refused() -> None:
    assert [print_number(v) for v in (np.inf, -np.inf)] == ["HUGE_VAL", "(-HUGE_VAL)"]
    with pytest.raises(ValueError, match="not a number"):
        print_number(np.nan)


def test_arrays_are_never_empty() -> None:
    assert print_array("static const int a", []) == "static const int a[1] = {\n    0,\n};\n"
    assert print_array("static const double a", [0.5, -1.0], print_number).split("=")[1] == " {\n    0.5, (-1.0),\n};\n"


def test_an_operation_without_a_form_is_refused() -> None:
    x = casadi.SX.sym("x")
    function = casadi.Function("f", [x], [casadi.SX.unary(casadi.OP_ERFINV, x)])
    with pytest.raises(NotImplementedError, match="no form in C"):
        print_function("f", ["x"], "z", function)
