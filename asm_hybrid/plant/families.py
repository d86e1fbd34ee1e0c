"""What fractionation knows of sewage and of the activated sludge models: shares, and the components that take them.

Everything here is data. A fraction ``f_…`` is a share; a component's share is the product of the entries beside its
name, in which ``"1 - f_…"`` is the complement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["COD_FRACTIONS", "FAMILIES", "FRACTIONS", "SUMS", "Family"]

SUMS = ("COD", "TKN", "TP", "TSS")
"""Measured sums that can be split; each is a composite of the kinetics table."""

COD_FRACTIONS = ("f_SI", "f_SS", "f_XI", "f_XS", "f_XH")
"""Shares of COD, which add to 1."""

FRACTIONS: Mapping[str, Mapping[str, float]] = {
    # Flow-weighted means of the influent of BSM2, raw sewage, over its 609 d: COD 586, S_I 27.0, S_S 57.4, X_I 91.5,
    # X_S 360.2, X_BH 50.2 g COD/m3, S_ND 5.58, X_ND 15.97 g N/m3. Gernaey, K. V., Jeppsson, U., Vanrolleghem, P. A. and
    # Copp, J. B. (2014): Benchmarking of Control Strategies for Wastewater Treatment Plants. IWA STR 23.
    "raw": {"f_SI": 0.046, "f_SS": 0.098, "f_XI": 0.156, "f_XS": 0.614, "f_XH": 0.086, "f_SA": 0.4, "f_SND": 0.26},
    # The constant influent of BSM1, settled sewage: COD 381.19, S_I 30, S_S 69.5, X_I 51.2, X_S 202.32, X_BH 28.17
    # g COD/m3, S_ND 6.95, X_ND 10.59 g N/m3. Alex, J. et al. (2018): Benchmark Simulation Model no. 1. IWA Task Group.
    "settled": {
        "f_SI": 0.0787,
        "f_SS": 0.1823,
        "f_XI": 0.1343,
        "f_XS": 0.5308,
        "f_XH": 0.0739,
        "f_SA": 0.4,
        "f_SND": 0.396,
    },
    # f_SA in both: S_F 30, S_A 20 g COD/m3 in the typical primary effluent of ASM2d (Henze, M. et al. (2000), IWA STR
    # 9); second-hand, from the default influent of a commercial simulator. No figure for raw sewage was found.
}
"""Default shares by kind of sewage. There is no default for f_SNH, which differs too much between sewers."""


@dataclass(frozen=True)
class Family:
    """One activated sludge model, as seen from its influent.

    Attributes
    ----------
    name : str
        What it is called.
    organics : mapping of str to tuple of str
        Components that hold the COD of sewage, with their shares of it.
    ammonium : str
        The component of ammonium.
    nitrogen : mapping of str to tuple of str
        Components that hold organic nitrogen and nothing else, with their shares of it; where there are none, the
        nitrogen of organic matter is bound in the organics, and ammonium closes TKN.
    phosphate : str or None
        The component of phosphate, which closes TP.
    inert : str
        The soluble component that stays a share of COD when TSS decides how much of COD is particulate.
    absent : tuple of str
        Components that sewage usually lacks, those of all its variants: zero unless they are given.
    """

    name: str
    organics: Mapping[str, tuple[str, ...]]
    ammonium: str
    nitrogen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phosphate: str | None = None
    absent: tuple[str, ...] = ()
    inert: str = "S_I"

    @property
    def needed(self) -> tuple[str, ...]:
        """Components by which a table is recognised."""
        phosphate = (self.phosphate,) if self.phosphate else ()
        return (*self.organics, self.ammonium, *self.nitrogen, *phosphate)

    @property
    def fractions(self) -> tuple[str, ...]:
        """Shares that it needs."""
        factors = [f for entry in (*self.organics.values(), *self.nitrogen.values()) for f in entry]
        return tuple(dict.fromkeys(f.removeprefix("1 - ") for f in factors))

    @property
    def sums(self) -> tuple[str, ...]:
        """Measured sums that it takes."""
        return SUMS if self.phosphate else tuple(name for name in SUMS if name != "TP")


_TWO_STEP = ("X_BA1", "X_BA2", "S_NO3", "S_NO2", "S_NO1", "S_N2O")
"""What stands for X_BA and S_NO in ASM1 with two-step nitrification."""

FAMILIES = (
    Family(
        name="ASM1",
        organics={"S_I": ("f_SI",), "S_S": ("f_SS",), "X_I": ("f_XI",), "X_S": ("f_XS",), "X_BH": ("f_XH",)},
        ammonium="S_NH",
        nitrogen={"S_ND": ("f_SND",), "X_ND": ("1 - f_SND",)},
        absent=("X_BA", "X_P", "S_O", "S_NO", "S_N2", *_TWO_STEP),
    ),
    Family(
        name="ASM2d",
        organics={
            "S_I": ("f_SI",),
            "S_F": ("f_SS", "1 - f_SA"),
            "S_A": ("f_SS", "f_SA"),
            "X_I": ("f_XI",),
            "X_S": ("f_XS",),
            "X_H": ("f_XH",),
        },
        ammonium="S_NH4",
        phosphate="S_PO4",
        absent=("S_O2", "S_NO3", "S_N2", "X_PAO", "X_PP", "X_PHA", "X_AUT", "X_MeOH", "X_MeP"),
    ),
    Family(
        name="ASM3",
        organics={"S_I": ("f_SI",), "S_S": ("f_SS",), "X_I": ("f_XI",), "X_S": ("f_XS",), "X_H": ("f_XH",)},
        ammonium="S_NH4",
        absent=("S_O2", "S_N2", "S_NOX", "X_STO", "X_A"),
    ),
)
"""The models whose influent can be fractionated."""
