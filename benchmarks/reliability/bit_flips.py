"""Single flipped bits and truncations of every artefact: refused by name, or the result is unchanged to the bit.

    python benchmarks/reliability/bit_flips.py --count 10000 --truncations 1000

The artefacts are those of a finished run, a stopped one with its checkpoints, a bundle as a folder and as a zip, the
states that new data of a run leave behind, the run of a generic ODE, and a study with its journal. An audit hook notes
which files each reader opens: every file is changed as often as the others, and read by all that open it. Files that
nobody opens again are told by name (``not_read``), and not changed.

A reader may refuse with a message that names the file (for a list of digests, its folder), or give the same to the bit.
All else is a fault: another result (``silent``), an exception that is no message (``traceback``), or a message that
does not name the file (``nameless``). The last line is JSON with the counts; the exit code is 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from commands import STUDY
from small_training import train_or_resume, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.equations.fit import train_ode
from asm_hybrid.equations.page import write_ode_plot
from asm_hybrid.equations.result import EquationResult
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.export import export_run
from asm_hybrid.manifest import MANIFEST
from asm_hybrid.newdata.courses import kept_tensors
from asm_hybrid.parallel import Pool
from asm_hybrid.report.compare import compare_runs, told_apart
from asm_hybrid.report.run_page import render_chapters
from asm_hybrid.report.study_tables import study_tables
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.scenario.result_folder import series_table
from asm_hybrid.sweeps.running import resume_study, run_study, studied_run
from asm_hybrid.training import Silent
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.record_departures import record_departures
from asm_hybrid.training.recorded_run import read_record
from asm_hybrid.training.resume import check_resumable
from asm_hybrid.unpacked import named
from asm_hybrid.workflow import finished_run, run_training

Reader = Callable[[Path], object]
SCENARIO = (
    "name: more\nperiod: {start: 2024-03-04T01:00, end: 2024-03-04T03:00}\nchanges: [{input: Q_in, scale: 1.1}]\n"
)
ODE = """
name: small
ode:
  table: lotka_volterra
  fit: {alpha: {start: 2.2, bounds: [0.1, 10]}, beta: {start: 1.0, bounds: [0.01, 5]}}
initial: {predator: 1.0, prey: 1.0}
span: [0, 2]
data: {times: {count: 5}, target: {prey: 1.0}}
solver: {method: rk4, steps: 4}
training: {iterations: 5, learning_rate: 0.2}
"""
FAULTS = ("traceback", "silent", "nameless")
LISTS = (MANIFEST, "origin.json")
"""Lists of digests: where one of them differs, it cannot be told whether the list or the file was damaged."""
SELDOM = 20
"""A slow reader looks at one of so many changes of a manifest, most of which are of no concern to it."""


@dataclass(frozen=True)
class Subject:
    """A folder or a file with its readers, each by its name; those in ``slow`` take long unless they refuse."""

    name: str
    path: Path
    readers: dict[str, Reader]
    slow: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Artefact:
    """A file of a subject, what is in it, and the readers that open it with what each gives of the file as it is."""

    subject: Subject
    path: Path
    whole: bytes
    readers: dict[str, str]

    @property
    def name(self) -> str:
        """Path below the subject's folder."""
        within = self.path.relative_to(self.subject.path) if self.path != self.subject.path else Path(self.path.name)
        return f"{self.subject.name}/{within.as_posix()}"


