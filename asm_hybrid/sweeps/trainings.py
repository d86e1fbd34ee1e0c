"""Trainings as cases of a study: keys of a config are changed, and the validation block says what came of it.

Every one is a trial (``training.test: false``), whose record ends before the test block. It has a folder of its own
below ``trainings`` in the folder of the study. One that was stopped goes on there, and one that is finished is not
trained again, so that a study that goes on ends with the same bits.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asm_hybrid import __version__
from asm_hybrid.artefacts import UNFINISHED, make_folder, write_text_atomic
from asm_hybrid.config import Config, build_layout, load_config, load_kinetics
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.data import Dataset, read_dataset
from asm_hybrid.data.answers import keep_answers
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.locking import held_by
from asm_hybrid.manifest import sha256_file, verify_manifest
from asm_hybrid.notebook.run_result import RunResult
from asm_hybrid.parallel import Evaluate, Outcome, Value
from asm_hybrid.studies.plant_keys import written
from asm_hybrid.studies.result import FigureInfo
from asm_hybrid.training.compared import compared_models, own_model
from asm_hybrid.training.run_folder import LOCK
from asm_hybrid.workflow import resume_training, run_training
from asm_hybrid.yamlfile import YamlSource, parse_yaml

__all__ = ["KeyChange", "Trainings", "belongs_to_training", "open_trainings"]

FOLDER = "trainings"
"""In the folder of a study: the trials."""
KEPT = "config.yaml"
"""In the folder of a study: the config that all trials have in common."""
UNTOUCHED = ("name", "description", "device", "data", "training.test")
"""Keys that no factor changes: with other data or blocks, trials would not be scored by the same measurements."""
PATIENCE = 600.0
"""Longest wait for another process that still holds the folder of a trial [s]."""


@dataclass(frozen=True)
class KeyChange:
    """What a factor does to a config.

    Attributes
    ----------
    key : str
        The key, its parts joined by points.
    way : str
        ``set``, ``scale`` or ``shift``.
    where : str or None
        Place in the study file, for messages.
    unit : str
        Unit of a value that is set, where the config writes it with one.
    """

    key: str
    way: str = "set"
    where: str | None = None
    unit: str = ""


def belongs_to_training(key: str) -> bool:
    """Return whether a key is one of a config alone, not of the file of a plant too.

    Parameters
    ----------
    key : str
        The key, its parts joined by points.

    Returns
    -------
    bool
    """
    section = key.partition(".")[0]
    return section in Config.model_fields and section not in PlantFile.model_fields


@dataclass(frozen=True)
class Trainings:
    """Trials of a config; to be called in each process that trains, it gives what evaluates a case.

    Attributes
    ----------
    content : mapping of str to object
        The config, with every default written out and its paths absolute.
    changes : mapping of str to KeyChange
        What the factors change, by their names.
    folder : Path
        Of the study.
    figures : tuple of FigureInfo
        What a trial gives.
    fingerprint : str
        Of all that decides what trials give, apart from the values of factors.
    """

    content: Mapping[str, Any]
    changes: Mapping[str, KeyChange]
    folder: Path
    figures: tuple[FigureInfo, ...]
    fingerprint: str

    def __call__(self) -> Evaluate:
        """Return what evaluates a case."""
        return self.evaluate

    def evaluate(self, case: int, values: Mapping[str, Value]) -> Outcome:
        """Train one case, or go on with it, and score it.

        Parameters
        ----------
        case : int
            Its number.
        values : mapping of str to float or str
            Values by factor.

        Returns
        -------
        Outcome

        Raises
        ------
        InputError
            When the config cannot be trained.
        SimulationError
            When the training diverges.
        """
        content = self.changed(values)
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        result = _trained(content, self.folder / FOLDER / f"{case}-{digest[:8]}")
        return Outcome(case, _scores(result), notes=result.warnings)

    def changed(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Return the config of a case.

        Parameters
        ----------
        values : mapping of str to float or str
            Values by factor. Text is read as YAML, so that ``true`` and ``[16, 16]`` are what they mean; a number for a
            key that holds a whole one is rounded.

        Returns
        -------
        dict of str to object
        """
        content = copy.deepcopy(dict(self.content))
        for name, value in values.items():
            change = self.changes[name]
            *parents, last = change.key.split(".")
            section = content
            for part in parents:
                section = section.setdefault(part, {})
                if not isinstance(section, dict):
                    raise InputError(
                        f"the config has no key {change.key!r}: {part!r} holds no further keys", where=change.where
                    )
            section[last] = written(section.get(last), change.way, value, change.unit, change.where or change.key)
        return content

    def check(self, cases: Sequence[Mapping[str, Value]]) -> None:
        """Check the configs of cases, before any is trained.

        Parameters
        ----------
        cases : sequence of mapping of str to float or str
            Values of each by factor.

        Raises
        ------
        InputError
            With the factor, and what `asm-hybrid check` would say of its key.
        """
        for values in cases:
            for name, value in values.items():  # one at a time, which tells whose fault it is
                _load({name: value}, self)
            _load(values, self)

    def config(self, values: Mapping[str, Value]) -> Config:
        """Return the checked config of a case, as one that reads its test block.

        Parameters
        ----------
        values : mapping of str to float or str
            Values by factor.

        Returns
        -------
        Config
        """
        content = self.changed(values)
        content["training"]["test"] = True
        return load_config(content)


