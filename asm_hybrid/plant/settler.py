"""Final settlers: an ideal separator without volume, and the layered settler of Takács."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["TINY", "IdealSettler", "TakacsSettler"]

TINY = 1e-9
"""Added to or taken for a flow or concentration that something is divided by [m³/d or g/m³]."""


@dataclass(frozen=True)
class IdealSettler:
    """A separator without volume and reaction.

    All solids that come leave at once: what does not go over the weir goes with the underflow. Without underflow they
    all leave with the effluent, and without effluent all with the underflow, since nothing can stay.

    Attributes
    ----------
    non_settleable : float
        Share of the solids load that leaves with the effluent [-].
    """

    non_settleable: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.non_settleable < 1:
            raise InputError(
                f"non_settleable is {self.non_settleable}", expected="a share from 0 up to, not including, 1"
            )

    def thickening(self, feed: Array, underflow: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return X_underflow / X_feed [-] for flows [m³/d]."""
        overflow = xp.maximum(feed - underflow, 0.0)
        share = 1.0 - self.non_settleable * (overflow / xp.maximum(overflow, TINY))
        return share * feed / xp.maximum(underflow, TINY)

    def thinning(self, feed: Array, underflow: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return X_overflow / X_feed [-] for flows [m³/d]; zero where nothing flows over."""
        undrawn = 1.0 - underflow / xp.maximum(underflow, TINY)
        share = self.non_settleable + (1.0 - self.non_settleable) * undrawn
        overflow = feed - underflow
        return xp.where(overflow > 0.0, share * feed / xp.maximum(overflow, TINY), 0.0 * feed)


@dataclass(frozen=True)
class TakacsSettler:
    """A one-dimensional settler of completely mixed layers without reaction, as BSM1 has it.

    Suspended solids settle with the double-exponential velocity of Takács; solubles are carried by the water. Solids
    that leave have at every moment the composition of those in the feed.

    Attributes
    ----------
    area, height : float
        Surface [m²] and depth [m].
    layers : int
        Number of layers of equal height.
    feed_layer : int
        The layer that is fed, counted from the top, from 1.
    v0_max, v0 : float
        Largest practical and theoretical settling velocity [m/d].
    r_h, r_p : float
        Parameters of hindered and of flocculent settling [m³/g].
    f_ns : float
        Share of the feed's solids that do not settle [-].
    X_t : float
        Solids concentration above which a layer over the feed slows down the one above it [g/m³].

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    .. [1] Takács, I., Patry, G. G. and Nolasco, D. (1991): A dynamic model of the clarification-thickening process.
       Water Research 25, 1263-1271.
    .. [2] Alex, J. et al. (2018): Benchmark Simulation Model no. 1. IWA Task Group. Section 2.4 and table 4: the
       default values, and the fluxes between layers.
    """

    area: float
    height: float
    layers: int = 10
    feed_layer: int = 5
    v0_max: float = 250.0
    v0: float = 474.0
    r_h: float = 0.000576
    r_p: float = 0.00286
    f_ns: float = 0.00228
    X_t: float = 3000.0

    def __post_init__(self) -> None:
        for name in ("area", "height", "v0_max", "v0", "r_h", "r_p", "X_t"):
            if not getattr(self, name) > 0:
                raise InputError(f"the settler has {name} = {getattr(self, name)}", expected="a value above zero")
        if not 0 <= self.f_ns < 1:
            raise InputError(f"the settler has f_ns = {self.f_ns}", expected="a share from 0 up to, not including, 1")
        if not self.layers >= 3 or not 1 < self.feed_layer < self.layers:
            raise InputError(
                f"the settler has {self.layers} layers and is fed in layer {self.feed_layer}",
                expected="three layers or more, fed in one between the first and the last",
            )

    @property
    def thickness(self) -> float:
        """Height of a layer [m]."""
        return self.height / self.layers

    @property
    def volume(self) -> float:
        """Volume of all layers [m³]."""
        return self.area * self.height

    @cached_property
    def rise(self) -> np.ndarray:
        """What the overflow changes in the layers, ``(layer, layer)``: it rises from the feed to the top."""
        matrix, feed = np.zeros((self.layers, self.layers)), self.feed_layer - 1
        for i in range(feed):
            matrix[i, i], matrix[i, i + 1] = -1.0, 1.0
        matrix[feed, feed] = -1.0
        return matrix / (self.area * self.thickness)

    @cached_property
    def sink(self) -> np.ndarray:
        """What the underflow changes in the layers, ``(layer, layer)``: it sinks from the feed to the bottom."""
        matrix, feed = np.zeros((self.layers, self.layers)), self.feed_layer - 1
        matrix[feed, feed] = -1.0
        for i in range(feed + 1, self.layers):
            matrix[i, i], matrix[i, i - 1] = -1.0, 1.0
        return matrix / (self.area * self.thickness)

    @cached_property
    def entry(self) -> np.ndarray:
        """What the feed changes in the layers, ``(layer, 1)``."""
        vector = np.zeros((self.layers, 1))
        vector[self.feed_layer - 1] = 1.0 / (self.area * self.thickness)
        return vector

    @cached_property
    def identity(self) -> np.ndarray:
        """The unit matrix, ``(layer, layer)``."""
        return np.eye(self.layers)

    @cached_property
    def passing(self) -> np.ndarray:
        """What a unit of flux out of a layer does to it and to the next, ``(layer, layer)``."""
        return np.asarray(self.above - self.identity)

    @cached_property
    def below(self) -> np.ndarray:
        """Takes the layer below; zero below the last, ``(layer, layer)``."""
        return np.eye(self.layers, k=1)

    @cached_property
    def above(self) -> np.ndarray:
        """Takes the layer above; zero above the first, ``(layer, layer)``."""
        return np.eye(self.layers, k=-1)

    @cached_property
    def thresholds(self) -> np.ndarray:
        """Concentration in the layer below from which it limits the flux, ``(layer, 1)``: X_t above the feed only."""
        return np.array([[self.X_t if i < self.feed_layer - 1 else -1e9] for i in range(self.layers)])

    @cached_property
    def floor(self) -> np.ndarray:
        """Zero for the last layer, through whose floor nothing settles, one for the others, ``(layer, 1)``."""
        return np.array([[1.0]] * (self.layers - 1) + [[0.0]])

    def velocity(self, X: Array, feed: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the settling velocity [m/d] at suspended solids of zero or more, as `settling` takes them."""
        free = X - self.f_ns * xp.maximum(feed, 0.0)
        speed = self.v0 * (xp.exp(-self.r_h * free) - xp.exp(-self.r_p * free))
        return xp.minimum(xp.maximum(speed, 0.0), self.v0_max)

    def settling_slopes(self, X: Array, feed: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return how `settling` changes with the suspended solids of every layer [1/d], ``(…, layer, layer)``, roughly.

        Every layer settles by its own velocity here, into the next. That a layer below limits the flux is left out:
        with it, linearly implicit steps of more than 1 min are unstable; without it, gradients of BSM1 at 5 min err by
        5e-4.

        Parameters
        ----------
        X, feed : array
            As `settling` takes them.
        xp : ArrayNamespace
            Array operations.
        """
        velocity = self.velocity(xp.maximum(X, 0.0), feed, xp) * xp.constant(self.floor, X) / self.thickness
        return xp.matmul(xp.constant(self.passing, X), velocity * xp.constant(self.identity, X))

    def settling(self, X: Array, feed: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return what settling changes [g/(m³ d)].

        Parameters
        ----------
        X : array, shape (…, layer, 1)
            Suspended solids in the layers [g TSS/m³].
        feed : array, shape (…, 1, 1)
            Suspended solids in the feed [g TSS/m³].
        xp : ArrayNamespace
            Array operations.

        Returns
        -------
        array, shape (…, layer, 1)
        """
        X = xp.maximum(X, 0.0)
        own = X * self.velocity(X, feed, xp)
        following = xp.matmul(xp.constant(self.below, X), own)
        hindered = xp.matmul(xp.constant(self.below, X), X) > xp.constant(self.thresholds, X)
        flux = xp.where(hindered, xp.minimum(own, following), own) * xp.constant(self.floor, X)
        return (xp.matmul(xp.constant(self.above, X), flux) - flux) / self.thickness
