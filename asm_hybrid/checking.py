"""``asm-hybrid check``: a config with its data, or a plant, as the program understands them, and the flow sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.config import load_config, load_plant
from asm_hybrid.config.ode import is_ode
from asm_hybrid.data import check_report, read_dataset
from asm_hybrid.data.check import aligned
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.plant.start import cold_start
from asm_hybrid.plant.symbolic import symbolic_system
from asm_hybrid.plant.water import WaterBalance, water_balance
from asm_hybrid.report.flowsheet import draw_flowsheet
from asm_hybrid.scenario.findings import CLOSES
from asm_hybrid.scenario.inputs import assemble_inputs
from asm_hybrid.scenario.plants import DAYS
from asm_hybrid.scenario.water import base_water
from asm_hybrid.training.ode import describe_ode
from asm_hybrid.yamlfile import load_yaml

__all__ = ["Check", "check"]

STATES = 4
"""Random states at which the balances of matter are worked out."""
USUAL: Mapping[str, float] = MappingProxyType({"T": 15.0, "Q_in": 1e4, "return_sludge": 1e4, "wastage": 200.0})
"""What stands there for inputs that a series gives."""


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes
    ----------
    lines : tuple of str
        Plain text.
    errors : int
        Number of errors; a run or simulation would be refused if there are any.
    flowsheet : Path or None
        The drawing; None where it could not be written.
    """

    lines: tuple[str, ...]
    errors: int
    flowsheet: Path | None


def check(path: str | Path) -> Check:
    """Check a config and its data, or a plant, without training or simulating.

    Parameters
    ----------
    path : path or str
        A config, of a plant or of a generic ODE, the file of a plant, or a shipped layout.

    Returns
    -------
    Check
        The flow sheet is drawn with the mean flows of the data, or with the constants of the plant, into
        ``NAME-flowsheet.svg`` beside the file, for a shipped layout in the current folder.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    is_file = str(path).endswith((".yaml", ".yml"))
    if is_file and is_ode(path):
        return Check(tuple(describe_ode(path)), 0, None)
    if is_file and "data" in load_yaml(path).data:
        report = check_report(path)
        lines, errors = list(report.lines), report.errors
        config = load_config(path)
        table, parameters = config.table(), config.parameter_values(config.table())
        plant = Plant(table, config.layout(table))
        if errors:
            return Check(tuple(lines), errors, None)
        flows, series = read_dataset(config, table, plant.layout).inputs.mean(axis=0), None
    else:
        file = load_plant(path)
        table, parameters = file.table(), file.parameter_values(file.table())
        plant = Plant(table, file.layout(table))
        flows = np.array([plant.layout.constants[spec.name] for spec in plant.inputs])
        series = assemble_inputs(plant, DAYS)
        lines, errors = [f"{path}: {file.name}, {table.name}", "", *_constants(plant, table)], 0
    balance = water_balance(plant, flows)
    lines += ["", *_water(plant, balance)]
    wrong, warnings = base_water(plant, series) if series is not None else (list(balance.findings), [])
    matter, lost = _materials(plant, table, parameters)
    lines += [*matter, *(f"warning: {text}" for text in warnings), *(f"error: {finding}" for finding in wrong)]
    errors += len(wrong) + lost
    target = (Path(path).parent if is_file else Path()) / f"{Path(path).stem}-flowsheet.svg"
    try:
        write_bytes_atomic(target, draw_flowsheet(plant, flows))
    except (OSError, InputError) as error:
        return Check((*lines, f"the flow sheet cannot be written: {error}"), errors, None)
    return Check(tuple(lines), errors, target)


def _constants(plant: Plant, table: Table) -> list[str]:
    rows = [(spec.name, f"{plant.layout.constants[spec.name]:g}", spec.unit) for spec in plant.inputs]
    states = len(plant.rows.names)
    head = f"{plant.tanks} tanks, {states} states, {len(table.processes)} processes; inputs"
    return [head, *aligned(rows)]


def _water(plant: Plant, balance: WaterBalance) -> list[str]:
    rows = [("from", "to", "stream", "m3/d")]
    rows += [(s.source, s.target, s.name, f"{s.flow:.6g}") for s in balance.streams]
    scale = max(1.0, *(abs(s.flow) for s in balance.streams))
    worst = max((abs(node.residual) for node in balance.nodes), default=0.0)
    where = "at the start" if plant.steered else "on average"
    return [f"water {where}; the balance of every unit closes to {worst / scale:.1g}", *aligned(rows)]


def _materials(plant: Plant, table: Table, given: Mapping[str, float]) -> tuple[list[str], int]:
    """Say how far the balances of all components and materials close at random states, and count those that do not."""
    values = np.array([given.get(p.name, p.default) for p in table.parameters])
    rng, balance = np.random.default_rng(STATES), MaterialBalance(symbolic_system(plant, values), values)
    inputs = {s.name: plant.layout.constants.get(s.name, USUAL.get(s.name, 1.0)) for s in plant.inputs}
    start = cold_start(plant, inputs)[plant.rows.active > 0]
    states = start * rng.uniform(0.5, 1.5, (STATES, len(start)))
    found = balance.close(np.arange(STATES, dtype=float), states, np.tile(list(inputs.values()), (STATES, 1)))
    lost = [c for c in found if c.missed > CLOSES]
    line = (
        f"matter at {STATES} random states; the balances of {', '.join([*table.materials, 'every component'])} close "
        f"to {max(c.missed for c in found):.1g}"
    )
    return [line, *(f"error: {100 * c.missed:.2g} % of {c.name} is lost or made on the way" for c in lost)], len(lost)
