"""CasADi functions of numbers as functions in C99, one statement an operation."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import casadi

__all__ = ["print_array", "print_function", "print_number", "print_text"]

BINARY: dict[int, str] = {
    casadi.OP_ADD: "{} + {}",
    casadi.OP_SUB: "{} - {}",
    casadi.OP_MUL: "{} * {}",
    casadi.OP_DIV: "{} / {}",
    casadi.OP_POW: "pow({}, {})",
    casadi.OP_CONSTPOW: "pow({}, {})",
    casadi.OP_FMIN: "least({}, {})",
    casadi.OP_FMAX: "largest({}, {})",
    casadi.OP_LT: "(double)({} < {})",
    casadi.OP_LE: "(double)({} <= {})",
    casadi.OP_EQ: "(double)({} == {})",
    casadi.OP_NE: "(double)({} != {})",
    casadi.OP_AND: "(double)({} != 0.0 && {} != 0.0)",
    casadi.OP_OR: "(double)({} != 0.0 || {} != 0.0)",
    casadi.OP_IF_ELSE_ZERO: "{} != 0.0 ? {} : 0.0",
    casadi.OP_COPYSIGN: "copysign({}, {})",
    casadi.OP_FMOD: "fmod({}, {})",
    casadi.OP_ATAN2: "atan2({}, {})",
    casadi.OP_HYPOT: "hypot({}, {})",
}
UNARY: dict[int, str] = {
    casadi.OP_ASSIGN: "{}",
    casadi.OP_NEG: "-{}",
    casadi.OP_SQ: "{0} * {0}",
    casadi.OP_TWICE: "2.0 * {}",
    casadi.OP_INV: "1.0 / {}",
    casadi.OP_NOT: "(double)({} == 0.0)",
    casadi.OP_SIGN: "(double)({0} > 0.0) - (double)({0} < 0.0)",
    **{
        getattr(casadi, f"OP_{name.upper()}"): f"{written}({{}})"
        for name, written in {
            **{n: n for n in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh")},
            **{n: n for n in ("tanh", "asinh", "acosh", "atanh", "erf", "floor", "ceil", "fabs", "log1p", "expm1")},
        }.items()
    },
}
PLAIN = frozenset(string.ascii_letters + string.digits + " _-.,:/()[]%")
"""Signs that stand for themselves in a string constant, trigraphs or not."""
WIDTH = 110
"""Characters of a line of numbers."""


def print_text(text: str) -> str:
    """Return a text as a string constant of C, in UTF-8 whatever the compiler takes the source for.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        With its quotes.
    """
    return '"' + "".join(chr(b) if chr(b) in PLAIN else f"\\{b:03o}" for b in text.encode()) + '"'


def print_number(value: float) -> str:
    """Return a number as a constant of C that is read back as the same bits.

    Parameters
    ----------
    value : float
        A number, or an infinity.

    Returns
    -------
    str
    """
    if value in (float("inf"), float("-inf")):
        return "HUGE_VAL" if value > 0 else "(-HUGE_VAL)"
    text = repr(float(value))
    if text == "nan":
        raise ValueError("a constant is not a number")
    text = text if any(mark in text for mark in ".e") else f"{text}.0"
    return f"({text})" if text.startswith("-") else text


def print_array(
    declaration: str, values: Sequence[float] | Sequence[int] | Sequence[str], show: Callable[..., str] = str
) -> str:
    """Return the definition of a constant array.

    Parameters
    ----------
    declaration : str
        Type and name, without the length.
    values : sequence
        Its values; C has no empty arrays, so that none of them is printed as one zero.
    show : callable
        Prints a value.

    Returns
    -------
    str
    """
    lines, line = [], ""
    for text in map(show, list(values) or [0]):
        if line and len(line) + len(text) + 2 > WIDTH:
            lines.append(line)
            line = ""
        line += f" {text}," if line else f"    {text},"
    return f"{declaration}[{max(1, len(values))}] = {{\n" + "\n".join([*lines, line]) + "\n};\n"


def print_function(name: str, arguments: Sequence[str], result: str, function: casadi.Function) -> str:
    """Return a function of C that does what a function of CasADi does.

    Parameters
    ----------
    name : str
        Its name.
    arguments : sequence of str
        Names of its arguments, ``const double *`` each.
    result : str
        Name of its result, ``double *``.
    function : casadi.Function
        A function of scalar expressions (SX) with dense arguments and one dense result.

    Returns
    -------
    str

    Raises
    ------
    NotImplementedError
        For an operation that C99 has no word for.
    """
    lines, names, used = list[str](), dict[int, str](), set[int]()
    for k in range(function.n_instructions()):
        operation = function.instruction_id(k)
        into, out_of = function.instruction_output(k), function.instruction_input(k)
        if operation == casadi.OP_OUTPUT:
            lines.append(f"{result}[{into[1]}] = {names[out_of[0]]};")
            continue
        if operation == casadi.OP_CONST:
            names[into[0]] = print_number(function.instruction_constant(k))
            continue
        if operation == casadi.OP_INPUT:
            used.add(out_of[0])
            names[into[0]] = f"{arguments[out_of[0]]}[{out_of[1]}]"
            continue
        if operation in BINARY:
            value = BINARY[operation].format(*(names[i] for i in out_of))
        elif operation in UNARY:
            value = UNARY[operation].format(names[out_of[0]])
        else:
            raise NotImplementedError(f"the operation {operation} of CasADi has no form in C")
        names[into[0]] = f"w{k}"
        lines.append(f"const double w{k} = {value};")
    idle = [f"(void){argument};" for i, argument in enumerate(arguments) if i not in used]
    taken = ", ".join([*(f"const double *{a}" for a in arguments), f"double *{result}"])
    if not any(line.startswith(f"{result}[") for line in lines):
        idle.append(f"(void){result};")
    body = "\n".join(f"    {line}" for line in [*idle, *lines])
    return f"static void {name}({taken})\n{{\n{body}\n}}\n"
