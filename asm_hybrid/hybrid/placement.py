"""What every placement of n is: where it acts, what it may change, and how that enters f + n.

A placement is one class in a module of the folder ``placements``, offered as ``PLACEMENT``, where
:mod:`asm_hybrid.hybrid.placements` finds it; nothing else names it. Its class attributes and class methods are asked
before there is a plant: by the config for its keys and for the names that stand behind them, by the report for its
words. An instance belongs to the settings of one n in one plant. It holds no weights: these, and the arrays of one
namespace, are in the :class:`~asm_hybrid.hybrid.term.Term` that its hooks are handed as ``n``, so that every hook
stands once for torch, CasADi and ONNX. Torch is not imported here, since a config asks for the placements too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.hybrid.keys import Keys
from asm_hybrid.hybrid.signs import Signs, free_signs
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import ArrayNamespace, Plant
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.water import INFLUENT

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["BoundTerm", "Placement"]


class BoundTerm(Protocol[Array]):
    """What the hooks of a placement are given of n, in the arrays of one namespace.

    It is a :class:`~asm_hybrid.hybrid.term.Term`, in torch with all members, in CasADi with one.

    Attributes
    ----------
    xp : ArrayNamespace
        The namespace.
    typical : array, shape (target,)
        Mean sizes of what n may change.
    taking_part : array, shape (component, process)
        Which component takes part in which process.
    """

    @property
    def xp(self) -> ArrayNamespace[Array]:
        """The namespace."""

    @property
    def typical(self) -> Array:
        """Mean sizes of what n may change, ``(target,)``."""

    @property
    def taking_part(self) -> Array:
        """Which component takes part in which process, ``(component, process)``."""

    def gate(self, X: Array) -> Array:
        """Return what is left of a component [-], ``(…, tank, component)``."""

    def outputs(self, X: Array | None, u: Array) -> Array:
        """Return ``g z``, ``(…, spot, column of n)``."""

    def factors(self, X: Array | None, u: Array) -> Array:
        """Return ``exp(L tanh(g z / L))``, ``(…, spot, column of n)``."""

    def additions(self, X: Array, u: Array) -> Array:
        """Return ``gate · typical · g z``, ``(…, tank, column of n)``."""


class Placement(ABC):
    """One way in which n acts, for the settings of one n in one plant.

    Parameters
    ----------
    targets : sequence of str
        What n may change, from `choose`.
    options : mapping of str to object
        Values of its keys, but for that of the targets.
    plant : Plant
        The plant, whose names are resolved here.

    Attributes
    ----------
    name : str
        What a config calls it.
    order : int
        Its place among the placements: n acts in this order where there are several.
    kind : str
        What a target is, in one word; no two placements share it, since files of weights keep n by it.
    summary : str
        What n does, for the description of the key ``placement``.
    corrects : str
        What n corrects, for the report.
    quantity : str
        What f has of a target by itself: ``rate`` or ``value``.
    keys : Keys
        Its own keys in the section ``network``.
    target_key : str or None
        The one of its keys that names the targets; None where these are given by something else.
    defaults : mapping of str to object
        What its other keys stand for where a config gives nothing.
    required : (str, str) or None
        What `target_key` should hold and an example, where a config has to give it.
    in_tanks : bool
        Whether n acts in tanks and reads their states; otherwise it acts on the influent.
    on_derivative : bool
        Whether n changes the derivative of the states.
    reads : str
        What n reads without the key ``inputs``, in words.
    targets : tuple of str
        What n may change.
    options : mapping of str to object
        Values of its keys, but for that of the targets.
    spots : tuple of str
        Places where one and the same network is evaluated.
    columns : tuple of int
        Positions of the targets in the last axis of n, which is that of `universe`.
    width : int
        Length of that axis.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    kind: ClassVar[str]
    summary: ClassVar[str]
    corrects: ClassVar[str]
    quantity: ClassVar[str] = "value"
    keys: ClassVar[Keys] = {}
    target_key: ClassVar[str | None] = None
    defaults: ClassVar[Mapping[str, Any]] = {}
    required: ClassVar[tuple[str, str] | None] = None
    in_tanks: ClassVar[bool] = True
    on_derivative: ClassVar[bool] = True
    reads: ClassVar[str] = "the soluble components and T"

    def __init__(self, targets: Sequence[str], options: Mapping[str, Any], plant: Plant) -> None:
        self.targets, self.options = tuple(targets), {**self.defaults, **options}
        self.spots = self.spots_in(plant.layout)
        names = self.universe(plant.table, self.targets)
        self.width = len(names)
        self.columns = tuple(names.index(target) for target in self.targets)

    def __deepcopy__(self, memo: object) -> Placement:
        """Return itself: nothing in it changes, so copies of a term share it."""
        return self

    # What a config asks.

    @classmethod
    def default_inputs(cls, table: Table) -> tuple[str, ...]:
        """Return what n reads without the key ``inputs``: solids drift over weeks, out of any range of training."""
        return (*(c.name for c in table.components if c.phase == "soluble"), "T")

    @classmethod
    @abstractmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the targets.

        Parameters
        ----------
        named : sequence of str or None
            What a config gives under `target_key`.
        table : Table
            The kinetics table.
        observed : sequence of str
            The measured variables.
        """

    @classmethod
    def known(cls, table: Table) -> tuple[Sequence[str], str]:
        """Return the names that `target_key` may hold, and what they are, such as ``a process of asm1``."""
        raise NotImplementedError(f"{cls.name} names no targets")

    @classmethod
    def check(cls, named: Sequence[str], table: Table, where: Callable[[int], str]) -> None:
        """Check the names under `target_key`.

        Parameters
        ----------
        named : sequence of str
            The names.
        table : Table
            The kinetics table.
        where : callable
            Gives file and line of one of them, by its position.

        Raises
        ------
        InputError
            For the first that cannot be a target.
        """
        known, what = cls.known(table)
        for i, name in enumerate(named):
            if name not in known:
                found = f"{name!r} is not {what}"
                raise InputError(found, where=where(i), expected=what, fix=nearest(name, known))
            if name in named[:i]:
                raise InputError(f"{name!r} is listed twice", where=where(i), expected="each name once")

    def signs(self, table: Table, inputs: Sequence[str]) -> Signs:
        """Return how f answers what n reads, so far as that says something of n; nothing by default.

        Parameters
        ----------
        table : Table
            The kinetics table.
        inputs : sequence of str
            What n reads.
        """
        return free_signs(self.targets, inputs)

    # Where n acts, and on what.

    @classmethod
    def spots_in(cls, layout: Layout) -> tuple[str, ...]:
        """Return where the network is evaluated: in every tank, or at the influent."""
        return layout.tank_names if cls.in_tanks else (INFLUENT,)

    @classmethod
    def universe(cls, table: Table, targets: Sequence[str]) -> tuple[str, ...]:
        """Return what the last axis of n stands for: the targets, or all that there is of their kind."""
        return tuple(targets)

    @classmethod
    @abstractmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of what f has of a target."""

    def acts_at(self) -> np.ndarray:
        """Return one where n acts and zero elsewhere, ``(spot, target)``."""
        return np.ones((len(self.spots), len(self.targets)))

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Spots and targets where n acts."""
        return tuple((int(spot), int(i)) for spot, i in np.argwhere(self.acts_at() > 0))

    # Hooks into f + n. By default n leaves alone what they are for.

    def driven(self, n: BoundTerm[Array], u: Array) -> Array:
        """Return the inputs that drive the hybrid, ``(…, input)``; without states, so not in tanks."""
        return u

    def adjusted(self, n: BoundTerm[Array], p: Sequence[Array], X: Array, u: Array) -> Sequence[Array]:
        """Return the parameters that the rates use, each to broadcast against ``(…, tank)``."""
        return p

    def rates(self, n: BoundTerm[Array], rho: Array, X: Array, u: Array) -> Array:
        """Return the rates, ``(…, tank, process)``."""
        return rho

    def changed(self, n: BoundTerm[Array], change: Array, X: Array, u: Array) -> Array:
        """Return the derivative of the tanks, ``(…, tank, component)``."""
        return change

    def recorded(self, n: BoundTerm[Array], outputs: Array, targets: Sequence[str], X: Array, u: Array) -> Array:
        """Return recorded quantities, ``(…, output)``."""
        return outputs

    def slope_factor(self, n: BoundTerm[Array], X: Array, u: Array) -> Array | None:
        """Return the factor on the slopes of f's rates, n held, ``(…, tank, process)``; None where it is one."""
        return None

    @property
    def multiplies(self) -> bool:
        """Whether n gives factors; otherwise it gives additions."""
        return False

    def given(self, n: BoundTerm[Array], X: Array, u: Array) -> Array:
        """Return what n gives: factors, or additions in the unit of what they change, ``(…, spot, column of n)``."""
        return n.factors(X, u) if self.multiplies else n.additions(X, u)

    def open(self, n: BoundTerm[Array], X: Array) -> Array:
        """Return how far an addition may go [-]: zero where its component runs out, ``(…, tank, column of n)``."""
        return n.gate(X)

    def acting(self, n: BoundTerm[Array], z: Array) -> Array:
        """Return n where it acts, ``(…, target)``, from n everywhere, ``(…, spot, column of n)``; what is penalised."""
        return z

    # What training and diagnosis ask, in torch.

    @abstractmethod
    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the typical sizes of the targets, ``(target,)``.

        Parameters
        ----------
        f : Trajectory
            Recalibrated f over the training block.
        spread : mapping of str to float
            Standard deviations of the measured variables there.
        """

    @abstractmethod
    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return what f has by itself and what n adds to it along a trajectory, each ``(time, spot, column of n)``.

        Parameters
        ----------
        n : Term
            One member of n.
        f : Trajectory
            f along the states of f + n.
        """
