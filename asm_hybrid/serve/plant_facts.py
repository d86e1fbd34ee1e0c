"""What of a plant, or of the plant of a run, can be played with: controls with their ranges, places, the flow sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from asm_hybrid.config import Config, PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.jobs import open_job
from asm_hybrid.plant import Plant
from asm_hybrid.plant.inputs import InputSpec
from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.report.flowsheet import arrange
from asm_hybrid.report.style import unit_text
from asm_hybrid.scenario.case_inputs import Given, case_inputs
from asm_hybrid.scenario.definition import Scenario, load_scenario
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent, find_influent
from asm_hybrid.scenario.scoring import may_be_limited
from asm_hybrid.scenario.simulation import limits_of
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.subject import Subject
from asm_hybrid.serve.exchanged import Control, Description
from asm_hybrid.serve.places import places_of
from asm_hybrid.serve.plant_results import kept_means
from asm_hybrid.serve.sheet_svg import svg_of_sheet

__all__ = ["described", "drawn"]

INFLUENT, FLOWS, AERATION, CONTROL, IMPOSED = "Influent", "Flows", "Aeration", "Set points", "Imposed oxygen"
COMPONENTS = "Components of the influent"
GROUPS = {
    "Q_in": INFLUENT, "T": INFLUENT, "return_sludge": FLOWS, "wastage": FLOWS, "recycle": FLOWS, "decant": FLOWS,
    "kla": AERATION, "air": AERATION, "setpoint": CONTROL, "imposed": IMPOSED, "influent": COMPONENTS,
}  # fmt: skip
"""Heading under which an input stands, by its kind; noise and the clock are no inputs to play with."""
LABELS = {"Q_in": "Influent flow", "T": "Temperature", "return_sludge": "Return sludge", "wastage": "Wastage"}
KLA = 360.0
"""End of a slider for kLa [1/d], unless the plant's own is near it."""
FACTORS = (0.2, 2.0, 0.05)
"""Ends and step of a slider for a factor."""
COLD, WARM, STEP = 5.0, 30.0, 0.5
"""Ends and step of a slider for a temperature [degC]."""


def described(subject: str, document: dict[str, Any]) -> Description:
    """Return what can be played with, for `asm_hybrid.serve.plant_work.describe`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.

    Returns
    -------
    Description
    """
    found = _opened(subject)
    scenario, influent, given = _inputs(subject, found, document)
    plant, base = found.plant, given[0].inputs
    recorded = isinstance(found.file, Config)
    kind = "run" if isinstance(found, FittedSubject) else "config" if recorded else "plant"
    return Description(
        name=found.file.name,
        kind=kind,
        text=found.file.description or "",
        controls=tuple(_controls(plant, base)),
        inputs=("load", *plant.inputs.names),
        days=influent.days,
        influent=influent.text,
        limits=limits_of(plant, scenario),
        limited=may_be_limited(plant),
        places=places_of(plant, _units(found, found.file)),
        recorded=recorded,
    )


def drawn(subject: str, document: dict[str, Any], case: str) -> str:
    """Return the flow sheet of a case as SVG, for `asm_hybrid.serve.plant_work.draw`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.
    case : str
        Name of the case.

    Returns
    -------
    str
    """
    found = _opened(subject)
    _, _, given = _inputs(subject, found, document)
    one = next((g for g in given if g.name == case), given[0])
    plant = found.changed_plant(one.file)
    means = kept_means(subject, document, one.name)
    sheet, findings = arrange(plant, one.inputs.mean if means is None else means)
    labels = {place.name: place.label for place in places_of(plant, _units(found, one.file))}
    return svg_of_sheet(plant, sheet, labels, findings)


def _opened(subject: str) -> Subject:
    found = open_job(subject).subject()
    if isinstance(found, FittedSubject) and not found.has_plant:
        raise InputError(
            f"the run {found.file.name} is a pure neural model, which has no plant to draw",
            expected="a run with mode: hybrid or mechanistic, or a plant",
            fix="simulate it by the command line: asm-hybrid simulate RUN --scenario FILE",
        )
    return found


def _units(found: Subject, file: PlantFile) -> dict[str, str]:
    """Return the unit of everything that a simulation records."""
    return {name: unit for name, (unit, _) in found.case_model(file).members[0].recorded.items()}


def _inputs(subject: str, found: Subject, document: dict[str, Any]) -> tuple[Scenario | None, Influent, list[Given]]:
    scenario = load_scenario(document) if document else None
    influent = find_influent(found, scenario)
    return scenario, influent, case_inputs(found, scenario, influent, subject)


def _controls(plant: Plant, base: InputSeries) -> Iterator[Control]:
    moved = {name: f"the controller {c.name}" for c in plant.layout.controllers for name in c.sets}
    moved |= {name: "a time table" for cycle in plant.layout.cycles for name in cycle.inputs}
    tuned = set(plant.table.parameter_names)
    for spec in plant.inputs:
        if spec.kind in GROUPS and spec.name not in tuned:
            k = plant.input_index[spec.name]
            arrays = [base.begin[:, k]] if base.end is None else [base.begin[:, k], base.end[:, k]]
            values = np.concatenate(arrays)
            constant = bool(np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())))
            yield _control(spec, float(values[0] if constant else base.mean[k]), constant, moved.get(spec.name, ""))
            if spec.name == "Q_in" and load_inputs(plant):
                what = "Load: all pollutants of the influent"
                yield Control("load", what, "×", INFLUENT, "scale", 1.0, *FACTORS)


def _control(spec: InputSpec, base: float, constant: bool, moved: str) -> Control:
    label = LABELS.get(spec.kind) or _label(spec)
    group, unit = GROUPS[spec.kind], unit_text(spec.unit)
    if spec.kind == "T":
        if constant:
            ends = min(COLD, math.floor(base)), max(WARM, math.ceil(base))
            return Control(spec.name, label, unit, group, "set", base, *ends, STEP, moved)
        return Control(spec.name, f"{label}, difference", unit, group, "shift", 0.0, -10.0, 10.0, STEP, moved)
    if not constant:
        return Control(spec.name, f"{label}, factor", "×", group, "scale", 1.0, *FACTORS, moved)
    high = _round_up(max(KLA, 1.5 * base) if spec.kind == "kla" else 3 * base or 1.0)
    return Control(spec.name, label, unit, group, "set", base, 0.0, high, _step(high / 200), moved)


def _label(spec: InputSpec) -> str:
    words = {"recycle": f"Recycle {spec.owner}", "kla": f"kLa of {spec.owner}", "air": f"Air flow of {spec.owner}"}
    words |= {"influent": spec.owner, "decant": f"Decant of {spec.owner}", "setpoint": f"Set point of {spec.owner}"}
    return words.get(spec.kind, spec.name)


def _round_up(value: float) -> float:
    """Return a round number of two digits that is not below a value."""
    size = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / size - 1e-9) * size


def _step(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not below a value."""
    size = 10.0 ** math.floor(math.log10(value))
    return next(n * size for n in (1, 2, 5, 10) if n * size >= value * (1 - 1e-9))
