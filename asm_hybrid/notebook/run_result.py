"""The run of a plant, as a notebook sees it: every file of its folder as a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from asm_hybrid.artefacts import UNFINISHED, read_json, restored
from asm_hybrid.cards import Shown, card, listed, note, paragraph, tabulated
from asm_hybrid.errors import InputError
from asm_hybrid.export import Exported, export_run
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.report.model_style import model_title
from asm_hybrid.report.style import number, percent, plain, unit_text
from asm_hybrid.training import load_model, read_inputs
from asm_hybrid.yamlfile import YamlSource

if TYPE_CHECKING:
    from asm_hybrid.training import FittedModel

__all__ = ["RunResult"]

ANSWERS, DIAGNOSIS = "answers.csv", "diagnosis.json"
TRIAL = "a trial: its test block was not read, and there is no verdict; training.test: true reads it"
SHOWN = 5
"""Rows of where n acts, and sentences, that are shown."""


@dataclass(frozen=True, repr=False)
class RunResult(Shown):
    """What a run of a plant left behind. Frames and model are read from its folder when they are asked for.

    Attributes
    ----------
    folder : Path
        The run folder, or a bundle, which has neither predictions, forecasts nor report.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.absolute())  # a script may change the current folder
        self._check_folder()

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
        """Whether the run was stopped before its diagnosis was complete."""
        self._check_folder()
        if not (self.folder / "summary.json").exists():
            return True
        return not self.summary["scores"] if self.trial else "verdict" not in self.summary

    @property
    def trial(self) -> bool:
        """Whether the run has left its test block alone, and so has no verdict, forecasts, diagnosis and report."""
        return bool(self.summary.get("trial"))

    def refuse_trial(self) -> None:
        """Refuse a finished trial where a model is wanted of which the test block tells what it is worth.

        Raises
        ------
        InputError
        """
        if self.trial and not self.resumable:
            raise InputError(
                "the run is a trial, which has not read its test block",
                where=str(self.folder),
                expected="a run with training.test: true",
                fix=f"train {self.folder / 'config.yaml'} with training.test: true",
            )

    @property
    def resumable(self) -> bool:
        """Whether `asm_hybrid.resume` can go on with it."""
        return (self.folder / UNFINISHED).is_dir()

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.summary["name"])

    @property
    def verdict(self) -> str:
        """Whether the run's own model is better than its baselines, in a sentence."""
        if self.interrupted:
            return ""
        return TRIAL if self.trial else str(self.summary["verdict"]["sentence"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the results must know, a sentence each."""
        return tuple(self.summary["warnings"])

    @property
    def report(self) -> Path:
        """The page with everything, one file."""
        return self._file("report.html")

    @property
    def scores(self) -> pd.DataFrame:
        """Open-loop simulation against the measurements.

        Index ``block``, ``variable``, ``model``; columns ``rmse``, ``mae``, ``bias`` (medians over the seeds) and
        ``rmse_low``, ``rmse_high`` (range of the seeds) in the ``unit`` of the variable, ``r2`` [-], and ``n``, the
        number of measurements.
        """
        units = self._units
        rows = [
            {"block": block, "variable": variable, "model": model}
            | {key: score[key] for key in ("rmse", "mae", "bias", "r2", "n")}
            | {"rmse_low": min(seeds), "rmse_high": max(seeds), "unit": units[variable]}
            for block, variables in self.summary["scores"].items()
            for variable, models in variables.items()
            for model, score in models.items()
            if (seeds := [s for s in score["rmse_seeds"] if s is not None] or [float("nan")])
        ]
        keys = ["block", "variable", "model"]
        columns = [*keys, "rmse", "mae", "bias", "r2", "n", "rmse_low", "rmse_high", "unit"]
        return pd.DataFrame(rows, columns=columns).set_index(keys)

    @property
    def predictions(self) -> pd.DataFrame:
        """Every measurement beside what each model gives, open loop.

        Columns ``time`` (UTC), ``block``, ``variable``, ``unit``, ``measured``, ``censored``, one a model (median of
        the seeds), ``hybrid_low`` and ``hybrid_high`` (range of the seeds), ``band_low`` and ``band_high`` (where 90 %
        of the measurements should lie), in the unit of the variable.
        """
        return self._frame("predictions.csv", "time")

    @property
    def forecasts(self) -> pd.DataFrame:
        """Forecasts from rolling origins, beside the measurements.

        Columns as those of `predictions`, with the ``origin`` (UTC) from which it was made and its ``horizon`` [h].
        """
        return self._frame("forecasts.csv", "time", "origin")

    @property
    def inputs(self) -> pd.DataFrame:
        """Inputs of the record: ``time`` (UTC), and one column an input, as `FittedModel.predict` takes them."""
        return read_inputs(self.folder)

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameters of f by name: ``value``, ``default``, bounds, ``unit``, and what calibration found of them."""
        return pd.DataFrame(read_json(self._file("parameters.json"))["parameters"]).set_index("name")

    @property
    def diagnosed(self) -> bool:
        """Whether explanations have competed, so that `diagnosis` is there."""
        return not self.interrupted and (self.folder / DIAGNOSIS).exists()

    @property
    def diagnosis(self) -> Mapping[str, Any]:
        """Content of ``diagnosis.json``: what f failed to capture.

        Its ``sentences`` say it in words, ``answer`` names what cannot be told from the best explanation, ``proposals``
        are corrections of the record; ``driver``, ``law`` and ``tell_apart`` are None where they cannot be told, which
        ``notes`` gives the reason of.
        """
        if not self.interrupted and not (self.folder / DIAGNOSIS).exists():
            raise InputError(
                "the run has no diagnosis by explanations",
                where=str(self.folder),
                expected="a run of this version with diagnosis.explain, or one whose diagnosis was made anew",
                fix=f"asm-hybrid diagnose {self.folder}",
            )
        return read_json(self._file(DIAGNOSIS))

    @property
    def explanations(self) -> pd.DataFrame:
        """The explanations that competed, the best first.

        Index ``name``; columns ``title``, ``family``, ``gain``, ``low``, ``high`` (share of what can be explained that
        it explains, with its 90 % interval [-]), ``removed``, ``removed_low``, ``removed_high`` (share of the squared
        error of f that it takes away [-]), ``best_share`` (of the bootstrap draws in which it is the best [-]),
        ``in_set`` (whether it cannot be told from the best), ``plausible`` (its size), ``fitted`` (``full`` or
        ``linear``) and ``driver``.
        """
        shares = ["gain", "low", "high", "removed", "removed_low", "removed_high", "best_share"]
        columns = ["title", "family", *shares, "in_set", "plausible", "fitted", "driver"]
        rows = self.diagnosis.get("explanations") or []
        return pd.DataFrame(rows, columns=["name", *columns]).set_index("name")

    @property
    def missing(self) -> pd.DataFrame:
        """Where n acts, the greatest share of its effect first; no evidence of a cause, see `diagnosis`.

        Columns ``kind``, ``name``, ``tank``, ``share`` [-], ``own`` and ``learnt`` (f's own, and what n adds to it, in
        ``unit``).
        """
        if self.interrupted:
            raise self._stopped("the diagnosis")
        columns = ["kind", "name", "tank", "share", "own", "learnt", "unit"]
        return pd.DataFrame(self.summary["missing"], columns=columns)

    @property
    def answers(self) -> pd.DataFrame:
        """Answers to standard changes: oxygen, load, recycles, wastage by 10 %, the temperature by 2 °C.

        Index ``change``, ``step``, ``variable``; columns ``inputs`` (which are changed), ``unit``, ``f_base`` and ``f``
        (mean without the change, and its change, by recalibrated f), ``own_base``, ``own``, ``own_low``, ``own_high``
        (the same by the run's own model: median and range of the seeds; not a number where n fades too much to answer,
        and where f is that model), ``faded`` (share of the period in which n fades [-]), ``least`` (size from which an
        answer is told from none), and ``finding``: ``reversed``, ``seeds disagree``, ``n fades``, or nothing.
        """
        if not self.interrupted and not (self.folder / ANSWERS).exists() and "answers" not in self.summary:
            raise InputError(
                "the run has no answers to standard changes",
                where=str(self.folder),
                expected="a run of this version, or one whose diagnosis was made anew",
                fix=f"asm-hybrid diagnose {self.folder}",
            )
        texts = dict.fromkeys(("change", "inputs", "step", "finding"), str)
        frame = restored(pd.read_csv(self._file(ANSWERS), dtype=texts))
        frame["finding"] = frame["finding"].astype(object).fillna("")  # a column of nothing is read as numbers
        return frame.set_index(["change", "step", "variable"])

    @property
    def model(self) -> FittedModel:
        """The fitted model."""
        return load_model(self.folder)

    def export(
        self,
        formats: str | Sequence[str] = "bundle",
        out: str | Path | None = None,
        *,
        scenario: YamlSource | None = None,
        case: str | None = None,
        force: bool = False,
    ) -> Exported:
        """Export the fitted model for use elsewhere: in all formats that are named, or not at all.

        Parameters
        ----------
        formats : str or sequence of str
            Name of a format, or several; the page docs/export.md and ``asm-hybrid export --help`` list them.
        out : str or Path, optional
            The file or folder to write, or the folder that takes all; beside the run without it, under its name with
            the endings of the formats.
        scenario : str, Path or mapping, optional
            A scenario whose controllers and time tables the plant gets, for formats that calculate.
        case : str, optional
            Which of its scenarios, where it holds several.
        force : bool
            Whether to replace exports that are there.

        Returns
        -------
        Exported
            The files, and notes on them.

        Raises
        ------
        InputError
            If a format is not known or cannot hold the run, a file of the run is missing or is not the one that was
            written, or a target holds something or cannot be written.
        """
        return export_run(self.folder, formats, out, scenario=scenario, case=case, force=force)

    @property
    def _block(self) -> str:
        """The block whose scores are shown."""
        return "validate" if self.trial else "test"

    @property
    def _units(self) -> dict[str, str]:
        return {name: variable["unit"] for name, variable in self.summary["variables"].items()}

    def _file(self, name: str) -> Path:
        """Return a file of the folder, checked."""
        if not (self.folder / name).exists() and self.interrupted:
            raise self._stopped(name)
        verify_manifest(self.folder, [name])
        return self.folder / name

    def _check_folder(self) -> None:
        """Refuse a folder that is gone, or holds no run."""
        if not (self.folder / "config.yaml").is_file():
            verify_manifest(self.folder, ["config.yaml"])

    def _stopped(self, before: str) -> InputError:
        return InputError(
            f"the run was stopped before {before} was there",
            where=str(self.folder),
            expected="a finished run",
            fix=self._remedy,
        )

    @property
    def _remedy(self) -> str:
        """How a run that was stopped is finished."""
        return f"asm_hybrid.resume({str(self.folder)!r}) goes on with it" if self.resumable else "train again"

    def _frame(self, name: str, *times: str) -> pd.DataFrame:
        frame = restored(pd.read_csv(self._file(name)))
        return frame.assign(**{key: pd.to_datetime(frame[key], utc=True, format="ISO8601") for key in times})

    def _described(self) -> str:
        if self.interrupted:
            return f"RunResult: {self.folder}, stopped before it was finished; {self._remedy}"
        units = self._units
        rows = [
            f"  {variable} [{units[variable]}]: "
            + ", ".join(f"{model} {number(score['rmse'])}" for model, score in models.items())
            for variable, models in self.summary["scores"].get(self._block, {}).items()
        ]
        head = [f"RunResult {self.name}: {self.folder}", f"  {self.verdict}", f"  RMSE on the {self._block} block"]
        return "\n".join([*head, *rows])

    def _card(self) -> str:
        if self.interrupted:
            return card("Run, stopped before it was finished", note(str(self.folder)), paragraph(self._remedy))
        summary = self.summary
        placements = f" ({', '.join(summary['placements'])})" if summary["placements"] else ""
        return card(
            f"Run {self.name}",
            note(f"{summary['mode']}{placements} · {summary['created'][:16].replace('T', ' ')} UTC · {self.folder}"),
            paragraph(self.verdict),
            self._said(),
            self._score_table(),
            self._missing_table(),
            listed_warnings(self.warnings),
            note(f"report: {self.folder / 'report.html'}") if (self.folder / "report.html").exists() else "",
        )

    def _said(self) -> str:
        """Return what f failed to capture in words; nothing where no explanations have competed."""
        sentences = tuple(self.diagnosis["sentences"]) if self.diagnosed else ()
        return listed(sentences, "sentence on what f failed to capture", "sentences on what f failed to capture", SHOWN)

    def _score_table(self) -> str:
        test, units = self.summary["scores"].get(self._block, {}), self._units
        models = list(dict.fromkeys(model for scores in test.values() for model in scores))
        rows, bold = [], set()
        for i, model in enumerate(models):
            row = [model_title(model)]
            for j, scores in enumerate(test.values(), 1):
                score = scores.get(model)
                row.append(_score_text(score) if score else "–")
                if score and score["rmse"] == min(s["rmse"] for s in scores.values()):
                    bold.add((i, j))
            rows.append(row)
        header = ["Model", *(f"{variable} [{unit_text(units[variable])}]" for variable in test)]
        return tabulated(
            header, rows, f"RMSE on the {self._block} block, open loop (range over seeds)", bold=frozenset(bold)
        )

    def _missing_table(self) -> str:
        missing = self.summary["missing"]
        rows = [
            [
                plain(str(entry["name"])),
                str(entry["tank"]),
                percent(entry["share"]),
                number(entry["own"]),
                number(entry["learnt"]),
                unit_text(str(entry["unit"])),
            ]
            for entry in missing[:SHOWN]
        ]
        rest = len(missing) - len(rows)
        caption = "Where n acts" + (f", the first {SHOWN} of {len(rows) + rest}" if rest else "")
        header = ["What", "Tank", "Share of n's effect", "f's own", "n adds", "Unit"]
        return tabulated(header, rows, caption, text=frozenset({0, 1, 5}))


def listed_warnings(texts: tuple[str, ...]) -> str:
    """Return warnings as HTML."""
    return listed(texts, "warning", "warnings")


def _score_text(score: Mapping[str, Any]) -> str:
    """Return an RMSE with the range of its seeds."""
    seeds = [s for s in score.get("rmse_seeds", []) if s is not None]
    spread = f" ({number(min(seeds))}–{number(max(seeds))})" if len(seeds) > 1 else ""
    return number(score["rmse"]) + spread
