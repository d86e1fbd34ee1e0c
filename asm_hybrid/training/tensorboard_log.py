"""TensorBoard: the records of a run as curves, while it runs."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from asm_hybrid.errors import InputError

__all__ = ["Board", "check_board"]


def check_board(where: str) -> None:
    """Refuse when the package is missing.

    Parameters
    ----------
    where : str
        File and key, for the message.

    Raises
    ------
    InputError
        With the command that installs it.
    """
    if find_spec("tensorboard") is None:
        raise InputError(
            "the package tensorboard is not installed",
            where=where,
            expected="it, to write event files",
            fix="pip install 'asm-hybrid[tensorboard]', or remove training.tensorboard",
        )


class Board:
    """Event files in a folder, which is emptied first.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder))

    def write(self, record: dict[str, Any]) -> None:
        """Draw the figures of a record of ``metrics.jsonl``."""
        stage, step = record["stage"], record.get("iteration", record.get("evaluation", 0))
        for name, value in record.items():
            tag = f"{stage}/{name}"
            if isinstance(value, list):
                for k, figure in enumerate(value):
                    if figure is not None:  # a member that diverges has none
                        self._writer.add_scalar(f"{tag}/seed_{k + 1}", figure, step)
            elif isinstance(value, dict):
                for key, figure in value.items():
                    self._writer.add_scalar(f"{tag}/{key}", figure, step)
            elif isinstance(value, float):
                self._writer.add_scalar(tag, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
