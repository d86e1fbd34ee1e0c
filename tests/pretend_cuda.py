"""A CUDA device that is pretended: its tensors lie on the CPU, and refuse what those of a CUDA device would refuse.

Code that runs on it mixes no devices, hands no tensor of a device to NumPy, and draws no random numbers with a
generator of the CPU. What it computes is what the CPU computes, bit for bit. It says nothing of
kernels, memory or speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

CUDA, META = torch.device("cuda", 0), torch.device("meta")
"""What is shown, and what torch itself takes the device for: what it makes on its own account is there."""
COPIES = ("copy_", "_copy_from", "set_")
STRICT = ("cat", "stack")
"""Operations that take no number of the CPU beside tensors of the device."""
INDEXED = ("index", "index_put", "index_put_", "_index_put_impl_")
"""Operations whose second argument holds indices."""


class OnCuda(torch.Tensor):
    """A tensor of the pretended device around one of the CPU."""

    inner: torch.Tensor
    device = property(lambda self: CUDA)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        """Wrap a plain tensor."""
        assert type(inner) is torch.Tensor, type(inner)
        found = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=META,
        )
        found.inner = inner
        return found

    def __repr__(self, **_):
        """Show what it holds."""
        return f"OnCuda({self.inner!r})"

    def numpy(self, **_):
        """Refuse, as torch does."""
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __array__(self, *_, **__):
        """Refuse, as torch does."""
        return self.numpy()

    def tolist(self):
        """Return numbers."""
        return self.inner.tolist()

    def cpu(self, **_):
        """Return it on the CPU."""
        return _Down.apply(self)

    def cuda(self, *_, **__):
        """Return it as it is."""
        return self

    def to(self, *args, **kwargs):
        """Move it, or change its type."""
        return _to(self, args, kwargs)

    def __getitem__(self, key):
        """Return a part; torch itself would make a list of indices a tensor without numbers."""
        return super().__getitem__(_key(key))

    def __setitem__(self, key, value):
        """Change a part."""
        super().__setitem__(_key(key), value)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Compute on the CPU what the device would compute, unless it would refuse."""
        kwargs = dict(kwargs or {})
        given = kwargs.pop("device", None)
        name = func.overloadpacket.__name__
        _check(name, args, kwargs)
        found = func(*_inner(args), **_inner(kwargs))
        if given is not None and torch.device(given).type == "cpu":
            return found
        if name in COPIES and not isinstance(args[0], OnCuda):
            return args[0]
        wrapped = tree_map(lambda t: OnCuda(t) if type(t) is torch.Tensor else t, found)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.inner.detach().clone()

    @staticmethod
    def backward(ctx, given):
        return OnCuda(given.detach())


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return OnCuda(x.detach().clone())

    @staticmethod
    def backward(ctx, given):
        return given.inner


def _key(key):
    if isinstance(key, tuple):
        return tuple(_key(k) for k in key)
    return torch.tensor(key) if isinstance(key, list | range | np.ndarray) else key


def _inner(tree):
    return tree_map(lambda t: t.inner if isinstance(t, OnCuda) else t, tree)


def _check(name: str, args: Any, kwargs: Any) -> None:
    """Refuse what a CUDA device refuses: numbers without axes may come from the CPU, and so may indices."""
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type == "cpu":
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    if name in COPIES:
        return
    indexed = name in INDEXED
    leaves = [args[0], *tree_leaves(args[2:])] if indexed else tree_leaves((args, kwargs))
    tensors = [t for t in leaves if isinstance(t, torch.Tensor)]
    plain = [t for t in tensors if not isinstance(t, OnCuda) and (t.dim() > 0 or name in STRICT)]
    if plain and (indexed or len(plain) < len(tensors)):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found cpu and cuda:0 ({name})")


def _to(x: torch.Tensor, args: tuple, kwargs: dict) -> torch.Tensor:
    """Return a tensor moved as ``Tensor.to`` says."""
    args, kwargs = list(args), dict(kwargs)
    device = kwargs.pop("device", None)
    if args and isinstance(args[0], torch.Tensor):
        device, args[0] = args[0].device, args[0].dtype
    elif args and (args[0] is None or isinstance(args[0], str | torch.device)):
        device = args.pop(0)
    if device is not None and torch.device(device).type != x.device.type:
        x = (_Up if torch.device(device).type == "cuda" else _Down).apply(x)
    args = [a for a in args if isinstance(a, torch.dtype)]
    kwargs = {k: v for k, v in kwargs.items() if k == "dtype" and v is not None}
    return torch.Tensor.to(x, *args, **kwargs) if args or kwargs else x


class _Made(TorchDispatchMode):
    """Puts on the pretended device what torch makes there itself, as zeros in a backward pass."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("device") == META and not any(isinstance(a, OnCuda) for a in args):
            return OnCuda(func(*args, **(kwargs | {"device": "cpu"})))
        return func(*args, **kwargs)


class _Mode(TorchFunctionMode):
    """Makes tensors on the pretended device where a CUDA device is named."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.to:
            return _to(args[0], args[1:], kwargs)
        if func is torch.Tensor.cuda:
            return _to(args[0], (CUDA,), {})
        device = kwargs.get("device")
        if device is None or torch.device(device).type != "cuda":
            return func(*args, **kwargs)
        del kwargs["device"]
        wants = kwargs.pop("requires_grad", False)
        found = func(*args, **kwargs)
        moved = found if isinstance(found, OnCuda) else OnCuda(found.detach())
        return moved.requires_grad_() if wants else moved


@contextmanager
def pretended_cuda() -> Iterator[None]:
    """Pretend that this machine has a CUDA device, until the context ends."""
    with pytest.MonkeyPatch.context() as patch, _Mode(), _Made():
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "get_device_name", lambda *_: "a pretended device")
        patch.setattr(torch.cuda, "synchronize", lambda *_: None)
        patch.setattr(torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True)
        yield
