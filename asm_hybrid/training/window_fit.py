"""A fit within a run: windows of its training block, open-loop validation, and checkpoints that it goes on from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.training.checkpoints import packed, unpacked
from asm_hybrid.training.fit import Fit, FitProblem, FitResult, FitSettings
from asm_hybrid.training.progress import span
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import SimulationModel, without_gradients
from asm_hybrid.training.windows import Windows, make_windows

__all__ = ["FitPlace", "fit_in_run", "fit_settings", "open_loop_validation", "skipped_warnings", "training_windows"]


@dataclass(frozen=True)
class FitPlace:
    """Where a fit stands in its run.

    Attributes
    ----------
    name : str
        Of what is fitted, in the log and in messages.
    key : str
        Of its checkpoint.
    title : str
        What is said while it runs.
    done : int
        Gradient steps that have gone before.
    """

    name: str
    key: str
    title: str
    done: int = 0


def training_windows(
    context: RunContext,
    points: int,
    length: int,
    show: Callable[[Tensor], Tensor] | None = None,
    *,
    lead: bool = False,
    delays: Sequence[float] | None = None,
) -> tuple[Windows, Windows]:
    """Return windows of the training block, and one from its end to that of the validation block.

    Parameters
    ----------
    context : RunContext
        The run.
    points : int
        Recorded points per knot interval.
    length : int
        Knot intervals in a window.
    show : callable, optional
        From recorded outputs to what sensors show of them.
    lead : bool, optional
        Whether windows without samples go before those of the training block.
    delays : sequence of float, optional
        Dead time of every sensor [d], which `show` leaves out then.

    Returns
    -------
    train, validate : Windows
        The windows, and the one.
    """
    dataset, blocks, device = context.dataset, context.blocks, context.device
    train = make_windows(dataset, blocks["train"], length, points, device, lead=lead, delays=delays)
    begin = (int(train.starts[-1]) + train.length) * context.grid.interval
    start, end = blocks["validate"]
    everything = round((end - begin) / context.grid.interval)
    validate = make_windows(dataset, (begin, end), everything, points, device, samples_from=start, delays=delays)
    loss = context.config.training.loss
    return replace(train, show=show, loss=loss), replace(validate, show=show, loss=loss)


def open_loop_validation(
    context: RunContext,
    model: SimulationModel,
    origin: Tensor,
    windows: tuple[Windows, Windows],
    seen: Callable[[Tensor, Tensor], None] | None = None,
) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return what simulates the record from its begin to the end of the validation block.

    Parameters
    ----------
    context : RunContext
        The run.
    model : SimulationModel
        The model, whose weights may change between validations.
    origin : Tensor, shape (member, …)
        Its states at the begin of the record.
    windows : pair of Windows
        The training block and the validation block.
    seen : callable, optional
        Gets what is recorded from the begin to the end, ``(member, point, variable)``, and the loss of every member.

    Returns
    -------
    callable
        Gives the validation loss of every member and the states at the starts of the training windows.
    """
    train, validation = windows
    alone = torch.tensor([0], device=context.device)
    held_out = validation.inputs(context.inputs, alone)[0]
    before = context.inputs[: int(validation.starts[0]) + 1]
    count = validation.counts(alone).sum().clamp(min=1)
    plain = without_gradients(model)

    def validate() -> tuple[Tensor, Tensor]:
        path = plain.simulate(origin, before, record_knots=True)
        assert path.knots is not None
        outputs = plain.simulate(path.final, held_out).outputs
        loss = validation.residuals(outputs.unsqueeze(1), alone).square().flatten(1).sum(1) / count
        loss = torch.where(torch.isfinite(loss), loss, torch.inf)
        if seen is not None:
            seen(torch.cat([path.outputs, outputs[:, 1:]], dim=1), loss)
        return loss, path.knots[:, train.starts]

    return validate


def fit_settings(
    context: RunContext, iterations: int, *, carry_from: float = 0.0, carries_adjoint: bool = False
) -> FitSettings:
    """Return how the config wants a fit to descend.

    Parameters
    ----------
    context : RunContext
        The run.
    iterations : int
        Gradient steps at most.
    carry_from, carries_adjoint
        As in `FitSettings`.

    Returns
    -------
    FitSettings
    """
    training = context.config.training
    return FitSettings(
        iterations=iterations,
        batch=training.batch,
        learning_rate=training.learning_rate,
        optimiser=training.optimiser,
        validate_every=training.validate_every,
        patience=training.patience,
        seeds=tuple(training.seeds),
        carry_from=carry_from,
        carries_adjoint=carries_adjoint,
    )


def fit_in_run(
    context: RunContext, place: FitPlace, problem: FitProblem, settings: FitSettings, remedy: str
) -> FitResult:
    """Descend, from where a checkpoint has left off, with records in the log of the run.

    Parameters
    ----------
    context : RunContext
        The run.
    place : FitPlace
        Where the fit stands in it.
    problem, settings
        See :class:`asm_hybrid.training.fit.Fit`.
    remedy : str
        What is said after the place where all windows diverge.

    Returns
    -------
    FitResult
        When the fit was interrupted, that is what it says.

    Raises
    ------
    SimulationError
        See `Fit.run`.
    """
    validated = ""

    def report(record: dict[str, Any]) -> None:
        nonlocal validated
        context.log.write({"stage": place.name} | record | {"iteration": place.done + record["iteration"]})
        if "validation" in record:
            validated = f", validation {span(record['validation'])}, best {span(record['best'])}"
        context.progress.advance(f"loss {span(record['loss'])}{validated}")

    def describe(index: Tensor, outputs: Tensor) -> str:
        return _first_bad(context, problem.windows, index, outputs) + remedy

    context.progress.stage(f"fitting {place.title}", settings.iterations)
    saved, ranks = context.checkpoints.load(place.key), context.ranks
    if saved is not None:
        with context.checkpoints.readable(place.key):
            context.log.position, done_before = int(saved.facts["records"]), int(saved.facts["iteration"])
        for _ in range(done_before):
            context.progress.advance()
    fit = Fit(problem, settings, describe, ranks)
    if ranks.size > 1:
        known = ranks.told(b"" if saved is None else packed(saved.tensors, saved.facts))
        saved = unpacked(known) if known else None
    if not ranks.leads:
        return fit.run(saved)
    return fit.run(saved, report=report, save=lambda tensors, facts: context.save(place.key, tensors, facts))


def _first_bad(context: RunContext, windows: Windows, index: Tensor, outputs: Tensor) -> str:
    """Say where the outputs ``(member, window, step, variable)`` of some windows left the finite numbers."""
    bad = ~torch.isfinite(outputs.detach())
    if not bool(bad.any()):
        return ""
    step = int(bad.any(-1).flatten(0, 1).any(0).nonzero()[0])
    _, window, variable = bad[:, :, step].nonzero()[0].tolist()
    steps = (outputs.shape[2] - 1) / windows.length
    knot = int(windows.starts[index[window]]) + step / steps
    stamp = context.dataset.to_stamp(knot * context.grid.interval)
    return f"first {context.labels[variable]} at {stamp:%Y-%m-%d %H:%M}, "


def skipped_warnings(result: FitResult, name: str) -> list[str]:
    """Return a warning when windows were skipped in a fit.

    Parameters
    ----------
    result : FitResult
        What the fit found.
    name : str
        Of what was fitted.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    if not result.skipped:
        return []
    return [f"{result.skipped} windows diverged while {name} was fitted, and were skipped"]
