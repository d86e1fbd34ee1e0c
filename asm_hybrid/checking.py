"""``asm-hybrid check``: a config with its data, or a plant, as the program understands them, and the flow sheet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.config import Config, PlantFile, load_config, load_plant
from asm_hybrid.config.ode import is_ode
from asm_hybrid.data import Dataset, QualityFinding
from asm_hybrid.data.check_text import aligned, check_data, finding_lines
from asm_hybrid.data.unusual import constant_findings
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.plant.water import WaterBalance, water_balance
from asm_hybrid.report.flowsheet import draw_flowsheet
from asm_hybrid.report.operation_text import balance_lines, cost_lines, measured_lines, operation_lines
from asm_hybrid.scenario.case_findings import CLOSES
from asm_hybrid.scenario.impossible_water import base_water
from asm_hybrid.scenario.operation import mean_inputs, operation, plant_inputs
from asm_hybrid.scenario.plants import DAYS
from asm_hybrid.scenario.plausible import compare, sludge_findings, solids_ratio, steady_findings
from asm_hybrid.scenario.record_balance import balance_findings, record_balance
from asm_hybrid.scenario.same_water import same_water_findings
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.scenario.unlikely import flow_findings, nitrification_findings, sewage_findings
from asm_hybrid.training.cost import cost_findings
from asm_hybrid.training.cost_timing import machine_memory, training_cost
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
        return _check_config(path)
    file = load_plant(path)
    table = file.table()
    plant = Plant(table, file.layout(table))
    inputs = plant_inputs(plant)
    wrong, warnings = base_water(plant, assemble_inputs(plant, DAYS))
    lines = [f"{path}: {file.name}, {table.name}", "", *_constants(plant, table), *_own_values(file, table), ""]
    parameters = _parameters(file, table)
    matter, lost = _matter(plant, parameters)
    lines += [*_water(plant, water_balance(plant, inputs)), matter, ""]
    findings: list[QualityFinding] = list(constant_findings(file, table, plant.layout))
    findings += [QualityFinding("warning", str(path), "", "", "water", text) for text in warnings]
    wrong += lost
    if not wrong:
        found = operation(plant, parameters, inputs)
        lines += [*operation_lines(found, "with the constants of the plant"), ""]
        findings += [*steady_findings(found, str(path)), *sludge_findings(found, (), str(path))]
        findings += [*flow_findings(found, str(path)), *sewage_findings(found, str(path))]
    lines += finding_lines(findings, *wrong)
    return _drawn(lines, len(wrong), plant, inputs, Path(path).parent if is_file else Path(), Path(path).stem)


def _check_config(path: str | Path) -> Check:
    """Check a config and its data, and what they say of the plant and of the training."""
    config = load_config(path)
    table = config.table()
    plant = Plant(table, config.layout(table))
    report = check_data(config, table, plant.layout, str(path))
    if report.errors or report.dataset is None:
        return Check(report.lines, report.errors, None)
    dataset = report.dataset
    lengths, parameters = _lengths(config, dataset), _parameters(config, table)
    flows = lengths @ dataset.inputs / lengths.sum()
    balance = water_balance(plant, flows)
    matter, wrong = _matter(plant, parameters)
    wrong += () if plant.steered else balance.findings
    lines, findings = [*report.facts, *_water(plant, balance), matter, ""], list(report.findings)
    if not wrong:
        file, begin = str(path), time.perf_counter()
        found = operation(plant, parameters, mean_inputs(dataset.input_names, dataset.inputs, lengths))
        spent = time.perf_counter() - begin
        measured = compare(found, dataset.observations)
        balances = record_balance(found, dataset, solids_ratio(measured))
        lines += [*operation_lines(found, "on average over the record"), ""]
        lines += [*measured_lines(measured, found), "", *balance_lines(balances), ""]
        findings += [*steady_findings(found, file), *sludge_findings(found, measured, file)]
        findings += [*flow_findings(found, file), *sewage_findings(found, file)]
        findings += [*nitrification_findings(found, measured, file), *balance_findings(balances, file)]
        findings += same_water_findings(found, dataset.observations, file)
        try:
            cost, memory = training_cost(config, plant, dataset, found.rows, spent), machine_memory(config)
        except InputError as error:
            wrong.append(error)
        else:
            lines += [*cost_lines(cost, memory), ""]
            findings += cost_findings(cost, memory, file)
    lines += finding_lines(findings, *wrong)
    return _drawn(lines, len(wrong), plant, flows, Path(path).parent, Path(path).stem)


def _lengths(config: Config, dataset: Dataset) -> np.ndarray:
    """Return how many intervals each knot stands for, ``(knot,)``: one when held, in lines half a one at the ends."""
    lengths = np.ones(len(dataset.times))
    lengths[-1] = 0.0 if config.data.interpolation == "previous" else 0.5
    lengths[0] = lengths[-1] or 1.0
    return lengths


def _drawn(lines: list[str], errors: int, plant: Plant, flows: np.ndarray, folder: Path, name: str) -> Check:
    """Draw the flow sheet."""
    target = folder / f"{name}-flowsheet.svg"
    try:
        write_bytes_atomic(target, draw_flowsheet(plant, flows))
    except (OSError, InputError) as error:
        return Check((*lines, f"the flow sheet cannot be written: {error}"), errors, None)
    return Check(tuple(lines), errors, target)


def _parameters(file: PlantFile, table: Table) -> np.ndarray:
    values = file.parameter_values(table)
    return np.array([values.get(p.name, p.default) for p in table.parameters])


def _constants(plant: Plant, table: Table) -> list[str]:
    rows = [(spec.name, f"{plant.layout.constants[spec.name]:g}", spec.unit) for spec in plant.inputs]
    states = len(plant.rows.names)
    head = f"{plant.tanks} tanks, {states} states, {len(table.processes)} processes; inputs"
    return [head, *aligned(rows)]


def _own_values(file: PlantFile, table: Table) -> list[str]:
    """Return the parameters that the plant changes, beside the defaults of the table."""
    values = file.parameter_values(table)
    rows = [
        (p.name, f"{values[p.name]:g}", p.unit, f"default {p.default:g}") for p in table.parameters if p.name in values
    ]
    return ["parameters that differ from the table", *aligned(rows)] if rows else []


def _water(plant: Plant, balance: WaterBalance) -> list[str]:
    rows = [("from", "to", "stream", "m3/d")]
    rows += [(s.source, s.target, s.name, f"{s.flow:.6g}") for s in balance.streams]
    scale = max(1.0, *(abs(s.flow) for s in balance.streams))
    worst = max((abs(node.residual) for node in balance.nodes), default=0.0)
    where = "at the start" if plant.steered else "on average"
    return [f"water {where}; the balance of every unit closes to {worst / scale:.1g}", *aligned(rows)]


def _matter(plant: Plant, parameters: np.ndarray) -> tuple[str, list[InputError]]:
    """Say how far the balances of all components and materials close at random states, and which do not."""
    rng, balance = np.random.default_rng(STATES), MaterialBalance(symbolic_system(plant, parameters), parameters)
    inputs = {s.name: plant.layout.constants.get(s.name, USUAL.get(s.name, 1.0)) for s in plant.inputs}
    start = cold_start(plant, inputs)[plant.rows.active > 0]
    states = start * rng.uniform(0.5, 1.5, (STATES, len(start)))
    found = balance.close(np.arange(STATES, dtype=float), states, np.tile(list(inputs.values()), (STATES, 1)))
    line = (
        f"matter at {STATES} random states; the balances of {', '.join([*plant.table.materials, 'every component'])} "
        f"close to {max(c.missed for c in found):.1g}"
    )
    lost = [c for c in found if c.missed > CLOSES]
    return line, [InputError(f"{100 * c.missed:.2g} % of {c.name} is lost or made on the way") for c in lost]
