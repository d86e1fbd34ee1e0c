"""Running a scenario beside its base case."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.artefacts import (
    make_folder,
    read_json,
    write_bytes_atomic,
    write_csv_atomic,
    write_json_atomic,
    write_text_atomic,
)
from asm_hybrid.errors import InputError, SimulationError, readable
from asm_hybrid.manifest import read_manifest, verify_manifest
from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.scenario.changes import SAME, Knots, StampClock, apply_changes, change_texts
from asm_hybrid.scenario.definition import NamedChanges, Scenario, load_scenario
from asm_hybrid.scenario.impossible_water import check_changed_water
from asm_hybrid.scenario.negative import negative_targets
from asm_hybrid.scenario.plot import plot_scenario
from asm_hybrid.scenario.result_folder import check_target
from asm_hybrid.training import (
    Departure,
    FittedModel,
    input_departures,
    load_model,
    read_inputs,
    reading_departures,
)
from asm_hybrid.training.compared import model_of
from asm_hybrid.training.model_inputs import INPUTS, knot_values
from asm_hybrid.yamlfile import YamlSource

__all__ = ["ScenarioResult", "simulate"]

ROUNDING = 1e-6
"""Share of its size by which an input may leave its range."""


@dataclass(frozen=True)
class ScenarioResult:
    """What a scenario gave.

    Attributes
    ----------
    folder : Path
        Where ``series.csv``, ``summary.csv``, ``scenario.yaml`` and the plot are.
    series : DataFrame
        Time, and for every quantity the base case and the scenario: median, lowest and highest of the seeds.
    table : DataFrame
        Means over the period, a row a quantity.
    outside_hours : float or None
        Hours of the scenario in which an input lies outside its range in the training block, or something that n reads
        so far outside of its own that n fades. None for f alone.
    name : str
        Name of the scenario.
    changes : tuple of str
        Its changes, in words.
    outside : tuple of Departure
        Which inputs, and what that n reads, leave their trained range; the longest first, inputs before the rest.
    warnings : tuple of str
        Quantities that fall below zero, a sentence each.
    states : tuple of DataFrame or None
        States of the plant by time [unit of the table], one column a state, in the base case and in the scenario: of
        the best seed. None for a pure neural model, which has none.
    """

    folder: Path
    series: pd.DataFrame
    table: pd.DataFrame
    outside_hours: float | None
    name: str
    changes: tuple[str, ...]
    outside: tuple[Departure, ...] = ()
    warnings: tuple[str, ...] = ()
    states: tuple[pd.DataFrame, ...] | None = None


def simulate(
    run: str | Path, scenario_path: YamlSource, out: Path | None = None, *, write: bool = True
) -> list[ScenarioResult]:
    """Simulate scenarios with the fitted model of a run, each beside the base case.

    Parameters
    ----------
    run : str or Path
        A run folder or an exported bundle.
    scenario_path : str, Path or mapping
        The scenario file.
    out : Path, optional
        Where to write; ``scenarios/NAME`` in the run folder without it, with a folder in it for each of several
        scenarios. Files of the same name are replaced.
    write : bool
        Whether anything is written.

    Returns
    -------
    list of ScenarioResult
        One a scenario.

    Raises
    ------
    InputError
        When run or scenario cannot be used.
    SimulationError
        When the simulation diverges.
    """
    run = Path(run)
    model = load_model(run)
    summary = _summary(run)
    scenario = load_scenario(scenario_path)
    _check_for_run(scenario)
    folder = out or run / "scenarios" / scenario.content.name
    if write:
        check_target(folder)
    table = read_inputs(run)
    stamps = pd.DatetimeIndex(table["time"])
    clock = StampClock(stamps[0])
    times = np.asarray((stamps - stamps[0]) / pd.Timedelta(days=1), dtype=float)
    names = model.plant.inputs.names
    base = knot_values(table, names, model.begin, model.grid.interval, str(run / INPUTS))
    period = _period(scenario, _block(summary, "test", times, clock), times, clock)
    seen = _seen(_block(summary, "train", times, clock), times, base)
    pollutants, knots = load_inputs(model.plant), Knots(times, period, clock, model.grid.linear)
    results = []
    for case in scenario.cases:
        changed = apply_changes(scenario, case, model.plant.inputs, pollutants, knots, base)
        check_changed_water(model.plant, scenario, case, times, base, changed, clock)
        changes = change_texts(scenario, case, model.plant.inputs, pollutants)
        last = int(np.searchsorted(times, period[1] + SAME, side="right"))
        first = int(np.searchsorted(times, period[0] - SAME))
        if last - first < 2:
            raise InputError(
                "the period holds fewer than two knots of the record",
                where=str(scenario.document.path),
                expected=f"times from {clock.show(times[0])} to {clock.show(times[-1])}",
            )
        targets = _targets(model)
        outputs, kept, read, faded = _run(model, np.stack([base[:last], changed[:last]]), targets, first)
        series = _series(stamps[first:last], targets, outputs)
        means = _means(model, targets, outputs, [base[first:last], changed[first:last]])
        outside, left = None, read
        if model_of(model).learns:
            hours = 24.0 * model.grid.interval
            named = [(spec.name, spec.unit) for spec in model.plant.inputs]
            driven, unseen = input_departures(named, changed[first:last], *seen, hours)
            outside, left = float((unseen | faded).sum() * hours), [*driven, *read]
        where = folder if scenario.content.changes else folder / case.name
        warnings = tuple(
            f"{what}: {text}"
            for what, found in zip(("base", case.name), outputs, strict=True)
            for text in negative_targets(targets, found, means["unit"])
        )
        states = None if kept is None else _states(model, stamps[first:last], kept)
        results.append(ScenarioResult(where, series, means, outside, case.name, changes, tuple(left), warnings, states))
    for result, case in zip(results, scenario.cases, strict=True) if write else ():
        _write(result, scenario, case, model, [stamps[0] + pd.Timedelta(days=t) for t in period])
    return results


def _check_for_run(scenario: Scenario) -> None:
    """Refuse what only a plant without data has a use for, and a scenario without a change."""
    if not scenario.content.changes and not scenario.content.scenarios:
        raise InputError(
            "there is no change",
            where=str(scenario.document.path),
            expected="changes for one scenario, or scenarios by name",
        )
    for key in ("influent", "days", "spin_up", "score_from", "seed"):
        if key in scenario.content.model_fields_set:
            raise InputError(
                f"the scenario gives {key!r}, and a run has inputs of its own",
                where=scenario.document.where(key),
                expected="period, zone and changes, for the scenario of a run",
                fix=f"remove {key!r}, or simulate a plant instead of a run",
            )


def _summary(run: Path) -> Path | None:
    """Return the file of the blocks of a run, checked; None when the run has none."""
    path = run / "summary.json"
    if path.name not in read_manifest(run) and not path.exists():
        return None
    verify_manifest(run, [path.name])
    return path


def _block(summary: Path | None, name: str, times: np.ndarray, clock: StampClock) -> tuple[float, float]:
    """Return start and end of a block [d]; those of the record without a summary."""
    if summary is None:
        return float(times[0]), float(times[-1])
    content = read_json(summary)
    with readable(
        f"the block {name!r} cannot be read",
        where=f"{summary} (blocks.{name})",
        expected="start and end in the notation of ISO 8601, with a zone",
        fix="use the version of asm-hybrid that made the run, or train again",
    ):
        start, end = (float((pd.Timestamp(t) - clock.origin) / pd.Timedelta(days=1)) for t in content["blocks"][name])
        if not (start < end and start <= times[-1] and end >= times[0]):
            raise ValueError(f"from {start} d to {end} d is no part of the record, which ends at {times[-1]} d")
        return start, end


def _period(
    scenario: Scenario, block: tuple[float, float], times: np.ndarray, clock: StampClock
) -> tuple[float, float]:
    given, (start, end) = scenario.content.period, block
    if given.start is not None:
        start = clock.read(scenario, given.start, "period", "start")
    if given.end is not None:
        end = clock.read(scenario, given.end, "period", "end")
    if start >= end or start < times[0] - SAME or end > times[-1] + 1 / 1440:
        raise InputError(
            f"the period from {clock.show(start)} to {clock.show(end)} is not one of the record",
            where=scenario.document.where("period"),
            expected=f"a start before its end, from {clock.show(times[0])} to {clock.show(times[-1])}",
        )
    return start, end


def _seen(train: tuple[float, float], times: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of every input in the training block, ``(input,)`` each."""
    inside = (times >= train[0] - SAME) & (times <= train[1] + SAME)
    low, high = base[inside].min(0), base[inside].max(0)
    slack = ROUNDING * np.maximum(np.abs(low), np.abs(high))
    return low - slack, high + slack


