"""Section ``plant``: tanks, flows, settler."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from asm_hybrid.config.base import Aeration, Flow, Section, Temperature, Volume, refuse
from asm_hybrid.config.fractionation import FractionationSection

__all__ = [
    "Amount",
    "InfluentSection",
    "PlantSection",
    "RecycleSection",
    "ReturnSection",
    "SettlerSection",
    "TankSection",
    "WastageSection",
]


def _amount(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(f"the value is {value!r}", "a number, or a text with number and unit such as '7 mol/m3'")
    return value if isinstance(value, str) else float(value)


Amount = Annotated[
    float | str,
    BeforeValidator(_amount),
    WithJsonSchema({"type": ["number", "string"], "description": "in the table's unit, or text with a unit"}),
]
"""A number in the unit that the kinetics table gives the name, or a text with its own unit."""


class TankSection(Section):
    """One completely mixed tank."""

    volume: Volume = Field(description="Liquid volume [m3].")
    kla: Aeration | None = Field(
        default=None,
        description="Oxygen transfer coefficient kLa [1/d]: a constant, or 'measured' when a column gives "
        "TANK.kla. Without it the tank is not aerated (or its oxygen is imposed by a column).",
    )


class InfluentSection(Section):
    """Where the influent enters, and what of it no column gives."""

    to: str = Field(description="Tank that receives the influent.")
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives Q_in.")
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
    """A flow of mixed liquor from one tank to another."""

    source: str = Field(alias="from", description="Tank that the flow leaves.")
    to: str = Field(description="Tank that the flow enters.")
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives recycle.NAME.")


class ReturnSection(Section):
    """The sludge that returns from the settler."""

    to: str = Field(description="Tank that receives the return sludge.")
    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives return_sludge.")


class WastageSection(Section):
    """The sludge that is wasted from the settler's underflow."""

    flow: Flow | None = Field(default=None, description="Constant flow [m3/d], when no column gives wastage.")


class SettlerSection(Section):
    """The final settler."""

    type: Literal["ideal"] = Field(default="ideal", description="An ideal separator without volume.")
    non_settleable: float = Field(
        default=0.002,
        ge=0,
        lt=1,
        description="Share of the settler's solids load that leaves with the effluent [-].",
    )


class PlantSection(Section):
    """The flow sheet: tanks in series, recycles, return sludge, wastage, settler."""

    temperature: Temperature | None = Field(
        default=None, description="Constant water temperature [degC], when no column gives T."
    )
    tanks: dict[str, TankSection] = Field(
        min_length=1, description="Tanks by name, in the order in which the main stream passes them."
    )
    influent: InfluentSection = Field(description="The influent.")
    recycles: dict[str, RecycleSection] = Field(default_factory=dict, description="Internal recycles.")
    return_sludge: ReturnSection | None = Field(
        default=None, description="The return sludge; without it there is none."
    )
    wastage: WastageSection | None = Field(default=None, description="The waste sludge; without it there is none.")
    settler: SettlerSection = Field(default_factory=SettlerSection, description="The final settler.")
