"""Section ``plant``: tanks, flows, settlers, aeration, control."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from asm_hybrid.config.schema.amounts import Aeration, Air, Amount, Duration, Flow, Saturation, Temperature, Volume
from asm_hybrid.config.schema.control_sections import ControlSection, CycleSection
from asm_hybrid.config.schema.counts import MAX_PARTS
from asm_hybrid.config.schema.fractionation_section import FractionationSection
from asm_hybrid.config.schema.section import PartName, Section, refuse, written
from asm_hybrid.config.schema.travel import Delay, Travel
from asm_hybrid.plant.settler import TakacsSettler

__all__ = [
    "AerationSection",
    "AirSection",
    "InfluentSection",
    "PlantSection",
    "PrimarySection",
    "RecycleSection",
    "ReturnSection",
    "SettlerSection",
    "TankSection",
    "WastageSection",
]


def _shares(value: Any) -> dict[str, float]:
    if isinstance(value, str):
        return {value: 1.0}
    expected = "the name of a target, or shares by target such as {lane_1: 0.5, lane_2: 0.5}"
    if not isinstance(value, dict) or not value:
        raise refuse(f"the value is {value!r}", expected)
    for name, share in value.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise refuse(f"the share of {name!r} is {share!r}", expected)
    total = sum(value.values())
    if abs(total - 1.0) > 1e-9:
        raise refuse(f"the shares add to {total:g}", "shares that add to 1", "scale them, or add the missing target")
    return {str(name): float(share) for name, share in value.items()}


def _write_shares(value: dict[str, float]) -> str | dict[str, float]:
    return next(iter(value)) if len(value) == 1 else value


Targets = Annotated[
    dict[str, float],
    BeforeValidator(_shares),
    PlainSerializer(_write_shares),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "number"}}]}),
]
"""Where a stream goes: a name, or shares by name."""


class AirSection(Section):
    """Aeration by a measured or constant air flow.

    Attributes
    ----------
    flow : float or str, or None
        Air flow [m3/d at 0 °C and 1 atm], or ``"measured"``.
    sote : float
        Standard oxygen transfer efficiency [-].
    alpha, theta : float
        Factor of mixed liquor, and of temperature [-].
    """

    flow: Air | None = Field(
        default=None,
        description="Air flow [m3/d at 0 degC and 1 atm]: a constant, or 'measured' when a column gives TANK.air; "
        "none where a controller or a cycle gives it.",
    )
    sote: Annotated[float, Field(gt=0, le=1)] = Field(
        description="Standard oxygen transfer efficiency of the diffusers in clean water at 20 degC [-]."
    )
    alpha: Annotated[float, Field(gt=0, le=1.5)] = Field(
        default=0.6, description="Transfer in mixed liquor over transfer in clean water, fouling included [-]."
    )
    theta: Annotated[float, Field(gt=0.9, le=1.1)] = Field(
        default=1.024, description="Temperature factor of the transfer [-]."
    )


class AerationSection(Section):
    """What temperature does to oxygen transfer, in all tanks.

    Attributes
    ----------
    theta : float
        Temperature factor of kLa [-].
    T_ref : float
        Temperature at which kLa is given [°C].
    saturation : float or str
        Saturation of oxygen [g/m3], or ``"bsm2"``.
    """

    theta: Annotated[float, Field(gt=0.9, le=1.1)] = Field(
        default=1.0,
        description="Temperature factor of a kLa that is given, kla * theta^(T - T_ref) [-]: 1.024 in BSM1_LT and "
        "BSM2; 1 takes kLa as it is. An air flow has its own.",
    )
    T_ref: Temperature = Field(default=15.0, description="Temperature at which kLa is given [degC].")
    saturation: Saturation = Field(
        default="bsm2",
        description="Saturation concentration of oxygen [g O2/m3]: a constant, or bsm2 for the formula of BSM2, which "
        "follows temperature and is 8 g/m3 at 15 degC.",
    )


class DecantSection(Section):
    """Drawing off a tank whose volume varies."""

    flow: Flow | None = Field(
        default=None, description="Constant flow [m3/d], when no column or cycle gives TANK.decant."
    )
    solids: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="Particulate concentration of what is drawn off, as a share of that in the tank [-]."
    )


class TankSection(Section):
    """One completely mixed tank.

    Attributes
    ----------
    volume : float
        Liquid [m3].
    kla : float or str, or None
        Oxygen transfer coefficient [1/d], or ``"measured"``.
    air : AirSection or None
        Aeration by an air flow.
    to : mapping of str to float, or None
        Shares of the main outflow by target [-].
    decant : DecantSection or None
        Drawing off, where the volume varies.
    """

    volume: Volume = Field(description="Liquid volume [m3]; at the start where it varies.")
    kla: Aeration | None = Field(
        default=None,
        description="Oxygen transfer coefficient kLa [1/d]: a constant, or 'measured' when a column gives "
        "TANK.kla. Without it the tank is aerated by a controller or a cycle that moves TANK.kla, by a column that "
        "imposes its oxygen, or not at all. Beside imposed oxygen where the table has gases.",
    )
    air: AirSection | None = Field(default=None, description="Aeration by an air flow, in the place of kla.")
    to: Targets | None = Field(
        default=None,
        description="Where the main outflow goes: a tank, settler or effluent, or shares of it by name; the next tank "
        "of the list without it, from the last one the settler.",
    )
    decant: DecantSection | None = Field(
        default=None, description="Makes the volume vary: the main outflow is drawn off by TANK.decant."
    )

    @model_validator(mode="after")
    def _one_aeration(self) -> Self:
        if self.kla is not None and self.air is not None:
            raise refuse("the tank has both kla and air", "one of the two", "remove one")
        return self


class InfluentSection(Section):
    """Where the influent enters, and what of it no column gives.

    Attributes
    ----------
    to : mapping of str to float
        Shares by target [-].
    flow : float or None
        Constant flow [m3/d].
    delay : float
        Time from where its concentrations are measured to the plant [d].
    fractionation : FractionationSection or None
        Splits measured sums.
    composition : mapping of str to float or str
        Constant concentrations [unit of the table], or texts with a unit.
    """

    to: Targets = Field(description="Tank that receives the influent, or shares of it by tank; effluent is a bypass.")
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives Q_in.")
    delay: Travel = Field(
        default=0.0,
        description="Time of travel from where its concentrations are measured, such as a station in the sewer, to the "
        "plant [d]: their series arrive so much later, the flow acts at once.",
    )
    fractionation: FractionationSection | None = Field(
        default=None,
        description="Splits influent.COD, influent.TKN, influent.TP into components; without it every component is "
        "given by itself.",
    )
    composition: dict[str, Amount] = Field(
        default_factory=dict,
        description="Constant concentrations of those components that no column gives, and with a fractionation of "
        "COD, TKN, TP, TSS [unit in the kinetics table].",
    )


class RecycleSection(Section):
    """A flow of mixed liquor from one tank to another.

    Attributes
    ----------
    source, to : str
        Tanks; `source` is the key ``from``.
    flow : float or None
        Constant flow [m3/d].
    delay : float
        Time of travel [d].
    """

    source: str = Field(alias="from", description="Tank that the flow leaves.")
    to: str = Field(description="Tank that the flow enters.")
    delay: Delay = Field(
        default=0.0,
        description="Time after which what has left the one tank enters the other [d]: concentrations travel, the flow "
        "acts at once. For simulations.",
    )
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives recycle.NAME.")


class ReturnSection(Section):
    """The sludge that returns from the settler.

    Attributes
    ----------
    to : mapping of str to float
        Shares by tank [-].
    flow : float or None
        Constant flow [m3/d].
    delay : float
        Time of travel [d].
    """

    to: Targets = Field(description="Tank that receives the return sludge, or shares of it by tank.")
    delay: Delay = Field(
        default=0.0,
        description="Time after which what has left the settler enters the tanks [d]: concentrations travel, the flow "
        "acts at once. For simulations.",
    )
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives return_sludge.")


class WastageSection(Section):
    """The sludge that is wasted.

    Attributes
    ----------
    source : str
        Key ``from``: ``"settler"``, or a tank.
    flow : float or None
        Constant flow [m3/d].
    """

    source: str = Field(
        default="settler", alias="from", description="settler, for its underflow, or a tank, for mixed liquor."
    )
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives wastage.")


Positive = Annotated[float, Field(gt=0)]


class SettlerSection(Section):
    """The final settler.

    Attributes
    ----------
    type : str
        ``"ideal"``, ``"takacs"`` or ``"none"``.
    non_settleable : float or None
        Share of the solids load in the effluent [-]: ideal.
    area, height : float or None
        Surface [m2] and depth [m]: Takacs.
    layers, feed_layer : int or None
        Number of layers, and the one that is fed, counted from the top: Takacs.
    v0_max, v0 : float or None
        Largest and theoretical settling velocity [m/d]: Takacs.
    r_h, r_p : float or None
        Hindered and flocculent settling [m3/g]: Takacs.
    f_ns : float or None
        Share of solids that do not settle [-]: Takacs.
    X_t : float or None
        Threshold concentration [g/m3]: Takacs.
    """

    type: Literal["ideal", "takacs", "none"] = Field(
        default="ideal",
        description="ideal: a separator without volume; takacs: layers with the settling velocity of Takacs, as BSM1 "
        "has it; none: what leaves the last tank is the effluent.",
    )
    non_settleable: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None,
        description="Share of the solids load that leaves with the effluent [-]: ideal; default 0.002.",
    )
    area: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Surface [m2]: takacs.")
    height: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Depth [m]: takacs.")
    layers: Annotated[int, Field(ge=3, le=MAX_PARTS)] | None = Field(
        default=None, description="Layers: takacs; default 10."
    )
    feed_layer: Annotated[int, Field(ge=2, le=MAX_PARTS)] | None = Field(
        default=None, description="The layer that is fed, counted from the top: takacs; default 5."
    )
    v0_max: Positive | None = Field(default=None, description="Largest settling velocity [m/d]: takacs; default 250.")
    v0: Positive | None = Field(default=None, description="Theoretical settling velocity [m/d]: takacs; default 474.")
    r_h: Positive | None = Field(default=None, description="Hindered settling [m3/g]: takacs; default 0.000576.")
    r_p: Positive | None = Field(default=None, description="Flocculent settling [m3/g]: takacs; default 0.00286.")
    f_ns: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="Share of solids that do not settle [-]: takacs; default 0.00228."
    )
    X_t: Positive | None = Field(default=None, description="Threshold concentration [g/m3]: takacs; default 3000.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        takacs = {"area", "height", "layers", "feed_layer", "v0_max", "v0", "r_h", "r_p", "f_ns", "X_t"}
        allowed = {"ideal": {"non_settleable"}, "takacs": takacs, "none": set()}[self.type]
        given = {name for name in (*takacs, "non_settleable") if getattr(self, name) is not None}
        if given - allowed:
            raise refuse(
                f"a settler of type {self.type!r} has no {', '.join(sorted(given - allowed))}",
                f"for this type: {', '.join(sorted(allowed)) or 'nothing else'}",
                "remove it, or change the type",
            )
        if self.type == "takacs" and not {"area", "height"} <= given:
            raise refuse("a settler of type 'takacs' needs area and height", "area: … m2 and height: … m as numbers")
        if self.type == "takacs":
            self._check_layers()
        return self

    def _check_layers(self) -> None:
        layers, feed = self.layers or TakacsSettler.layers, self.feed_layer or TakacsSettler.feed_layer
        if not feed < layers:
            raise refuse(
                f"the settler has {layers} layers and is fed in layer {feed}",
                "three layers or more, fed in one between the first and the last",
                f"give layers and feed_layer together, such as feed_layer: {(layers + 1) // 2}",
            )


class PrimarySection(Section):
    """The primary clarifier of BSM2.

    Attributes
    ----------
    volume : float
        Liquid [m3].
    sludge : float
        Sludge flow over influent flow [-].
    f_corr, f_X : float
        Correction of the removal efficiency, and particulate share of COD [-].
    smoothing : float
        Time over which the flow is smoothed [d].
    """

    volume: Volume = Field(description="Liquid volume [m3].")
    sludge: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.007, description="Primary sludge flow over influent flow [-]."
    )
    f_corr: Positive = Field(default=0.65, description="Correction of the removal efficiency [-].")
    f_X: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.85, description="Particulate over total COD of the influent [-]."
    )
    smoothing: Duration = Field(
        default=written("3 h"), gt=0, description="Time over which the flow is smoothed for the retention time [d]."
    )


class PlantSection(Section):
    """The flow sheet: tanks, recycles, return sludge, wastage, settlers, control.

    Attributes
    ----------
    temperature : float or None
        Constant water temperature [°C].
    primary : PrimarySection or None
        Primary clarifier.
    aeration : AerationSection
        What temperature does to oxygen transfer.
    tanks : mapping of str to TankSection
        By name, along the main stream.
    influent : InfluentSection
        Where it enters.
    recycles : mapping of str to RecycleSection
        By name.
    return_sludge : ReturnSection or None
        From the settler.
    wastage : WastageSection or None
        Waste sludge.
    settler : SettlerSection
        Final settler.
    control : mapping of str to ControlSection
        By name.
    cycles : mapping of str to CycleSection
        By name.
    """

    temperature: Temperature | None = Field(
        default=None, description="Constant water temperature [degC], when no column gives T."
    )
    primary: PrimarySection | None = Field(default=None, description="A primary clarifier for the influent.")
    aeration: AerationSection = Field(
        default_factory=AerationSection, description="Temperature factor of kLa, and saturation of oxygen."
    )
    tanks: dict[PartName, TankSection] = Field(
        min_length=1,
        max_length=MAX_PARTS,
        description="Tanks by name, in the order in which the main stream passes them.",
    )
    influent: InfluentSection = Field(description="The influent.")
    recycles: dict[PartName, RecycleSection] = Field(
        default_factory=dict, max_length=MAX_PARTS, description="Internal recycles."
    )
    return_sludge: ReturnSection | None = Field(
        default=None, description="The return sludge; without it there is none."
    )
    wastage: WastageSection | None = Field(
        default=None,
        description="The waste sludge; without it there is none, or a column gives wastage, from the settler.",
    )
    settler: SettlerSection = Field(default_factory=SettlerSection, description="The final settler.")
    control: dict[PartName, ControlSection] = Field(
        default_factory=dict, max_length=MAX_PARTS, description="Controllers by a name of your choice."
    )
    cycles: dict[PartName, CycleSection] = Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Time tables that repeat, such as the phases of a batch reactor.",
    )
