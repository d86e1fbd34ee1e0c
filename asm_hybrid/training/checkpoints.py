"""What a stage has worked out, kept so that a run that was stopped at any instant goes on to the same bits."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from asm_hybrid.artefacts import UNFINISHED, write_bytes_atomic
from asm_hybrid.errors import InputError

__all__ = ["Checkpoints", "Saved"]

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
        What JSON can hold. When it was saved, ``metrics.jsonl`` had ``records`` lines, and the parts of the run had
        taken ``seconds``.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class Checkpoints:
    """The folder ``checkpoint`` of a run: one file a stage, each written whole or not at all.

    A file is that of safetensors, which does not notice flipped bits, with its SHA-256 behind.

    Parameters
    ----------
    run : Path
        The run folder.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / UNFINISHED

    def save(self, stage: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the state of a stage."""
        text = np.frombuffer(json.dumps(facts).encode("utf-8"), dtype=np.uint8)
        plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        content = save_tensors({**plain, FACTS: torch.from_numpy(text.copy())})
        self.folder.mkdir(exist_ok=True)
        write_bytes_atomic(self._path(stage), content + hashlib.sha256(content).digest())

    def load(self, stage: str) -> Saved | None:
        """Return the state of a stage, or None where there is none.

        Raises
        ------
        InputError
            When the file is damaged.
        """
        path = self._path(stage)
        if not path.is_file():
            return None
        whole = path.read_bytes()
        content, digest = whole[:-DIGEST], whole[-DIGEST:]
        try:
            if hashlib.sha256(content).digest() != digest:
                raise ValueError
            # Cloned, since sums over memory that is aligned otherwise can differ in the last bit.
            tensors = {name: tensor.clone() for name, tensor in load_tensors(content).items()}
            return Saved(tensors, json.loads(bytes(tensors.pop(FACTS).numpy())))
        except (ValueError, KeyError, SafetensorError):
            raise InputError(
                "the checkpoint is damaged (its SHA-256 differs)",
                where=str(path),
                expected="the file as it was written",
                fix="remove it: what it holds is then worked out again",
            ) from None

    @property
    def records(self) -> int:
        """Lines of ``metrics.jsonl`` that are known to the latest of them."""
        return max((int(facts["records"]) for facts in self._facts()), default=0)

    @property
    def seconds(self) -> dict[str, float]:
        """Time that each part of the run has taken, as far as they know [s]."""
        found: dict[str, float] = {}
        for facts in self._facts():
            found |= {name: max(t, found.get(name, 0.0)) for name, t in facts["seconds"].items()}
        return found

    def _facts(self) -> list[dict[str, Any]]:
        stages = [self.load(path.stem) for path in sorted(self.folder.glob("*.safetensors"))]
        return [saved.facts for saved in stages if saved]

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.safetensors"
