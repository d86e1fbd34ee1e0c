"""The kinetics table of a run with the values of its parameters, beside the defaults they replace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.export.format import Format, Source, as_written, read_tables
from asm_hybrid.kinetics.extend import lay, read_layers
from asm_hybrid.yamlfile import load_yaml, parse_yaml, to_yaml

__all__ = ["FORMAT", "fitted_table"]

ENDING = "-kinetics.yaml"

HEAD = """\
# The table of the run {run!r}, kinetics.yaml, with the values that the run used in the place of its defaults.
# Each note says which default a value replaces. What n learnt is not in it.
"""


def fitted_table(name: str, parameters: Mapping[str, Any], run: str) -> str:
    """Return a table that extends ``kinetics.yaml`` of the same folder.

    Parameters
    ----------
    name : str
        Name of the table of the run.
    parameters : mapping
        ``parameters.json`` of the run.
    run : str
        Name of the run.

    Returns
    -------
    str
        YAML. Bounds are widened where the run let a parameter leave those of its table.
    """
    rows = {row["name"]: _row(row, run) for row in parameters["parameters"] if row["value"] != row["default"]}
    table: dict[str, Any] = {"name": f"{name[:33]}_fitted", "extends": "kinetics.yaml"}
    table |= {"title": f"{name}, as the run {run} used it", "source": f"run {run}"}
    return HEAD.format(run=run) + to_yaml(table | ({"parameters": rows} if rows else {}))


def _row(row: Mapping[str, Any], run: str) -> dict[str, Any]:
    """Return what changes in a parameter."""
    default, value = float(row["default"]), float(row["value"])
    origin = "fitted" if row["calibrated"] else "given in the config"
    error = f", standard error {row['std_error']:.3g}" if row.get("std_error") is not None else ""
    low, high = min(float(row["lower"]), default, value), max(float(row["upper"]), default, value)
    note = f"{origin}{error}; default {default:g} ({row['source']})"
    return {"default": value, "bounds": [low, high], "source": f"run {run}", "note": note}


def _write(source: Source, stem: Path) -> list[str]:
    """Write the table in one file that needs no other."""
    run = source.run
    parameters, summary = read_tables(run, ("kinetics.yaml",))
    with as_written("a table", run):
        text = fitted_table(load_yaml(run / "kinetics.yaml").data["name"], parameters, summary["name"])
    layers = read_layers(parse_yaml(text, run / "kinetics-fitted.yaml"), lambda name, folder: folder / name)
    out = stem.with_name(stem.name + ENDING)
    write_text_atomic(out, HEAD.format(run=summary["name"]) + to_yaml(lay(layers).data))
    return []


FORMAT = Format(
    name="kinetics",
    order=5,
    summary="the kinetics table (YAML) with the fitted values, for simulate, models and other configs",
    endings=(ENDING,),
    write=_write,
    opens="name it as kinetics in a config or a plant, or show it with: asm-hybrid models show {path}",
)
