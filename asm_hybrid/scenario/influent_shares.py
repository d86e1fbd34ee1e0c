"""Another make-up of the same influent: the share of one component changes, and COD, nitrogen and phosphorus stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.families import Family
from asm_hybrid.plant.fractionation import composite_weights, find_family
from asm_hybrid.plant.inputs import INFLUENT

__all__ = ["FRACTION", "InfluentShares"]

FRACTION = "fraction."
"""How the name of a share begins where a change names it in the place of an input."""
REST = "X_S"
"""The component that takes what others leave of COD, as in the fractionation of a config; itself, all others do."""
NEGATIVE = -1e-9


@dataclass(frozen=True)
class InfluentShares:
    """The components of an influent as shares of its sums.

    Attributes
    ----------
    table : Table
        The kinetics table.
    parameters : ndarray, shape (parameter,)
        Values of its parameters, by which components contain nitrogen and phosphorus.
    """

    table: Table
    parameters: np.ndarray

    @cached_property
    def _family(self) -> Family:
        return find_family(self.table)

    @cached_property
    def _weights(self) -> Mapping[str, Mapping[str, float]]:
        """What one unit of a component adds to TKN, and to TP where phosphate closes it."""
        named = dict(zip(self.table.parameter_names, self.parameters.tolist(), strict=True))
        sums = ("TKN", "TP") if self._family.phosphate else ("TKN",)
        return {name: composite_weights(self.table, named, name) for name in sums}

    @property
    def _groups(self) -> tuple[tuple[str, ...], ...]:
        """Components that share a sum: those of COD, and those of nitrogen where organic nitrogen is one."""
        nitrogen = (self._family.ammonium, *self._family.nitrogen) if self._family.nitrogen else ()
        return tuple(self._family.organics), nitrogen

    @property
    def names(self) -> tuple[str, ...]:
        """The shares that can change, by the names by which changes call them."""
        return tuple(FRACTION + name for group in self._groups for name in group)

    def changed(
        self, name: str, values: np.ndarray, inputs: Sequence[str], share: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return inputs in which the share of a component is another one.

        Parameters
        ----------
        name : str
            The share, such as ``fraction.S_I``.
        values : ndarray, shape (time, input)
            The inputs; not changed.
        inputs : sequence of str
            Their names.
        share : callable
            From the share of the component in its sum, ``(time,)``, to the new one [-].

        Returns
        -------
        ndarray, shape (time, input)

        Raises
        ------
        InputError
            For a share that there is none of, and for one that leaves another component less than nothing.
        """
        names, component = self.names, name.removeprefix(FRACTION)
        if name not in names:
            raise InputError(
                f"there is no share {name!r}", expected="one of " + ", ".join(names), fix=nearest(name, names)
            )
        group = next(group for group in self._groups if component in group)
        place = {c: list(inputs).index(INFLUENT + c) for c in self.table.component_names if INFLUENT + c in inputs}
        found, own = values.copy(), place[component]
        amount = sum((values[:, place[c]] for c in group), np.zeros(len(values)))
        with np.errstate(divide="ignore", invalid="ignore"):
            before = np.where(amount > 0.0, values[:, own] / amount, 0.0)
        wanted = share(before)
        if wanted.min() < 0.0 or wanted.max() > 1.0:
            worst = wanted.min() if wanted.min() < 0.0 else wanted.max()
            raise InputError(
                f"the share of {component} becomes {worst:.4g}",
                expected=f"a share of {' + '.join(group)} from 0 to 1",
                fix="use a smaller change",
            )
        added = wanted * amount - values[:, own]
        found[:, own] += added
        others = [c for c in group if c != component]
        if component in self._family.organics and component != REST:
            others = [REST]
        left = sum((values[:, place[c]] for c in others), np.zeros(len(values)))
        if (added > left - NEGATIVE).any():
            raise _no_room(component, " and ".join(others))
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(left > 0.0, np.maximum(1.0 - added / left, 0.0), 1.0)
        for c in others:
            found[:, place[c]] *= scale
        if component in self._family.organics:
            self._close(component, found - values, found, place)
        return found

    def _close(self, component: str, moved: np.ndarray, found: np.ndarray, place: Mapping[str, int]) -> None:
        """Let ammonium and phosphate take what of nitrogen and phosphorus the organics hold less than before."""
        for name, closing in (("TKN", self._family.ammonium), ("TP", self._family.phosphate)):
            if closing is not None:
                weights = self._weights[name]
                more = sum((w * moved[:, place[c]] for c, w in weights.items() if c in place), np.zeros(len(moved)))
                found[:, place[closing]] -= more / weights[closing]
                if found[:, place[closing]].min() < NEGATIVE:
                    raise _no_room(component, closing)


def _no_room(component: str, other: str) -> InputError:
    return InputError(
        f"the share of {component} leaves less than nothing of {other}",
        expected=f"a share for which {other} can make room, while COD, nitrogen and phosphorus stay",
        fix="use a smaller change",
    )