def _targets(model: FittedModel) -> tuple[str, ...]:
    table = model.plant.table
    effluent = [f"effluent.{q}" for q in (*table.composites, *table.component_names)]
    further = effluent if model_of(model).states else []
    return tuple(dict.fromkeys([*model.targets, *further]))  # two sensors may measure one of them


def _run(
    model: FittedModel, inputs: np.ndarray, targets: tuple[str, ...], first: int
) -> tuple[list[np.ndarray], np.ndarray | None, list[Departure], np.ndarray]:
    """Run base case and scenario; return outputs and states at the knots of the period, and why and where n fades."""
    u = torch.as_tensor(inputs)
    solution = model.simulate(u, targets, record_knots=True)
    if not bool(solution.ok.all()):
        raise SimulationError("the simulation of the scenario leaves the finite numbers; make the change smaller")
    outputs = list(np.asarray(solution.outputs).swapaxes(0, 1)[:, :, first:])
    driven, faded = u[:, first:], np.zeros(len(u[0, first:]), dtype=bool)
    if not model_of(model).states:
        return outputs, None, [], faded
    assert solution.knots is not None
    states = solution.knots[model.best if len(solution.knots) > 1 else 0, :, first:].clone()
    with torch.no_grad():
        system = model.recalibrated().system
        effective = system.effective(states, system.forcing(driven))
    states[..., : effective.shape[-2], :] = effective
    if model.term is None:
        return outputs, states.numpy(), [], faded
    found = reading_departures(model, model.term, effective[1], driven[1], 24.0 * model.grid.interval)
    return outputs, states.numpy(), *found


