"""States as the user has them, and as the methods want them: one real tensor ``(…, n)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.stepoptions import as_tolerance

__all__ = ["Layout", "State", "check_start"]

State = Tensor | tuple[Tensor, ...]
"""A state: one tensor, or several of any shapes."""


@dataclass(frozen=True)
class Layout:
    """How states are laid out in one real tensor.

    A tensor ``(…, n)`` of real numbers stays as it is. Complex numbers become pairs along the last axis, a number
    without axes gets one, and several tensors stand side by side: along the last axis where they agree in the others,
    else all in one row.

    Attributes
    ----------
    shapes : tuple of torch.Size
        Shapes of the tensors.
    dtypes : tuple of torch.dtype
        Their types.
    several : bool
        Whether the user has a tuple.
    batch : tuple of int
        The axes in front of the last.
    widths : tuple of int
        Entries of each tensor along the last axis.
    dtype : torch.dtype
        Type of the laid out states.
    device : torch.device
        Where they are.
    """

    shapes: tuple[torch.Size, ...]
    dtypes: tuple[torch.dtype, ...]
    several: bool
    batch: tuple[int, ...]
    widths: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @staticmethod
    def of(x0: Any) -> Layout:
        """Return the layout of an initial state; refuse what is none."""
        several = isinstance(x0, tuple | list)
        parts: Sequence[Any] = x0 if several else [x0]
        for part in parts:
            if isinstance(part, Tensor) and part.layout != torch.strided:
                raise InputError(f"the initial state is {part.layout}", expected="dense tensors", fix="x.to_dense()")
            if not isinstance(part, Tensor) or not (part.is_floating_point() or part.is_complex()):
                found = f"type {part.dtype}" if isinstance(part, Tensor) else f"Python type {type(part).__name__}"
                raise InputError(
                    f"the initial state has {found}",
                    expected="a float or complex tensor, or a tuple of them",
                    fix="torch.as_tensor(x0, dtype=torch.float64)",
                )
        if not parts or any(part.numel() == 0 for part in parts):
            raise InputError("the initial state is empty", expected="one number at least in every tensor")
        real = {part.real.dtype for part in parts}
        if len(real) > 1 or len({part.device for part in parts}) > 1:
            raise InputError(
                f"the tensors of the initial state differ in precision or device: {sorted(map(str, real))}",
                expected="one precision and one device",
            )
        shapes = tuple(part.shape for part in parts)
        leading = {tuple(shape[:-1]) for shape in shapes if shape}
        rows = len(leading) == 1 and all(shapes)
        batch = leading.pop() if rows else ()
        sizes = [
            (shape[-1] if rows else shape.numel()) * (1 + part.is_complex())
            for shape, part in zip(shapes, parts, strict=True)
        ]
        dtypes = tuple(part.dtype for part in parts)
        return Layout(shapes, dtypes, several, batch, tuple(sizes), real.pop(), parts[0].device)

    @property
    def plain(self) -> bool:
        """Whether a state is laid out as it is."""
        return not self.several and bool(self.shapes[0]) and not self.dtypes[0].is_complex

    def pack(self, x: State, name: str = "f returns") -> Tensor:
        """Lay out a state, or its slopes.

        Parameters
        ----------
        x : State
            The state.
        name : str
            What is said before its shape in messages.
        """
        if self.plain:
            self._check(x, 0, name)
            assert isinstance(x, Tensor)
            return x if x.dtype == self.dtype else x.to(self.dtype)
        if self.several and (not isinstance(x, tuple | list) or len(x) != len(self.shapes)):
            raise InputError(
                f"{name} something else than {len(self.shapes)} tensors", expected="a tuple like the state"
            )
        parts: list[Tensor] = []
        for i, part in enumerate(x if self.several else [x]):
            self._check(part, i, name)
            part = part.to(self.dtypes[i])
            if part.is_complex():
                part = torch.stack([part.real, part.imag], -1)
            parts.append(part.reshape((*self.batch, self.widths[i])))
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def _check(self, x: Any, i: int, name: str) -> None:
        if not isinstance(x, Tensor) or x.shape != self.shapes[i]:
            found = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"Python type {type(x).__name__}"
            raise InputError(f"{name} {found} for states {tuple(self.shapes[i])}", expected="one slope for every state")
        if x.device != self.device:
            raise InputError(
                f"{name} a tensor on device {x.device} for states on {self.device}", expected="the device of the states"
            )
        if x.is_complex() and not self.dtypes[i].is_complex:
            raise InputError(f"{name} complex numbers for real states", expected="complex initial states")

    def unpack(self, x: Tensor) -> State:
        """Return the user's state, or many of them along axes in front, from what is laid out."""
        if self.plain:
            return x
        front = x.shape[: x.dim() - len(self.batch) - 1]
        found = []
        for part, shape, dtype in zip(torch.split(x, list(self.widths), -1), self.shapes, self.dtypes, strict=True):
            if dtype.is_complex:
                part = torch.complex(*part.reshape((*front, *shape, 2)).unbind(-1))
            found.append(part.reshape((*front, *shape)))
        return tuple(found) if self.several else found[0]

    def tolerance(self, value: Any, like: Tensor, name: str) -> float | Tensor:
        """Return a tolerance for what is laid out: a number, or one for every entry.

        Parameters
        ----------
        value : float, Tensor or sequence of these
            A number, a tensor that fits the state, or one of either for every tensor of the state.
        like : Tensor, shape (…, n)
            A state that is laid out.
        name : str
            What it is called in messages.
        """
        if isinstance(value, int | float):
            return float(as_tolerance(value, name))
        values = list(value) if self.several and isinstance(value, tuple | list) else [value] * len(self.shapes)
        if len(values) != len(self.shapes):
            raise InputError(
                f"{len(values)} tolerances are given for {len(self.shapes)} tensors", expected="one for each"
            )
        parts = []
        for one, shape, dtype, width in zip(values, self.shapes, self.dtypes, self.widths, strict=True):
            try:
                wide = as_tolerance(one, name).to(like.device, self.dtype).expand(shape)
            except RuntimeError:
                raise InputError(
                    "a tolerance does not fit the state", expected=f"a number, or a tensor like {tuple(shape)}"
                ) from None
            if dtype.is_complex:
                wide = torch.stack([wide, wide], -1)
            parts.append(wide.reshape((*self.batch, width)))
        return torch.cat(parts, -1)


def check_start(start: Tensor, finite: str) -> None:
    """Refuse an initial state that cannot be read, or is not finite.

    Parameters
    ----------
    start : Tensor, shape (…, n)
        The state, laid out.
    finite : {'all', 'any', 'none'}
        Which elements of a batch have to be finite.

    Raises
    ------
    InputError
        When it is refused.
    """
    try:
        fine = torch.isfinite(start.detach()).all(-1)
        enough = bool(fine.all()) or (finite != "all" and bool(fine.any())) or finite == "none"
    except RuntimeError:
        raise InputError(
            "the initial state has no numbers that can be read, as on the device 'meta' or within torch.func.vmap",
            expected="numbers; a batch has its axes in front (…, n)",
        ) from None
    if not enough:
        raise InputError("the initial state holds numbers that are not finite", expected="finite numbers")
