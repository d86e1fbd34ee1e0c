"""Bad input ends in one message: mutants of every kind of file that the program reads.

    python benchmarks/reliability/mutants.py --count 5000 --kinds csv xlsx parquet config --out mutants.csv

Every mutant is read as `asm-hybrid check` reads it, a series now and then also as `asm-hybrid data check` does, in a
child process, so that a crash counts as one. Five outcomes are faults: an exception that is no message of the program,
more than ten seconds, more than 1 GB of memory, a crash, and a change of meaning that could have been seen and was not.
Structure-aware mutants state what they expect: ``seen``, a refusal or a finding that the unchanged file does not have;
``same``, the same data to the bit, or a refusal. Mutants of single bytes expect nothing but a message.

Half of the mutants of a series are of its table, written in one of the forms in which programs export it
(`file_forms.py`); the others only files of that format can have. The last line is JSON with the counts.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import shutil
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from file_forms import FORMS
from mutations import CONFIG, TABLE, VARIANT, config_text, mutate, original, written
from watched import Done, watched

import asm_hybrid.kinetics
from asm_hybrid.api import propose_data
from asm_hybrid.checking import check
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.assembly import build_dataset
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.kinetics import load_table

LIMIT = 10.0
"""Processor seconds after which a mutant counts as one that hangs, however busy the machine is."""
MEMORY = 1000.0
"""Memory above which a mutant counts as one that takes too much [MB], the program itself among it."""
PROPOSED = 0.1
"""Share of the series of which `data check` is asked too."""

SHIPPED = Path(asm_hybrid.kinetics.__file__).parent / "tables" / "asm1.yaml"

# ---- what is read, and how


@dataclass(frozen=True)
class Reading:
    """What a file was understood as: a digest of the data, and the findings."""

    digest: str
    findings: frozenset[str]


def _digest(*arrays: Any) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def read_data(folder: Path) -> Reading:
    """Read config and series as ``asm-hybrid check`` does."""
    config = load_config(folder / "config.yaml")
    table = load_kinetics(config)
    layout = build_layout(config, table)
    sources, findings = read_sources(config, table, layout)
    if any(finding.severity == "error" for finding in findings):
        return Reading("", frozenset(map(str, findings)))
    dataset = build_dataset(config, table, layout, sources, findings)
    arrays = [dataset.times, dataset.inputs]
    for observation in sorted(dataset.observations, key=lambda o: o.label):
        arrays += [observation.times, observation.values]
    return Reading(_digest(*arrays), frozenset(map(str, dataset.quality)))


def read_config(folder: Path) -> Reading:
    """Read a config and its data, then run the whole check, as far as the flow sheet."""
    found = read_data(folder)
    content = load_config(folder / "config.yaml").model_dump(mode="json")
    report = check(folder / "config.yaml")
    digest = found.digest + _digest(np.array([json.dumps(content, sort_keys=True)]))
    return Reading(digest, found.findings | ({"refused"} if report.errors else set()))


def read_plant(folder: Path) -> Reading:
    """Check the file of a plant."""
    report = check(folder / "plant.yaml")
    return Reading(_digest(np.array(report.lines)), frozenset(["refused"] if report.errors else []))


def read_table(folder: Path) -> Reading:
    """Read a kinetics table."""
    return _read_table(folder / "table.yaml")


def read_variant(folder: Path) -> Reading:
    """Read a table that changes another."""
    return _read_table(folder / "variant.yaml")


def _read_table(path: Path) -> Reading:
    table = load_table(path)
    return Reading(_digest(np.array([p.default for p in table.parameters])), frozenset())


def read_run(folder: Path) -> Reading:
    """Load a finished run, predict with its own inputs, and look at it as `compare` does."""
    from asm_hybrid.report.compare import compare_runs
    from asm_hybrid.training import load_model, read_inputs

    model = load_model(folder / "run")
    found = model.predict(read_inputs(folder / "run").iloc[:13])
    table = compare_runs([folder / "run", folder / "whole"])
    return Reading(_digest(np.asarray(found), np.array([table.to_csv()])), frozenset())


READERS: dict[str, Callable[[Path], Reading]] = {
    "csv": read_data,
    "xlsx": read_data,
    "parquet": read_data,
    "config": read_config,
    "plant": read_plant,
    "table": read_table,
    "variant": read_variant,
    "run": read_run,
}


def write_subject(kind: str, folder: Path, run: Path | None = None, form: str = "") -> None:
    """Write the unchanged files of a kind into a folder, a series in one of its forms."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = written(kind, form)
    (folder / chosen.file).write_bytes(original(kind, form))
    (folder / "config.yaml").write_text(config_text(chosen, len(TABLE)), encoding="utf-8")
    if kind == "table":
        (folder / "table.yaml").write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    elif kind == "variant":
        (folder / "variant.yaml").write_text(VARIANT, encoding="utf-8")
    elif kind == "plant":
        (folder / "plant.yaml").write_text(plant_text(), encoding="utf-8")
    elif kind == "run" and run is not None:
        shutil.copytree(run, folder / "run", dirs_exist_ok=True)
        shutil.copytree(run, folder / "whole", dirs_exist_ok=True)


