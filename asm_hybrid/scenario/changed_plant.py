"""The plant of a scenario: controllers and time tables that it gets, and what these take over.

What a controller or a time table of a scenario moves is given by nothing else in that scenario: neither by a constant
or a column, nor by another controller or time table. Where it moves the aeration of a tank whose oxygen is imposed by a
column, the oxygen becomes a state that the model computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asm_hybrid.config import Config, PlantFile
from asm_hybrid.config.builders.columns import used_columns
from asm_hybrid.config.schema.control_sections import ControlSection, CycleSection
from asm_hybrid.config.schema.diagnosis_sections import CorrectionsSection
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.definition import NamedChanges, Scenario

__all__ = ["changed_file"]

AERATION = ("kla", "air")
"""Inputs of a tank that aerate it."""


@dataclass(frozen=True)
class _Laid:
    """Where a key of a changed plant stands: in the scenario, or in the file of the plant."""

    below: Any
    scenario: Scenario
    case: NamedChanges

    @property
    def path(self) -> Any:
        return self.below.path

    @property
    def text(self) -> str:
        return str(self.below.text)

    def where(self, *keys: str | int) -> str:
        own = {"control": self.case.control, "cycles": self.case.cycles}
        if keys[:1] == ("plant",) and len(keys) > 1 and keys[1] in own:
            named: Mapping[str, object] = own[str(keys[1])]
            if (len(keys) == 2 and named) or (len(keys) > 2 and keys[2] in named):
                return self.scenario.document.where(*self.case.parts, *keys[1:])
        return str(self.below.where(*keys))


def changed_file(
    file: PlantFile, oxygen: str | None, scenario: Scenario, case: NamedChanges
) -> tuple[PlantFile, tuple[str, ...]]:
    """Return the plant of a scenario.

    Parameters
    ----------
    file : PlantFile
        The plant, or a config.
    oxygen : str or None
        The component that aeration brings.
    scenario : Scenario
        The file.
    case : NamedChanges
        The scenario in it.

    Returns
    -------
    file : PlantFile
        The same file where the scenario has neither controllers nor time tables.
    texts : tuple of str
        What is new, and what is taken over, in words.
    """
    if not (case.control or case.cycles):
        return file, ()
    taken = {target for loop in case.control.values() for target in loop.move}
    taken |= {target for cycle in case.cycles.values() for phase in cycle.phases for target in phase.set}
    _check_imposed(file, oxygen, taken, scenario.document.where(*case.parts))
    control, gone = _controllers(file.plant.control, case, taken)
    cycles = _cycles(file.plant.cycles, case, taken)
    freed, columns = _columns(file, oxygen, taken)
    plant = file.plant.model_copy(update={"control": control, "cycles": cycles, **_constants(file, taken)})
    update: dict[str, Any] = {"plant": plant}
    if isinstance(file, Config):
        update["data"] = file.data.model_copy(update={"sources": columns})
        blown = {f"{name.partition('.')[0]}.air" for name in freed}
        update["corrections"] = _corrections(file.corrections, taken | set(freed) | blown)
    found = file.model_copy(update=update)
    found._document = _Laid(file._document, scenario, case)  # type: ignore[assignment]
    texts = [_loop_text(name, loop) for name, loop in case.control.items()]
    texts += [_cycle_text(name, cycle) for name, cycle in case.cycles.items()]
    texts += [f"without the controller {name}" for name in gone]
    texts += [f"{name} is no longer imposed" for name in freed]
    return found, tuple(texts)


def _check_imposed(file: PlantFile, oxygen: str | None, taken: set[str], where: str) -> None:
    """Refuse to move a concentration that a column imposes: aeration moves it, and no controller by itself."""
    imposed = {str(c.target) for _, _, c in used_columns(file) if c.role == "imposed"}
    for name in sorted(imposed & taken):
        tank, _, component = name.partition(".")
        raise InputError(
            f"{name} is imposed by a column of the record, and no controller or time table moves a concentration",
            where=where,
            expected="an input such as TANK.kla, wastage or recycle.NAME",
            fix=f"move {tank}.kla: the model then computes {name}" if component == oxygen else "",
        )


def _controllers(
    given: Mapping[str, ControlSection], case: NamedChanges, taken: set[str]
) -> tuple[dict[str, ControlSection], list[str]]:
    """Return the controllers, and the names of those that have nothing left to move."""
    kept = {name: loop for name, loop in given.items() if name not in case.control}
    gone: list[str] = []
    lost = set(taken)
    while True:
        left = {name: tuple(t for t in loop.move if t not in lost) for name, loop in kept.items()}
        ended = [name for name, targets in left.items() if not targets]
        if not ended:
            break
        gone += ended
        kept = {name: loop for name, loop in kept.items() if name not in ended}
        lost |= {f"{name}.setpoint" for name in ended}
    changed = {name: loop.model_copy(update={"move": left[name]}) for name, loop in kept.items()}
    return {**changed, **case.control}, gone


def _cycles(given: Mapping[str, CycleSection], case: NamedChanges, taken: set[str]) -> dict[str, CycleSection]:
    found = {}
    for name, cycle in given.items():
        if name not in case.cycles:
            phases = tuple(
                phase.model_copy(update={"set": {t: v for t, v in phase.set.items() if t not in taken}})
                for phase in cycle.phases
            )
            if any(phase.set for phase in phases):
                found[name] = cycle.model_copy(update={"phases": phases})
    return {**found, **case.cycles}


def _columns(file: PlantFile, oxygen: str | None, taken: set[str]) -> tuple[list[str], dict[str, Any]]:
    """Return imposed states that become free, and the sources without the columns that give what is taken over."""
    blown = {t.rpartition(".")[0] for t in taken if t.rpartition(".")[2] in AERATION}
    free = [
        str(c.target)
        for _, _, c in used_columns(file)
        if c.role == "imposed" and str(c.target) in {f"{tank}.{oxygen}" for tank in blown}
    ]
    metered = {f"{target.partition('.')[0]}.air" for target in free}
    dropped = taken | set(free) | metered
    sources = {}
    for name, source in file.sources.items():
        columns = {
            header: column.model_copy(update={"role": "ignored"})
            if column.role in ("input", "imposed") and str(column.target) in dropped
            else column
            for header, column in source.columns.items()
        }
        sources[name] = source.model_copy(update={"columns": columns})
    return free, sources


def _constants(file: PlantFile, taken: set[str]) -> dict[str, Any]:
    """Return the parts of a plant without the constants of what is taken over."""
    plant = file.plant
    tanks = {}
    for name, tank in plant.tanks.items():
        update: dict[str, Any] = {}
        if f"{name}.kla" in taken:
            update["kla"] = None
        if tank.air is not None and f"{name}.air" in taken:
            update["air"] = tank.air.model_copy(update={"flow": None})
        if tank.decant is not None and f"{name}.decant" in taken:
            update["decant"] = tank.decant.model_copy(update={"flow": None})
        tanks[name] = tank.model_copy(update=update) if update else tank
    found: dict[str, Any] = {
        "tanks": tanks,
        "recycles": {
            name: recycle.model_copy(update={"flow": None}) if f"recycle.{name}" in taken else recycle
            for name, recycle in plant.recycles.items()
        },
    }
    for key in ("return_sludge", "wastage"):
        if key in taken and getattr(plant, key) is not None:
            found[key] = getattr(plant, key).model_copy(update={"flow": None})
    if "Q_in" in taken:
        found["influent"] = plant.influent.model_copy(update={"flow": None})
    return found


def _corrections(section: CorrectionsSection, gone: set[str]) -> CorrectionsSection:
    """Return the corrections without those of inputs that no record gives any more."""
    kept = {
        kind: {name: value for name, value in given.items() if not {name, f"recycle.{name}"} & gone}
        for kind, given in section
    }
    return section.model_copy(update=kept)


def _loop_text(name: str, loop: ControlSection) -> str:
    moves = " and ".join(loop.move)
    if loop.type == "pi":
        return f"controller {name}: {loop.measure} at {_amount(loop.setpoint)} by {moves}"
    return (
        f"controller {name}: {moves} {_amount(loop.on)} from {loop.measure} {_amount(loop.switch_on)}, "
        f"{_amount(loop.off)} from {_amount(loop.switch_off)}"
    )


def _cycle_text(name: str, cycle: CycleSection) -> str:
    phases = []
    for i, phase in enumerate(cycle.phases):
        values = ", ".join(f"{target} {_amount(value)}" for target, value in phase.set.items())
        until = f" or until {' '.join(phase.until)}" if phase.until else ""
        phases.append(f"{phase.name or f'phase {i + 1}'} {1440 * phase.duration:g} min{until} ({values or 'nothing'})")
    return f"time table {name}: " + ", ".join(phases)


def _amount(value: float | str | None) -> str:
    return value if isinstance(value, str) else f"{value:g}"
