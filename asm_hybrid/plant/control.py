"""Controllers: what is measured, the law, and what it moves.

A controller's states are arrays like a tank's, so that the plant's equations hold them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["PI", "TUNABLE", "Controller", "Lag", "OnOff", "Sensor", "sorted_controllers", "tuned_values"]

NOTHING: Mapping[str, Any] = {}
"""No value is calibrated."""


@dataclass(frozen=True)
class Lag:
    """A chain of equal first-order lags, by the response of the whole to a step.

    Attributes
    ----------
    response : float
        Time after which 90 % of a step are reached, T_90 [d].
    order : int
        Number of lags; many of them come close to a pure delay.

    Notes
    -----
    The time constant of each is ``T_90 / x`` with ``P(order, x) = 0.9``, P being the regularised incomplete gamma
    function: x = 3.89 for two and 11.77 for eight lags, as BSM1 has them for its sensors and actuators [1]_.

    References
    ----------
    .. [1] Rieger, L., Alex, J., Winkler, S., Boehler, M., Thomann, M. and Siegrist, H. (2003): Progress in sensor
       technology - progress in process control? Water Science and Technology 47(2), 103-112.
    """

    response: float
    order: int = 2

    def __post_init__(self) -> None:
        if not self.response > 0 or self.order < 1:
            raise InputError(
                f"a lag has a response time of {self.response} d and an order of {self.order}",
                expected="a time above zero and an order of 1 or more",
            )

    @cached_property
    def constant(self) -> float:
        """Time constant of one lag [d]."""
        from scipy.special import gammaincinv

        return self.response / float(gammaincinv(self.order, 0.9))

    def slopes(self, z: Sequence[Array], value: Array) -> list[Array]:
        """Return dz/dt of the chain [unit/d] that follows a value."""
        return [(before - now) / self.constant for before, now in zip([value, *z[:-1]], z, strict=True)]


@dataclass(frozen=True)
class Sensor:
    """What a controller sees of a concentration.

    Attributes
    ----------
    lag : Lag or None
        How it follows.
    low, high : float
        Measuring range, in the unit of what is measured.
    noise : float
        Standard deviation of its noise, in the unit of what is measured; a new value a minute.
    delay : float
        Dead time before the lag [d].
    """

    lag: Lag | None = None
    low: float = 0.0
    high: float = 1e6
    noise: float = 0.0
    delay: float = 0.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(
                f"the sensor measures from {self.low} to {self.high}", expected="the lower below the upper"
            )


@dataclass(frozen=True)
class PI:
    """Proportional and integral action, with limits and anti-windup by tracking.

    With the error ``e = setpoint - measured`` and the integral ``I``::

        v = offset + K e + I,   u = min(max(v, low), high),   dI/dt = K e / T_i + (u - v) / T_t

    Attributes
    ----------
    gain : float
        K [unit of what is moved per unit of what is measured]; negative where more of it lowers what is measured.
    integral_time, tracking_time : float
        T_i and T_t [d].
    offset : float
        What is moved at no error.
    low, high : float
        Limits of what is moved.

    References
    ----------
    .. [1] Alex, J. et al. (2018): Benchmark Simulation Model no. 1. IWA Task Group, chapter 4.
    """

    gain: float
    integral_time: float
    tracking_time: float
    offset: float = 0.0
    low: float = 0.0
    high: float = 1e9

    def __post_init__(self) -> None:
        if not (self.integral_time > 0 and self.tracking_time > 0):
            raise InputError("an integral or tracking time is not above zero", expected="times above zero")
        if not self.low < self.high:
            raise InputError(f"the limits are {self.low} and {self.high}", expected="the lower below the upper")

    def evaluate(
        self, integral: Array, error: Array, xp: ArrayNamespace[Array], tuned: Mapping[str, Array] = NOTHING
    ) -> tuple[Array, Array]:
        """Return what is moved, and the slope of the integral; `tuned` has values in the place of its own."""
        acts: Array | float = self.gain
        if "gain" in tuned:
            acts = tuned["gain"] if self.gain > 0.0 else -1.0 * tuned["gain"]
        time: Array | float = tuned.get("integral_time", self.integral_time)
        wanted = self.offset + acts * error + integral
        moved = xp.minimum(xp.maximum(wanted, self.low), self.high)
        return moved, acts / time * error + (moved - wanted) / self.tracking_time

    def own_slope(self, integral: Array, error: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return how the integral changes with itself [1/d]: tracking pulls it back beyond the limits alone."""
        wanted = self.offset + self.gain * error + integral
        beyond = xp.abs(xp.minimum(xp.maximum(wanted, self.low), self.high) - wanted)
        return xp.where(beyond > 0.0, 0.0 * wanted - 1.0 / self.tracking_time, 0.0 * wanted)