def open_trainings(source: YamlSource, changes: Mapping[str, KeyChange], folder: Path) -> Trainings:
    """Prepare trials of a config.

    Parameters
    ----------
    source : str, Path or mapping
        The config. The folder of a study that goes on holds one, which counts.
    changes : mapping of str to KeyChange
        What the factors change, by their names.
    folder : Path
        Of the study. The config is kept there, with what databases have answered.

    Returns
    -------
    Trainings

    Raises
    ------
    InputError
        When the config cannot be used, or a factor changes what no trial may change.
    """
    for change in changes.values():
        if any(change.key == key or change.key.startswith(f"{key}.") for key in UNTOUCHED):
            raise InputError(
                f"{change.key!r} is no key for trials, which must all be scored by the same measurements",
                where=change.where,
                expected="a key of the model, the plant, the network or the training",
            )
    kept = folder / KEPT
    if not kept.exists():
        make_folder(folder)
        write_text_atomic(kept, keep_answers(load_config(source), folder).to_yaml(folder))
    content = parse_yaml(load_config(kept).to_yaml(), kept, written=False).data
    content["training"]["test"] = False
    config = load_config(content)
    table = load_kinetics(config)
    dataset = read_dataset(config, table, build_layout(config, table))
    files = [config.resolve(s.file) for s in config.data.sources.values() if s.file is not None]
    if config.training.start_from is not None:
        earlier = config.resolve(config.training.start_from)
        files.append(earlier if earlier.is_file() else earlier / "weights.safetensors")
    done = repr(sorted((name, change.key, change.way, change.unit) for name, change in changes.items()))
    known = [__version__, repr(content), table.text, *map(sha256_file, files), done]
    fingerprint = hashlib.sha256("\n".join(known).encode()).hexdigest()
    return Trainings(content, dict(changes), folder, _figures(config, dataset), fingerprint)


def _load(values: Mapping[str, Value], trainings: Trainings) -> None:
    """Load the config of a case; an error names the factors."""
    try:
        load_config(trainings.changed(values))
    except InputError as error:
        shown = ", ".join(f"{trainings.changes[name].key}: {value}" for name, value in values.items())
        places = [where for name in values if (where := trainings.changes[name].where) is not None]
        raise InputError(
            f"a config with {shown} is refused: {error.found}",
            where=places[0] if places else error.where,
            expected=error.expected,
            fix=error.fix,
        ) from None


def _trained(content: Mapping[str, Any], folder: Path) -> RunResult:
    """Return the finished trial of a folder, which is trained as far as it is not yet."""
    make_folder(folder.parent)
    _wait(folder)
    if _finished(folder):
        return RunResult(folder)
    result = _resumed(folder)
    if result is None:
        shutil.rmtree(folder, ignore_errors=True)
        result = run_training(content, folder)
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _wait(folder: Path) -> None:
    """Wait for a process that was given up but still trains; a folder that stays held is refused by who trains."""
    until = time.monotonic() + PATIENCE
    while held_by(folder / UNFINISHED / LOCK) is not None and time.monotonic() < until:
        time.sleep(0.5)


def _finished(folder: Path) -> bool:
    """Return whether a trial is finished, and its files are those that were written."""
    try:
        verify_manifest(folder)
        result = RunResult(folder)
        return not result.interrupted and result.summary["stopped"] in ("finished", "early")
    except InputError:
        return False


def _resumed(folder: Path) -> RunResult | None:
    """Go on with a trial; None where there is nothing, or nothing whole, to go on from."""
    if not (folder / UNFINISHED).is_dir():
        return None
    try:
        return resume_training(folder)
    except InputError:
        return None


def _scores(result: RunResult) -> dict[str, float]:
    """Return the figures of a finished trial."""
    summary = result.summary
    own = own_model(summary["mode"]).name
    noises = {label: facts["noise"] for label, facts in summary["variables"].items()}
    blocks = {block: _blended(scores, noises) for block, scores in summary["scores"].items()}
    validated = blocks["validate"]
    if own not in validated:
        raise SimulationError("the model diverges over the record, and has no score")
    found = {"validation": validated[own], "training": blocks["train"].get(own, np.nan)}
    for label in noises:
        models = summary["scores"]["validate"].get(label, {})
        found[f"validation.{label}"] = models[own]["rmse"] if own in models else np.nan
    for name in _others(summary["mode"]):
        found[f"against.{name}"] = validated[own] / validated[name] if name in validated else np.nan
    return found


def _blended(scores: Mapping[str, Any], noises: Mapping[str, float]) -> dict[str, float]:
    """Return the root mean square error of every model over all variables, in noises; median over the seeds."""
    found = {}
    for model in compared_models():
        rows = [(noises[label], models.get(model)) for label, models in scores.items()]
        if not rows or any(row is None for _, row in rows):
            continue
        count = sum(row["n"] for _, row in rows)
        squares = sum(row["n"] * (np.array(row["rmse_seeds"], dtype=float) / noise) ** 2 for noise, row in rows)
        found[model] = float(np.median(np.sqrt(squares / count)))
    return found


def _others(mode: str) -> list[str]:
    """Return the models that those of a mode are compared with in a trial."""
    own = own_model(mode).name
    return [name for name in compared_models() if name not in (own, "persistence", "neural", "hybrid")]


def _figures(config: Config, dataset: Dataset) -> tuple[FigureInfo, ...]:
    """Return what trials of a config give."""
    models, own = compared_models(), own_model(config.model.mode)
    error = "root mean square error over all measured variables, each in units of its sensor's noise"
    return (
        FigureInfo("validation", "-", f"{error}, of {own.phrase} on the validation block; median of the seeds"),
        FigureInfo("training", "-", f"{error}, of {own.phrase} on the training block; median of the seeds"),
        *(
            FigureInfo(
                f"validation.{o.label}", o.unit, f"root mean square error of {own.phrase} on the validation block"
            )
            for o in dataset.observations
        ),
        *(
            FigureInfo(f"against.{name}", "-", f"the figure validation over that of {models[name].phrase}")
            for name in _others(config.model.mode)
        ),
    )
