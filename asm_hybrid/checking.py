"""``asm-hybrid check``: a config with its data, or a plant, as the program understands them, and the flow sheet."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from asm_hybrid.config import (
    Config,
    PlantFile,
    build_layout,
    candidate_files,
    load_kinetics,
    load_plant_or_config,
    parameter_values,
)
from asm_hybrid.data import Dataset, QualityFinding
from asm_hybrid.data.check_text import aligned, check_data, constant_rows, finding_lines, table_text
from asm_hybrid.data.unusual import constant_findings
from asm_hybrid.errors import InputError
from asm_hybrid.explanations.explained import competing_candidates
from asm_hybrid.explanations.read import record_of
from asm_hybrid.hybrid.signs import sign_rows
from asm_hybrid.kinetics import Table
from asm_hybrid.notebook.check_result import CheckResult, as_finding
from asm_hybrid.plant import Plant
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.plant.water import WaterBalance, water_balance
from asm_hybrid.report.flowsheet import draw_flowsheet
from asm_hybrid.report.operation_text import balance_lines, cost_lines, measured_lines, operation_lines
from asm_hybrid.scenario.case_findings import CLOSES
from asm_hybrid.scenario.impossible_water import base_water
from asm_hybrid.scenario.influents import DAYS
from asm_hybrid.scenario.operation import mean_inputs, operation, plant_inputs
from asm_hybrid.scenario.plausible import compare, sludge_findings, solids_ratio, steady_findings
from asm_hybrid.scenario.record_balance import balance_findings, record_balance
from asm_hybrid.scenario.same_water import same_water_findings
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.scenario.unlikely import flow_findings, nitrification_findings, sewage_findings
from asm_hybrid.training.cost import cost_findings
from asm_hybrid.training.cost_timing import machine_memory, training_cost
from asm_hybrid.training.from_config import term_specs
from asm_hybrid.training.learnable import check_course, volume_warnings
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["check"]

STATES = 4
"""Random states at which the balances of matter are worked out."""
USUAL: Mapping[str, float] = MappingProxyType({"T": 15.0, "Q_in": 1e4, "return_sludge": 1e4, "wastage": 200.0})
"""What stands there for inputs that a series gives."""


def check(source: YamlSource) -> CheckResult:
    """Check a config and its data, or a plant, without training or simulating.

    Parameters
    ----------
    source : str, Path or mapping
        A config, the file of a plant, or a shipped layout; or the content of such a file.

    Returns
    -------
    CheckResult
        The flow sheet is drawn with the mean flows of the data, or with the constants of the plant.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    file = load_plant_or_config(source)
    if isinstance(file, Config):
        return _check_config(source_name(source), file)
    name = source_name(source)
    table = load_kinetics(file)
    plant = Plant(table, build_layout(file, table))
    inputs = plant_inputs(plant)
    wrong, warnings = base_water(plant, assemble_inputs(plant, DAYS))
    lines = [f"{name}: {file.name}, {table_text(table)}", "", *_constants(plant, table), *_own_values(file, table), ""]
    parameters = _parameters(file, table)
    matter, lost = _matter(plant, parameters)
    lines += [*_water(plant, water_balance(plant, inputs)), matter, ""]
    findings: list[QualityFinding] = list(constant_findings(file, table, plant.layout))
    findings += [QualityFinding("warning", name, "", "", "water", text) for text in warnings]
    wrong += lost
    if not wrong:
        found = operation(plant, parameters, inputs)
        lines += [*operation_lines(found, "with the constants of the plant"), ""]
        findings += [*steady_findings(found, name), *sludge_findings(found, (), name)]
        findings += [*flow_findings(found, name), *sewage_findings(found, name)]
    return _result(name, lines, findings, wrong, draw_flowsheet(plant, inputs))


