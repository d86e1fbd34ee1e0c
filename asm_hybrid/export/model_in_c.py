"""The equations of an exported plant as text in C: the part of ``model.c`` that belongs to one plant alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import casadi
import numpy as np

from asm_hybrid.export.c_sources import read_template
from asm_hybrid.export.exported_plant import ExportedPlant
from asm_hybrid.export.network_in_c import NetworkInC
from asm_hybrid.export.printed import print_array, print_function, print_number
from asm_hybrid.plant.cycle import Cycle
from asm_hybrid.plant.namespace import Matrix

__all__ = ["ModelInC"]

ALWAYS = ("x", "u", "p", "k", "t", "z")
"""What all equations are given: state, inputs, parameters, masks of n, time, and what the networks give."""
NEEDS = {
    "vectors": {"affine"},
    "affine": {"affine"},
    "exp": {"tanh_of", "silu_of", "softplus_of"},
    "elementwise": {"tanh_of", "silu_of", "relu_of", "softplus_of"},
}
"""Kernels that come first, by those that need them."""


@dataclass(frozen=True, eq=False)
class ModelInC:
    """The equations of a plant, and what is told of them by their sparsity.

    Attributes
    ----------
    plant : ExportedPlant
        The plant.
    """

    plant: ExportedPlant

    @cached_property
    def networks(self) -> list[NetworkInC]:
        """The networks of n."""
        return [NetworkInC(term, i) for i, term in enumerate(self.plant.terms)]

    @cached_property
    def _z(self) -> Matrix:
        return casadi.vertcat(casadi.SX(0, 1), *self.plant.given)

    @cached_property
    def _reads(self) -> Matrix:
        return casadi.vertcat(casadi.SX(0, 1), *self.plant.reads)

    @cached_property
    def _outputs(self) -> Matrix:
        return casadi.vertcat(*(e for _, e in self.plant.outputs.values()))

    @property
    def _arguments(self) -> list[Matrix]:
        u, p, k = self.plant.symbols
        return [self.plant.state, u, p, k, self.plant.time, self._z]

    @cached_property
    def _network_slopes(self) -> tuple[Matrix, Matrix]:
        """Symbols for dz/dr as the networks give them, spot by spot ``(column, target)``, and dz/dr itself."""
        sizes = [(n.spots, n.columns, n.targets) for n in self.networks]
        d = casadi.SX.sym("d", sum(a * b * c for a, b, c in sizes))
        rows, columns = sum(a * c for a, _, c in sizes), sum(a * b for a, b, _ in sizes)
        slopes, at, row, column = casadi.SX(rows, columns), 0, 0, 0
        for spots, reads, targets in sizes:
            for _ in range(spots):
                for c in range(reads):
                    for j in range(targets):
                        slopes[row + j, column + c] = d[at]
                        at += 1
                row, column = row + targets, column + reads
        return d, slopes

    @cached_property
    def jacobian(self) -> Matrix:
        """df/dx of f + n [1/d], sparse; it knows its diagonal."""
        _, slopes = self._network_slopes
        x, f = self.plant.state, self.plant.derivative
        found = casadi.jacobian(f, x)
        if self.networks:
            through = casadi.mtimes(slopes, casadi.jacobian(self._reads, x))
            found = found + casadi.mtimes(casadi.jacobian(f, self._z), through)
        return found

    @cached_property
    def pattern(self) -> np.ndarray:
        """Where the Jacobian may be other than zero, bool ``(state, state)``; the diagonal always."""
        found = np.array(casadi.DM(self.jacobian.sparsity(), 1.0)) != 0.0
        return np.asarray(found | np.eye(len(found), dtype=bool))

    @property
    def derivative_dependence(self) -> tuple[np.ndarray, np.ndarray]:
        """On which states and on which inputs each dx/dt depends, bool ``(state, state)`` and ``(state, input)``."""
        return self._depends(self.plant.derivative)

    @property
    def output_dependence(self) -> tuple[np.ndarray, np.ndarray]:
        """On which states and on which inputs each output depends, bool ``(output, …)`` each."""
        return self._depends(self._outputs)

    def _depends(self, expression: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return on which states and on which inputs each entry depends, through n too, bool ``(entry, …)`` each."""
        through, found = self._mark(expression, self._z), []
        of_networks = np.array(casadi.DM(self._network_slopes[1].sparsity(), 1.0)) != 0.0
        for symbol in (self.plant.state, self.plant.symbols[0]):
            own = self._mark(expression, symbol)
            if self.networks:
                own |= (through.astype(int) @ of_networks.astype(int) @ self._mark(self._reads, symbol).astype(int)) > 0
            found.append(own)
        return found[0], found[1]

    @staticmethod
    def _mark(expression: Matrix, symbol: Matrix) -> np.ndarray:
        sparsity = casadi.Function("e", [symbol], [expression], {"allow_free": True}).jac_sparsity(0, 0)
        return np.asarray(np.array(casadi.DM(sparsity, 1.0)) != 0.0)

    def _print(
        self, name: str, result: Matrix, more: Sequence[tuple[str, Matrix]] = (), *, reads_z: bool = True
    ) -> str:
        known = [*zip(ALWAYS, self._arguments, strict=True)][: None if reads_z else -1]
        names, symbols = zip(*known, *more, strict=True)
        function = casadi.Function(name, symbols, [casadi.densify(result)], {"cse": True})
        return print_function(f"eq_{name}", names, "result", function)

    def _along(self, expression: Matrix, directions: Sequence[tuple[Matrix, Matrix]]) -> Matrix:
        """Return the directional derivative of an expression; each symbol moves in a direction."""
        symbols, ways = (casadi.vertcat(*part) for part in zip(*directions, strict=True))
        return casadi.jtimes(expression, symbols, ways)

    @property
    def equations(self) -> str:
        """The functions of the equations."""
        plant, (u, p, _) = self.plant, self.plant.symbols
        x, z, f, y, reads = plant.state, self._z, plant.derivative, self._outputs, self._reads
        ways = {n: casadi.SX.sym(f"d{n}", s.numel()) for n, s in (("x", x), ("u", u), ("p", p), ("z", z))}
        state = [(x, ways["x"]), (u, ways["u"]), (p, ways["p"])]
        moving = [(u, ways["u"]), (plant.time, casadi.SX(1.0))]
        three = [(f"d{n}", ways[n]) for n in "xup"]
        distances, after = plant.events
        rows = casadi.SX(self.jacobian)
        listed = [
            rows[int(i), int(j)] if rows.sparsity().has_nz(int(i), int(j)) else casadi.SX(0.0)
            for i, j in np.argwhere(self.pattern)
        ]
        parts = [
            self._print("derivative", f),
            self._print("outputs", y),
            self._print("jacobian", casadi.vertcat(*listed), [("d", self._network_slopes[0])]),
            self._print("slope", self._along(f, [*state, (z, ways["z"])]), [*three, ("dz", ways["z"])]),
            self._print("outputs_slope", self._along(y, [*state, (z, ways["z"])]), [*three, ("dz", ways["z"])]),
            self._print("in_time", self._along(f, [*moving, (z, ways["z"])]), [("du", ways["u"]), ("dz", ways["z"])]),
        ]
        if self.networks:
            parts += [
                self._print("reads", reads, reads_z=False),
                self._print("reads_slope", self._along(reads, state), three, reads_z=False),
                self._print("reads_in_time", self._along(reads, moving), [("du", ways["u"])], reads_z=False),
            ]
        if after:
            parts.append(self._print("events", distances))
            parts += [self._print(f"after_{i}", e) for i, e in enumerate(after)]
        return "\n".join(parts)

    @property
    def text(self) -> str:
        """All that is generated, in order, for `asm_hybrid.export.c_solver.ModelText`."""
        equations = self.equations
        parts = [
            self._counts,
            self._tables,
            *_kernels(n for n in ("least", "largest") if f"{n}(" in equations),
            equations,
        ]
        fixed = read_template("plant.c").replace("@NETWORKS@", self._networks).replace("@EVENTS@", self._events)
        return "\n".join([*parts, fixed])

    @property
    def _counts(self) -> str:
        plant, sizes = self.plant, [(n.spots, n.columns, n.targets) for n in self.networks]
        counts = {
            "GIVEN": sum(a * c for a, _, c in sizes),
            "READ": sum(a * b for a, b, _ in sizes),
            "NETWORK_SLOPES": sum(a * b * c for a, b, c in sizes),
            "MASKS": plant.symbols[2].numel(),
            "START_MEMBER": plant.best,
            "TABLES": len(self._cycles),
            "TABLE_INPUTS": sum(len(c.inputs) for c in self._cycles),
        }
        return "enum {\n" + ",\n".join(f"    {name} = {value}" for name, value in counts.items()) + "\n};\n"

    @property
    def _cycles(self) -> list[Cycle]:
        """Time tables whose times are known."""
        return [c for c in self.plant.plant.layout.cycles if not c.states]

    @property
    def _tables(self) -> str:
        """Constant arrays: start values, weights and masks of n, and time tables."""
        plant, cycles = self.plant, self._cycles
        inputs = [c.name for c in plant.inputs]
        masks = [plant.masks(m) for m in range(plant.members)]
        numbers: list[tuple[str, Sequence[float] | np.ndarray]] = [
            ("start_state", plant.starts[plant.best]),
            ("start_input", [c.start for c in plant.inputs]),
            ("start_parameter", [c.start for c in plant.parameters]),
            ("masks", np.concatenate([np.zeros(0), *masks])),
            *((f"weights{i}", n.weights.ravel()) for i, n in enumerate(self.networks)),
            ("table_length", [c.length for c in cycles]),
            ("table_end", [e for c in cycles for e in np.cumsum([p.duration for p in c.phases])]),
            ("table_values", [v for c in cycles for row in zip(*map(c.table, c.inputs), strict=True) for v in row]),
        ]
        first = np.cumsum([0, *(len(c.inputs) for c in cycles)])[:-1]
        whole: list[tuple[str, list[int]]] = [
            ("table_phases", [len(c.phases) for c in cycles]),
            ("table_inputs", [len(c.inputs) for c in cycles]),
            ("table_first", [int(i) for i in first]),
            ("table_input", [inputs.index(name) for c in cycles for name in c.inputs]),
        ]
        return "\n".join(
            [
                *(print_array(f"static const double {name}", list(v), print_number) for name, v in numbers),
                *(print_array(f"static const int {name}", v) for name, v in whole),
            ]
        )

    @property
    def _networks(self) -> str:
        """The networks of n, and the functions by which the equations ask for them."""
        if not self.networks:
            return read_template("no_networks.c")
        values, slopes, through = list[str](), list[str](), list[str]()
        r = z = d = 0
        for i, n in enumerate(self.networks):
            w = f"weights{i} + seed * {n.weights.shape[1]}"
            values.append(f"network{i}({w}, r + {r}, z + {z});")
            slopes.append(f"network{i}_slopes({w}, r + {r}, z + {z}, d + {d});")
            through.append(f"through(d + {d}, dr + {r}, {n.spots}, {n.columns}, {n.targets}, dz + {z});")
            r, z, d = r + n.spots * n.columns, z + n.spots * n.targets, d + n.spots * n.columns * n.targets
        heads = {
            "all_networks(int seed, const double *r, double *z)": values,
            "all_network_slopes(int seed, const double *r, double *z, double *d)": slopes,
            "through_networks(const double *d, const double *dr, double *dz)": through,
        }
        body = [
            f"static void {head}\n{{\n" + "".join(f"    {c}\n" for c in calls) + "}\n" for head, calls in heads.items()
        ]
        called = set[str]().union(*(n.kernels for n in self.networks))
        needed = [k for k in (*NEEDS, *sorted(called - NEEDS.keys())) if k in called or NEEDS.get(k, set()) & called]
        return "\n".join([*_kernels(needed), *(n.source for n in self.networks), *body, read_template("networks.c")])

    @property
    def _events(self) -> str:
        """The functions of events."""
        _, after = self.plant.events
        if not after:
            return read_template("no_events.c")
        cases = "".join(
            f"    case {i}: eq_after_{i}(x, u, m->p, masks_of(m), &t, z, after); break;\n" for i in range(len(after))
        )
        return read_template("events.c").replace("@CASES@", cases)


def _kernels(names: Iterable[str]) -> list[str]:
    """Return the texts of kernels, such as stand in ``export/c/kernels``."""
    return [read_template(f"kernels/{name}.c") for name in names]
