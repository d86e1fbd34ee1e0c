"""What is simulated without training: a plant, or the plant of a config with the inputs of its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from asm_hybrid.config import Config, PlantFile, build_layout, load_kinetics, load_plant_or_config, parameter_values
from asm_hybrid.data import QualityFinding, read_dataset
from asm_hybrid.data.unusual import constant_findings
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.yamlfile import YamlSource

__all__ = ["CaseModel", "Record", "Subject", "load_subject", "told"]


@dataclass(frozen=True)
class Record:
    """The inputs of a config's data.

    Attributes
    ----------
    frame : DataFrame
        ``time`` [d] from the begin of the record, and every input of the plant in internal units.
    held : bool
        Whether values are held until the next time, or straight lines run between them.
    text : str
        From when to when it is.
    findings : tuple of QualityFinding
        What the checks of the data found.
    origin : Timestamp or None
        Time zero in UTC, of the record of a run.
    """

    frame: pd.DataFrame
    held: bool
    text: str
    findings: tuple[QualityFinding, ...]
    origin: pd.Timestamp | None = None


@dataclass(frozen=True, eq=False)
class CaseModel:
    """What simulates one case.

    Attributes
    ----------
    plant : Plant
        The plant, with the controllers of the case.
    members : tuple of CompiledPlant
        f + n, one a seed; f alone where there is no n.
    alone : CompiledPlant or None
        f alone, where there is n.
    """

    plant: Plant
    members: tuple[CompiledPlant, ...]
    alone: CompiledPlant | None = None

    @property
    def compiled(self) -> tuple[CompiledPlant, ...]:
        """All that can be simulated: the members, then f alone."""
        return self.members if self.alone is None else (*self.members, self.alone)

    @property
    def steady(self) -> bool:
        """Whether the plant has a steady state: without phases that end by themselves, and without on/off control."""
        return not (self.plant.layout.cycles or self.members[0].problem.after)


@dataclass(frozen=True)
class Subject:
    """A plant to simulate.

    Attributes
    ----------
    file : PlantFile
        Its file; a `Config` where it has data.
    plant : Plant
        The plant.
    """

    file: PlantFile
    plant: Plant

    @property
    def parameters(self) -> np.ndarray:
        """Values of the table's parameters, ``(parameter,)``."""
        values = parameter_values(self.file, self.plant.table)
        return np.array([values.get(p.name, p.default) for p in self.plant.table.parameters])

    def case_model(self, file: PlantFile, *, by_knots: bool = False, tolerance: float | None = None) -> CaseModel:
        """Return what simulates the plant, or the plant of a scenario.

        Parameters
        ----------
        file : PlantFile
            The file of the subject, or one that a scenario changed.
        by_knots : bool
            Whether it is integrated on the knots and by the steps of its training, as a run can be.
        tolerance : float, optional
            Relative tolerance of the integration otherwise; see `CompiledPlant`.

        Returns
        -------
        CaseModel
        """
        plant = self.changed_plant(file)
        return CaseModel(plant, (CompiledPlant(plant, self.parameters, tolerance=tolerance),))

    def with_parameters(self, values: Mapping[str, float]) -> Subject:
        """Return the subject with other values of some parameters.

        Parameters
        ----------
        values : mapping of str to float
            By name [unit of the table].

        Returns
        -------
        Subject
            Its file has them under ``model.parameters``.
        """
        model = self.file.model.model_copy(update={"parameters": {**self.file.model.parameters, **values}})
        file, table = self.file.model_copy(update={"model": model}), self.plant.table
        return Subject(file, Plant(table, build_layout(file, table)))

    def changed_plant(self, file: PlantFile) -> Plant:
        """Return the plant of a file that is the subject's, or a changed one."""
        table = self.plant.table
        return self.plant if file is self.file else Plant(table, build_layout(file, table))

    @cached_property
    def record(self) -> Record | None:
        """The inputs of its data; None where it has none."""
        if not isinstance(self.file, Config):
            return None
        data = read_dataset(self.file, self.plant.table, self.plant.layout)
        frame = pd.DataFrame(data.inputs, columns=data.input_names)
        frame.insert(0, "time", data.times)
        begin, end = (f"{data.to_stamp(t):%Y-%m-%d %H:%M}" for t in (data.times[0], data.times[-1]))
        held = self.file.data.interpolation == "previous"
        return Record(frame, held, f"{begin} to {end} UTC", data.quality)

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What is unusual in its constants and its data."""
        if self.record is not None:
            return self.record.findings
        return tuple(constant_findings(self.file, self.plant.table, self.plant.layout))


@contextmanager
def told(findings: Sequence[QualityFinding]) -> Iterator[None]:
    """Add to an error what was found before, which may be its cause.

    Parameters
    ----------
    findings : sequence of QualityFinding
        What was found.

    Yields
    ------
    None

    Raises
    ------
    InputError, SimulationError
        The error that was raised within, with what was found.
    """
    try:
        yield
    except (InputError, SimulationError) as error:
        if not findings:
            raise
        words = [f"found before: {finding}" for finding in findings]
        if isinstance(error, InputError):
            fix = "\n  ".join([error.fix or "see what was found before", *words])
            raise InputError(error.found, where=error.where, expected=error.expected, fix=fix) from None
        raise SimulationError("\n  ".join([str(error), *words])) from None


def load_subject(name: YamlSource) -> Subject:
    """Read what is to be simulated; series of a config are read when they are asked for.

    Parameters
    ----------
    name : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training, or the content of such a file.

    Returns
    -------
    Subject

    Raises
    ------
    InputError
        When it cannot be used.
    """
    file = load_plant_or_config(name)
    table = load_kinetics(file)
    return Subject(file, Plant(table, build_layout(file, table)))