def _states(model: FittedModel, times: pd.DatetimeIndex, knots: np.ndarray) -> tuple[pd.DataFrame, ...]:
    """Return states of the plant ``(case, knot, row, component)``, a frame a case."""
    rows, index = model.plant.rows, times.rename("time")
    return tuple(pd.DataFrame(case[:, rows.active > 0], columns=rows.names, index=index) for case in knots)


def _series(times: pd.DatetimeIndex, targets: tuple[str, ...], cases: list[np.ndarray]) -> pd.DataFrame:
    columns: dict[str, object] = {"time": [t.isoformat() for t in times]}
    for i, target in enumerate(targets):
        for name, case in zip(("base", "scenario"), cases, strict=True):
            y = case[..., i]
            columns[f"{target} {name}"] = np.median(y, axis=0)
            if len(y) > 1:
                columns[f"{target} {name} low"] = y.min(axis=0)
                columns[f"{target} {name} high"] = y.max(axis=0)
    return pd.DataFrame(columns)


def _means(
    model: FittedModel, targets: tuple[str, ...], cases: list[np.ndarray], inputs: list[np.ndarray]
) -> pd.DataFrame:
    """Return means over the period: weighted by the effluent flow for the effluent, by time in the tanks."""
    index, table = model.plant.input_index, model.plant.table
    units = {c.name: c.unit for c in table.components} | {n: c.unit for n, c in table.composites.items()}
    rows = []
    for i, target in enumerate(targets):
        found = []
        for case, u in zip(cases, inputs, strict=True):
            flow = u[:, index["Q_in"]] - u[:, index["wastage"]]
            if not target.startswith("effluent.") or flow.sum() <= 0:
                flow = np.ones(len(u))
            found.append((case[..., i] * flow).sum(axis=-1) / flow.sum())
        base, scenario = (float(np.median(f)) for f in found)
        rows.append(
            {
                "quantity": target,
                "unit": units[target.partition(".")[2]],
                "base": base,
                "scenario": scenario,
                "change_percent": 100 * (scenario / base - 1.0) if abs(base) > 1e-12 else None,
                "scenario_low": float(found[1].min()),
                "scenario_high": float(found[1].max()),
            }
        )
    return pd.DataFrame(rows)


def _write(
    result: ScenarioResult, scenario: Scenario, case: NamedChanges, model: FittedModel, period: list[pd.Timestamp]
) -> None:
    units = dict(zip(result.table["quantity"], result.table["unit"], strict=True))
    plots = plot_scenario(result.name, result.changes, result.series, model.targets, units)
    folder = result.folder
    make_folder(folder)
    write_csv_atomic(folder / "series.csv", result.series)
    write_csv_atomic(folder / "summary.csv", result.table)
    write_text_atomic(folder / "scenario.yaml", scenario.document.text)
    facts = {
        "name": case.name,
        "changes": list(result.changes),
        "period": [t.round("ms").isoformat() for t in period],
        "model": model_of(model).name,
        "outside_hours": result.outside_hours,
        "outside": [asdict(departure) for departure in result.outside],
        "warnings": list(result.warnings),
    }
    write_json_atomic(folder / "scenario.json", facts)
    for name, content in plots.items():
        write_bytes_atomic(folder / name, content)