@dataclass
class Tally:
    """Counts by outcome, and the faults."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


# ---- readers


def predicted(run: Path) -> object:
    """Predict over the first knots."""
    return load_model(run).predict(read_inputs(run).iloc[:4]).to_numpy().tobytes()


def compared(run: Path) -> object:
    """Compare with a copy of the run."""
    both = [run, run.parent / "copy"]
    return compare_runs(both).to_csv(), told_apart(both)


def looked_at(run: Path) -> object:
    """Read all that a notebook shows of a run."""
    result = finished_run(run)
    frames = [result.predictions, result.forecasts, result.inputs, result.parameters, result.answers, result.missing]
    return (
        [f.to_csv() for f in frames],
        result.scores.to_csv(),
        dict(result.summary),
        dict(result.diagnosis),
        str(result),
    )


def page(run: Path) -> object:
    """Render all of the report but its series."""
    return render_chapters(run)


def bundled(run: Path) -> object:
    """Export a bundle."""
    with tempfile.TemporaryDirectory() as name:
        export_run(run, "bundle", Path(name) / "bundle")
        return {p.name: p.read_bytes() for p in sorted((Path(name) / "bundle").iterdir())}


def simulated(run: Path) -> object:
    """Simulate a scenario."""
    found = simulate_run(run, run.parent / "scenario.yaml")
    return series_table(found, found.cases[1]).to_csv()


def recorded(run: Path) -> object:
    """Read what a diagnosis and new data start from."""
    record = read_record(run)
    return np.asarray(record.inputs).tobytes(), str(record_departures(run))


def resumed(run: Path) -> object:
    """Read all that a stopped run goes on from."""
    check_resumable(run)
    kept = Checkpoints(run)
    found: list[object] = [kept.log]  # seconds are no results
    for part in ("", "neural"):
        own = Checkpoints(run, part)
        for path in sorted(own.folder.glob("*.safetensors")):
            saved = own.load(path.stem)
            assert saved is not None
            found.append(sorted((name, t.numpy().tobytes()) for name, t in saved.tensors.items()))
    return found


def equation(run: Path) -> object:
    """Read all that a notebook shows of the run of a generic ODE."""
    result = EquationResult(run)
    return dict(result.summary), result.predictions.to_csv(), result.parameters.to_csv(), result.picture.read_bytes()


def swept(folder: Path) -> object:
    """Go on with a study, of which nothing is left to do."""
    result, _ = resume_study(folder, Pool(workers=1))
    tables = {name: table.to_csv() for name, table in study_tables(result).items()}
    outcomes = [
        (o.case, repr(o.figures), [(n, v.tobytes()) for n, v in o.series.items()], o.error) for o in result.outcomes
    ]
    return tables, outcomes, result.name, result.subject, result.description, result.notes


# ---- subjects


class _Stops(Silent):
    """Stops a run when the pure neural ODE is fitted."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Stop there."""
        if "neural" in title:
            raise KeyboardInterrupt


