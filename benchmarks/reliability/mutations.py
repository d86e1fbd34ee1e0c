"""One mutant of the files that the program reads: series as CSV, XLSX and Parquet, YAML, and run folders.

Each states what it expects of the program. ``seen``: a refusal, or a finding that the unchanged file does not have;
``same``: the same data to the bit, or a refusal; ``any``: nothing but that no exception and no hang comes of it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from byte_mutations import BYTE_MUTANTS
from file_forms import FORMS, Form
from file_mutations import FILE_MUTANTS
from grid_mutations import GRID_MUTANTS, Expectation, Grid, Random, plant_grid, stamps_of_a_spreadsheet
from yaml_mutations import TEXT_MUTANTS, YAML_MUTANTS, yaml_lost, yaml_moved, yaml_value

__all__ = ["CONFIG", "VARIANT", "config_text", "mutate", "original", "written"]

CONFIG = """\
name: mutated
device: cpu
model: {kinetics: asm1, mode: hybrid, calibrate: [mu_A, eta_g]}
plant:
  temperature: 18 degC
  tanks: {anoxic: {volume: 1000}, aerobic: {volume: 2000}}
  influent:
    to: anoxic
    composition: {S_I: 30, S_S: 70, X_I: 40, X_S: 180, X_BH: 25, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_ND: 6, X_ND: 9,
      S_ALK: 7, S_N2: 0}
  recycles: {internal: {from: aerobic, to: anoxic, flow: 12000}}
  return_sludge: {to: anoxic, flow: 4000}
  wastage: {flow: 90}
  settler: {type: ideal, non_settleable: 0.002}
data:
  interval: 1 h
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/d}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}
        NO3: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 0.2}
  blocks: {train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]}
network: {hidden: [4], inputs: [S_NH, S_O]}
training: {seeds: [1, 2], warmup: 6 h, step: 30 min, window: 6 h, iterations: 4, validate_every: 2,
  calibration_evaluations: 3}
"""

VARIANT = """\
name: mutated
extends: asm1
parameters:
  K_NH: {default: 0.8}
  K_ALK: {default: 0.5, unit: mol/m3, bounds: [0.01, 2.0], source: own work}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * monod(S_ALK, K_ALK) * X_BA
"""


TABLE = plant_grid()


@cache
def config_text(form: Form, rows: int) -> str:
    """Return the config for a form of the table with so many rows, its header among them."""
    if form.file == "plant.csv" and form.name == "plain":
        return CONFIG
    config = yaml.safe_load(CONFIG)
    sources = config["data"]["sources"]
    sources["online"] = form.section(sources["online"]["columns"], rows)
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=1000))


@cache
def original(kind: str, form: str) -> bytes:
    """Return the bytes of the unchanged table in a form."""
    return written(kind, form).render(TABLE)


def written(kind: str, form: str) -> Form:
    """Return the form of that name; the plainest one of CSV for kinds that are no series."""
    return next((f for f in FORMS.get(kind, ()) if f.name == form), FORMS.get(kind, FORMS["csv"])[0])


# ---- one mutant


def mutate(kind: str, form: str, folder: Path, rng: Random) -> tuple[str, Expectation]:
    """Change one thing about the files of a kind; return what was done, and what is expected."""
    if kind in FORMS:
        return _mutate_series(kind, form, folder, rng)
    if kind == "run":
        return _mutate_run(folder / "run", rng)
    return _mutate_yaml(folder / f"{kind}.yaml", rng, texts=kind == "config")


def _mutate_yaml(path: Path, rng: Random, *, texts: bool) -> tuple[str, Expectation]:
    draw = rng.random()
    if draw < 0.3:
        change = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
        path.write_bytes(change(rng, path.read_bytes()))
        return change.__name__, "any"
    if texts and draw < 0.6:
        rewrite, expected = TEXT_MUTANTS[int(rng.integers(len(TEXT_MUTANTS)))]
        path.write_bytes(rewrite(rng, path.read_text(encoding="utf-8")).encode())
        return rewrite.__name__, expected
    mutant, expected = YAML_MUTANTS[int(rng.integers(len(YAML_MUTANTS)))]
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for _ in range(int(rng.integers(1, 3)) if expected == "any" else 1):
        mutant(rng, data)
        if not isinstance(data, dict) or not data:
            break
    path.write_text(yaml.safe_dump(data, sort_keys=False, width=1000, allow_unicode=True), encoding="utf-8")
    return mutant.__name__, expected


def _mutate_series(kind: str, form: str, folder: Path, rng: Random) -> tuple[str, Expectation]:
    """Change the table, or the file in a way that only its format has; the latter in the plainest form."""
    chosen, draw = written(kind, form), rng.random()
    path = folder / chosen.file
    if form == "" and draw < 0.7:
        name, takes, expected = _of(rng, FILE_MUTANTS[kind])
        path.write_bytes(name(rng, path.read_bytes() if takes == "bytes" else _copy()))
        return name.__name__, expected
    if draw < (0.8 if form == "" else 0.2):
        change = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
        path.write_bytes(change(rng, path.read_bytes()))
        return change.__name__, "any"
    mutant, expected = GRID_MUTANTS[int(rng.integers(len(GRID_MUTANTS)))]
    grid = _copy()
    mutant(rng, grid)
    content = chosen.render(grid)
    path.write_bytes(content)
    (folder / "config.yaml").write_text(config_text(chosen, len(grid)), encoding="utf-8")
    if mutant is stamps_of_a_spreadsheet and "unit" in chosen.time:
        return mutant.__name__, "any"  # the stamps were such days before
    unchanged = content == original(kind, form)  # as the name of the stamps is in a long table
    return mutant.__name__, "same" if unchanged else expected


def _of(rng: Random, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _copy() -> Grid:
    return [list(row) for row in TABLE]


def _mutate_run(run: Path, rng: Random) -> tuple[str, Expectation]:
    files = sorted(path for path in run.rglob("*") if path.is_file())
    path = files[int(rng.integers(len(files)))]
    what = path.relative_to(run).as_posix()
    draw = rng.random()
    if draw < 0.1:
        path.unlink()
        return f"{what} removed", "same"
    if draw < 0.15:
        path.unlink()
        path.mkdir()
        return f"{what} a folder", "same"
    if draw < 0.6 or path.suffix != ".json" or not path.read_bytes():
        if path.read_bytes():
            change = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
            path.write_bytes(change(rng, path.read_bytes()))
            return f"{what} {change.__name__}", "same"
        path.write_bytes(b"x")
        return f"{what} x", "same"
    data = json.loads(path.read_text(encoding="utf-8"))
    mutant = (yaml_value, yaml_lost, yaml_moved)[int(rng.integers(3))]
    mutant(rng, data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return f"{what} {mutant.__name__}", "same"