def plant_text() -> str:
    """Return the file of a plant."""
    plant = yaml.safe_load(CONFIG)["plant"]
    plant["influent"]["flow"] = 5000
    plant["influent"]["composition"]["S_NH"] = 30
    plant["tanks"]["aerobic"]["kla"] = 200
    document = {"name": "mutated", "model": {"kinetics": "asm1"}, "plant": plant}
    return str(yaml.safe_dump(document, sort_keys=False))


# ---- the verdict of one mutant


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes
    ----------
    kind, mutant, seed, number
        Which one, to make it again.
    outcome : str
        ``refused``, ``found`` (a finding), ``accepted``, or a fault: ``traceback``, ``hangs``, ``memory``, ``silent``,
        ``crash``.
    words : str
        Message or trace.
    """

    kind: str
    mutant: str
    seed: int
    number: int
    outcome: str
    words: str = ""

    @property
    def fault(self) -> bool:
        """Whether the program has one."""
        return self.outcome in ("traceback", "hangs", "memory", "silent", "crash")


Bases = Mapping[str, Reading]
"""The readings of the unchanged files, by form."""


def judge(kind: str, seed: int, number: int, bases: Bases, run: Path | None = None) -> Verdict:
    """Make one mutant, read it, and say what became of it."""
    rng = np.random.default_rng([seed, number, *kind.encode()])
    form = "" if kind not in FORMS or rng.random() < 0.5 else str(rng.choice([f.name for f in FORMS[kind]]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_subject(kind, folder, run, form)
        mutant, expected = mutate(kind, form, folder, rng)
        verdict = partial(Verdict, kind, f"{form}: {mutant}" if form else mutant, seed, number)
        try:
            if kind in FORMS and rng.random() < PROPOSED:
                _propose(folder / written(kind, form).file)
            found = READERS[kind](folder)
        except AsmHybridError as error:
            return verdict("refused", str(error))
        except Exception:
            return verdict("traceback", traceback.format_exc(limit=-6))
    base = bases[form]
    if found.findings - base.findings:
        return verdict("found", "; ".join(sorted(found.findings - base.findings)))
    if expected == "seen" or (expected == "same" and found.digest != base.digest):
        return verdict("silent", f"expected: {expected}")
    return verdict("accepted")


def _propose(file: Path) -> None:
    """Ask for a description of a file; a refusal is as good as one."""
    with contextlib.suppress(AsmHybridError):
        _ = propose_data([file], "mle").text


def base_readings(kind: str, run: Path | None = None) -> dict[str, Reading]:
    """Read the unchanged files of a kind, in every form."""
    found = {}
    for form in ("", *(f.name for f in FORMS.get(kind, ()))):
        with tempfile.TemporaryDirectory() as name:
            write_subject(kind, Path(name), run, form)
            found[form] = READERS[kind](Path(name))
    return found


def verdict_of(kind: str, seed: int, done: Done[Verdict]) -> Verdict:
    """Return the verdict on what a child answered."""
    if done.result is None:
        return Verdict(kind, "?", seed, done.number, done.broken, done.words)
    if done.peak > MEMORY and not done.result.fault:
        return Verdict(kind, done.result.mutant, seed, done.number, "memory", f"{done.peak:.0f} MB")
    return done.result


def small_run(folder: Path) -> Path:
    """Train a few steps on the unchanged record; return the run folder."""
    from asm_hybrid.workflow import run_training

    write_subject("csv", folder)
    run_training(folder / "config.yaml", folder / "run")
    return folder / "run"


def main() -> None:
    """Judge mutants of each kind, print faults and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="mutants of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--kinds", nargs="+", default=list(READERS), choices=list(READERS))
    parser.add_argument("--out", type=Path, help="CSV file with every fault")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    counts: dict[str, Counter[str]] = {}
    most: dict[str, dict[str, float]] = {}
    faults: list[Verdict] = []
    began = time.perf_counter()
    numbers = range(arguments.first, arguments.first + arguments.count)
    with tempfile.TemporaryDirectory() as name:
        run = small_run(Path(name)) if "run" in arguments.kinds else None
        for kind in arguments.kinds:
            counts[kind], most[kind] = Counter(), {"seconds": 0.0, "megabytes": 0.0}
            work = partial(_work, kind, arguments.seed, base_readings(kind, run), run)
            for done in watched(work, numbers, limit=LIMIT, workers=arguments.workers):
                verdict = verdict_of(kind, arguments.seed, done)
                counts[kind][verdict.outcome] += 1
                most[kind]["seconds"] = max(most[kind]["seconds"], round(done.seconds, 2))
                most[kind]["megabytes"] = max(most[kind]["megabytes"], round(done.peak))
                if verdict.fault:
                    faults.append(verdict)
                    print(f"FAULT {kind} {verdict.mutant} number {verdict.number}: {verdict.outcome}\n{verdict.words}")
                if counts[kind].total() % 500 == 0:
                    print(
                        f"{kind} after {time.perf_counter() - began:.0f} s: {dict(counts[kind])} {most[kind]}",
                        flush=True,
                    )
    if arguments.out:
        pd.DataFrame([vars(fault) for fault in faults]).to_csv(arguments.out, index=False)
    print(
        json.dumps(
            {"seed": arguments.seed, "first": arguments.first, "counts": counts, "most": most, "faults": len(faults)}
        )
    )


def _work(kind: str, seed: int, bases: Bases, run: Path | None, number: int) -> Verdict:
    warnings.simplefilter("error")  # what a user would see among the messages
    return judge(kind, seed, number, bases, run)


if __name__ == "__main__":
    main()
