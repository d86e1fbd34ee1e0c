"""Settings of the influent generator: means, patterns over day, week and year, rain, and the sewer.

Days of the year are counted from 0, the begin of 1 January, which is a Monday; a year has 364 d, 52 whole weeks, as in
BSM2.

References
----------
.. [1] Gernaey, K. V., Flores-Alsina, X., Rosen, C., Benedetti, L. and Jeppsson, U. (2011): Dynamic influent pollutant
   disturbance scenario generation using a phenomenological modelling approach. Environmental Modelling & Software 26,
   1255-1267. Values called "BSM2" are those of the start file of their generator (``ASM1_Influent_init.m``, June
   2010), in a copy at github.com/ljpvd/Calibration-ASMX_Influent-generation--traditonal-p-, commit fc246fe.
.. [2] Alex, J. et al. (2018): Benchmark Simulation Model no. 1 (BSM1). IWA Task Group.
.. [3] ATV-DVWK-A 131 (2000): Dimensioning of single-stage activated sludge plants. DWA, Hennef. Second-hand: the loads
   per head are those that German texts commonly quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal

from asm_hybrid.errors import InputError
from asm_hybrid.plant.families import FRACTIONS

__all__ = ["YEAR", "Holiday", "InfluentSettings", "Pattern", "RainEvent", "RandomRain"]

YEAR = 364
"""Length of a year [d]."""


def _require(valid: bool, name: str, value: object, expected: str) -> None:
    if not valid:
        raise InputError(
            f"{name} is {value!r}", where="settings of the influent", expected=expected, fix=f"change {name}"
        )


@dataclass(frozen=True)
class Pattern:
    """How a flow or a load runs over the day and the week.

    Attributes
    ----------
    hours : tuple of float
        Factors of the 24 hours of a day, from midnight; between the middles of the hours on straight lines.
    weekend : float
        Factor of Saturday and Sunday, where that of the other days is 1.

    Notes
    -----
    The mean over the series is made 1.
    """

    hours: tuple[float, ...]
    weekend: float

    def __post_init__(self) -> None:
        valid = len(self.hours) == 24 and all(isfinite(h) and h > 0 for h in self.hours)
        _require(valid, "hours", self.hours, "24 factors above 0")
        _require(isfinite(self.weekend) and self.weekend > 0, "weekend", self.weekend, "a factor above 0")


@dataclass(frozen=True)
class Holiday:
    """A time of the year in which part of the people are away.

    Attributes
    ----------
    start, days : int
        First day of the year, from 0, and length [d].
    factor : float
        Factor of the sewage and its loads.
    """

    start: int
    days: int
    factor: float

    def __post_init__(self) -> None:
        _require(0 <= self.start < YEAR, "start of the holiday", self.start, f"a day of the year, 0 to {YEAR - 1}")
        _require(0 < self.days < YEAR, "days of the holiday", self.days, f"1 to {YEAR - 1} days")
        _require(isfinite(self.factor) and self.factor > 0, "factor of the holiday", self.factor, "a factor above 0")


@dataclass(frozen=True)
class RainEvent:
    """Rain of even intensity; a storm is a short event with much rain.

    Attributes
    ----------
    start : float
        Begin, from that of the series [d].
    duration : float
        How long it lasts [d].
    depth : float
        How much falls [mm].
    """

    start: float
    duration: float
    depth: float

    def __post_init__(self) -> None:
        _require(isfinite(self.start), "start of the rain", self.start, "a time [d]")
        for name in ("duration", "depth"):
            value = getattr(self, name)
            _require(isfinite(value) and value > 0, f"{name} of the rain", value, "a number above 0")


@dataclass(frozen=True)
class RandomRain:
    """Rain at random: rectangular pulses, whose interval, duration and intensity are exponentially distributed.

    Attributes
    ----------
    interval : float
        Mean time from begin to begin [d].
    duration : float
        Mean duration [d].
    depth : float
        Mean depth [mm]; the mean intensity is the mean depth over the mean duration.

    Notes
    -----
    The form is that of Rodriguez-Iturbe, I., Cox, D. R. and Isham, V. (1987): Some models for rainfall based on
    stochastic point processes. Proc. R. Soc. Lond. A 410, 269-288. The defaults are chosen: about 120 events and 600 mm
    a year. They come from no station.
    """

    interval: float = 3.0
    duration: float = 0.25
    depth: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            _require(isfinite(value) and value > 0, f"{field.name} of the rain", value, "a mean above 0")


# fmt: off
# Means of the hours of the ten weekdays of BSM1's dry influent [2]_, and of its weekends. A third of its flow was taken
# as infiltration to find the sewage.
SEWAGE = Pattern(
    hours=(
        1.04, 0.96, 0.70, 0.46, 0.41, 0.48, 0.45, 0.45, 0.50, 1.02, 1.63, 1.84,
        1.49, 1.35, 1.19, 1.11, 0.96, 0.91, 1.06, 1.06, 1.22, 1.22, 1.23, 1.25,
    ),
    weekend=0.76,
)
SOLUBLE = Pattern(
    hours=(
        0.91, 0.96, 0.75, 0.46, 0.36, 0.37, 0.36, 0.36, 0.40, 0.98, 2.26, 2.42,
        1.52, 1.19, 1.09, 0.92, 0.89, 0.81, 0.91, 0.96, 1.21, 1.36, 1.34, 1.20,
    ),
    weekend=0.82,
)
PARTICULATE = Pattern(
    hours=(
        1.10, 0.99, 0.73, 0.48, 0.37, 0.36, 0.32, 0.31, 0.32, 0.59, 1.28, 1.95,
        1.84, 1.64, 1.41, 1.26, 1.03, 0.92, 1.00, 1.03, 1.18, 1.23, 1.30, 1.35,
    ),
    weekend=0.66,
)
AMMONIUM = Pattern(
    hours=(
        1.00, 1.10, 0.89, 0.57, 0.41, 0.42, 0.40, 0.40, 0.45, 1.04, 2.15, 2.18,
        1.42, 1.13, 0.98, 0.90, 0.85, 0.80, 0.95, 0.98, 1.19, 1.30, 1.30, 1.20,
    ),
    weekend=0.83,
)
# fmt: on

F_SNH: Mapping[str, float] = {"raw": 0.43, "settled": 0.58}
"""Share of ammonium in TKN: flow-weighted means of BSM2 and BSM1."""


@dataclass(frozen=True)
class InfluentSettings:
    """What the generator is to make.

    Attributes
    ----------
    flow : float
        Mean flow of the series in dry weather, infiltration included [m3/d]; default BSM1.
    COD, TKN : float
        Flow-weighted means of the series in dry weather [g COD/m3], [g N/m3]; default BSM1.
    TSS : float or None
        The same of suspended solids [g TSS/m3]; None leaves it to the fractions of the sewage. Default BSM1.
    TP : float or None
        The same of phosphorus [g P/m3], for tables that have it.
    alkalinity : float
        Of all water but rain [mol/m3]; default BSM1.
    sewage : {'raw', 'settled'}
        Which default shares split the sums, see `asm_hybrid.plant.families.FRACTIONS`.
    f_SNH : float or None
        Share of ammonium in TKN, for tables with components of organic nitrogen; None is 0.43 (raw, BSM2) or 0.58
        (settled, BSM1).
    infiltration : float
        Share of the mean flow that is ground water; default 7 100 of 21 600 m3/d, BSM2.
    infiltration_season : float
        Amplitude of its sine over the year, a share of its mean; what of it falls into the series counts from its mean
        there. Default 1 200 of 7 100 m3/d, BSM2.
    wettest_day : float
        Day of the year with most infiltration [d]; default late January, BSM2.
    temperature, temperature_season, temperature_day : float
        Mean of the series, and amplitudes of the sines over year and day around it [degC]; default BSM2.
    warmest_day, warmest_hour : float
        Day of the year [d] and hour of the day [h] with the highest temperature; default late July and 20.4, BSM2.
    sewage_flow, soluble, particulate, ammonium : Pattern
        Patterns of the sewage without infiltration, and of the loads of soluble matter, of particulate matter, and of
        ammonium and phosphate; default from BSM1's dry influent. They hold where sewage enters the sewer.
    holiday : Holiday or None
        A dip; the means above are those without it.
    rain : tuple of RainEvent, or RandomRain
        Rain that is given, or drawn.
    impervious_area : float
        Roofs and streets that drain to the sewer [ha]; default 75 % of 1 500 m3/mm, BSM2.
    soil_area : float
        Area whose rain reaches the sewer through the soil [ha]; default 25 % of 1 500 m3/mm, BSM2.
    runoff_time, soil_time : float
        Residence times of the linear reservoirs of surface and soil [d]; chosen.
    settleable : float
        Share of the particulate load that may settle in the sewer; default BSM2.
    deposit : float
        The most that lies there, in days of the mean particulate load [d]; default 1 000 kg of about 8 700 kg TSS/d,
        BSM2.
    flush_flow : float
        Flow, as a multiple of `flow`, at which the deposit erodes at half of `flush_rate`; default 70 000 of
        20 600 m3/d, BSM2.
    flush_rate : float
        Highest rate of erosion [1/d]; default BSM2.
    flush_power : float
        Power of the flow in erosion; default BSM2.
    sewer_reservoirs : int
        Mixed linear reservoirs in series; 0 for none.
    sewer_time : float
        Mean residence time in all of them together [d]. Chosen; one of BSM2's tanks holds about 20 min of dry flow.
    noise : float
        Relative standard deviation of hourly factors, lognormal with mean 1, on the flow and each load of the sewage.
    """

    flow: float = 18446.0
    COD: float = 381.19
    TKN: float = 54.42
    TSS: float | None = 211.27
    TP: float | None = None
    alkalinity: float = 7.0
    sewage: Literal["raw", "settled"] = "settled"
    f_SNH: float | None = None
    infiltration: float = 0.33
    infiltration_season: float = 0.17
    wettest_day: float = 20.0
    temperature: float = 15.0
    temperature_season: float = 5.0
    warmest_day: float = 207.0
    temperature_day: float = 0.5
    warmest_hour: float = 20.4
    sewage_flow: Pattern = SEWAGE
    soluble: Pattern = SOLUBLE
    particulate: Pattern = PARTICULATE
    ammonium: Pattern = AMMONIUM
    holiday: Holiday | None = None
    rain: tuple[RainEvent, ...] | RandomRain = ()
    impervious_area: float = 112.5
    soil_area: float = 37.5
    runoff_time: float = 1 / 48
    soil_time: float = 5.0
    settleable: float = 0.25
    deposit: float = 0.12
    flush_flow: float = 3.4
    flush_rate: float = 500.0
    flush_power: float = 15.0
    sewer_reservoirs: int = 3
    sewer_time: float = 1 / 24
    noise: float = 0.0

    def __post_init__(self) -> None:
        _require(self.sewage in FRACTIONS, "sewage", self.sewage, "raw or settled")
        positive = ("flow", "COD", "TKN", "runoff_time", "soil_time", "deposit", "flush_flow", "flush_power")
        zero = ("alkalinity", "impervious_area", "soil_area", "flush_rate", "noise")
        for name in (*positive, "sewer_time", "TSS", "TP"):
            value = getattr(self, name)
            _require(value is None or (isfinite(value) and value > 0), name, value, "a number above 0")
        for name in zero:
            value = getattr(self, name)
            _require(isfinite(value) and value >= 0, name, value, "a number of 0 or above")
        for name in ("infiltration", "infiltration_season", "settleable"):
            value = getattr(self, name)
            _require(0 <= value < 1, name, value, "a share from 0 to below 1")
        for name in ("temperature", "temperature_season", "temperature_day", "wettest_day", "warmest_day"):
            _require(isfinite(getattr(self, name)), name, getattr(self, name), "a finite number")
        _require(isfinite(self.warmest_hour), "warmest_hour", self.warmest_hour, "a finite number")
        _require(self.sewer_reservoirs >= 0, "sewer_reservoirs", self.sewer_reservoirs, "0 or more reservoirs")
        _require(self.soil_time <= 10, "soil_time", self.soil_time, "at most 10 d, so that the warm-up suffices")

    @classmethod
    def from_population(
        cls,
        population: float,
        *,
        sewage: float = 0.150,
        infiltration: float = 0.33,
        COD: float = 120.0,
        TKN: float = 11.0,
        TSS: float = 70.0,
        TP: float | None = 1.8,
    ) -> InfluentSettings:
        """Return settings for raw sewage by loads per head.

        Parameters
        ----------
        population : float
            Population equivalents [PE].
        sewage : float
            Sewage [m3/(PE d)]; default BSM2.
        infiltration : float
            Share of the dry-weather flow that is ground water; default BSM2.
        COD, TKN, TSS, TP : float
            Loads [g/(PE d)]; default [3]_, which are values for design, reached on 85 % of all days.

        Returns
        -------
        InfluentSettings
            Areas are 14.1 m2/PE of impervious surface and 4.7 m2/PE of soil, 112.5 and 37.5 ha for the 80 000 PE of
            BSM2; everything else is the default. Change more by `dataclasses.replace`.
        """
        _require(isfinite(population) and population > 0, "population", population, "a number above 0")
        _require(isfinite(sewage) and sewage > 0, "sewage", sewage, "a flow above 0 [m3/(PE d)]")
        _require(0 <= infiltration < 1, "infiltration", infiltration, "a share from 0 to below 1")
        per_head = sewage / (1 - infiltration)
        return cls(
            flow=population * per_head,
            COD=COD / per_head,
            TKN=TKN / per_head,
            TSS=TSS / per_head,
            TP=None if TP is None else TP / per_head,
            sewage="raw",
            infiltration=infiltration,
            impervious_area=112.5 * population / 80_000,
            soil_area=37.5 * population / 80_000,
        )
