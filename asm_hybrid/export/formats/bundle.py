"""The bundle: the model of a run as open files, checked on the way out and checkable on the way in."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from asm_hybrid.artefacts import make_folder, write_bytes_atomic, write_text_atomic
from asm_hybrid.errors import readable
from asm_hybrid.export.format import Format, Source, as_written, read_tables
from asm_hybrid.export.formats.kinetics import fitted_table
from asm_hybrid.export.workbook.tables import parameter_workbook
from asm_hybrid.manifest import read_manifest, write_manifest
from asm_hybrid.yamlfile import load_yaml

__all__ = ["FORMAT"]

FOLDER, ZIP = "-bundle", "-bundle.zip"
_REQUIRED = (
    "config.yaml",
    "kinetics.yaml",
    "weights.safetensors",
    "inputs.csv",
    "parameters.json",
    "summary.json",
)
_OPTIONAL = ("kinetics.py", "environment.json", "data.json")
_WORKBOOK = "parameters.xlsx"
_FITTED = "kinetics-fitted.yaml"
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that equal files make equal zips."""


def _write(source: Source, stem: Path) -> list[str]:
    """Write the bundle as a folder and as a zip of the same files.

    It holds the config, the kinetics as the run was given them and, in ``kinetics-fitted.yaml``, with the fitted values
    beside the defaults, the weights as safetensors, the inputs of the record, the parameters as JSON and as
    ``parameters.xlsx``, and ``manifest.json`` with the SHA-256 of each file.
    """
    run = source.run
    manifest = read_manifest(run)
    parameters, summary = read_tables(run, _REQUIRED)
    with as_written("a workbook", run):
        workbook = parameter_workbook(parameters, summary)
        fitted = fitted_table(load_yaml(run / "kinetics.yaml").data["name"], parameters, summary["name"])
    folder = make_folder(stem.with_name(stem.name + FOLDER))
    for name in (*_REQUIRED, *(n for n in _OPTIONAL if n in manifest)):
        with readable(f"{name} cannot be read", where=str(run)):
            content = (run / name).read_bytes()
        write_bytes_atomic(folder / name, content)
    write_bytes_atomic(folder / _WORKBOOK, workbook)
    write_text_atomic(folder / _FITTED, fitted)
    write_manifest(folder)
    write_bytes_atomic(stem.with_name(stem.name + ZIP), _zipped(folder))
    return []


def _zipped(folder: Path) -> bytes:
    """Return a zip of the files of a folder, without their dates and owners."""
    stream = io.BytesIO()
    with ZipFile(stream, "w") as book:
        for path in sorted(folder.iterdir()):
            entry = ZipInfo(path.name, _DATE)
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = 3  # Unix, on Windows too
            entry.external_attr = 0o644 << 16
            book.writestr(entry, path.read_bytes())
    return stream.getvalue()


FORMAT = Format(
    name="bundle",
    order=0,
    summary="open files that load like the run, as a folder and as a zip: weights, config, tables as YAML, inputs, "
    "parameters as XLSX",
    endings=(FOLDER, ZIP),
    write=_write,
    opens="load it in Python with asm_hybrid.load_model({path!r}), or name it wherever a run is named",
)
