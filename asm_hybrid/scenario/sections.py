"""Parts of a scenario file: where the influent of a plant comes from, and prices and emission factors."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from asm_hybrid.config import Section, refuse
from asm_hybrid.config.schema.amounts import Duration
from asm_hybrid.config.schema.counts import Seed
from asm_hybrid.config.schema.section import written
from asm_hybrid.data.generator import STEP
from asm_hybrid.data.patterns import YEAR, InfluentSettings, RainEvent, RandomRain
from asm_hybrid.scenario.kpi_factors import Factors, N2OFactor

__all__ = ["FactorsSection", "InfluentFile", "MadeInfluent"]

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Span = Annotated[Duration, Field(gt=0)]


class RainSection(Section):
    """A rain; a storm is short with much rain."""

    start: Duration = Field(description="Begin, from that of the simulation [d].")
    duration: Span = Field(description="How long it lasts [d].")
    depth: Positive = Field(description="How much falls [mm].")


class RandomRainSection(Section):
    """Rain at random."""

    interval: Annotated[Duration, Field(ge=STEP)] = Field(
        default=written("3 d"), description="Mean time from begin to begin, 15 min or more [d]."
    )
    duration: Span = Field(default=written("6 h"), description="Mean duration [d].")
    depth: Positive = Field(default=5.0, description="Mean depth [mm].")


class MadeInfluent(Section):
    """An influent made around measured means of dry weather; defaults are those of BSM1.

    Attributes
    ----------
    population : float or None
        Population equivalents, in the place of flow and concentrations [PE].
    flow : float
        Mean in dry weather [m3/d].
    COD, TKN, TSS, TP : float or None
        Means, weighted by flow [g/m3]; the last two may be None.
    alkalinity : float
        Of all water but rain [mol/m3].
    sewage : {'raw', 'settled'}
        Whose shares split the sums.
    infiltration : float
        Share of ground water in the mean flow [-].
    temperature : float or None
        Mean [degC]; that of the plant, or 15, where it is None.
    temperature_season, temperature_day : float
        Amplitudes over the year and over the day [degC].
    rain : tuple of RainSection
        Rain that is given.
    random_rain : RandomRainSection or None
        Rain that is drawn, in its place.
    impervious_area, soil_area : float
        Areas that drain at once and through the soil [ha].
    noise : float
        Relative standard deviation of hourly factors [-].
    start_day, seed : int
        Day of the year at the begin, and seed of rain and noise.
    """

    population: Positive | None = Field(
        default=None,
        description="Population equivalents, whose loads stand in the place of flow and concentrations [PE].",
    )
    flow: Positive = Field(
        default=18446.0, description="Mean flow of the simulated time in dry weather, infiltration included [m3/d]."
    )
    COD: Positive = Field(default=381.19, description="Mean COD, weighted by flow [g COD/m3].")
    TKN: Positive = Field(default=54.42, description="Mean TKN, weighted by flow [g N/m3].")
    TSS: Positive | None = Field(
        default=None, description="Mean suspended solids [g TSS/m3]; by the fractions without."
    )
    TP: Positive | None = Field(default=None, description="Mean phosphorus [g P/m3], for tables that have it.")
    alkalinity: NotNegative = Field(default=7.0, description="Alkalinity of all water but rain [mol/m3].")
    sewage: Literal["raw", "settled"] = Field(default="settled", description="Whose shares split the sums.")
    infiltration: Share = Field(default=0.33, description="Share of the mean flow that is ground water [-].")
    temperature: Positive | None = Field(
        default=None,
        description="Mean temperature of the simulated time [degC]; without it that of the plant, or 15.",
    )
    temperature_season: NotNegative = Field(
        default=5.0, description="Amplitude of temperature over the year, warmest on day 207 (late July) [degC]."
    )
    temperature_day: NotNegative = Field(
        default=0.5, description="Amplitude of temperature over the day, warmest at 20:24 [degC]."
    )
    rain: Annotated[tuple[RainSection, ...], Field(strict=False)] = Field(default=(), description="Rain that is given.")
    random_rain: RandomRainSection | None = Field(default=None, description="Rain that is drawn, in the place of rain.")
    impervious_area: NotNegative = Field(default=112.5, description="Roofs and streets that drain to the sewer [ha].")
    soil_area: NotNegative = Field(default=37.5, description="Area whose rain comes through the soil [ha].")
    noise: NotNegative = Field(default=0.0, description="Relative standard deviation of hourly factors [-].")
    start_day: Annotated[int, Field(ge=0, lt=YEAR)] = Field(
        default=0, description="Day of the year at the begin; 0 is a Monday, 1 January, and 363 the last."
    )
    seed: Seed = Field(default=0, description="Seed of rain and noise.")

    @model_validator(mode="after")
    def _one_rain(self) -> Self:
        if self.rain and self.random_rain:
            raise refuse("there are both rain and random_rain", "one of the two", "remove one")
        means = {"flow", "COD", "TKN", "TSS", "TP", "sewage"} & self.model_fields_set
        if self.population is not None and means:
            raise refuse(
                f"there are both population and {', '.join(sorted(means))}",
                "loads by population, or means by themselves",
                "remove population, or the others",
            )
        return self

    def settings(self, temperature: float | None = None) -> InfluentSettings:
        """Return the settings of the generator; `temperature` is that of the plant [degC]."""
        own = InfluentSettings.temperature if temperature is None else temperature
        rain: tuple[RainEvent, ...] | RandomRain = tuple(RainEvent(r.start, r.duration, r.depth) for r in self.rain)
        if self.random_rain is not None:
            rain = RandomRain(self.random_rain.interval, self.random_rain.duration, self.random_rain.depth)
        common: dict[str, Any] = {
            "alkalinity": self.alkalinity,
            "infiltration": self.infiltration,
            "temperature": own if self.temperature is None else self.temperature,
            "temperature_season": self.temperature_season,
            "temperature_day": self.temperature_day,
            "noise": self.noise,
            "rain": rain,
        }
        if self.population is not None:
            return replace(InfluentSettings.from_population(self.population, infiltration=self.infiltration), **common)
        return InfluentSettings(
            flow=self.flow,
            COD=self.COD,
            TKN=self.TKN,
            TSS=self.TSS,
            TP=self.TP,
            sewage=self.sewage,
            impervious_area=self.impervious_area,
            soil_area=self.soil_area,
            **common,
        )


class InfluentFile(Section):
    """The influent of a plant that is simulated without data: a file, or made.

    Attributes
    ----------
    file : str or None
        A file of the benchmarks, seen from the scenario file.
    generate : MadeInfluent or None
        How it is made; exactly one of the two is given.
    """

    file: str | None = Field(
        default=None, description="An influent file of the benchmarks, as published; seen from the scenario file."
    )
    generate: MadeInfluent | None = Field(
        default=None, description="Diurnal, weekly and seasonal patterns, rain and storms around measured means."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.generate is None):
            raise refuse(
                "there are both file and generate" if self.file else "there is neither file nor generate",
                "exactly one of the two",
            )
        return self


class N2OSection(Section):
    """How much nitrogen leaves as N2O."""

    value: Annotated[float, Field(ge=0, le=1)] = Field(description="Share [kg N2O-N/kg N].")
    of: Literal["influent", "removed"] = Field(
        default="influent", description="Of the nitrogen of the influent, or of what is removed."
    )


class FactorsSection(Section):
    """Prices and emission factors; what is not given is left out of the sums, which say so.

    Attributes
    ----------
    currency : str
        Unit of all prices.
    energy_price, sludge_price : float or None
        Prices of electricity [currency/kWh] and of the disposal of sludge [currency/t TSS].
    charges : dict of str to float
        Charges on what is discharged, by quantity [currency/kg].
    energy_co2e, sludge_co2e : float or None
        Emissions of electricity [kg CO2e/kWh] and of the disposal of sludge [kg CO2e/t TSS].
    air_energy : float or None
        Energy for air at 0 degC and 1 atm [kWh/m3]; by kLa where it is None.
    n2o : N2OSection or None
        N2O from the tanks; as `Factors` has it where it is None.
    gwp_n2o : float
        Warming potential of N2O over 100 years [-].
    """

    currency: str = Field(default="EUR", description="Unit of all prices.")
    energy_price: NotNegative | None = Field(default=None, description="Price of electricity [currency/kWh].")
    sludge_price: NotNegative | None = Field(default=None, description="Disposal of sludge [currency/t TSS].")
    charges: dict[str, NotNegative] = Field(
        default_factory=dict, description="Charges on what is discharged [currency/kg], by quantity of the effluent."
    )
    energy_co2e: NotNegative | None = Field(default=None, description="Emission of electricity [kg CO2e/kWh].")
    sludge_co2e: NotNegative | None = Field(default=None, description="Emission of disposal [kg CO2e/t TSS].")
    air_energy: NotNegative | None = Field(
        default=None, description="Energy for air [kWh/m3 at 0 degC and 1 atm]; by kLa without it."
    )
    n2o: N2OSection | None = Field(
        default=None,
        description="N2O from the tanks; without it what the plant strips of it, where its table has the gas S_N2O, "
        "else 0.016 of the influent's nitrogen (IPCC 2019).",
    )
    gwp_n2o: NotNegative = Field(default=273.0, description="Warming potential of N2O over 100 years (IPCC 2021).")

    def factors(self) -> Factors:
        """Return them for the evaluation."""
        found = Factors(**{name: value for name, value in self if name != "n2o"})
        return replace(found, n2o=N2OFactor(self.n2o.value, self.n2o.of)) if self.n2o else found
