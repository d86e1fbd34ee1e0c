"""What the inputs make of a plant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic

from asm_hybrid.kinetics.arrays import Array

__all__ = ["Forcing"]


@dataclass(frozen=True)
class Forcing(Generic[Array]):
    """What inputs and temperature make of the plant at one time; holds no state.

    Attributes
    ----------
    u : array, shape (…, input)
        The inputs.
    parameters : array, shape (…, parameter)
        Parameters at the temperature of the liquid, and behind them the inputs that the table's rates read, but for
        what these read of their tank (see `rate_arguments`).
    flows : array, shape (…, tank, tank)
        Transport of all components [1/d].
    thickening : array or None, shape (…, tank, tank)
        Extra transport of particulate components [1/d].
    source : array or None, shape (…, tank, component)
        Inflow, and transfer of gases from the air into water without them [g/(m³ d)]; None where a primary clarifier
        treats the inflow and nothing is aerated.
    loss : array or None, shape (…, tank, component)
        Fall of the transfer with the state [1/d]: kLa of oxygen and of other gases; None without aeration.
    imposed : array or None, shape (…, tank, component)
        Imposed concentrations, zero elsewhere; None where nothing is imposed.
    feed : array, shape (…, 1, tank)
        Share of every tank in what the settler is fed [-].
    feed_flow, overflow : array, shape (…, 1)
        Flows into the settler, and out of it over the top [m³/d].
    direct : array or None, shape (…, 1, tank)
        Flows from the tanks straight to the effluent [m³/d]; None where there are none.
    measured : array or None, shape (…, input)
        The inputs before a learnt correction, and before controllers act; None where these are the inputs.
    late : array or None, shape (…, entry)
        What arrives late, as it arrives, in the order of `Plant.late`; None where nothing does.
    """

    u: Array = field(metadata={"axes": 1})
    parameters: Array = field(metadata={"axes": 1})
    flows: Array = field(metadata={"axes": 2})
    thickening: Array | None = field(metadata={"axes": 2})
    source: Array | None = field(metadata={"axes": 2})
    loss: Array | None = field(metadata={"axes": 2})
    imposed: Array | None = field(metadata={"axes": 2})
    feed: Array = field(metadata={"axes": 2})
    feed_flow: Array = field(metadata={"axes": 1})
    overflow: Array = field(metadata={"axes": 1})
    direct: Array | None = field(metadata={"axes": 2})
    measured: Array | None = field(default=None, metadata={"axes": 1})
    late: Array | None = field(default=None, metadata={"axes": 1})

    @property
    def seen(self) -> Array:
        """The inputs as they were measured, which is how a learnt term reads them, ``(…, input)``."""
        return self.u if self.measured is None else self.measured
