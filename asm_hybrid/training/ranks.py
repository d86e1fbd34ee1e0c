"""The processes that share the windows of one training, as ``torchrun`` begins them.

Each has all weights, simulates its part of the windows of a gradient step, and then takes the same step as all others:
what they have found is joined in the order of the windows, and gradients are added in the order of the processes, so
that the same number of processes gives the same bits. The first one leads: it alone validates, and writes the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from asm_hybrid.errors import AsmHybridError

__all__ = ["ALONE", "LostProcessError", "Ranks", "present_ranks", "torchrun_ranks"]

T = TypeVar("T")

PATIENCE = timedelta(days=30)
"""Longest wait for another process, which may calibrate f all the while; one that ends is noticed at once."""
BEGUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What ``torchrun`` tells the processes that it begins."""


class LostProcessError(AsmHybridError):
    """Another process of the training has ended.

    Attributes
    ----------
    exit_code : int
        See `AsmHybridError`.
    """


class Ranks:
    """One process that does all by itself.

    Attributes
    ----------
    rank, size : int
        Number of this process, from zero, and of all.
    """

    rank, size = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this process validates and writes."""
        return self.rank == 0

    def own(self, index: Tensor) -> Tensor:
        """Return the part of an index, ``(window,)``, that this process works on; there may be none."""
        return index

    def joined(self, part: Tensor, dim: int, count: int) -> Tensor:
        """Return what all processes have found for their parts of ``count`` windows, along the axis of these."""
        return part

    def summed(self, part: Tensor) -> Tensor:
        """Return the sum over all processes."""
        return part

    def same(self, value: Tensor) -> Tensor:
        """Return what the first process has; the others give a tensor of the same shape."""
        return value

    def told(self, content: bytes) -> bytes:
        """Return what the first process says; the others say nothing."""
        return content

    def match(self, module: nn.Module) -> None:
        """Give a module the parameters and buffers that it has in the first process."""


ALONE = Ranks()


class _Group(Ranks):
    """One of several processes."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else None

    def own(self, index: Tensor) -> Tensor:
        return torch.tensor_split(index, self.size)[self.rank]

    def joined(self, part: Tensor, dim: int, count: int) -> Tensor:
        lengths = [len(piece) for piece in torch.tensor_split(torch.arange(count), self.size)]
        first = part.detach().movedim(dim, 0)
        padded = first.new_zeros(max(lengths), *first.shape[1:])
        padded[: len(first)] = first
        parts = [one[:length] for one, length in zip(self._gathered(padded), lengths, strict=True)]
        return torch.cat(parts).movedim(0, dim)

    def summed(self, part: Tensor) -> Tensor:
        first, *others = self._gathered(part.detach())
        total = first.clone()
        for other in others:
            total += other
        return total

    def same(self, value: Tensor) -> Tensor:
        sent = self._sendable(value)
        _guarded(lambda: dist.broadcast(sent, 0))
        return sent.to(value)

    def told(self, content: bytes) -> bytes:
        size = int(self.same(torch.tensor(len(content))))
        sent = torch.zeros(size, dtype=torch.uint8)
        if self.leads and size:
            sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return self.same(sent).numpy().tobytes() if size else b""

    def match(self, module: nn.Module) -> None:
        with torch.no_grad():
            for tensor in (*module.parameters(), *module.buffers()):
                tensor.copy_(self.same(tensor))

    def _gathered(self, part: Tensor) -> list[Tensor]:
        sent = self._sendable(part)
        found = [torch.empty_like(sent) for _ in range(self.size)]
        _guarded(lambda: dist.all_gather(found, sent))
        return [one.to(part) for one in found]

    def _sendable(self, value: Tensor) -> Tensor:
        """Return a copy that can be sent: of numbers, in one piece, on the device through which is sent."""
        plain = value.detach().to(self._device or "cpu", torch.uint8 if value.dtype == torch.bool else value.dtype)
        return plain.contiguous().clone()


def _guarded(send: Callable[[], Any]) -> None:
    """Send; whatever fails then is that another process has ended."""
    try:
        send()
    except RuntimeError as error:
        raise LostProcessError(
            f"another process of this training has ended ({' '.join(str(error).split())[:160]})\n"
            "  fix: see above what it said; then go on with the same torchrun command, and "
            "`train --resume RUN` in the place of `train CONFIG`"
        ) from error


def present_ranks() -> Ranks:
    """Return the processes of this training.

    Returns
    -------
    Ranks
        This one alone outside of `torchrun_ranks`.
    """
    joined = dist.is_available() and dist.is_initialized()
    return _Group() if joined and dist.get_world_size() > 1 else ALONE


@contextmanager
def torchrun_ranks() -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` has begun, each on a GPU of its own where there are any.

    Yields
    ------
    Ranks
        This process alone where none was begun so.
    """
    if not all(name in os.environ for name in BEGUN) or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    _guarded(lambda: dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE))
    try:
        yield _Group()
    finally:
        dist.destroy_process_group()
