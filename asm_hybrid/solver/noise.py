"""Stochastic differential equations along the times that are asked for.

Steps are fixed. What chooses steps by an error, looks back, or ends within a step is not solved with noise, and refused
by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.solver.inside import Field, Inside, jacobian_of
from asm_hybrid.solver.march import Callback
from asm_hybrid.solver.noise_steps import (
    DIAGONAL,
    GENERAL,
    ITO,
    NOISY,
    SCALAR,
    STRATONOVICH,
    Equation,
    NoisyMethod,
    stepped,
)
from asm_hybrid.solver.path import Path, Way
from asm_hybrid.solver.states import Layout
from asm_hybrid.solver.stepoptions import StepOptions
from asm_hybrid.solver.wiener import Wiener

__all__ = ["Noise", "Stepping", "check_noise", "check_noisy_method", "refuse_beside_noise", "spread", "travel_noisily"]

WITHOUT = {
    "rtol": "remove it: steps with noise are fixed; halve them with the same seed to see their error",
    "atol": "remove it: steps with noise are fixed; halve them with the same seed to see their error",
    "adjoint": "remove it: the gradient comes from the steps themselves, path by path",
    "parameters": "remove it: the gradient comes from the steps themselves, path by path",
    "adjoint_options": "remove it: the gradient comes from the steps themselves, path by path",
    "mass": "divide f and g by M where it is regular, or solve the algebraic equations within f",
    "event": "look for the event at the returned times: a path may cross and come back within a step",
    "delays": "write the delay as a chain of lags",
    "history": "remove it, and write the delay as a chain of lags",
    "dense": "ask for more times: between them a path is random",
}
"""What is not solved with noise, and what to do."""
OPTIONS = ("step_size", "max_num_steps")
"""Options of the steps that count with noise."""
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Noise:
    """The noise of an equation, as the user gives it.

    Attributes
    ----------
    diffusion : callable
        g(t, x).
    kind : str
        ``"diagonal"``, ``"scalar"`` or ``"general"``.
    interpretation : str
        ``"ito"`` or ``"stratonovich"``.
    seed : int or None
        Fixes the paths; drawn by torch without.
    paths : int or None
        Paths from each initial state, along an axis in front; None for one without such an axis.
    """

    diffusion: Field
    kind: str
    interpretation: str
    seed: int | None
    paths: int | None = None


@dataclass(frozen=True)
class Stepping:
    """How steps are taken, as the user gives it.

    Attributes
    ----------
    method : str
        Name of the method.
    steps : int or None
        Steps from time to time.
    options : mapping or None
        Options of the steps.
    jacobian : callable or None
        df/dx, where the user has it.
    """

    method: str
    steps: int | None
    options: Mapping[str, Any] | None = None
    jacobian: Field | None = None


def check_noisy_method(method: str, where: str | None = None) -> NoisyMethod:
    """Return a method for equations with noise by its name.

    Parameters
    ----------
    method : str
        Its name.
    where : str, optional
        Where it is written, for messages.

    Returns
    -------
    NoisyMethod

    Raises
    ------
    InputError
        When there is none of that name.
    """
    if method not in NOISY:
        raise InputError(
            f"{method!r} is no method for equations with noise",
            where=where,
            expected="a method with fixed steps and noise: " + ", ".join(NOISY),
            fix="for stiff drift implicit_milstein, else milstein; general noise takes euler_maruyama"
            if method in ("dopri5", "rodas5p", "rodas4", "ros34pw2")
            else nearest(str(method), NOISY),
        )
    return NOISY[method]


def check_noise(noise: Noise, method: str, where: str | None = None) -> NoisyMethod:
    """Check that a method bears the noise, and return it.

    Parameters
    ----------
    noise : Noise
        The noise.
    method : str
        Name of the method.
    where : str, optional
        Where it is written, for messages.

    Returns
    -------
    NoisyMethod

    Raises
    ------
    InputError
        When names are not known or do not go together.
    """
    found = check_noisy_method(method, where)
    for name, given, known in (
        ("noise", noise.kind, (DIAGONAL, SCALAR, GENERAL)),
        ("interpretation", noise.interpretation, (ITO, STRATONOVICH)),
    ):
        if given not in known:
            raise InputError(f"{name} is {given!r}", where=where, expected=" or ".join(known))
    if not callable(noise.diffusion):
        raise InputError(
            f"diffusion is {type(noise.diffusion).__name__}, and cannot be called", expected="a function (t, x)"
        )
    seed = noise.seed
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED):
        raise InputError(f"seed is {seed!r}", expected=f"a whole number from 0 to {MAX_SEED}")
    if noise.kind not in found.noises:
        raise InputError(
            f"{method} is used with general noise: its correction needs integrals of products of the processes",
            where=where,
            expected="noise='diagonal' or 'scalar'",
            fix="use implicit_euler_maruyama"
            if found.implicit
            else "use euler_maruyama, or stochastic_heun for interpretation='stratonovich'",
        )
    if noise.interpretation not in found.interpretations:
        others = [
            m.name for m in NOISY.values() if noise.interpretation in m.interpretations and noise.kind in m.noises
        ]
        raise InputError(
            f"{method} follows the integral of {found.interpretations[0].title()}, and interpretation is "
            f"{noise.interpretation!r}",
            where=where,
            expected=" or ".join(others),
        )
    return found


def spread(x0: Any, paths: int | None) -> Any:
    """Return an initial state for a number of paths, along an axis in front.

    Parameters
    ----------
    x0 : Tensor, shape (…, n)
        The initial state.
    paths : int or None
        How many; None leaves the state as it is.

    Returns
    -------
    Tensor, shape (paths, …, n) or (…, n)
    """
    if paths is None:
        return x0
    if isinstance(paths, bool) or not isinstance(paths, int) or paths < 1:
        raise InputError(f"paths is {paths!r}", expected="a whole number, one at least")
    return x0.expand(paths, *x0.shape) if isinstance(x0, Tensor) else x0


def travel_noisily(
    inside: Inside,
    x0: Tensor,
    way: Way,
    noise: Noise,
    method: NoisyMethod,
    how: Stepping,
    call: Callback,
) -> Path:
    """Solve along the times.

    Parameters
    ----------
    inside : Inside
        f.
    x0 : Tensor, shape (…, n)
        The initial state.
    way : Way
        The times.
    noise : Noise
        The noise.
    method : NoisyMethod
        The method.
    how : Stepping
        How steps are taken.
    call : callable
        Called before every step with its time, state and length.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When times descend or carry gradients, or the diffusion does not fit the states.
    """
    if way.direction < 0.0:
        raise InputError("the times descend, and noise is given", expected="ascending times")
    if way.carries:
        raise InputError(
            "the times carry gradients, and noise is given: a path has no slope in time",
            fix="detach the times, or learn a factor of f and g in place of them",
        )
    diffusion = _Diffusion(noise, inside)
    width = diffusion.processes(way.values[0], x0)
    seed = int(torch.randint(MAX_SEED, ())) if noise.seed is None else noise.seed
    wiener = Wiener(seed, (*x0.shape[:-1], width), x0.dtype, x0.device)
    equation = Equation(
        inside, diffusion, jacobian_of(inside, how.jacobian, inside.layout), noise.kind, noise.interpretation
    )
    if method.corrected and noise.kind == DIAGONAL:
        diffusion.check_apart(way.values[0], x0, method)
    path, options = Path([way.values[0]], [x0]), StepOptions.of(how.options)
    for i, (begin, end) in enumerate(pairwise(way.values)):
        x, count = path.states[-1], _count(begin, end, how.steps, options) if end > begin else 0
        if count:
            h = (end - begin) / count
            for k, dW in enumerate(wiener.increments(i, end - begin, count)):
                call(begin + k * h, x, h)
                x = stepped(equation, method, begin + k * h, x, h, dW)
        path.values.append(end)
        path.states.append(x)
        path.steps += count
    if method.corrected and noise.kind == DIAGONAL:
        diffusion.check_apart(way.values[-1], path.states[-1], method)
    return path


def _count(begin: float, end: float, steps: int | None, options: StepOptions) -> int:
    """Return the number of steps from one time to the next."""
    if steps is not None:
        return steps
    assert options.step_size is not None
    count = max(1, math.ceil((end - begin) / options.step_size - 1e-9))
    if count > options.max_num_steps:
        raise InputError(
            f"a step_size of {options.step_size:.6g} asks for {count} steps from time {begin:.6g} to {end:.6g}",
            expected=f"{options.max_num_steps} steps at most",
            fix="take a larger step_size, or raise max_num_steps",
        )
    return count


class _Diffusion:
    """g as the steps see it."""

    def __init__(self, noise: Noise, inside: Inside) -> None:
        self.noise, self.inside = noise, inside
        self._shape: tuple[int, ...] = ()

    def __call__(self, t: Any, x: Tensor) -> Tensor:
        found = self.noise.diffusion(self.inside.at(t), x)
        expected = self._shape if self.noise.kind == GENERAL else x.shape
        if not isinstance(found, Tensor) or found.is_complex() or found.shape != expected:
            raise self._refused(found, expected)
        return found if found.dtype == x.dtype else found.to(x.dtype)

    def processes(self, t: float, x: Tensor) -> int:
        """Return how many Wiener processes there are for an element of the batch."""
        if self.noise.kind != GENERAL:
            return x.shape[-1] if self.noise.kind == DIAGONAL else 1
        with torch.no_grad():
            found = self.noise.diffusion(self.inside.at(t), x)
        if not isinstance(found, Tensor) or found.shape[:-1] != x.shape or not found.numel():
            raise self._refused(found, (*x.shape, "w"))
        self._shape = tuple(found.shape)
        return int(found.shape[-1])

    def _refused(self, found: Any, expected: tuple[Any, ...]) -> InputError:
        has = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"Python type {type(found).__name__}"
        shape = str(tuple(expected)).replace("'", "")
        return InputError(
            f"the diffusion returns {has}",
            expected=f"real numbers {shape} for noise={self.noise.kind!r}",
            fix="a constant diffusion is made as large as the state by .expand_as(x)"
            if self.noise.kind != GENERAL
            else "w is the number of Wiener processes",
        )

    def check_apart(self, t: float, x: Tensor, method: NoisyMethod) -> None:
        """Refuse diagonal noise whose diffusion mixes states, for methods that differentiate it."""

        def summed(at: Tensor) -> Tensor:
            return self(t, at).reshape(-1, x.shape[-1]).sum(0)

        with torch.no_grad():
            slopes = torch.func.jacrev(summed)(x.detach()).movedim(0, -2)
        mixed = (slopes.abs().reshape(-1, *slopes.shape[-2:]).nan_to_num().amax(0)).fill_diagonal_(0.0)
        if bool((mixed > 0.0).any()):
            i, j = divmod(int(mixed.argmax()), x.shape[-1])
            raise InputError(
                f"{method.name} is used with diagonal noise, and the diffusion of state {i} depends on state {j}",
                expected="a diffusion of each state that depends on this state alone",
                fix="use " + ("implicit_euler_maruyama" if method.implicit else "euler_maruyama or stochastic_heun"),
            )


def refuse_beside_noise(given: Mapping[str, Any], options: Mapping[str, Any] | None, layout: Layout) -> None:
    """Refuse what is not solved with noise.

    Parameters
    ----------
    given : mapping of str to object
        Arguments of `solve` by name; None or False where they are not given.
    options : mapping or None
        Options of the steps.
    layout : Layout
        How the state is laid out.

    Raises
    ------
    InputError
        With the name, and what to do.
    """
    for name, value in given.items():
        if value is not None and value is not False:
            raise InputError(f"{name!r} is given, and noise too", expected="one of them", fix=WITHOUT[name])
    for name in options or {}:
        if name not in OPTIONS:
            raise InputError(
                f"options has {name!r}, and noise is given", expected=" or ".join(OPTIONS), fix="remove it"
            )
    if not layout.plain:
        raise InputError(
            "noise is given for a state of several tensors, complex numbers or no axes",
            expected="one real tensor (…, n)",
            fix="put the parts side by side: torch.cat",
        )
