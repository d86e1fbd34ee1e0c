"""Oxygen transfer."""

from __future__ import annotations

from typing import Any

from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["oxygen_saturation"]


def oxygen_saturation(temperature: Any, xp: ArrayNamespace) -> Any:
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