@dataclass(frozen=True)
class OnOff:
    """Two values with a dead band between, as in intermittent aeration.

    Attributes
    ----------
    on, off : float
        The values.
    switch_on, switch_off : float
        What has to be measured to switch on, and off. With the former above the latter, it is on above.
    """

    on: float
    off: float
    switch_on: float
    switch_off: float

    def __post_init__(self) -> None:
        if self.switch_on == self.switch_off:
            raise InputError(
                f"switch_on and switch_off are both {self.switch_on}", expected="two values, with a dead band between"
            )

    def distance(self, mode: Array, measured: Array, tuned: Mapping[str, Array] = NOTHING) -> Array:
        """Return how far it is from switching; below zero it switches. The mode is one when on, zero when off.

        In the place of its own switch points it has those of `tuned`.
        """
        sign = 1.0 if self.switch_on > self.switch_off else -1.0
        on, off = self._points(tuned)
        return sign * (mode * (measured - off) + (1.0 - mode) * (on - measured))

    def _points(self, tuned: Mapping[str, Array]) -> tuple[Array | float, Array | float]:
        return tuned.get("switch_on", self.switch_on), tuned.get("switch_off", self.switch_off)

    def share(
        self, mode: Array, measured: Array, xp: ArrayNamespace[Array], tuned: Mapping[str, Array] = NOTHING
    ) -> Array:
        """Return the share of time to be on, from the present one; unchanged in the middle of the dead band."""
        on, off = self._points(tuned)
        beyond = (measured - 0.5 * (on + off)) / (on - off)
        return xp.minimum(xp.maximum(mode + 0.1 * beyond, 0.0), 1.0)


