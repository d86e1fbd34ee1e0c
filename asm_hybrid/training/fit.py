"""Fitting n: gradient descent on windows whose start states follow the model's own trajectory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from asm_hybrid.errors import SimulationError, readable
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.checkpoints import Saved
from asm_hybrid.training.progress import finite
from asm_hybrid.training.ranks import ALONE, Ranks
from asm_hybrid.training.shooting import PACE, Shooting
from asm_hybrid.training.simulation_models import SimulationModel, without_gradients
from asm_hybrid.training.soap_optimiser import MEMORY, Soap
from asm_hybrid.training.windows import Windows

__all__ = ["Fit", "FitProblem", "FitResult", "FitSettings"]

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


@dataclass(frozen=True)
class FitProblem:
    """What is fitted, through which model, to which windows.

    Attributes
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
    validate : callable
        Simulates the record open loop, and gives the validation loss of every member and the states where the windows
        start, ``(member, window, …)``; a member that diverges has an infinite loss.
    penalty : callable, optional
        From states ``(member, window, knot, …)`` and inputs along the windows to a term added to every member's loss.
    shooting : Shooting, optional
        Corrections of the starts, which are learnt too.
    """

    module: nn.Module
    model: SimulationModel
    inputs: Tensor
    windows: Windows
    starts: Tensor
    validate: Callable[[], tuple[Tensor, Tensor]]
    penalty: Callable[[Tensor, Tensor], Tensor] | None = None
    shooting: Shooting | None = None


@dataclass(frozen=True)
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

    best: list[float]
    stopped: str
    iterations: int
    skipped: int


@dataclass(frozen=True)
class _Pass:
    """The windows of a step, and those of them that this process simulates: inputs, first states, simulation."""

    every: Tensor
    index: Tensor
    inputs: Tensor
    starts: Tensor
    solution: Solution


class Fit:
    """The descent of one module through the simulation of windows.

    The windows together follow one open-loop simulation of the block, at the cost of many short ones side by side:
    every validation runs that simulation with the module as it is, and the windows start on it; from then on a window
    starts where its predecessor ended in the latest pass. The gradient stops at the window's start, unless adjoints are
    carried the other way: then the slope of the loss of a window and of all later ones with respect to its start, from
    the latest pass, weighs the end of its predecessor, so that the gradient of the windows together tends to that of
    the one simulation as the steps get small. With corrections of the starts no adjoints are carried, and a window
    starts off that trajectory, by a correction that is learnt along; the trajectory itself goes on as it would without.

    Parameters
    ----------
    problem : FitProblem
        What is fitted to what.
    settings : FitSettings
        How to descend.
    describe_failure : callable, optional
        From the windows of a step and their outputs to where they diverge, for the message when all do.
    ranks : Ranks, optional
        The processes that share the windows; each takes the same steps with all weights.

    Attributes
    ----------
    iterations : int
        Gradient steps done.
    best : Tensor, shape (member,)
        Least validation loss of every member so far.
    """

    def __init__(
        self,
        problem: FitProblem,
        settings: FitSettings,
        describe_failure: Callable[[Tensor, Tensor], str] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        ranks.match(problem.module)
        self.problem, self.settings, self._describe, self._ranks = problem, settings, describe_failure, ranks
        self.iterations, self.best = 0, torch.full((problem.starts.shape[0],), math.inf, dtype=torch.float64)
        moved = list(problem.shooting.parameters()) if problem.shooting is not None else []
        self._own = list(problem.module.parameters())
        self._parameters = [*self._own, *moved]
        self._kept = [p.detach().clone() for p in self._parameters]
        groups = [{"params": self._own, "pace": 1.0}, {"params": moved, "pace": PACE}]
        self._optimiser = Soap(groups) if settings.optimiser == "soap" else torch.optim.Adam(groups)
        self._generator = torch.Generator().manual_seed(settings.seeds[0])
        self._adjoints = torch.zeros_like(problem.starts)
        self._plain = without_gradients(problem.model)
        every = torch.arange(len(problem.windows), device=problem.inputs.device)
        self._samples = problem.windows.counts(every).sum().clamp(min=1)
        self._waited = self._skipped = 0
        self._carries = settings.carry_from <= 0.0

    def run(
        self,
        saved: Saved | None = None,
        *,
        report: Callable[[dict[str, Any]], None] | None = None,
        save: Callable[[dict[str, Tensor], dict[str, Any]], None] | None = None,
    ) -> FitResult:
        """Descend to the end; however it ends, the module then holds the best state of every member.

        Parameters
        ----------
        saved : Saved, optional
            What an earlier fit of the same problem has saved: it goes on from there, to the same bits.
        report : callable, optional
            Called with a record after every step: ``iteration``, ``loss`` of every member, ``learning_rate``, and after
            a validation ``validation``, the loss of every member as it is now, and ``best``, its least so far; None for
            a member that diverges.
        save : callable, optional
            Called with tensors and facts after every validation.

        Returns
        -------
        FitResult

        Raises
        ------
        SimulationError
            When all windows diverge or the loss is not finite.
        """
        if saved is not None:
            self.restore(saved)
        settings, interrupted = self.settings, False
        try:
            if saved is None:
                self.validate()
            while self.iterations < settings.iterations and self._waited < settings.patience:
                record = self.step()
                validated = self.iterations % settings.validate_every == 0 or self.iterations == settings.iterations
                if validated:
                    record |= self.validate()
                if report is not None:
                    report(record)
                if validated and save is not None:
                    save(*self.state())
        except KeyboardInterrupt:
            interrupted = True
        finally:
            with torch.no_grad():
                for store, p in zip(self._kept, self._parameters, strict=True):
                    p.copy_(store)
        early = "early" if self._waited >= settings.patience else "finished"
        return FitResult(self.best.tolist(), "interrupted" if interrupted else early, self.iterations, self._skipped)

    def restore(self, saved: Saved) -> None:
        """Go back to a state that was saved.

        Raises
        ------
        InputError
            When it is not that of such a fit.
        """
        starts = self.problem.starts
        with readable(
            "the checkpoint does not fit the run",
            where="the folder 'checkpoint' of the run",
            expected="the files as this version of asm-hybrid wrote them",
            fix="train again into another folder",
        ):
            with torch.no_grad():
                for i, (p, store) in enumerate(zip(self._parameters, self._kept, strict=True)):
                    p.copy_(saved.tensors[f"parameter.{i}"])
                    store.copy_(saved.tensors[f"kept.{i}"])
                    memory = {n: saved.tensors[f"{n}.{i}"] for n in MEMORY if f"{n}.{i}" in saved.tensors}
                    self._optimiser.state[p] = {k: v if k == "step" else v.to(starts.device) for k, v in memory.items()}
            starts.copy_(saved.tensors["starts"])
            self._adjoints.copy_(saved.tensors["adjoints"])
            self.best = saved.tensors["best"]
            self._generator.set_state(saved.tensors["generator"])
            facts = saved.facts
            self.iterations, self._waited = int(facts["iteration"]), int(facts["waited"])
            self._skipped = int(facts["skipped"])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all from which `restore` goes on: tensors, and facts that JSON can hold."""
        tensors = {
            "starts": self.problem.starts,
            "adjoints": self._adjoints,
            "best": self.best,
            "generator": self._generator.get_state(),
        }
        for i, (p, store) in enumerate(zip(self._parameters, self._kept, strict=True)):
            tensors |= {f"parameter.{i}": p, f"kept.{i}": store}
            tensors |= {f"{name}.{i}": value for name, value in self._optimiser.state[p].items()}
        return tensors, {"iteration": self.iterations, "waited": self._waited, "skipped": self._skipped}

    def validate(self) -> dict[str, Any]:
        """Validate, keep what improved, and move the windows' starts if they are carried; return what is recorded."""
        ranks, starts = self._ranks, self.problem.starts
        with torch.no_grad():
            loss, along = self.problem.validate() if ranks.leads else (torch.zeros_like(self.best), starts)
        loss, along = ranks.same(loss), ranks.same(along)
        if self._carries:
            starts.copy_(torch.where(torch.isfinite(along), along, starts))
        loss = loss.cpu()
        better = loss < self.best
        for store, p in zip(self._kept, self._parameters, strict=True):
            store[better.to(p.device)] = p.detach()[better.to(p.device)]
        self.best[better] = loss[better]
        if self.iterations:
            self._waited = 0 if bool(better.any()) else self._waited + 1
        return {"validation": finite(loss.tolist()), "best": finite(self.best.tolist())}

    def step(self) -> dict[str, Any]:
        """Take one gradient step; return its record.

        Raises
        ------
        SimulationError
            When all windows diverge or the loss is not finite.
        """
        settings = self.settings
        self._carries = self.iterations >= settings.carry_from * settings.iterations
        rate = self._set_rate()
        passed = self._simulate()
        losses, total = self._losses(passed)
        self._optimiser.zero_grad()
        if total.requires_grad:  # not where there are more processes than windows
            torch.autograd.backward(total.sum())
        self._add_gradients()
        _clip_by_member(self._own)
        final = self._ends(passed)
        if self._pulls:
            grad = torch.zeros_like(passed.starts) if passed.starts.grad is None else passed.starts.grad
            slope = torch.where(torch.isfinite(grad), self._count(passed.every) * grad, 0.0)
            self._adjoints[:, passed.every] = self._ranks.joined(slope, 1, len(passed.every))
        self._optimiser.step()
        self.iterations += 1
        if self._carries:
            follows = passed.every + 1 < len(self.problem.windows)
            self.problem.starts[:, passed.every[follows] + 1] = final[:, follows]
        losses = self._ranks.summed(losses)
        record = {"iteration": self.iterations, "loss": losses.detach().tolist(), "learning_rate": rate}
        return record | ({"skipped": self._skipped} if self._skipped else {})

    @property
    def _pulls(self) -> bool:
        """Whether adjoints weigh the ends of the windows."""
        return self.settings.carries_adjoint and self._carries and self.problem.shooting is None

    def _set_rate(self) -> float:
        """Set the step size of the next gradient step, and return it."""
        settings = self.settings
        share = 0.1 + 0.45 * (1.0 + math.cos(math.pi * self.iterations / max(1, settings.iterations)))
        for group in self._optimiser.param_groups:
            group["lr"] = settings.learning_rate * share * group["pace"]
        return settings.learning_rate * share

    def _simulate(self) -> _Pass:
        """Draw windows and simulate them; those that diverge are left out."""
        count = len(self.problem.windows)
        index = torch.arange(count)
        if count > self.settings.batch:
            index = torch.randperm(count, generator=self._generator)[: self.settings.batch].sort().values
        passed = self._pass(index.to(self.problem.inputs.device))
        good = self._ranks.joined(passed.solution.ok.all(0), 0, len(index))
        if bool(good.all()):
            return passed
        self._skipped += int((~good).sum())
        if not bool(good.any()):
            raise self._failure("every window diverges", passed)
        return self._pass(passed.every[good])

    def _pass(self, every: Tensor) -> _Pass:
        problem, index = self.problem, self._ranks.own(every)
        cut = problem.windows.inputs(problem.inputs, index)
        if problem.shooting is None:
            starts = problem.starts[:, index].requires_grad_(self._pulls)
        else:
            starts = problem.shooting.starts(problem.starts, index)
        if len(index):
            solution = problem.model.simulate(starts, cut, record_knots=problem.penalty is not None)
        else:
            knots = starts.new_zeros(*starts.shape[:2], cut.shape[1], *starts.shape[2:])
            ok = torch.ones(starts.shape[:2], dtype=torch.bool, device=starts.device)
            solution = Solution(starts.new_zeros(0), knots, starts.detach(), ok)
        return _Pass(every, index, cut, starts, solution)

    def _count(self, index: Tensor) -> Tensor:
        """Return the samples by which the squares of so many windows are divided: their share of all."""
        return self._samples * (len(index) / len(self.problem.windows))

    def _losses(self, passed: _Pass) -> tuple[Tensor, Tensor]:
        """Return the loss of every member, and what is descended: the loss with all that is added to it."""
        problem, settings, index, solution = self.problem, self.settings, passed.index, passed.solution
        count = self._count(passed.every)
        losses = solution.final.new_zeros(len(self.best))
        if len(index):
            residual = problem.windows.residuals(solution.outputs, index)
            losses = residual.square().flatten(1).sum(1) / count
        total = losses
        if self._pulls:
            follows = index + 1 < len(problem.windows)
            pull = self._adjoints[:, index[follows] + 1] * solution.final[:, follows]
            total = total + pull.flatten(1).sum(1) / count
        if problem.penalty is not None and solution.knots is not None:
            along = self._ranks.joined(solution.knots.detach()[:, :, ::PENALTY_STRIDE], 1, len(passed.every))
            if self._ranks.leads:  # for all windows: its root mean square is no sum over them
                inputs = problem.windows.inputs(problem.inputs, passed.every)
                total = total + problem.penalty(along, inputs[:, ::PENALTY_STRIDE])
        if problem.shooting is not None:
            progress = self.iterations / max(1, settings.iterations - 1)
            total = total + problem.shooting.cost(problem.starts, index, solution.final, progress, passed.every)
        faults = self._ranks.summed((~torch.isfinite(total)).sum())
        if bool(faults):
            raise self._failure("the loss is not finite", passed)
        return losses, total

    def _add_gradients(self) -> None:
        """Add up the gradients of all processes."""
        if self._ranks.size == 1:
            return
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        whole = self._ranks.summed(torch.cat([g.flatten() for g in grads]))
        parts = torch.split(whole, [g.numel() for g in grads])
        for p, part in zip(self._parameters, parts, strict=True):
            p.grad = part.view_as(p).clone()

    def _ends(self, passed: _Pass) -> Tensor:
        """Return the states at the ends of the windows, on the trajectory that no correction moves."""
        final = passed.solution.final.detach()
        if self.problem.shooting is not None and len(passed.index):
            plain = self._plain.simulate(self.problem.starts[:, passed.index], passed.inputs).final
            final = torch.where(torch.isfinite(plain), plain, final)
        return self._ranks.joined(final, 1, len(passed.every))

    def _failure(self, what: str, passed: _Pass) -> SimulationError:
        detail = self._describe(passed.index, passed.solution.outputs) if self._describe else ""
        return SimulationError(f"{what} at iteration {self.iterations + 1}: {detail}")


def _clip_by_member(parameters: list[nn.Parameter], limit: float = 1.0) -> None:
    """Scale the gradient of every member to a norm of at most ``limit``, each on its own."""
    norms = sum(p.grad.square().flatten(1).sum(1) for p in parameters if p.grad is not None)
    assert isinstance(norms, Tensor)
    scale = (limit / norms.sqrt().clamp(min=1e-12)).clamp(max=1.0)
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(scale.view(-1, *[1] * (p.dim() - 1)))
