"""Weak acids that tables know by name: their forms, and constants that follow temperature, with sources."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ACIDS", "WATER", "Acid", "ConstantLaw"]

GAS = 8.314462618e-3
"""The molar gas constant [kJ/(mol K)]."""


@dataclass(frozen=True)
class ConstantLaw:
    """``log10 K = a + b/T + c log10 T + d T + e/T²``, with K in mol/L (of water in mol²/L²) and T in K.

    Attributes
    ----------
    a, b, c, d, e : float
        The coefficients.
    source : str
        Key in ``references.bib``.
    """

    a: float
    b: float
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    source: str = ""

    def logarithm(self, celsius: float) -> float:
        """Return log10 K at a temperature [°C]."""
        T = celsius + 273.15
        return self.a + self.b / T + self.c * math.log10(T) + self.d * T + self.e / T**2


def _van_t_hoff(pK: float, heat: float, source: str) -> ConstantLaw:
    """Return the law of a constant with its pK at 25 °C and the heat of the reaction [kJ/mol]."""
    slope = heat / (GAS * math.log(10.0))
    return ConstantLaw(-pK + slope / 298.15, -slope, source=source)


@dataclass(frozen=True)
class Acid:
    """A weak acid.

    Attributes
    ----------
    forms : tuple of str
        Its forms, the one that holds all protons first.
    charge : int
        Charge of that form.
    masses : mapping of str to float
        How much of a substance a mole counts for, by what masses are counted in, such as ``{"N": 14}`` [g/mol].
    constants : tuple of ConstantLaw
        One for every proton; none for an acid whose constants the table gives.
    """

    forms: tuple[str, ...]
    charge: int
    masses: Mapping[str, float]
    constants: tuple[ConstantLaw, ...] = ()


WATER = ConstantLaw(-283.9710, 13323.00, 102.24447, -0.05069842, -1119669.0, "plummer1982")

_CARBONATE = (
    ConstantLaw(-356.3094, 21834.37, 126.8339, -0.06091964, -1684915.0, "plummer1982"),
    ConstantLaw(-107.8871, 5151.79, 38.92561, -0.03252849, -563713.9, "plummer1982"),
)
_PHOSPHATE = tuple(_van_t_hoff(*row, "goldberg2002") for row in ((2.148, -8.0), (7.198, 3.6), (12.35, 16.0)))

ACIDS: Mapping[str, Acid] = {
    "ammonium": Acid(("NH4", "NH3"), 1, {"N": 14.0}, (ConstantLaw(-0.09018, -2729.92, source="emerson1975"),)),
    "carbonate": Acid(("CO2", "HCO3", "CO3"), 0, {"C": 12.0}, _CARBONATE),
    "phosphate": Acid(("H3PO4", "H2PO4", "HPO4", "PO4"), 0, {"P": 31.0}, _PHOSPHATE),
    "nitrite": Acid(
        ("HNO2", "NO2"), 0, {"N": 14.0}, (ConstantLaw(0.0, -2300.0 / math.log(10.0), source="anthonisen1976"),)
    ),
    "acetate": Acid(("HAc", "Ac"), 0, {"COD": 64.0}, (_van_t_hoff(4.756, -0.41, "goldberg2002"),)),
}
"""The acids, by the name that a table gives; CO2 stands for dissolved carbon dioxide with carbonic acid."""