@dataclass(frozen=True)
class Controller:
    """One loop.

    Attributes
    ----------
    name : str
        Its name.
    measured, unit : str
        ``TANK.QUANTITY``, and the unit of the quantity.
    sets : tuple of str
        The inputs it moves, or ``CONTROLLER.setpoint`` of others.
    law : PI or OnOff
        The law.
    sensor : Sensor
        How it measures.
    actuator : Lag or None
        How what it moves follows.
    """

    name: str
    measured: str
    unit: str
    sets: tuple[str, ...]
    law: PI | OnOff
    sensor: Sensor = Sensor()
    actuator: Lag | None = None

    @property
    def start_value(self) -> float:
        """What is moved at the beginning."""
        return self.law.offset if isinstance(self.law, PI) else self.law.off

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of its states."""
        sensor = self.sensor.lag.order if self.sensor.lag else 0
        actuator = self.actuator.order if self.actuator else 0
        middle = "integral" if isinstance(self.law, PI) else "mode"
        names = [*(f"sensor_{i + 1}" for i in range(sensor)), middle, *(f"actuator_{i + 1}" for i in range(actuator))]
        return tuple(f"{self.name}.{n}" for n in names)

    def start(self, setpoint: float) -> list[float]:
        """Return states to begin with."""
        seen = setpoint if isinstance(self.law, PI) else self.law.switch_off
        values = {"sensor": seen, "actuator": self.start_value}
        return [values.get(name.partition(".")[2].partition("_")[0], 0.0) for name in self.states]

    def split(self, z: Sequence[Array]) -> tuple[Sequence[Array], Array, Sequence[Array]]:
        """Split its states into those of the sensor, of the law, and of the actuator."""
        n = self.sensor.lag.order if self.sensor.lag else 0
        return z[:n], z[n], z[n + 1 :]

    def seen(self, z: Sequence[Array], value: Array, noise: Array | float, xp: ArrayNamespace[Array]) -> Array:
        """Return what the sensor shows of a value."""
        chain, _, _ = self.split(z)
        shown = (chain[-1] if chain else value) + noise
        return xp.minimum(xp.maximum(shown, self.sensor.low), self.sensor.high)

    def evaluate(
        self,
        z: Sequence[Array],
        value: Array,
        setpoint: Array | float,
        noise: Array | float,
        xp: ArrayNamespace[Array],
        tuned: Mapping[str, Array] = NOTHING,
    ) -> tuple[Array, list[Array]]:
        """Return what the input becomes, and the slopes of the states [unit/d].

        Parameters
        ----------
        z : sequence of array, shape (…, 1)
            Its states.
        value, setpoint, noise : array, shape (…, 1), or float
            What is measured in the plant, what it should be, and the noise of the sensor.
        xp : ArrayNamespace
            Array operations.
        tuned : mapping of str to array, shape (…, 1)
            Values that are calibrated, in the place of those of the law and of the setpoint.
        """
        chain, middle, rest = self.split(z)
        shown = self.seen(z, value, noise, xp)
        if isinstance(self.law, PI):
            moved, slope = self.law.evaluate(middle, tuned.get("setpoint", setpoint) - shown, xp, tuned)
        else:
            moved, slope = self.law.off + (self.law.on - self.law.off) * middle, 0.0 * middle
        slopes = [*(self.sensor.lag.slopes(chain, value) if self.sensor.lag else []), slope]
        if self.actuator is None:
            return moved, slopes
        return rest[-1], [*slopes, *self.actuator.slopes(rest, moved)]

    def own_slopes(
        self, z: Sequence[Array], value: Array, setpoint: Array | float, noise: Array | float, xp: ArrayNamespace[Array]
    ) -> list[Array]:
        """Return how each state changes with itself [1/d]; see `evaluate`."""
        chain, middle, rest = self.split(z)
        own = 0.0 * middle
        if isinstance(self.law, PI):
            own = self.law.own_slope(middle, setpoint - self.seen(z, value, noise, xp), xp)
        sensor = [0.0 * lag - 1.0 / self.sensor.lag.constant for lag in chain] if self.sensor.lag else []
        actuator = [0.0 * lag - 1.0 / self.actuator.constant for lag in rest] if self.actuator else []
        return [*sensor, own, *actuator]


TUNABLE: Mapping[type[PI] | type[OnOff], tuple[str, ...]] = {
    PI: ("setpoint", "gain", "integral_time"),
    OnOff: ("switch_on", "switch_off"),
}
"""What can be calibrated of a law; of a gain its size, as the sign is known."""


def tuned_values(
    controller: Controller, names: Sequence[str], parameters: Array, xp: ArrayNamespace[Array]
) -> dict[str, Array]:
    """Return what is calibrated of a controller.

    Parameters
    ----------
    controller : Controller
        The controller.
    names : sequence of str
        Names of the parameters; those of a controller are ``CONTROLLER.KEY``, with a key of `TUNABLE`.
    parameters : array, shape (…, parameter)
        Their values.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    dict of str to array, shape (…, 1)
        By key.
    """
    own = {f"{controller.name}.{key}": key for key in TUNABLE[type(controller.law)]}
    return {own[name]: xp.entry(parameters, i) for i, name in enumerate(names) if name in own}


def sorted_controllers(controllers: Sequence[Controller]) -> list[Controller]:
    """Put every controller behind the one that sets its setpoint.

    Parameters
    ----------
    controllers : sequence of Controller
        Controllers in any order.

    Returns
    -------
    list of Controller
        The same, in that order.

    Raises
    ------
    InputError
        When two move the same input, set each other's setpoint in a circle, or name one that is not there.
    """
    by_name = {c.name: c for c in controllers}
    master: dict[str, Controller] = {}
    for target, controller in ((target, c) for c in controllers for target in c.sets):
        if target in master:
            raise InputError(
                f"{target} is set by two controllers, {master[target].name} and {controller.name}",
                expected="one controller an input",
            )
        master[target] = controller
        named, _, key = target.rpartition(".")
        if key == "setpoint" and named not in by_name:
            raise InputError(
                f"the controller {controller.name} sets the setpoint of {named!r}, which does not exist",
                expected="the name of a controller",
                fix=nearest(named, by_name),
            )
    done: list[Controller] = []
    left = list(controllers)
    while left:
        ready = [c for c in left if (m := master.get(f"{c.name}.setpoint")) is None or m in done]
        if not ready:
            raise InputError("controllers set each other's setpoint in a circle: " + ", ".join(c.name for c in left))
        done += ready
        left = [c for c in left if c not in ready]
    return done
