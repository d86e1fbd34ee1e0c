"""Small models in C around the solver of exported models, compiled and called through ctypes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import sympy
from sympy.parsing.sympy_parser import parse_expr

from asm_hybrid.export.c_solver import METHOD, find_pattern
from asm_hybrid.export.c_sources import ModelText, assemble_sources
from asm_hybrid.solver.tableaus import RosenbrockTableau

COMPILER = shutil.which("gcc") or shutil.which("cc")
T = sympy.Symbol("t", real=True)
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


@dataclass(frozen=True)
class TimeTable:
    """Values of input 0 by phase, again and again."""

    ends: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Toy:
    """Rates in ``x0, x1, …``, inputs ``u0, …`` parameters ``p0, …`` and time ``t``, as text that SymPy reads.

    Its output is twice the first state.
    """

    rates: Sequence[str]
    start: Sequence[float]
    inputs: Sequence[float] = ()
    parameters: Sequence[float] = ()
    nominal: Sequence[float] | None = None
    events: Sequence[str] = ()
    after: Sequence[Mapping[int, str]] = ()
    table: TimeTable | None = None

    @cached_property
    def symbols(self) -> dict[str, list[sympy.Symbol]]:
        counts = {"x": len(self.start), "u": len(self.inputs), "p": len(self.parameters)}
        return {kind: [sympy.Symbol(f"{kind}{i}", real=True) for i in range(n)] for kind, n in counts.items()}

    def read(self, text: str) -> sympy.Expr:
        return parse_expr(text, {"t": T, **{str(s): s for group in self.symbols.values() for s in group}})

    def text(self) -> ModelText:
        rates, x, u = [self.read(r) for r in self.rates], self.symbols["x"], self.symbols["u"]
        J = sympy.Matrix(rates).jacobian(x)
        pattern = find_pattern(*np.nonzero(np.array(J.applyfunc(lambda e: int(e != 0)).tolist(), dtype=int)), len(x))
        slope = [sum((r.diff(v) * sympy.Symbol(f"m->slope[{i}]") for i, v in enumerate(u)), r.diff(T)) for r in rates]
        entries = [J[int(i), int(j)] for i, j in zip(pattern.rows, pattern.column, strict=True)]
        parts = [
            self._function("model_rhs", rates),
            self._function("model_jacobian", entries),
            self._function("model_time_slope", slope),
            self._function("model_outputs", [2 * x[0]]),
            self._function("model_events", [self.read(e) for e in self.events]),
            self._after(),
            self._times(),
            self._start(),
            "static int model_directional(ah_model *m, const double *dx, const double *du, const double *dp,"
            " double *ddx, double *dy)\n{\n    (void)m, (void)dx, (void)du, (void)dp, (void)ddx, (void)dy;\n"
            "    return 1;\n}\n",
        ]
        counts = {"STATES": len(x), "INPUTS": len(u), "OUTPUTS": 1, "PARAMETERS": len(self.parameters)}
        return ModelText(
            name="toy",
            counts={**counts, "EVENTS": len(self.events), "MEMBERS": 0},
            names={kind.upper(): list(map(str, group)) for kind, group in self.symbols.items()},
            text="\n".join(parts),
            pattern=pattern,
            nominal=[1.0] * len(x) if self.nominal is None else self.nominal,
            cycles=int(self.table is not None),
            reads_time=any(r.has(T) for r in rates),
        )

    def _values(self) -> str:
        x, u, p = (len(self.symbols[kind]) for kind in "xup")
        lines = [f"    const double x{i} = x[{i}];" for i in range(x)]
        lines += [f"    const double u{i} = m->u[{i}] + m->slope[{i}] * (t - m->time);" for i in range(u)]
        lines += [f"    const double p{i} = m->p[{i}];" for i in range(p)]
        used = [f"(void)x{i};" for i in range(x)] + [f"(void)u{i};" for i in range(u)]
        used += [f"(void)p{i};" for i in range(p)]
        return "\n".join([*lines, "    (void)m, (void)t, (void)x;", "    " + " ".join(used)])

    def _function(self, name: str, values: Sequence[sympy.Expr]) -> str:
        lines = [f"    y[{i}] = {sympy.ccode(v)};" for i, v in enumerate(values)]
        return (
            f"static int {name}(ah_model *m, double t, const double *x, double *y)\n{{\n"
            f"    double sum = 0.0;\n    int i;\n{self._values()}\n    (void)y;\n"
            + "\n".join(lines)
            + f"\n    for (i = 0; i < {len(values)}; i++)\n"
            "        sum += 0.0 * y[i];\n    return sum != 0.0 || sum != sum;\n}\n"
        )

    def _after(self) -> str:
        cases = [
            f"    if (event == {k}) {{\n"
            + "".join(f"        z[{i}] = {sympy.ccode(self.read(e))};\n" for i, e in a.items())
            + "    }\n"
            for k, a in enumerate(self.after)
        ]
        return (
            "static void model_after(ah_model *m, int event, double t, double *z)\n{\n    double x[AH_STATES];\n"
            f"    memcpy(x, z, sizeof x);\n    {{\n{self._values()}\n    (void)event;\n{''.join(cases)}    }}\n}}\n"
        )

    def _times(self) -> str:
        if self.table is None:
            return (
                "static double model_next_time(const ah_model *m) { (void)m; return HUGE_VAL; }\n"
                "static void model_pass_time(ah_model *m) { (void)m; }\n"
                "static void model_phases(ah_model *m) { (void)m; }\n"
            )
        ends, values = (", ".join(map(repr, row)) for row in (self.table.ends, self.table.values))
        n = len(self.table.ends)
        return (
            f"static const double toy_ends[] = {{{ends}}}, toy_values[] = {{{values}}};\n"
            "static double model_next_time(const ah_model *m)\n{\n"
            f"    return m->phase[0] / {n} * toy_ends[{n - 1}] + toy_ends[m->phase[0] % {n}];\n}}\n"
            "static void model_pass_time(ah_model *m)\n{\n"
            f"    m->phase[0]++;\n    m->u[0] = toy_values[m->phase[0] % {n}];\n}}\n"
            "static void model_phases(ah_model *m)\n{\n    m->phase[0] = 0;\n    m->u[0] = toy_values[0];\n"
            "    while (model_next_time(m) <= m->time)\n        model_pass_time(m);\n}\n"
        )

    def _start(self) -> str:
        named = (("x", self.start), ("u", self.inputs), ("p", self.parameters))
        lines = [f"    m->{kind}[{i}] = {float(v)!r};" for kind, values in named for i, v in enumerate(values)]
        return "static void model_start(ah_model *m)\n{\n" + "\n".join(lines) + "\n}\n"

    def write(self, folder: Path, tableau: RosenbrockTableau = METHOD, more: str = "") -> None:
        """Write header and source, with more C at the end of the latter."""
        texts = assemble_sources(self.text(), tableau)
        texts["model.c"] += more
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")

    def compiled(self, folder: Path, tableau: RosenbrockTableau = METHOD, more: str = "") -> Library:
        self.write(folder, tableau, more)
        return Library.of(folder)


@dataclass(frozen=True)
class Library:
    """A compiled model."""

    calls: ctypes.CDLL

    @staticmethod
    def of(folder: Path, source: str = "model.c", optimised: str = "-O1") -> Library:
        out = folder / "model.so"
        command = [str(COMPILER), *STRICT, optimised, "-fPIC", "-shared", "-o", str(out), str(folder / source), "-lm"]
        subprocess.run(command, check=True)
        calls = ctypes.CDLL(str(out))
        for name, kind in (("new", ctypes.c_void_p), ("time", ctypes.c_double), ("next_time", ctypes.c_double)):
            getattr(calls, f"ah_{name}").restype = kind
        calls.ah_message.restype = ctypes.c_char_p
        calls.ah_saved.restype = ctypes.c_size_t
        for name in ("state", "input", "input_slope", "parameter"):
            getattr(calls, f"ah_{name}").restype = ctypes.POINTER(ctypes.c_double)
        return Library(calls)


class Model:
    """One instance, with its values as arrays that share its memory."""

    def __init__(self, library: Library, states: int, inputs: int = 0, parameters: int = 0) -> None:
        self.calls = library.calls
        self.handle = ctypes.c_void_p(self.calls.ah_new())
        self.x, self.u, self.slope, self.p = (
            np.ctypeslib.as_array(getattr(self.calls, f"ah_{name}")(self.handle), (max(n, 1),))[:n]
            for name, n in (("state", states), ("input", inputs), ("input_slope", inputs), ("parameter", parameters))
        )

    @staticmethod
    def of(toy: Toy, library: Library) -> Model:
        return Model(library, len(toy.start), len(toy.inputs), len(toy.parameters))

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.calls.ah_free(self.handle)

    @property
    def time(self) -> float:
        return float(self.calls.ah_time(self.handle))

    @property
    def message(self) -> str:
        return str(self.calls.ah_message(self.handle).decode())

    def set_time(self, days: float) -> None:
        self.calls.ah_set_time(self.handle, ctypes.c_double(days))

    def reset(self) -> None:
        self.calls.ah_reset(self.handle)

    def tolerance(self, relative: float) -> None:
        assert self.calls.ah_set_tolerance(self.handle, ctypes.c_double(relative)) == 0, self.message

    def step(self, until: float) -> np.ndarray:
        assert self.try_step(until) == 0, self.message
        return self.x.copy()

    def try_step(self, until: float) -> int:
        return int(self.calls.ah_step(self.handle, ctypes.c_double(until)))

    def save(self) -> bytes:
        buffer = ctypes.create_string_buffer(self.calls.ah_saved(self.handle))
        self.calls.ah_save(self.handle, buffer)
        return buffer.raw

    def restore(self, kept: bytes) -> int:
        return int(self.calls.ah_restore(self.handle, kept, ctypes.c_size_t(len(kept))))
