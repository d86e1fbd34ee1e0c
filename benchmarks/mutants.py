"""Bad input ends in one message: mutants of every kind of file that the program reads.

    python benchmarks/mutants.py --count 5000 --out mutants.csv

Every mutant is read as `asm-hybrid check` reads it, in a process of its own group, so that a crash counts as one. Three
outcomes are faults: an exception that is no message of the program, more than ten seconds, and a change of meaning that
could have been seen and was not. Structure-aware mutants state what they expect: ``seen``, a refusal or a finding that
the unchanged file does not have; ``same``, the same data to the bit, or a refusal. Mutants of single bytes expect
nothing but a message. The last line is JSON with the counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from mutations import CONFIG, FORMATS, VARIANT, mutate, plant_grid

import asm_hybrid.kinetics
from asm_hybrid.checking import check
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.assembly import build_dataset
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.kinetics import load_table

LIMIT = 10
"""Processor seconds after which a mutant counts as one that hangs, however busy the machine is."""

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
    for observation in dataset.observations:
        arrays += [observation.times, observation.values]
    return Reading(_digest(*arrays), frozenset(map(str, dataset.quality)))


def read_config(folder: Path) -> Reading:
    """Read a config and its data, then run the whole check, as far as the flow sheet."""
    found = read_data(folder)
    report = check(folder / "config.yaml")
    return Reading(found.digest, found.findings | ({"refused"} if report.errors else set()))


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


def write_subject(kind: str, folder: Path, run: Path | None = None) -> None:
    """Write the unchanged files of a kind into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    name, render = FORMATS.get(kind, FORMATS["csv"])
    (folder / name).write_bytes(render(plant_grid()))
    (folder / "config.yaml").write_text(CONFIG.replace("plant.csv", name), encoding="utf-8")
    (folder / "table.yaml").write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "variant.yaml").write_text(VARIANT, encoding="utf-8")
    plant = yaml.safe_load(CONFIG)
    document = {"name": "mutated", "model": {"kinetics": "asm1"}, "plant": plant["plant"]}
    document["plant"]["influent"]["flow"] = 5000
    document["plant"]["influent"]["composition"]["S_NH"] = 30
    document["plant"]["tanks"]["aerobic"]["kla"] = 200
    (folder / "plant.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    if kind == "run" and run is not None:
        shutil.copytree(run, folder / "run", dirs_exist_ok=True)
        shutil.copytree(run, folder / "whole", dirs_exist_ok=True)


# ---- the verdict of one mutant


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes
    ----------
    kind, mutant, seed
        Which one, to make it again.
    outcome : str
        ``refused``, ``found`` (a finding), ``accepted``, or a fault: ``traceback``, ``hangs``, ``silent``, ``crash``.
    words : str
        Message or trace.
    """

    kind: str
    mutant: str
    seed: int
    outcome: str
    words: str = ""

    @property
    def fault(self) -> bool:
        """Whether the program has one."""
        return self.outcome in ("traceback", "hangs", "silent", "crash")


class _HangError(BaseException):
    """The limit of time has passed; not an Exception, so that no guard takes it for a parser's."""


def _alarm(signum: int, frame: Any) -> None:
    raise _HangError


def judge(kind: str, seed: int, base: Reading, run: Path | None = None, limit: int = 0) -> Verdict:
    """Make one mutant, read it, and say what became of it; with a limit [s], one that takes longer hangs."""
    rng = np.random.default_rng([seed, *kind.encode()])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_subject(kind, folder, run)
        mutant, expected = mutate(kind, folder, rng)
        signal.setitimer(signal.ITIMER_PROF, limit, limit and 1)  # again, since callbacks swallow an exception
        try:
            found = READERS[kind](folder)
        except AsmHybridError as error:
            return Verdict(kind, mutant, seed, "refused", str(error))
        except _HangError:
            return Verdict(kind, mutant, seed, "hangs", traceback.format_exc(limit=-6))
        except Exception:
            return Verdict(kind, mutant, seed, "traceback", traceback.format_exc(limit=-6))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    if found.findings - base.findings:
        return Verdict(kind, mutant, seed, "found", "; ".join(sorted(found.findings - base.findings)))
    if expected == "seen" or (expected == "same" and found.digest != base.digest):
        return Verdict(kind, mutant, seed, "silent", f"expected: {expected}")
    return Verdict(kind, mutant, seed, "accepted")


def base_reading(kind: str, run: Path | None = None) -> Reading:
    """Read the unchanged files of a kind; findings name their files without the folder."""
    with tempfile.TemporaryDirectory() as name:
        write_subject(kind, Path(name), run)
        return READERS[kind](Path(name))


def _work(kind: str, seeds: list[int], base: Reading, run: Path | None, pipe: Any) -> None:
    signal.signal(signal.SIGPROF, _alarm)
    for seed in seeds:
        pipe.send(seed)
        pipe.send(judge(kind, seed, base, run, LIMIT))
    pipe.send(None)


def judge_all(kind: str, seeds: list[int], run: Path | None = None) -> Iterator[Verdict]:
    """Judge mutants in a child process; one that kills the process is a ``crash``, and the others go on."""
    context = multiprocessing.get_context("fork")
    base = base_reading(kind, run)
    left = list(seeds)
    while left:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(kind, left, base, run, theirs))
        child.start()
        theirs.close()
        seed = left[0]
        try:
            while (message := ours.recv()) is not None:
                if isinstance(message, int):
                    seed = message
                else:
                    yield message
            left = []
        except EOFError:
            child.join()
            yield Verdict(kind, "?", seed, "crash", f"exit code {child.exitcode}")
            left = left[left.index(seed) + 1 :]
        child.join()


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
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--kinds", nargs="+", default=list(READERS), choices=list(READERS))
    parser.add_argument("--out", type=Path, help="CSV file with every fault")
    arguments = parser.parse_args()
    counts: dict[str, dict[str, int]] = {}
    faults: list[Verdict] = []
    with tempfile.TemporaryDirectory() as name:
        run = small_run(Path(name)) if "run" in arguments.kinds else None
        for kind in arguments.kinds:
            counts[kind] = {}
            for verdict in judge_all(kind, list(range(arguments.first, arguments.first + arguments.count)), run):
                counts[kind][verdict.outcome] = counts[kind].get(verdict.outcome, 0) + 1
                if verdict.fault:
                    faults.append(verdict)
            print(kind, counts[kind], file=sys.stderr, flush=True)
    for fault in faults[:20]:
        print(f"{fault.kind} {fault.mutant} seed {fault.seed}: {fault.outcome}\n{fault.words}")
    if arguments.out:
        pd.DataFrame([vars(fault) for fault in faults]).to_csv(arguments.out, index=False)
    print(json.dumps({"counts": counts, "faults": len(faults)}))


if __name__ == "__main__":
    main()
