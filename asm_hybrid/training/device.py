"""The device on which a run computes."""

from __future__ import annotations

import torch

from asm_hybrid.errors import InputError, readable
from asm_hybrid.training.ranks import present_ranks

__all__ = ["choose_device", "usable_device"]


def choose_device(name: str, where: str = "device") -> torch.device:
    """Return the device that a config asks for.

    Parameters
    ----------
    name : {'auto', 'cpu', 'cuda'}
        What it says; ``auto`` is CUDA where there is any.
    where : str, optional
        File and key, for the message.

    Returns
    -------
    torch.device
        For processes that share one training, a GPU of its own.

    Raises
    ------
    InputError
        When ``cuda`` is asked for and there is none.
    """
    if name != "cpu" and present_ranks().size > 1 and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "the config asks for a CUDA device, and this machine offers none",
            where=where,
            expected="auto, cpu or cuda",
            fix="set device: auto, or install a CUDA build of torch",
        )
    return torch.device(name)


def usable_device(name: str | torch.device) -> torch.device:
    """Return a device that a caller names.

    Parameters
    ----------
    name : str or torch.device
        ``cpu``, ``cuda`` or one of several such as ``cuda:1``.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        When it is not there, or models are not computed on it.
    """
    expected = "cpu, or cuda on a machine with a CUDA device and a CUDA build of torch"
    with readable("the device cannot be used", where=f"device {str(name)!r}", expected=expected, fix="device='cpu'"):
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise ValueError("models are not computed there")
        torch.zeros(1, dtype=torch.float64, device=device)
    return device
