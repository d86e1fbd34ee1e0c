"""Oxygen transfer: saturation, and kLa from an air flow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["Aeration", "AirLaw", "oxygen_saturation"]

OXYGEN_IN_AIR = 299.3
"""Oxygen in air [g/m³ at 0 °C and 1 atm]: 20.95 % of 1428.9 g/m³, the density of oxygen there."""

CLEAN_SATURATION = 9.09
"""Saturation of clean water at 20 °C and 1 atm [g/m³] (Standard Methods, table 4500-O)."""


def oxygen_saturation(temperature: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return the saturation concentration of oxygen in mixed liquor.

    Parameters
    ----------
    temperature : array
        Liquid temperature [°C].
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array
        S_O,sat [g/m³], 8.0 at 15 °C, shaped as ``temperature``.

    References
    ----------
    .. [1] BSM2 (J. Alex et al., 2018, "Benchmark Simulation Model no. 2", IWA Task Group): Henry's law after
       van 't Hoff, scaled to 8 g/m³ at 15 °C.
    """
    kelvin = (temperature + 273.15) / 100.0
    solubility = xp.exp(-66.7354 + 87.4755 / kelvin + 24.4526 * xp.log(kelvin))
    return 0.9997743214 * 8.0 / 10.5 * 56.12 * 6791.5 * solubility


@dataclass(frozen=True)
class Aeration:
    """What temperature does to oxygen transfer, in all tanks.

    Attributes
    ----------
    theta : float
        Temperature factor of a kLa that is given, as against one that follows from an air flow [-]: at T it is
        ``kLa θ^(T - T_ref)``.
    T_ref : float
        Temperature at which kLa is given [°C].
    saturation : float or None
        Saturation concentration of oxygen [g/m³]; None for that of `oxygen_saturation`.

    References
    ----------
    .. [1] BSM1_LT and BSM2 (J. Alex et al., 2018, "Benchmark Simulation Model no. 2", IWA Task Group):
       ``kLa 1.024^(T - 15)``. BSM1 has 15 °C throughout.
    """

    theta: float = 1.0
    T_ref: float = 15.0
    saturation: float | None = None

    def __post_init__(self) -> None:
        if not 0.9 < self.theta <= 1.1:
            raise InputError(f"theta is {self.theta}", expected="a number above 0.9, up to 1.1")
        if self.saturation is not None and not self.saturation > 0:
            raise InputError(f"the saturation is {self.saturation}", expected="a concentration above zero")

    def factor(self, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the factor of a given kLa [-], shaped as ``temperature`` [°C]."""
        return xp.exp(math.log(self.theta) * (temperature - self.T_ref))

    def saturated(self, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the saturation concentration [g/m³], shaped as ``temperature`` [°C]."""
        if self.saturation is None:
            return oxygen_saturation(temperature, xp)
        return self.saturation + 0.0 * temperature


@dataclass(frozen=True)
class AirLaw:
    """kLa from an air flow, by the standard oxygen transfer efficiency of the diffusers.

    Attributes
    ----------
    sote : float
        Standard oxygen transfer efficiency: share of the oxygen that dissolves in clean water of 20 °C without
        oxygen [-].
    alpha : float
        Transfer in mixed liquor over transfer in clean water, fouling included [-].
    theta : float
        Temperature factor of the transfer [-].

    Raises
    ------
    InputError
        If a value is out of its range.

    Notes
    -----
    By definition ``kLa_20 V S_sat,20 = SOTE ρ_O2 Q_air`` in clean water, and so in the tank
    ``kLa = α θ^(T-20) SOTE ρ_O2 Q_air / (V S_sat,20)``. The saturation that drives the transfer is that of
    `Aeration.saturated`.

    References
    ----------
    .. [1] ASCE/EWRI 2-06 (2007), Measurement of Oxygen Transfer in Clean Water: definitions, and θ = 1.024.
    """

    sote: float
    alpha: float = 0.6
    theta: float = 1.024

    def __post_init__(self) -> None:
        for name, low, high in (("sote", 0.0, 1.0), ("alpha", 0.0, 1.5), ("theta", 0.9, 1.1)):
            value = getattr(self, name)
            if not low < value <= high:
                raise InputError(f"{name} is {value}", expected=f"a number above {low:g}, up to {high:g}")

    def kla(self, air: Array, volume: float, temperature: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return kLa [1/d], shaped as ``air``.

        Parameters
        ----------
        air : array
            Air flow [m³/d at 0 °C and 1 atm].
        volume : float
            Volume of the tank [m³].
        temperature : array
            Liquid temperature [°C].
        xp : ArrayNamespace
            Array operations.
        """
        warm = xp.exp(math.log(self.theta) * (temperature - 20.0))
        return self.alpha * self.sote * OXYGEN_IN_AIR / CLEAN_SATURATION * air * warm / volume
