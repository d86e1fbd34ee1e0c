"""The run of a generic ODE, as a notebook sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from asm_hybrid.artefacts import read_json, restored
from asm_hybrid.cards import Shown, card, note, picture, tabulated
from asm_hybrid.equations.page import TITLES, ode_lines
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.report.style import number, unit_text

__all__ = ["EquationResult"]


@dataclass(frozen=True, repr=False)
class EquationResult(Shown):
    """What a run of a generic ODE left behind. Frames are read from its folder when they are asked for.

    Attributes
    ----------
    folder : Path
        The run folder.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.absolute())  # a script may change the current folder

    @property
    def summary(self) -> Mapping[str, Any]:
        """Content of ``summary.json``.

        Raises
        ------
        InputError
            When the file is missing or is not the one that was written, as with all that follows.
        """
        return read_json(self._file("summary.json"))

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the run; its best parameters so far are kept."""
        return bool(self.summary["stopped"] == "interrupted")

    @property
    def resumable(self) -> bool:
        """Whether the run can go on: never, it is begun anew."""
        return False

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.summary["name"])

    @property
    def picture(self) -> Path:
        """Data, fit and extrapolations, as SVG."""
        return self._file("plot.svg")

    @property
    def text(self) -> str:
        """Parameters and scores as plain text."""
        return "\n".join(ode_lines(self.folder))

    @property
    def scores(self) -> pd.DataFrame:
        """RMSE by ``model``: on the ``data``, and the median of the ``extrapolation`` (NaN without)."""
        beyond = self.summary["scores"].get("extrapolation", {}).get("median", {})
        rows = {name: (score, beyond.get(name, float("nan"))) for name, score in self.summary["scores"]["data"].items()}
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=["data", "extrapolation"])
        return frame.rename_axis("model")

    @property
    def predictions(self) -> pd.DataFrame:
        """Curves: ``series`` (data, model, start, truth), ``trajectory``, ``time``, and one column a state."""
        return restored(pd.read_csv(self._file("predictions.csv")))

    @property
    def parameters(self) -> pd.DataFrame:
        """Fitted parameters and delays by name: ``unit``, ``start``, ``fitted``, ``bounds``."""
        return pd.DataFrame(self._rows, columns=["name", "unit", "start", "fitted", "bounds"]).set_index("name")

    @property
    def _rows(self) -> list[dict[str, Any]]:
        learnt = (self.folder / "parameters.json").is_file()
        return list(read_json(self._file("parameters.json"))["parameters"]) if learnt else []

    def _file(self, name: str) -> Path:
        verify_manifest(self.folder, [name])
        return self.folder / name

    def _described(self) -> str:
        scores = ", ".join(f"{name} {number(score)}" for name, score in self.summary["scores"]["data"].items())
        fitted = [f"  {row['name']} = {number(row['fitted'], 4)}" for row in self._rows]
        return "\n".join([f"EquationResult {self.name}: {self.folder}", f"  RMSE on the data: {scores}", *fitted])

    def _card(self) -> str:
        scores = self.summary["scores"]
        beyond = scores.get("extrapolation", {}).get("median", {})
        rows = [
            [title, number(scores["data"][name]), *([number(beyond.get(name))] if beyond else [])]
            for name, title in TITLES.items()
            if name in scores["data"]
        ]
        fitted = [
            [row["name"], number(row["start"]), number(row["fitted"], 4), unit_text(row["unit"])] for row in self._rows
        ]
        return card(
            f"Fit of {self.name}",
            note(f"loss {number(self.summary['loss'])} after {self.summary['iterations']} iterations · {self.folder}"),
            tabulated(["Parameter", "Start", "Fitted", "Unit"], fitted, text=frozenset({0, 3})),
            tabulated(["RMSE", "on the data", *(["median of extrapolations"] if beyond else [])], rows),
            picture(self.picture.read_text(encoding="utf-8"), "data, fit and loss"),
        )
