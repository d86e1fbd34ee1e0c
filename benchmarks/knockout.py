"""Eighteen virtual plants, each with one known cause or none: what the diagnosis of a run says of them.

    python benchmarks/knockout.py --influents DIR [--only NAME ...] [--null-draws 20] [--mode f|hybrid] [--jobs N]

``DIR`` holds ``bsm1_asm1_Inf_dry.txt``, ``_rain.txt`` and ``_strm.txt``. Every file of `knockout/` makes one plant, see
`knockout_plant.py`: two layouts, sensors with 5 % of noise, 30 % of their samples missing, one of them out of order for
two to three days, and a few calibrated parameters off their defaults. Each plant is one run of the program, from config
to report. With ``--mode f`` f is recalibrated and diagnosed alone; with ``hybrid`` n learns, too, and the ranking that
switches n off process by process is printed beside the answer. The two plants with nothing wrong are made again with
other noise, ``--null-draws`` times, in turn, and diagnosed without n.

How an answer is counted, as written before any was seen:

- **Right family**: the first answer is of a family of the plant's cause; where nothing is wrong, nothing is named.
- **Right set**: one of the names of the cause is in the named set. Most causes have one name; hydrolysis has those of
  organics and of nitrogen, and denitrification at low oxygen that of the process and that of the process in flocs that
  f lacks. A bias of the sensor that drifts, or another tank's oxygen, is the right family and not the right set.
- **First right**: the first answer is one of these names.
- **False alarm**: a plant with nothing wrong has a first answer, whatever its confidence.
- **Blamed on kinetics**: the cause is in influent, flows, oxygen or sensors, and all names of the set are of processes,
  known or lacking.
- **Close**: with nothing wrong, recalibrated f errs on the test block by at most 1.1 times as much as the noise-free
  truth, for every sensor. Beside it stands the same for all sensors together, in units of their noise.
- **Held**: a calibrated parameter's interval in ``parameters.json`` holds the truth; one without an interval does not.
- **Seconds**: wall time of the run, from config to report.

A run that fails counts as wrong in everything. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from knockout_plant import BEGIN, Settings, Truth, knockouts

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.report.diagnosis_record import DIAGNOSIS
from asm_hybrid.workflow import run_training

FAMILIES = {
    "process": "kinetics",
    "lacking": "lacking",
    "influent": "influent",
    "flow": "flows",
    "oxygen": "oxygen",
    "aeration": "oxygen",
    "sensor": "sensors",
}
"""Family of an explanation, by the begin of its name."""
REACTIONS = ("kinetics", "lacking")
CLOSE = 1.1
"""Largest error of recalibrated f over that of the truth that counts as close [-]."""
ALONE = Settings(mode="mechanistic")
"""How the noise draws are run: f alone, since no answer depends on n."""
FIRST_DRAW = 1001
"""Seed of the first noise draw; the eighteen plants have seed 1."""


class NoDiagnosisError(Exception):
    """A run has left no `diagnosis.json`, or one without an answer."""


@dataclass(frozen=True)
class Answer:
    """What the diagnosis of a run says.

    Attributes
    ----------
    first : str or None
        The first answer.
    set : tuple of str
        The answers that cannot be told apart.
    confidence : float or None
        Share of the bootstrap draws that the set wins [-].
    law : str or None
        The law that was found, and whether it is kept.
    """

    first: str | None
    set: tuple[str, ...]
    confidence: float | None
    law: str | None


@dataclass(frozen=True)
class Row:
    """One plant and what came of it.

    Attributes
    ----------
    name, says : str
        The plant and its cause.
    right : tuple of str
        The names of the cause.
    answer : Answer or None
        None where the run failed.
    verdict : str
        ``first``, ``set``, ``family``, ``wrong``, ``missed``; ``quiet`` or ``false alarm`` where nothing is wrong;
        ``failed: …``.
    error : dict of str to float
        RMSE of recalibrated f over that of the noise-free truth on the test block, by sensor and ``all`` [-].
    held : dict of str to bool
        Whether the interval of a calibrated parameter holds the truth.
    switched_off : str or None
        What the switch-off of n says first.
    seconds : float
        Wall time [s].
    """

    name: str
    says: str
    right: tuple[str, ...]
    answer: Answer | None
    verdict: str
    error: dict[str, float]
    held: dict[str, bool]
    switched_off: str | None
    seconds: float

    @property
    def close(self) -> bool:
        """Whether recalibrated f is close to the truth for every sensor."""
        return bool(self.error) and max(v for k, v in self.error.items() if k != "all") <= CLOSE

    @property
    def blamed(self) -> bool:
        """Whether a cause that is no reaction is blamed on reactions alone."""
        if not self.right or self.answer is None or not self.answer.set:
            return False
        return family(self.right[0]) not in REACTIONS and all(family(n) in REACTIONS for n in self.answer.set)


def family(name: str) -> str:
    """Return the family of an explanation."""
    begin = name.partition(".")[0]
    if begin not in FAMILIES:
        raise NoDiagnosisError(f"diagnosis.json names the explanation {name!r}, which is of no family")
    return FAMILIES[begin]


def judge(right: tuple[str, ...], answer: Answer) -> str:
    """Return the verdict on an answer: the best that holds of those in `Row.verdict`."""
    if not right:
        return "quiet" if answer.first is None else "false alarm"
    if answer.first is None:
        return "missed"
    if answer.first in right:
        return "first"
    if set(right) & set(answer.set):
        return "set" if family(answer.first) in map(family, right) else "set, of another family"
    return "family" if family(answer.first) in map(family, right) else "wrong"


def read_answer(folder: Path) -> Answer:
    """Return what ``diagnosis.json`` of a run says.

    Parameters
    ----------
    folder : Path
        The run.

    Returns
    -------
    Answer

    Raises
    ------
    NoDiagnosisError
        When the file is missing, or holds no answer; the message has the notes of the file.
    """
    path = folder / DIAGNOSIS
    if not path.is_file():
        raise NoDiagnosisError(f"{path} is missing: explanations did not compete in this run")
    found = json.loads(path.read_text(encoding="utf-8"))
    answer = found.get("answer")
    if answer is None:
        raise NoDiagnosisError(f"{path} holds no answer: {'; '.join(found.get('notes') or ['and no note says why'])}")
    law = found.get("law")
    text = f"{law['expression']}{'' if law['kept'] else ' (not kept)'}" if law else None
    return Answer(answer["first"], tuple(answer["set"]), answer["confidence"], text)


def errors(folder: Path, truth: Truth) -> dict[str, float]:
    """Return the error of recalibrated f over that of the noise-free truth on the test block, by sensor and ``all``."""
    table = pd.read_csv(folder / "predictions.csv")
    table = table[table["block"] == "test"]
    days = (pd.to_datetime(table["time"]) - BEGIN.tz_localize("UTC")).dt.total_seconds() / 86400
    ratios, squares = {}, []
    for label, noise in truth.noise.items():
        mine = table["variable"] == label
        exact = np.interp(days[mine], truth.clean["time"], truth.clean[label])
        measured = table.loc[mine, "measured"]
        sizes = [np.mean((y - measured) ** 2) / noise**2 for y in (table.loc[mine, "recalibrated"], exact)]
        ratios[label] = float(np.sqrt(sizes[0] / sizes[1]))
        squares.append(sizes)
    f, floor = np.sum(squares, axis=0)
    return ratios | {"all": float(np.sqrt(f / floor))}


def holds(folder: Path, truth: Truth) -> dict[str, bool]:
    """Return whether the interval of every calibrated parameter holds the truth."""
    rows = {r["name"]: r for r in json.loads((folder / "parameters.json").read_text(encoding="utf-8"))["parameters"]}
    found = {}
    for name, value in truth.parameters.items():
        low, high = rows[name]["profile_low"], rows[name]["profile_high"]
        found[name] = low is not None and high is not None and low <= value <= high
    return found


def switched_off(summary: Mapping[str, Any]) -> str | None:
    """Return the first row of what the switch-off of n says; None without n, or where it says nothing."""
    if not summary["missing"]:
        return None
    first = summary["missing"][0]
    return f"{first['name']}, {first['tank']}, {first['share']:.0%}"


def measure(name: str, seed: int, folder: Path, influents: Path | None, settings: Settings) -> Row:
    """Make one plant, run the program on it, and return what came of it."""
    plant = knockouts()[name]
    truth = plant.make(folder, seed, influents=influents, settings=settings)
    begin = time.perf_counter()
    try:
        result = run_training(folder / "config.yaml", folder / "run")
    except AsmHybridError as error:
        failed = f"failed: {str(error).splitlines()[0]}"
        return Row(name, truth.says, truth.right, None, failed, {}, {}, None, time.perf_counter() - begin)
    seconds = time.perf_counter() - begin
    answer = read_answer(result.folder)
    return Row(
        name,
        truth.says,
        truth.right,
        answer,
        judge(truth.right, answer),
        errors(result.folder, truth),
        holds(result.folder, truth),
        switched_off(result.summary),
        seconds,
    )


def line(row: Row) -> str:
    """Return a row of the table."""
    answer = row.answer or Answer(None, (), None, None)
    worst = max((v for k, v in row.error.items() if k != "all"), default=float("nan"))
    cells = [
        row.name,
        " or ".join(row.right) or "nothing",
        answer.first or "nothing",
        ", ".join(answer.set) or "-",
        "-" if answer.confidence is None else f"{answer.confidence:.2f}",
        answer.law or "-",
        row.switched_off or "-",
        f"{worst:.2f}",
        f"{row.seconds:.0f}",
        row.verdict,
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| plant | truth | first answer | its set | confidence | law | switch-off of n | f over noise | s | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def counts(rows: list[Row], draws: list[Row]) -> dict[str, Any]:
    """Return the figures of the last line."""
    verdicts = [row.verdict for row in rows]
    held = [v for row in draws for v in row.held.values()]
    return {
        "family_right": sum(v in ("first", "set", "family", "quiet") for v in verdicts),
        "set_right": sum(v.startswith(("first", "set")) for v in verdicts),
        "first_right": verdicts.count("first"),
        "of": len(rows),
        "false_alarms": sum(row.verdict == "false alarm" for row in draws),
        "null_draws": len(draws),
        "median_seconds": statistics.median(row.seconds for row in rows) if rows else None,
        "blamed_on_kinetics": sum(row.blamed for row in rows),
        "failed": sum(row.answer is None for row in (*rows, *draws)),
        "null_close": sum(row.close for row in draws),
        "null_close_together": sum(row.error.get("all", np.inf) <= CLOSE for row in draws),
        "null_held": sum(held) / len(held) if held else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influents", type=Path, help="folder of the influent files of BSM1")
    parser.add_argument("--only", nargs="+", choices=list(knockouts()), help="these plants alone")
    parser.add_argument("--out", type=Path, help="keep plants and runs in this folder, which must be new or empty")
    parser.add_argument("--null-draws", type=int, default=20, help="noise draws of the plants with nothing wrong")
    parser.add_argument("--mode", choices=["f", "hybrid"], default="hybrid", help="whether n learns, too")
    parser.add_argument("--iterations", type=int, default=Settings.iterations, help="gradient steps of n")
    parser.add_argument("--jobs", type=int, default=1, help="plants at a time")
    given = parser.parse_args()
    names = given.only or list(knockouts())
    quiet = [name for name in names if not knockouts()[name].right]
    draws = [(quiet[i % len(quiet)], FIRST_DRAW + i) for i in range(given.null_draws)] if quiet else []
    settings = Settings(mode="hybrid" if given.mode == "hybrid" else "mechanistic", iterations=given.iterations)
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary)
        with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
            jobs = [*((name, 1, settings) for name in names), *((name, seed, ALONE) for name, seed in draws)]
            pending = [
                pool.submit(measure, name, seed, out / f"{name}-{seed}", given.influents, own)
                for name, seed, own in jobs
            ]
            print(HEAD)
            found = []
            try:
                for future in pending:
                    found.append(future.result())
                    print(line(found[-1]), flush=True)
                    if given.out:
                        (given.out / "rows.json").write_text(json.dumps([asdict(row) for row in found], indent=1))
            except NoDiagnosisError as error:
                pool.shutdown(wait=False, cancel_futures=True)
                sys.exit(f"error: {error}")
    print(json.dumps(counts(found[: len(names)], found[len(names) :])))


if __name__ == "__main__":
    main()
