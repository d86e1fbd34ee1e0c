"""Sections ``corrections``, what was found wrong in the record, and ``diagnosis``, what may explain its misfit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from asm_hybrid.config.schema.amounts import Amount, Shift
from asm_hybrid.config.schema.section import Section

__all__ = ["CorrectionsSection", "DiagnosisSection"]

Factor = Annotated[float, Field(gt=0)]
Listed = Annotated[tuple[str, ...], Field(strict=False)]


class CorrectionsSection(Section):
    """What was found wrong in the record, and accepted: the true value is the recorded one * factor + offset.

    Attributes
    ----------
    factors : mapping of str to float
        By input, recycle or group of the influent [-].
    shifts : mapping of str to float
        By ``influent`` or ``Q_in``: how much later than recorded it is true [d].
    offsets : mapping of str to float or str
        By input, or by header of an observed column [unit of the model], or texts with a unit.
    drifts : mapping of str to float or str
        By header of an observed column [unit of the model per day], or texts with a unit.
    """

    factors: dict[str, Factor] = Field(
        default_factory=dict,
        description="Factors on what is recorded, or constant: Q_in, return_sludge, wastage, the name of a recycle, "
        "TANK.kla or another input, influent.COMPONENT, or a group of the influent: influent.COD (organic matter), "
        "influent.N (reduced nitrogen), influent.solids (particulate) [-].",
    )
    shifts: dict[str, Shift] = Field(
        default_factory=dict,
        description="How much later than recorded the series is true, of influent (its concentrations) or Q_in [d].",
    )
    offsets: dict[str, Amount] = Field(
        default_factory=dict,
        description="What is added: to inputs by name, such as TANK.S_O where it is imposed, and to observed columns "
        "by header [unit of the model].",
    )
    drifts: dict[str, Amount] = Field(
        default_factory=dict,
        description="What is added to observed columns for every day since the begin of the record, by header "
        "[unit of the model per day].",
    )


class DiagnosisSection(Section):
    """How the diagnosis looks for what f failed to capture.

    Attributes
    ----------
    explain : bool
        Whether explanations compete.
    leave_out : tuple of str
        Explanations, or families of them, that do not.
    candidates : tuple of str
        Files of further processes that f may lack.
    accept : bool
        Whether corrections that the data call for are taken.
    """

    explain: bool = Field(
        default=True,
        description="Whether explanations of the misfit of f compete in `asm-hybrid train`; `asm-hybrid diagnose` lets "
        "them in any case. See docs/method.md#how-explanations-compete.",
    )
    leave_out: Listed = Field(
        default=(),
        description="Explanations that do not compete, by name, or whole families, such as [influent.COD, "
        "sensor.NH4.drift].",
    )
    candidates: Listed = Field(
        default=(),
        description="Files of further processes that f may lack, as those of the library; relative to the config.",
    )
    accept: bool = Field(
        default=False,
        description="Take the corrections that the data clearly call for, as `asm-hybrid train --accept` does.",
    )
