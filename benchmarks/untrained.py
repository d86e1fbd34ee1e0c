"""A run without its training: n has small random weights, the scaling of f's steady state, and acts everywhere.

What benchmarks and tests take where they need the model of a run, and not what it has learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid import __version__
from asm_hybrid.artefacts import write_csv_atomic, write_json_atomic
from asm_hybrid.config import (
    build_fractionation,
    build_layout,
    load_config,
    load_kinetics,
    observed_targets,
    parameter_values,
)
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.plant.inputs import CLOCK, INFLUENT
from asm_hybrid.training import FittedModel, start_state
from asm_hybrid.training.from_config import make_grid, term_specs
from asm_hybrid.training.results import parameter_rows
from asm_hybrid.training.scaling import term_scaling
from asm_hybrid.training.sensors import Sensors, sensor_specs
from asm_hybrid.yamlfile import YamlSource

__all__ = ["save_run", "untrained", "write_run"]

WEIGHTS = 0.02
"""Standard deviation of the weights of n."""
BEYOND = 10.0
"""Trained ranges reach from zero to so many times what the record holds, so that n acts on every day of it."""
BEGIN = pd.Timestamp("2023-01-01", tz="UTC")


def untrained(
    source: YamlSource,
    days: float,
    means: Mapping[str, float] | None = None,
    varied: Mapping[str, float] | None = None,
    given: Mapping[str, np.ndarray] | None = None,
) -> tuple[FittedModel, pd.DataFrame]:
    """Return a model as a run would leave it, and its record.

    Parameters
    ----------
    source : str, Path or mapping
        A config; its data are not read.
    days : float
        Length of the record [d].
    means : mapping of str to float, optional
        Means of inputs that are no constants of the plant.
    varied : mapping of str to float, optional
        Inputs that swing over the day and the year, and by what share of their mean.
    given : mapping of str to ndarray, (knot,), optional
        Inputs that are what they are.
    """
    config = load_config(source)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    constants = {**plant.layout.constants, **(means or {})}
    fractionation = build_fractionation(config, table, plant.layout)
    if fractionation is not None:
        measured = {n.removeprefix(INFLUENT): np.array(v) for n, v in constants.items() if n.startswith(INFLUENT)}
        split = fractionation.split(measured).components
        constants |= {f"{INFLUENT}{name}": float(value) for name, value in split.items()}
    record = _record(plant, days, config.data.interval, constants, varied or {}, given or {})
    day = record[list(plant.inputs.names)].to_numpy()[: round(1.0 / config.data.interval)]
    inputs, names = torch.tensor(day), table.parameter_names
    defaults = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
    parameters = defaults.clone()
    for name, value in parameter_values(config, table).items():
        parameters[names.index(name)] = value
    targets = tuple(dict.fromkeys(observed_targets(config).values()))
    f = PlantSystem(plant, parameters, targets)
    start, members = start_state(f, inputs.mean(0))[0], len(config.training.seeds)
    along = start.expand(len(inputs), -1, -1)
    takes_part = participants(plant, plant.stoichiometry(parameters, torch_namespace()))
    spread = dict.fromkeys(targets, 1.0)
    terms = [
        LearntTerm(spec, plant, term_scaling(spec, f, along, inputs, spread), takes_part)
        for spec in (term_specs(config, table) if config.model.mode == "hybrid" else ())
    ]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for term in terms:
            term.low.mul_(BEYOND).clamp_(max=0.0)
            term.high.mul_(BEYOND).clamp_(min=0.0)
            term.width.copy_(
                torch.maximum(term.width, term.high - term.low)
            )  # of which the guard knows how far out it is
            for values in term.network.parameters():
                values.add_(WEIGHTS * torch.randn(values.shape, dtype=values.dtype, generator=generator))
    specs = sensor_specs(config)
    model = FittedModel(
        config=config,
        plant=plant,
        grid=make_grid(config),
        targets=tuple(observed_targets(config).values()),
        labels=tuple(observed_targets(config)),
        defaults=defaults,
        parameters=parameters,
        start=start.expand(2, -1, -1),
        sensors=Sensors(specs, torch.ones(len(specs), dtype=torch.float64), members),
        term=LearntTerms(terms) if terms else None,
        best=members - 1,
        begin=record["time"].iloc[0],
    )
    return model, record


def _record(
    plant: Plant,
    days: float,
    interval: float,
    means: Mapping[str, float],
    varied: Mapping[str, float],
    given: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Return the inputs of a record: means that swing, time tables, the clock, and what is given."""
    days_on = np.arange(round(days / interval) + 1) * interval
    frame = pd.DataFrame({"time": BEGIN + pd.to_timedelta(np.round(days_on * 86400), unit="s")})
    swing = 0.7 * np.sin(2 * np.pi * days_on) + 0.3 * np.sin(2 * np.pi * days_on / 365)
    known = {name: cycle.values(name, days_on) for cycle in plant.layout.cycles for name in cycle.inputs}
    known |= dict(zip(CLOCK, (np.sin(2 * np.pi * days_on), np.cos(2 * np.pi * days_on)), strict=True))
    known |= given
    for name in plant.inputs.names:
        frame[name] = known[name] if name in known else means[name] * (1 + varied.get(name, 0.0) * swing)
    return frame


def save_run(model: FittedModel, record: pd.DataFrame, folder: Path) -> Path:
    """Write a model and its record as a run folder, with all that an export reads; return the folder."""
    folder.mkdir(parents=True)
    model.save(folder)
    times = record["time"]
    write_csv_atomic(folder / "inputs.csv", record.assign(time=[t.isoformat() for t in times]))
    rows = {"parameters": parameter_rows(model, None), "correlations": {}, "sensors": {}}
    write_json_atomic(folder / "parameters.json", rows)
    blocks, length = model.config.data.blocks, times.iloc[-1] - times.iloc[0]
    shares = {"train": blocks.train, "validate": blocks.validate_, "test": blocks.test}
    summary = {
        "name": model.config.name,
        "mode": model.config.model.mode,
        "placements": list(model.config.network.placement) if model.term is not None else [],
        "created": times.iloc[0].isoformat(),
        "version": __version__,
        "device": "cpu",
        "seconds": {},
        "blocks": {
            name: [(times.iloc[0] + float(share) * length).isoformat() for share in block]
            for name, block in shares.items()
        },
        "variables": {
            label: {"target": target, "unit": "g/m3", "noise": 1.0}
            for label, target in zip(model.labels, model.targets, strict=True)
        },
        "scores": {},
        "warnings": ["This run was not trained: the weights of n are random."],
        "seeds": list(model.config.training.seeds),
    }
    write_json_atomic(folder / "summary.json", summary)
    write_manifest(folder)
    return folder


def write_run(
    source: YamlSource,
    folder: Path,
    days: float = 2.0,
    means: Mapping[str, float] | None = None,
    varied: Mapping[str, float] | None = None,
    given: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write the run folder of a config without training it; see `untrained`."""
    return save_run(*untrained(source, days, means, varied, given), folder)
