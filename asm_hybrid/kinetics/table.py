"""What a kinetics table holds, once it is read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from asm_hybrid.cards import card, folded, note, tabulated
from asm_hybrid.kinetics.equilibrium import Equilibrium
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.extend import LayeredDocument
from asm_hybrid.kinetics.rate_inputs import RateInput

__all__ = ["Component", "Composite", "Gas", "Parameter", "Process", "Table"]


@dataclass(frozen=True)
class Component:
    """A substance whose concentration is a state.

    Attributes
    ----------
    name, unit : str
        Published symbol in ASCII, and unit of the concentration.
    phase : str
        ``"soluble"`` or ``"particulate"``.
    symbol : str
        The symbol in LaTeX.
    composition : mapping of str to Expression
        What one unit of it holds of every conserved material; what is not named is zero.
    description : str
        What it is.
    """

    name: str
    unit: str
    phase: str
    symbol: str
    composition: Mapping[str, Expression]
    description: str = ""


@dataclass(frozen=True)
class Parameter:
    """A kinetic or stoichiometric constant.

    Attributes
    ----------
    name, unit : str
        Published symbol in ASCII, and unit.
    default : float
        Value at `T_ref`.
    T_ref : float or None
        Reference temperature [°C].
    theta : float or None
        The parameter is ``p θ^(T - T_ref)``; None where it does not depend on temperature.
    bounds : tuple of float
        Range in which it may be calibrated.
    source : str
        Key in ``references.bib``, or words.
    note, description : str
        Where in the source, and what it is.
    """

    name: str
    default: float
    unit: str
    T_ref: float | None
    theta: float | None
    bounds: tuple[float, float]
    source: str
    note: str = ""
    description: str = ""


@dataclass(frozen=True)
class Process:
    """One line of the Gujer matrix.

    Attributes
    ----------
    name : str
        Its name.
    rate : Expression
        Rate ρ, with functions by name.
    unit : str
        Unit of the rate.
    stoichiometry : mapping of str to Expression
        Coefficients that are not zero, by component, in the order of the table.
    solved : frozenset of str
        Components whose coefficient the table leaves to continuity (``"?"``).
    description : str
        What happens.
    exchanges : tuple of str
        Conserved materials that it brings in from outside of the water or takes away, and that therefore do not close.
    """

    name: str
    rate: Expression
    unit: str
    stoichiometry: Mapping[str, Expression]
    solved: frozenset[str] = frozenset()
    description: str = ""
    exchanges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Composite:
    """A measured sum of components, such as TSS or COD.

    Attributes
    ----------
    unit : str
        Its unit.
    weights : mapping of str to Expression
        What one unit of a component adds; what is not named adds nothing.
    description : str
        What it is.
    """

    unit: str
    weights: Mapping[str, Expression]
    description: str = ""


@dataclass(frozen=True)
class Gas:
    """A dissolved gas beside oxygen, which the air of aeration strips or brings in.

    Attributes
    ----------
    component : str
        Its dissolved component.
    kla_ratio : float
        Its transfer coefficient kLa over that of oxygen [-]: by penetration theory the square root of the ratio of the
        diffusivities [1]_.
    henry : float
        Henry's solubility constant at 25 °C [mol/(m³ Pa)].
    henry_T : float
        Its dependence on temperature, d ln H/d(1/T) [K].
    per_mol : float
        What a mol of the gas is in the unit of the component, such as 28 g N for N2O.
    in_air : float
        Its share of the volume of dry air [-].
    source, note : str
        Key in ``references.bib``, or words, of Henry's constant; and where the other values are from.

    References
    ----------
    .. [1] R. Higbie (1935), "The rate of absorption of a pure gas into a still liquid during short periods of
       exposure", Trans. AIChE 31, 365-389.
    """

    component: str
    kla_ratio: float
    henry: float
    henry_T: float
    per_mol: float
    in_air: float
    source: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Reactions, written once.

    Attributes
    ----------
    name, title, description, source : str
        Its name, what it is called, what it is for, where it comes from.
    components, parameters, processes : tuple
        In the order of the file; states, parameter vectors and rates have this order.
    composites : mapping of str to Composite
        Measured sums of components.
    oxygen : str or None
        The component that aeration supplies.
    materials : tuple of str
        What every process conserves.
    tolerance : float
        Largest imbalance of a process, in units of the material for one unit of rate.
    path : Path
        The file.
    document : LayeredDocument
        What it was read from.
    inputs : tuple of RateInput
        Inputs of the plant that rates read, in the order of their names.
    equilibrium : Equilibrium or None
        The acids and bases from which the pH follows.
    gases : tuple of Gas
        Dissolved gases that aeration transfers beside oxygen, in the order of the components.
    """

    name: str
    title: str
    description: str
    source: str
    components: tuple[Component, ...]
    parameters: tuple[Parameter, ...]
    processes: tuple[Process, ...]
    composites: Mapping[str, Composite]
    oxygen: str | None
    materials: tuple[str, ...]
    tolerance: float
    path: Path
    document: LayeredDocument = field(repr=False)
    inputs: tuple[RateInput, ...] = ()
    equilibrium: Equilibrium | None = None
    gases: tuple[Gas, ...] = ()

    @cached_property
    def text(self) -> str:
        """The table in one text that needs no other file."""
        return self.document.text

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(c.name for c in self.components)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the plant that rates read."""
        return tuple(i.name for i in self.inputs)

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Units of all that can be measured in water, by name: components, composites, and what the pH brings."""
        found = {c.name: c.unit for c in self.components} | {n: c.unit for n, c in self.composites.items()}
        return found | (self.equilibrium.units(found) if self.equilibrium else {})

    @property
    def quantity_names(self) -> tuple[str, ...]:
        """Names of the pH and what else follows from the equilibrium; none without one."""
        return self.equilibrium.names if self.equilibrium else ()

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(p.name for p in self.parameters)

    @property
    def process_names(self) -> tuple[str, ...]:
        """Names of the processes."""
        return tuple(p.name for p in self.processes)

    @property
    def _size(self) -> str:
        counts = {"components": self.components, "processes": self.processes, "parameters": self.parameters}
        return ", ".join(f"{len(rows)} {name}" for name, rows in counts.items())

    def __repr__(self) -> str:
        return f"Table {self.name}: {self.title}; {self._size}"

    def _repr_html_(self) -> str:
        words = frozenset({0, 1, 2})
        rates = [[p.name, str(p.rate), p.unit] for p in self.processes]
        components = [[c.name, c.unit, c.description] for c in self.components]
        parameters = [[p.name, f"{p.default:g} {p.unit}", p.source] for p in self.parameters]
        return card(
            f"{self.name}: {self.title}",
            note(self.description),
            tabulated(["Process", "Rate", "Unit"], rates, self._size, text=words),
            folded("components", tabulated(["Component", "Unit", ""], components, text=words)),
            folded(
                "parameters",
                tabulated(["Parameter", "Default", "Source"], parameters, text=frozenset({0, 1, 3})),
            ),
        )
