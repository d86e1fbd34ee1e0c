"""What a stage has worked out, kept so that a run that was stopped at any instant goes on to the same bits."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from asm_hybrid.artefacts import UNFINISHED, make_folder, write_bytes_atomic
from asm_hybrid.errors import readable

__all__ = ["Checkpoints", "Saved", "packed", "unpacked"]

FACTS = "facts"
DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Saved:
    """The state of one stage.

    Attributes
    ----------
    tensors : dict of str to Tensor
        On the CPU.
    facts : dict
        What JSON can hold. When it was saved, ``metrics.jsonl`` had ``records`` lines, which were ``log``, and the
        parts of the run had taken ``seconds``.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def packed(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bytes:
    """Return the state of a stage as a file of safetensors.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Its tensors.
    facts : mapping of str to object
        What JSON can hold.

    Returns
    -------
    bytes
    """
    text = np.frombuffer(json.dumps(facts).encode("utf-8"), dtype=np.uint8)
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    return save_tensors({**plain, FACTS: torch.from_numpy(text.copy())})


def unpacked(content: bytes) -> Saved:
    """Return what `packed` has packed.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    Saved
    """
    # Cloned, since sums over memory that is aligned otherwise can differ in the last bit.
    tensors = {name: tensor.clone() for name, tensor in load_tensors(content).items()}
    return Saved(tensors, dict(json.loads(bytes(tensors.pop(FACTS).numpy()))))


class Checkpoints:
    """The folder ``checkpoint`` of a run: one file a stage, each written whole or not at all.

    A file is that of safetensors, which does not notice flipped bits, with its SHA-256 behind.

    Parameters
    ----------
    run : Path
        The run folder.
    part : str, optional
        A folder within, for what is worked out apart from the rest and knows the log of that alone.
    """

    def __init__(self, run: Path, part: str = "") -> None:
        self.folder = run / UNFINISHED / part

    def save(self, stage: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state of a stage."""
        content = packed(tensors, facts)
        make_folder(self.folder, parents=False)
        write_bytes_atomic(self._path(stage), content + hashlib.sha256(content).digest())

    def load(self, stage: str) -> Saved | None:
        """Return the state of a stage, or None where there is none.

        Raises
        ------
        InputError
            When the file is damaged.
        """
        path = self._path(stage)
        if not path.exists():
            return None
        with self.readable(path.stem):
            whole = path.read_bytes()
            content, digest = whole[:-DIGEST], whole[-DIGEST:]
            if hashlib.sha256(content).digest() != digest:
                raise ValueError("it is damaged, its SHA-256 differs")
            return unpacked(content)

    @property
    def log(self) -> str:
        """The lines of ``metrics.jsonl``, as far as the latest of them knows."""
        return max((log for log, _ in self._known()), key=len, default="")

    @property
    def seconds(self) -> dict[str, float]:
        """Time that each part of the run has taken, as far as they know [s]."""
        found: dict[str, float] = {}
        for _, seconds in self._known():
            found |= {name: max(t, found.get(name, 0.0)) for name, t in seconds.items()}
        return found

    def _known(self) -> list[tuple[str, dict[str, float]]]:
        """Return log and times of every stage."""
        found = []
        for path in sorted(self.folder.glob("*.safetensors")):
            saved = self.load(path.stem)
            with self.readable(path.stem):
                facts = saved.facts if saved else {}
                log, seconds = str(facts["log"]), {name: float(t) for name, t in facts["seconds"].items()}
                if not all(isinstance(json.loads(line), dict) for line in log.splitlines()):
                    raise ValueError("its log is not one")
                if len(log.splitlines()) != facts["records"]:
                    raise ValueError("its log lacks records")
                found.append((log, seconds))
        return found

    def readable(self, stage: str) -> AbstractContextManager[None]:
        """Guard the reading of the state of a stage, see `asm_hybrid.errors.readable`."""
        return readable(
            "the checkpoint cannot be read",
            where=str(self._path(stage)),
            expected="the file as this version of asm-hybrid wrote it",
            fix="remove it: what it holds is then worked out again",
        )

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.safetensors"
