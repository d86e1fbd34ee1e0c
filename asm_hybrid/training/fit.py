"""Fitting n: gradient descent on windows whose start states follow the model's own trajectory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from asm_hybrid.errors import SimulationError, readable
from asm_hybrid.training.checkpoints import Saved
from asm_hybrid.training.progress import finite
from asm_hybrid.training.shooting import PACE, Shooting
from asm_hybrid.training.simulation_models import SimulationModel
from asm_hybrid.training.soap import MEMORY, Soap
from asm_hybrid.training.windows import Windows

__all__ = ["FitResult", "FitSettings", "fit"]

PENALTY_STRIDE = 4
"""The size of n is taken at every fourth knot of a window."""


@dataclass(frozen=True)
class FitSettings:
    """How to descend.

    Attributes
    ----------
    iterations : int
        Gradient steps at most.
    batch : int
        Windows per gradient step.
    learning_rate : float
        Of the optimiser, falling along a cosine to a tenth.
    validate_every : int
        Gradient steps between two validations.
    patience : int
        Validations without any member improving before the fit stops.
    seeds : tuple of int
        Seeds, of which the first draws the windows.
    carry_from : float
        Share of the iterations after which window starts follow the model's own trajectory.
    optimiser : str
        ``adam`` or ``soap``.
    carries_adjoint : bool
        Whether a window's loss includes what its end does to all later windows, once starts are carried.
    """

    iterations: int
    batch: int
    learning_rate: float
    validate_every: int
    patience: int
    seeds: tuple[int, ...]
    carry_from: float = 0.0
    optimiser: str = "adam"
    carries_adjoint: bool = False


@dataclass
class FitResult:
    """What a fit found.

    Attributes
    ----------
    best : list of float
        Validation loss of the best state of every member.
    stopped : str
        ``finished``, ``early`` or ``interrupted``.
    iterations : int
        Gradient steps done.
    skipped : int
        Windows left out because they diverged, counted over all steps.
    """

    best: list[float] = field(default_factory=list)
    stopped: str = "finished"
    iterations: int = 0
    skipped: int = 0


def fit(
    module: nn.Module,
    model: SimulationModel,
    inputs: Tensor,
    windows: Windows,
    starts: Tensor,
    settings: FitSettings,
    validate: Callable[[], tuple[Tensor, Tensor]],
    *,
    penalty: Callable[[Tensor, Tensor], Tensor] | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    describe_failure: Callable[[Tensor, Tensor], str] | None = None,
    shooting: Shooting | None = None,
    saved: Saved | None = None,
    save: Callable[[dict[str, Tensor], dict[str, Any]], None] | None = None,
) -> FitResult:
    """Fit the parameters of a module through the simulation of windows.

    The windows together follow one open-loop simulation of the block, at the cost of many short ones side by side:
    every validation runs that simulation with the module as it is, and the windows start on it; from then on a window
    starts where its predecessor ended in the latest pass. The gradient stops at the window's start, unless adjoints are
    carried the other way: then the slope of the loss of a window and of all later ones with respect to its start, from
    the latest pass, weighs the end of its predecessor, so that the gradient of the windows together tends to that of
    the one simulation as the steps get small. With `shooting` no adjoints are carried, and a window starts off that
    trajectory, by a correction that is learnt along; the trajectory itself goes on as it would without.

    Parameters
    ----------
    module : nn.Module
        What is fitted; all its parameters lead with the member axis. Holds the best state of every member at the end.
    model : SimulationModel
        The model that contains it.
    inputs : Tensor, shape (knot, input)
        Inputs of the record.
    windows : Windows
        The training block.
    starts : Tensor, shape (member, window, …)
        First guess of the states at the windows' starts; holds the latest ones at the end.
    settings : FitSettings
        How to descend.
    validate : callable
        Simulates the record open loop, and gives the validation loss of every member and the states where the windows
        start, ``(member, window, …)``; a member that diverges has an infinite loss.
    penalty : callable, optional
        From states ``(member, window, knot, …)`` and inputs along the windows to a term added to every member's loss.
    report : callable, optional
        Called with a record after every step: ``iteration``, ``loss`` of every member, ``learning_rate``, and after a
        validation ``validation``, the loss of every member as it is now, and ``best``, its least so far; None for a
        member that diverges.
    describe_failure : callable, optional
        From the windows of a step and their outputs to where they diverge, for the message when all do.
    shooting : Shooting, optional
        Corrections of the starts, which are learnt too.
    saved : Saved, optional
        What an earlier call with the same arguments has saved: it goes on from there, to the same bits.
    save : callable, optional
        Called with tensors and facts after every validation.

    Returns
    -------
    FitResult

    Raises
    ------
    SimulationError
        When all windows diverge or the loss is not finite; the module then holds the best state so far.
    """
    own = list(module.parameters())
    moved = list(shooting.parameters()) if shooting is not None else []
    parameters = [*own, *moved]
    groups = [{"params": own, "pace": 1.0}, {"params": moved, "pace": PACE}]
    optimiser = Soap(groups) if settings.optimiser == "soap" else torch.optim.Adam(groups)
    generator = torch.Generator().manual_seed(settings.seeds[0])
    members = starts.shape[0]
    result = FitResult()
    best = torch.full((members,), math.inf, dtype=torch.float64)
    kept = [p.detach().clone() for p in parameters]
    adjoints = torch.zeros_like(starts)
    samples = windows.counts(torch.arange(len(windows), device=inputs.device)).sum().clamp(min=1)
    begin, waited = 0, 0
    if saved is not None:
        with readable(
            "the checkpoint does not fit the run",
            where="the folder 'checkpoint' of the run",
            expected="the files as this version of asm-hybrid wrote them",
            fix="train again into another folder",
        ):
            device = starts.device
            with torch.no_grad():
                for i, (p, store) in enumerate(zip(parameters, kept, strict=True)):
                    p.copy_(saved.tensors[f"parameter.{i}"])
                    store.copy_(saved.tensors[f"kept.{i}"])
                    memory = {n: saved.tensors[f"{n}.{i}"] for n in MEMORY if f"{n}.{i}" in saved.tensors}
                    optimiser.state[p] = {k: v if k == "step" else v.to(device) for k, v in memory.items()}
            starts.copy_(saved.tensors["starts"])
            adjoints.copy_(saved.tensors["adjoints"])
            best = saved.tensors["best"]
            generator.set_state(saved.tensors["generator"])
            begin, waited, result.skipped = (int(saved.facts[n]) for n in ("iteration", "waited", "skipped"))
            result.iterations, result.stopped = begin, "early" if waited >= settings.patience else "finished"

    def begun(index: Tensor, pulled: bool) -> Tensor:
        return starts[:, index].requires_grad_(pulled) if shooting is None else shooting.starts(starts, index)

    def check(carried: bool) -> tuple[Tensor, bool]:
        """Validate; keep what improved; move the windows' starts if carried; return the losses, and if any improved."""
        with torch.no_grad():
            loss, along = validate()
        if carried:
            starts.copy_(torch.where(torch.isfinite(along), along, starts))
        loss = loss.cpu()
        better = loss < best
        for store, p in zip(kept, parameters, strict=True):
            store[better.to(p.device)] = p.detach()[better.to(p.device)]
        best[better] = loss[better]
        return loss, bool(better.any())

    def state() -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {"starts": starts, "adjoints": adjoints, "best": best, "generator": generator.get_state()}
        for i, (p, store) in enumerate(zip(parameters, kept, strict=True)):
            tensors |= {f"parameter.{i}": p, f"kept.{i}": store}
            tensors |= {f"{name}.{i}": value for name, value in optimiser.state[p].items()}
        return tensors, {"iteration": result.iterations, "waited": waited, "skipped": result.skipped}

    try:
        if saved is None:
            check(settings.carry_from <= 0.0)
        for iteration in range(begin, settings.iterations if waited < settings.patience else begin):
            rate = 0.1 + 0.45 * (1.0 + math.cos(math.pi * iteration / max(1, settings.iterations)))
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * rate * group["pace"]
            index = torch.arange(len(windows))
            if len(windows) > settings.batch:
                drawn = torch.randperm(len(windows), generator=generator)[: settings.batch]
                index = drawn.sort().values
            index = index.to(inputs.device)
            cut = windows.inputs(inputs, index)
            carried = iteration >= settings.carry_from * settings.iterations
            pulled = settings.carries_adjoint and carried and shooting is None
            x0 = begun(index, pulled)
            solution = model.simulate(x0, cut, record_knots=penalty is not None)
            good = solution.ok.all(0)
            if not bool(good.all()):
                result.skipped += int((~good).sum())
                if not bool(good.any()):
                    detail = describe_failure(index, solution.outputs) if describe_failure else ""
                    raise SimulationError(f"every window diverges at iteration {iteration + 1}: {detail}")
                index = index[good]
                cut = windows.inputs(inputs, index)
                x0 = begun(index, pulled)
                solution = model.simulate(x0, cut, record_knots=penalty is not None)
            residual = windows.residuals(solution.outputs, index)
            count = samples * (len(index) / len(windows))
            losses = residual.square().flatten(1).sum(1) / count
            total = losses
            follows = index + 1 < len(windows)
            if pulled:
                pull = adjoints[:, index[follows] + 1] * solution.final[:, follows]
                total = total + pull.flatten(1).sum(1) / count
            if penalty is not None and solution.knots is not None:
                total = total + penalty(solution.knots.detach()[:, :, ::PENALTY_STRIDE], cut[:, ::PENALTY_STRIDE])
            if shooting is not None:
                total = total + shooting.cost(
                    starts, index, solution.final, iteration / max(1, settings.iterations - 1)
                )
            if not bool(torch.isfinite(total).all()):
                detail = describe_failure(index, solution.outputs) if describe_failure else ""
                raise SimulationError(f"the loss is not finite at iteration {iteration + 1}: {detail}")
            optimiser.zero_grad()
            torch.autograd.backward(total.sum())
            _clip_by_member(own)
            final = solution.final.detach()
            if shooting is not None:
                with torch.no_grad():
                    passed = model.simulate(starts[:, index], cut).final
                    final = torch.where(torch.isfinite(passed), passed, final)
            if pulled and x0.grad is not None:
                adjoints[:, index] = torch.where(torch.isfinite(x0.grad), count * x0.grad, 0.0)
            optimiser.step()
            result.iterations = iteration + 1
            if carried:
                starts[:, index[follows] + 1] = final[:, follows]
            record: dict[str, Any] = {"iteration": iteration + 1, "loss": losses.detach().tolist()}
            record["learning_rate"] = settings.learning_rate * rate
            if result.skipped:
                record["skipped"] = result.skipped
            validated = (iteration + 1) % settings.validate_every == 0 or iteration + 1 == settings.iterations
            if validated:
                now, improved = check(carried)
                waited = 0 if improved else waited + 1
                record |= {"validation": finite(now.tolist()), "best": finite(best.tolist())}
            if report is not None:
                report(record)
            if validated and save is not None:
                save(*state())
            if waited >= settings.patience:
                result.stopped = "early"
                break
    except KeyboardInterrupt:
        result.stopped = "interrupted"
    finally:
        with torch.no_grad():
            for store, p in zip(kept, parameters, strict=True):
                p.copy_(store)
    result.best = best.tolist()
    return result


def _clip_by_member(parameters: list[nn.Parameter], limit: float = 1.0) -> None:
    """Scale the gradient of every member to a norm of at most ``limit``, each on its own."""
    norms = sum(p.grad.square().flatten(1).sum(1) for p in parameters if p.grad is not None)
    assert isinstance(norms, Tensor)
    scale = (limit / norms.sqrt().clamp(min=1e-12)).clamp(max=1.0)
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(scale.view(-1, *[1] * (p.dim() - 1)))
