"""A generator of influents: patterns over day, week and year, rain and storms around measured means.

It follows Gernaey et al. (2011) [1]_, simplified.

Kept: flow from sewage with patterns of day and week and a holiday, and from infiltration with a season; loads of
pollutants with patterns of their own, so that concentrations follow from loads and flows; rain that runs off
impervious surfaces, or reaches the sewer through the soil; a first flush of particulate matter; a sewer of mixed
reservoirs in series; temperature as the sum of a sine over the year and one over the day; noise on flow and loads.

Left out, or simpler: industry is not apart from households; rain is drawn as separate events and not from filtered
noise; the soil is one linear reservoir, without levels, and without loss to the aquifer; reservoirs are linear, where
BSM2's have an outflow by the power 1.5 of the level, so that residence times do not shrink at high flow; sewage enters
at the head of the sewer and not along it; nothing is washed off streets; temperature does not follow rain; noise is
lognormal; there is no snow, no overflow, and no primary clarifier. Rain and water from the soil hold nothing at all,
where BSM keeps S_I (in its BSM1 files) and alkalinity constant in rain. `docs/influent.md` compares it with BSM1 and
BSM2.

Sums are split once, at their means; loads of the components are routed, and sums follow from them. So concentrations
stay above zero. Means are those of the series, however short it is and whatever days and season it has: patterns are
scaled to a mean of 1 over it, and sines of the year are taken as deviations from their mean over it. Holidays, rain and
noise come on top, and the sewer carries what entered before.

References
----------
.. [1] Gernaey, K. V., Flores-Alsina, X., Rosen, C., Benedetti, L. and Jeppsson, U. (2011): Dynamic influent pollutant
   disturbance scenario generation using a phenomenological modelling approach. Environmental Modelling & Software 26,
   1255-1267. https://doi.org/10.1016/j.envsoft.2011.06.001
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.patterns import F_SNH, YEAR, Holiday, InfluentSettings, Pattern, RainEvent, RandomRain
from asm_hybrid.data.sewer import first_flush, rainfall, reservoirs
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.families import FRACTIONS, Family
from asm_hybrid.plant.fractionation import Fractionation, find_family, make_fractionation
from asm_hybrid.plant.inputs import INFLUENT

__all__ = ["generate_influent"]

Values = NDArray[np.float64]

PER_DAY = 96
"""Samples in a day."""
STEP = 1 / PER_DAY
"""Interval of the samples [d]."""
WARM_UP = 70
"""Time before the begin, in which reservoirs fill [d]; whole weeks, and seven residence times of the slowest soil."""
SHORTEST = 1 / 1440
"""Shortest rain that is drawn [d]."""
MM_HECTARE = 10.0
"""Volume of 1 mm on 1 ha [m3]."""
ALKALINITY = "S_ALK"
MOST_DAYS = 3640
"""Longest series: ten years of 15 min are 350 000 rows, and 50 MB."""


def generate_influent(
    settings: InfluentSettings,
    table: Table,
    days: int,
    start_day: int = 0,
    seed: int = 0,
    mean_days: float | None = None,
) -> pd.DataFrame:
    """Return an influent, in samples of 15 min.

    Parameters
    ----------
    settings : InfluentSettings
        Means and patterns.
    table : Table
        The kinetics, with the components of ASM1, ASM2d or ASM3.
    days : int
        How long [d].
    start_day : int
        Day of the year at time zero, from 0 (1 January, a Monday).
    seed : int
        Seed of rain and noise, which do not depend on one another.
    mean_days : float, optional
        Length from the begin over which the means are those of the settings [d]; all without it.

    Returns
    -------
    DataFrame
        ``time`` [d] from zero; ``Q_in`` [m3/d]; ``T`` [degC]; ``influent.…`` for every component of the table; and the
        sums ``COD``, ``TKN``, ``TSS``, and ``TP`` where the table has it, all in the units of the table. Values are
        means over the 15 min that follow, to be held until the next sample.

    Raises
    ------
    InputError
        If the means cannot be split, or a rain event is outside the series.
    """
    if not (days > 0 and start_day >= 0 and seed >= 0):
        raise InputError(
            f"days is {days}, start_day {start_day}, seed {seed}",
            where="generate_influent",
            expected="days above 0, start_day and seed of 0 or above",
        )
    if days > MOST_DAYS:
        raise InputError(
            f"days is {days}", where="generate_influent", expected=f"at most {MOST_DAYS} d, ten years of 15 min"
        )
    split = _fractionation(settings, table)
    means = _means(settings, table, split)
    time = np.arange(-WARM_UP * PER_DAY, days * PER_DAY) / PER_DAY
    calendar = time + start_day
    counted = (time >= 0) & (time < (days if mean_days is None else mean_days))
    factors = _factors(settings, calendar, counted, np.random.default_rng([seed, 1]))

    mean_sewage = (1 - settings.infiltration) * settings.flow
    season = _centred(np.cos(2 * np.pi * (calendar + STEP / 2 - settings.wettest_day) / YEAR), counted)
    dry = mean_sewage * factors["sewage_flow"]
    dry = dry + settings.infiltration * settings.flow * (1 + settings.infiltration_season * season)
    rain = MM_HECTARE * rainfall(_events(settings, days, np.random.default_rng([seed, 0])), time, STEP)
    flow = dry + reservoirs(settings.impervious_area * rain, settings.runoff_time, 1, STEP)
    flow = flow + reservoirs(settings.soil_area * rain, settings.soil_time, 1, STEP)

    s = settings
    relative = flow / (s.flush_flow * s.flow)
    solids = first_flush(factors["particulate"], relative, s.settleable, s.deposit, s.flush_rate, s.flush_power, STEP)
    factors |= {"particulate": solids, "water": dry / s.flow}
    patterns = {name: _pattern_of(name, split) for name in means}
    routed = np.stack([flow, *(s.flow * factors[name] for name in dict.fromkeys(patterns.values()))], axis=1)
    if s.sewer_reservoirs:
        routed = reservoirs(routed, s.sewer_time / s.sewer_reservoirs, s.sewer_reservoirs, STEP)
    begin = WARM_UP * PER_DAY
    Q, loads = routed[begin:, 0], dict(zip(dict.fromkeys(patterns.values()), routed[begin:, 1:].T, strict=True))
    X = {name: mean * loads[patterns[name]] / Q for name, mean in means.items()}
    frame = {"time": time[begin:], "Q_in": Q, "T": _temperature(settings, calendar[begin:], counted[begin:])}
    zero = np.zeros(Q.size)
    frame |= {f"{INFLUENT}{name}": X.get(name, zero) for name in table.component_names}
    return pd.DataFrame(frame | split.sums(X))


def _fractionation(settings: InfluentSettings, table: Table) -> Fractionation:
    family = find_family(table)
    fractions = dict(FRACTIONS[settings.sewage])
    if family.nitrogen:
        fractions["f_SNH"] = F_SNH[settings.sewage] if settings.f_SNH is None else settings.f_SNH
    given = [name for name in family.sums if name != "TP" or settings.TP is not None]
    if settings.TSS is None:
        given.remove("TSS")
    if ALKALINITY in table.component_names:
        given.append(ALKALINITY)
    return make_fractionation(table, {}, fractions, given, "check" if settings.TSS is None else "scale")


def _means(settings: InfluentSettings, table: Table, split: Fractionation) -> dict[str, float]:
    """Return the flow-weighted mean of every component that sewage holds."""
    values = {"COD": settings.COD, "TKN": settings.TKN, "TSS": settings.TSS, "TP": settings.TP}
    values[ALKALINITY] = settings.alkalinity
    measured = {name: np.array(value) for name, value in values.items() if name in split.given}
    result = split.split(measured)
    for problem in split.problems(measured, result):
        if problem.severity == "error":
            assert problem.amount is not None
            amount = f"{float(problem.amount):.3g} {split.units[problem.measured[0]]}"
            raise InputError(
                problem.found.format(amount=amount),
                where=f"settings of the influent, with the table {table.name}",
                expected=problem.expected,
                fix="change the means in the settings, TSS: None, or the kind of sewage",
            )
    return {name: float(value) for name, value in result.components.items() if float(value) != 0}


def _pattern_of(name: str, split: Fractionation) -> str:
    """Return which pattern the load of a component has; ``water`` is that of constant concentration in dry weather."""
    family: Family = split.family
    if name in (family.inert, ALKALINITY):
        return "water"
    if name in (family.ammonium, family.phosphate):
        return "ammonium"
    return "particulate" if name in split.particulate else "soluble"


def _centred(values: Values, counted: NDArray[np.bool_]) -> Values:
    """Return values less their mean over the steps that count."""
    return np.asarray(values - values[counted].mean())


def _factors(
    settings: InfluentSettings, calendar: Values, counted: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Values]:
    """Return flow and loads of the sewage by step, as shares of their means."""
    away = _holiday(settings.holiday, calendar)
    found = {}
    for name in ("sewage_flow", "soluble", "particulate", "ammonium"):
        found[name] = _weekly(getattr(settings, name), calendar, counted) * away
        if settings.noise:
            spread = np.sqrt(np.log1p(settings.noise**2))
            hours = rng.standard_normal(calendar.size * 24 // PER_DAY)
            found[name] = found[name] * np.repeat(np.exp(spread * hours - spread**2 / 2), PER_DAY // 24)
    return found


def _weekly(pattern: Pattern, calendar: Values, counted: NDArray[np.bool_]) -> Values:
    """Return a pattern by step, with a mean of 1 over the steps that count."""
    hour = (np.arange(PER_DAY) + 0.5) * 24 / PER_DAY
    day = np.interp(hour, np.arange(24) + 0.5, pattern.hours, period=24)
    week = np.where(np.arange(7) < 5, 1.0, pattern.weekend)
    index = np.round(calendar * PER_DAY).astype(np.int64)
    run = week[index // PER_DAY % 7] * day[index % PER_DAY]
    return np.asarray(run / run[counted].mean())


def _holiday(holiday: Holiday | None, calendar: Values) -> Values | float:
    if holiday is None:
        return 1.0
    inside = (np.floor(calendar + STEP / 2) - holiday.start) % YEAR < holiday.days
    return np.where(inside, holiday.factor, 1.0)


def _events(settings: InfluentSettings, days: int, rng: np.random.Generator) -> tuple[RainEvent, ...]:
    rain = settings.rain
    if isinstance(rain, RandomRain):
        found, start = [], -WARM_UP + rng.exponential(rain.interval)
        while start < days:
            duration = max(rng.exponential(rain.duration), SHORTEST)
            found.append(RainEvent(start, duration, duration * rng.exponential(rain.depth / rain.duration)))
            start += rng.exponential(rain.interval)
        return tuple(found)
    for event in rain:
        if not 0 <= event.start < days:
            raise InputError(
                f"a rain event starts at {event.start:g} d",
                where="settings of the influent, rain",
                expected=f"a start within the series, 0 to {days} d",
                fix="change its start, or the days",
            )
    return rain


def _temperature(settings: InfluentSettings, calendar: Values, counted: NDArray[np.bool_]) -> Values:
    middle = calendar + STEP / 2
    year = settings.temperature_season * np.cos(2 * np.pi * (middle - settings.warmest_day) / YEAR)
    day = settings.temperature_day * np.cos(2 * np.pi * (middle - settings.warmest_hour / 24))
    found = settings.temperature + _centred(year + day, counted)
    if found.min() <= 0:
        raise InputError(
            f"the temperature falls to {found.min():.3g} degC, around a mean of {settings.temperature:g} degC",
            where="settings of the influent",
            expected="one that stays above 0 degC",
            fix="raise temperature, or lower temperature_season or temperature_day",
        )
    return np.asarray(found)