def subjects(base: Path) -> list[Subject]:
    """Make all that is flipped, from the run in the folder ``run``, which is trained where there is none."""
    torch.set_num_threads(1)
    config = base / "config.yaml"
    (base / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    run, bundle, stopped, ode = base / "run", base / "bundle", base / "stopped", base / "ode"
    if not run.exists():
        train_or_resume(write_case(base), run, base / "stage", False, False)
    record = read_record(run)
    tensors = {"states": torch.linspace(0, 1, 50, dtype=torch.float64)}
    kept_tensors(record, "record", lambda: tensors)
    shutil.copytree(run, base / "copy")
    assert run_training(config, stopped, _Stops()).interrupted
    export_run(run, "bundle", bundle)
    (packed,) = export_run(run, "bundle", base / "packed.zip").paths["bundle"]
    (base / "ode.yaml").write_text(ODE, encoding="utf-8")
    train_ode(base / "ode.yaml", ode)
    write_ode_plot(ode)

    (base / "study.yaml").write_text(STUDY, encoding="utf-8")
    run_study(studied_run(run), base / "study.yaml", base / "study", Pool(workers=1))

    def kept(run: Path) -> object:
        """Take up the states that new data have left; others are made anew."""
        return kept_tensors(record, "record", lambda: tensors)["states"].numpy().tobytes()

    fast: dict[str, Reader] = {"predict": predicted, "compare": compared, "notebook": looked_at, "record": recorded}
    slow: dict[str, Reader] = {"report": page, "export": bundled, "simulate": simulated}
    return [
        Subject("run", run, fast | slow | {"new data": kept}, frozenset(slow)),
        Subject("stopped", stopped, {"resume": resumed}),
        Subject("bundle", bundle, {"predict": predicted, "simulate": simulated, "export": bundled}, frozenset(slow)),
        Subject("bundle.zip", packed, {"predict": predicted}),
        Subject("ode", ode, {"notebook": equation}),
        Subject("study", base / "study", {"resume": swept}),
    ]


# ---- which files are read, and what comes of a change


class _Opened:
    """Notes which files are opened; a hook stays as long as the process."""

    def __init__(self) -> None:
        self.paths: set[Path] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.paths is not None and event == "open" and isinstance(arguments[0], str | Path):
            self.paths.add(Path(arguments[0]).absolute())


def digest(value: object) -> str:
    """Return a digest of what a reader gave."""
    return hashlib.sha256(repr(value).encode()).hexdigest()


def artefacts(found: list[Subject]) -> tuple[list[Artefact], list[str]]:
    """Return the files that are read, with their readers, and the names of those that are not."""
    opened, read, rest = _Opened(), [], []
    for subject in found:
        given: dict[str, str] = {}
        touched: dict[str, set[Path]] = {}
        for name, reader in subject.readers.items():
            opened.paths = set()
            given[name] = digest(reader(subject.path))
            touched[name], opened.paths = opened.paths, None
            if digest(reader(subject.path)) != given[name]:
                raise RuntimeError(f"{subject.name}: {name} gives two results")
        files = [subject.path] if subject.path.is_file() else [p for p in subject.path.rglob("*") if p.is_file()]
        for path in sorted(files):
            own = {name: given[name] for name, paths in touched.items() if path.absolute() in paths}
            artefact = Artefact(subject, path, path.read_bytes(), own)
            if own:
                read.append(artefact)
            else:
                rest.append(artefact.name)
    return read, rest


def outcome(artefact: Artefact, reader: str) -> tuple[str, str]:
    """Read a changed file; return what came of it, and words on that."""
    try:
        found = digest(artefact.subject.readers[reader](artefact.subject.path))
    except AsmHybridError as error:
        text = named(str(error))  # as the command line shows it
        whose = artefact.subject.path if artefact.path.name in LISTS else artefact.path.name
        return ("refused" if str(whose) in text else "nameless"), text
    except Exception:
        return "traceback", traceback.format_exc(limit=-6)
    return ("unchanged" if found == artefact.readers[reader] else "silent"), ""


def flipped(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Flip one bit."""
    at, bit = int(rng.integers(len(content))), int(rng.integers(8))
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :], f"bit {bit} of byte {at}"


def truncated(content: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Cut the end off."""
    at = int(rng.integers(len(content)))
    return content[:at], f"cut to {at} of {len(content)} bytes"


def judge(artefact: Artefact, seed: int, change: Callable[..., tuple[bytes, str]], tally: Tally) -> None:
    """Change one file, read it in all ways, and put it back."""
    content, words = change(artefact.whole, np.random.default_rng([seed, len(artefact.whole)]))
    results = {}
    try:
        artefact.path.write_bytes(content)
        for reader in artefact.readers:
            slow = reader in artefact.subject.slow and artefact.path.name == MANIFEST
            if not slow or seed % SELDOM == 0:
                results[reader] = outcome(artefact, reader)
    finally:
        artefact.path.write_bytes(artefact.whole)
    kinds = {kind for kind, _ in results.values()}
    for kind in ("traceback", "silent", "nameless", "refused", "unchanged"):
        if kind in kinds:
            tally.outcomes[kind] += 1
            break
    for reader, (kind, text) in results.items():
        if kind in FAULTS:
            tally.faults.append(f"{artefact.name}, {words}, {reader}: {kind}\n{text}")


def judge_all(read: list[Artefact], count: int, truncations: int, seed: int) -> Iterator[dict[str, Tally]]:
    """Change the files in turn, each as often as the others; give the counts after every hundred."""
    tallies = {"flips": Tally(), "truncations": Tally()}
    tasks = [("flips", flipped, i) for i in range(count)] + [("truncations", truncated, i) for i in range(truncations)]
    for done, (name, change, i) in enumerate(tasks, 1):
        judge(read[i % len(read)], seed + i, change, tallies[name])
        if done % 100 == 0:
            yield tallies
    yield tallies


def main() -> None:
    """Flip and cut, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="flipped bits")
    parser.add_argument("--truncations", type=int, help="a tenth of them without it")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cut = arguments.count // 10 if arguments.truncations is None else arguments.truncations
    with tempfile.TemporaryDirectory() as name:
        read, rest = artefacts(subjects(Path(name)))
        shown = 0
        for tallies in judge_all(read, arguments.count, cut, arguments.seed):
            faults = [fault for tally in tallies.values() for fault in tally.faults]
            print("\n".join([*faults[shown:], str({k: dict(t.outcomes) for k, t in tallies.items()})]), file=sys.stderr)
            shown = len(faults)
    counts: dict[str, Any] = {name: dict(tally.outcomes) for name, tally in tallies.items()}
    read_by = {artefact.name: sorted(artefact.readers) for artefact in read}
    print(json.dumps(counts | {"faults": shown, "files": len(read), "read_by": read_by, "not_read": rest}))
    raise SystemExit(bool(shown))


if __name__ == "__main__":
    main()
