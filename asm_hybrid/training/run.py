"""One training run from its config to its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from asm_hybrid.artefacts import WritingError, clear_temporary
from asm_hybrid.config import (
    Config,
    build_layout,
    candidate_files,
    load_config,
    load_kinetics,
    with_loop_parameters,
)
from asm_hybrid.data import Dataset, read_dataset
from asm_hybrid.data.answers import keep_answers
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import finish_replacing
from asm_hybrid.plant import Plant
from asm_hybrid.training.best_so_far import BestSoFar
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.compared_model import FittedRecord
from asm_hybrid.training.course import Course, plan_of
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.follower import tell_f, tell_run
from asm_hybrid.training.from_config import term_specs
from asm_hybrid.training.learnable import check_course, volume_warnings
from asm_hybrid.training.predictions import Predictions, predict_all
from asm_hybrid.training.progress import Progress, Silent
from asm_hybrid.training.results import write_results
from asm_hybrid.training.resume import check_resumable, find_config, write_origin
from asm_hybrid.training.rolling_forecast import forecast
from asm_hybrid.training.run_context import RunContext, run_context
from asm_hybrid.training.run_folder import MetricsLog, create_run_folder, hold_run, refuse_occupied
from asm_hybrid.training.second_process import NEURAL, SecondProcess, own_records, second_process
from asm_hybrid.training.stage_clock import StageClock
from asm_hybrid.training.stages.calibrate_f import calibrate_f, uncalibrated_f
from asm_hybrid.training.stages.check_step import check_step
from asm_hybrid.training.stages.find_start import find_start
from asm_hybrid.training.stages.fit_neural import NAME, LearntNeural, fit_neural
from asm_hybrid.training.stages.learn_n import learn_n
from asm_hybrid.training.stages.likely_f import likely_f
from asm_hybrid.training.stages.simulate_f import simulate_f
from asm_hybrid.training.tensorboard_log import Board, check_board
from asm_hybrid.training.warm_start import earlier_run
from asm_hybrid.training.watching import Glimpse, Unwatched, Watch
from asm_hybrid.yamlfile import YamlSource

__all__ = ["Look", "Outcome", "discard_checkpoints", "train"]

Look = Callable[[Config, Plant, Dataset], Config | None]
"""What looks at a record before a run learns from it."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Attributes
    ----------
    folder : Path
        The run folder.
    model : FittedModel
        The fitted model.
    predictions : Predictions or None
        Predictions of every model; None when the run was interrupted.
    interrupted : bool
        Whether the user stopped it.
    """

    folder: Path
    model: FittedModel
    predictions: Predictions | None
    interrupted: bool


def train(
    config_path: YamlSource,
    out: Path | None = None,
    progress: Progress | None = None,
    *,
    resume: bool = False,
    held: ExitStack | None = None,
    watch: Watch | None = None,
    look: Look | None = None,
) -> Outcome:
    """Train what a config describes, with all baselines, and write the run folder.

    The folder keeps ``checkpoint``, from which the run can be resumed, until `discard_checkpoints` is called.

    Parameters
    ----------
    config_path : str, Path or mapping
        The config; of a run to resume, that in its folder.
    out : Path, optional
        The run folder, new or empty; a dated one below ``runs`` without it.
    progress : Progress, optional
        Receiver of progress.
    resume : bool
        Go on with the run in `out`, which was stopped.
    held : ExitStack, optional
        Gets what keeps other processes from writing the folder, when that shall outlast this call.
    watch : Watch, optional
        Who watches the run.
    look : callable, optional
        Looks at config, plant and data before anything is learnt, and may return another config to train with.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        When config, data or folder cannot be used, or another process is writing the folder; nothing is written then.
    WritingError
        When the folder cannot be written any more; the run can be resumed from its last checkpoint.
    SimulationError
        When a simulation diverges; the last good model is in the folder then.
    """
    with ExitStack() as own:
        return _train(
            config_path, out, progress or Silent(), resume, own if held is None else held, watch or Unwatched(), look
        )


def _train(
    config_path: YamlSource,
    out: Path | None,
    progress: Progress,
    resume: bool,
    held: ExitStack,
    watch: Watch,
    look: Look | None,
) -> Outcome:
    if resume:
        if out is None:
            raise InputError("no run is named that could go on", where="out", expected="the folder of a stopped run")
        held.enter_context(hold_run(out))
        find_config(out)
    warnings = check_resumable(out) if resume and out else []
    config, plant, dataset = _read(config_path, out, progress, resume, look)
    earlier = earlier_run(config, plant)
    if resume and out:
        folder = out
        clear_temporary(folder)
        finish_replacing(folder)
    else:
        folder = create_run_folder(out, config.name, held)
        config = keep_answers(config, folder)
    log = _open_log(folder, config)
    checkpoints = Checkpoints(folder)
    watch.begin(folder, progress)
    course = Course(progress, plan_of(config, plant, dataset))
    context = run_context(
        config, plant, dataset, progress=course, checkpoints=checkpoints, log=log, warm_start=earlier, watch=watch
    )
    learnt = BestSoFar(uncalibrated_f(context), said=warnings)
    if resume:
        progress.say(f"resuming {folder}, {_place(log.last)}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    predictions, stopped, failure = None, "failed", None
    try:
        if not resume:
            learnt.model(context).save(folder)
            write_origin(folder)
        tell_run(context.ranks, folder)
        with second_process(context, folder, course.watch) as beside:
            predictions = _stages(context, learnt, folder, beside, course)
        stopped = learnt.stopped
    except KeyboardInterrupt:
        stopped = "interrupted"
    except SimulationError as error:
        failure = error
    except WritingError as error:
        raise _resumable(error, folder) from error
    finally:
        torch.set_num_threads(threads)
        log.close()
    watch.end()
    try:
        learnt.model(context).save(folder)
        write_results(folder, context, learnt, predictions, stopped)
    except WritingError as error:
        raise _resumable(error, folder) from error
    if failure is not None:
        raise SimulationError(f"{failure}\n  the last good model is saved in {folder}")
    return Outcome(folder, learnt.model(context), predictions, stopped == "interrupted")


def _read(
    config_path: YamlSource, out: Path | None, progress: Progress, resume: bool, look: Look | None
) -> tuple[Config, Plant, Dataset]:
    """Return config, plant and data; a run that begins has them looked at, and takes what that changes."""
    config = load_config(config_path)
    candidate_files(config)
    choose_device(config.device, config.where("device"))
    if config.training.tensorboard:
        check_board(config.where("training", "tensorboard"))
    table = with_loop_parameters(config, load_table(out / "kinetics.yaml")) if resume and out else load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    progress.stage("reading data")
    dataset = read_dataset(config, table, plant.layout)
    if out is not None and not resume:
        refuse_occupied(out)
    if config.model.mode == "hybrid":
        term_specs(config, table)  # what is refused is refused before the look, which takes a while
    check_course(config, plant, dataset)
    for warning in volume_warnings(config, plant, dataset):
        progress.say(warning)
    earlier_run(config, plant)
    changed = look(config, plant, dataset) if look is not None else None
    if changed is None:
        return config, plant, dataset
    plant = Plant(table, build_layout(changed, table))
    return changed, plant, read_dataset(changed, table, plant.layout)


def _open_log(folder: Path, config: Config) -> MetricsLog:
    """Return the log of the run, which goes on from what its checkpoints know."""
    board = Board(folder / "tensorboard") if config.training.tensorboard else None
    return MetricsLog(folder / "metrics.jsonl", Checkpoints(folder).log, board)


def _stages(
    context: RunContext, learnt: BestSoFar, folder: Path, beside: SecondProcess | None, course: Course
) -> Predictions:
    """Do the work; `learnt` has at any instant the best until then."""
    timed, progress = context.clock.timed, context.progress

    def keep(stage: str) -> Callable[[object], None]:
        return partial(setattr, learnt, stage)

    course.part("start")
    with timed("start"):
        learnt.f = find_start(context, learnt.f)
    course.part("calibration")
    with timed("calibration"):
        calibrate = likely_f if context.config.training.calibrate_by == "likelihood" else calibrate_f
        learnt.f = calibrate(context, learnt.f, keep("f"))
    with timed("simulation of f"):
        simulated = simulate_f(context, learnt.f)
    context.watch.see(Glimpse(context.dataset, context.blocks, context.grid, simulated.solution.outputs[1]))
    learnt.step = check_step(context, simulated)
    if context.config.model.mode == "hybrid":
        course.part("n")
        tell_f(context.ranks, simulated)
        with timed("n"):
            learnt.n = learn_n(context, simulated, keep("n"))
    trial = not context.config.training.test
    if not trial or context.config.model.mode == "neural":
        course.part(NEURAL)
        learnt.neural = _neural(context, folder, beside, keep("neural"))
    course.part("prediction")
    progress.stage("simulating the fitted models over the record")
    with timed("prediction"):
        model = learnt.model(context)
        record = FittedRecord(model, context.dataset, context.inputs, context.blocks, simulated.solution)
        found = predict_all(record)
    if trial:
        return found
    progress.stage("forecasting from rolling origins")
    with timed("forecast"):
        found = replace(found, forecast=forecast(record, found.loops))
    course.part("report")
    return found


def _neural(
    context: RunContext, folder: Path, beside: SecondProcess | None, keep: Callable[[object], None]
) -> LearntNeural:
    """Fit the pure neural ODE, or take over what another process has done of that."""
    stopped = False
    if beside is not None:
        context.progress.stage(f"waiting for {NAME}")
        try:
            with context.clock.timed("waiting for the second process"):
                beside.wait()
        except KeyboardInterrupt:
            stopped = True
        beside.end()
    with own_records(folder) as (checkpoints, log):
        own = replace(context, checkpoints=checkpoints, log=log, clock=StageClock(checkpoints.seconds))
        try:
            with own.clock.timed(NEURAL):
                return fit_neural(own, keep, stopped=stopped)
        finally:
            context.clock.add(NEURAL, own.clock.now()[NEURAL])
            for line in log.text.splitlines():
                context.log.write(json.loads(line))


def _resumable(error: WritingError, folder: Path) -> InputError:
    """Return an error that says how the run goes on."""
    fix = f"{error.fix}; then go on with `asm-hybrid train --resume {folder}`"
    return InputError(error.found, where=error.where, expected=error.expected, fix=fix)


def _place(record: dict[str, Any] | None) -> str:
    """Say from where a run goes on, by the last record that its checkpoint knows."""
    if record is None:
        return "from its start"
    step = next((f", {name} {record[name]}" for name in ("iteration", "evaluation") if name in record), "")
    return f"after {record['stage']}{step}"


def discard_checkpoints(folder: Path) -> None:
    """Remove what an unfinished run would go on from.

    Parameters
    ----------
    folder : Path
        The run folder.
    """
    Checkpoints(folder).discard()
