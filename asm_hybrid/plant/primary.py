"""The primary clarifier of BSM2."""

from __future__ import annotations

from dataclasses import dataclass

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["PrimaryClarifier"]

MINUTES = 24.0 * 60.0
"""Minutes in a day."""


@dataclass(frozen=True)
class PrimaryClarifier:
    """A mixed tank that removes particulate matter by its retention time.

    Attributes
    ----------
    volume : float
        Liquid volume [m³].
    sludge : float
        Primary sludge flow over influent flow, f_PS [-].
    f_corr : float
        Correction of the removal efficiency [-].
    f_X : float
        Particulate over total COD of the influent [-].
    smoothing : float
        Time constant with which the flow is smoothed for the retention time, t_m [d].

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    .. [1] Otterpohl, R. and Freund, M. (1992): Dynamic models for clarifiers of activated sludge plants with dry and
       wet weather flows. Water Science and Technology 26(5-6), 1391-1400.
    .. [2] Gernaey, K. V. et al. (2014): Benchmarking of Control Strategies for Wastewater Treatment Plants. IWA STR 23:
       the form and values of BSM2.
    """

    volume: float = 900.0
    sludge: float = 0.007
    f_corr: float = 0.65
    f_X: float = 0.85
    smoothing: float = 0.125

    def __post_init__(self) -> None:
        for name in ("volume", "f_corr", "f_X", "smoothing"):
            if not getattr(self, name) > 0:
                raise InputError(
                    f"the primary clarifier has {name} = {getattr(self, name)}", expected="a value above zero"
                )
        if self.f_X > 1:
            raise InputError(f"the primary clarifier has f_X = {self.f_X}", expected="a share above 0, up to 1")
        if not 0 < self.sludge < 1:
            raise InputError(
                f"the primary sludge is {self.sludge} of the influent", expected="a share above 0 and below 1"
            )

    def removal(self, smoothed: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the share of particulate matter that is removed [-], from the smoothed flow [m³/d]."""
        minutes = self.volume / (xp.maximum(smoothed, 0.0) + 0.001) * MINUTES
        total = self.f_corr * (2.88 * self.f_X - 0.118) * (1.45 + 6.15 * xp.log(minutes))
        return xp.minimum(xp.maximum(total / self.f_X, 0.0), 100.0) / 100.0