def _check_config(name: str, config: Config) -> CheckResult:
    """Check a config and its data, and what they say of the plant and of the training."""
    candidate_files(config)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    report = check_data(config, table, plant.layout, name)
    if report.errors or report.dataset is None:
        failures = [] if report.failure is None else [report.failure]
        return _result(name, report.facts, report.findings, failures, None)
    dataset = report.dataset
    lengths, parameters = _lengths(config, dataset), _parameters(config, table)
    flows = lengths @ dataset.inputs / lengths.sum()
    balance = water_balance(plant, flows)
    matter, wrong = _matter(plant, parameters)
    wrong += () if plant.steered else balance.findings
    try:
        check_course(config, plant, dataset)
    except InputError as error:
        wrong.append(error)
    lines = [*report.facts, *_water(plant, balance), matter, "", *_signs(config, plant)]
    findings = list(report.findings)
    findings += [QualityFinding("warning", name, "", "", "water", t) for t in volume_warnings(config, plant, dataset)]
    if not wrong:
        begin = time.perf_counter()
        found = operation(plant, parameters, mean_inputs(dataset.input_names, dataset.inputs, lengths))
        spent = time.perf_counter() - begin
        measured = compare(found, dataset.observations)
        balances = record_balance(found, dataset, solids_ratio(measured))
        lines += [*operation_lines(found, "on average over the record"), ""]
        lines += [*measured_lines(measured, found), "", *balance_lines(balances), ""]
        findings += [*steady_findings(found, name), *sludge_findings(found, measured, name)]
        findings += [*flow_findings(found, name), *sewage_findings(found, name)]
        findings += [*nitrification_findings(found, measured, name), *balance_findings(balances, name)]
        findings += same_water_findings(found, dataset.observations, name)
        try:
            cost, memory = training_cost(config, plant, dataset, found.rows, spent), machine_memory(config)
        except InputError as error:
            wrong.append(error)
        else:
            lines += [*cost_lines(cost, memory), ""]
            findings += cost_findings(cost, memory, name)
    return _result(
        name, lines, findings, [*wrong, *_explanations(config, plant, dataset)], draw_flowsheet(plant, flows)
    )


def _explanations(config: Config, plant: Plant, dataset: Dataset) -> list[InputError]:
    """Return what is wrong with the explanations that the config leaves out, and with the candidates that it adds."""
    if config.diagnosis.explain:
        try:
            competing_candidates(record_of(config, plant, dataset))
        except InputError as error:
            return [error]
    return []


def _signs(config: Config, plant: Plant) -> list[str]:
    """Return which signs of f's rates n keeps, a table for every placement that keeps any."""
    lines: list[str] = []
    for spec in term_specs(config, plant.table) if config.model.mode == "hybrid" else ():
        signs = spec.architecture(plant).signs
        if signs is not None and not signs.free.all():
            lines += [f"signs of f that n keeps ({spec.placement}); what is not named n does not answer"]
            lines += [*aligned(sign_rows(signs, spec.targets, spec.inputs)), ""]
    return lines


def _lengths(config: Config, dataset: Dataset) -> np.ndarray:
    """Return how many intervals each knot stands for, ``(knot,)``: one when held, in lines half a one at the ends."""
    lengths = np.ones(len(dataset.times))
    lengths[-1] = 0.0 if config.data.interpolation == "previous" else 0.5
    lengths[0] = lengths[-1] or 1.0
    return lengths


def _result(
    name: str,
    lines: Sequence[str],
    findings: Iterable[QualityFinding],
    wrong: Sequence[InputError],
    drawing: bytes | None,
) -> CheckResult:
    """Put what was understood, what was found and the flow sheet together."""
    found = sorted(findings, key=lambda finding: finding.severity)
    text = (*lines, *finding_lines(found, *wrong))
    noted = (*(as_finding(error, name) for error in wrong), *found)
    return CheckResult(name, text, noted, drawing.decode() if drawing else None)


def _parameters(file: PlantFile, table: Table) -> np.ndarray:
    values = parameter_values(file, table)
    return np.array([values.get(p.name, p.default) for p in table.parameters])


def _constants(plant: Plant, table: Table) -> list[str]:
    rows = constant_rows(plant.layout, {spec.name: spec.unit for spec in plant.inputs})
    states = len(plant.rows.names)
    tanks = "1 tank" if plant.tanks == 1 else f"{plant.tanks} tanks"
    head = f"{tanks}, {states} states, {len(table.processes)} processes; inputs"
    return [head, *aligned(rows)]


def _own_values(file: PlantFile, table: Table) -> list[str]:
    """Return the parameters that the plant changes, beside the defaults of the table."""
    values = parameter_values(file, table)
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
    rng, balance = (
        np.random.default_rng(STATES),
        MaterialBalance(symbolic_system(plant.at_once, parameters), parameters),
    )
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
