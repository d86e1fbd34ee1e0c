"""The bundle: the model of a run as open files, checked on the way out and checkable on the way in."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import staged_folder, write_bytes_atomic, write_text_atomic
from asm_hybrid.errors import readable
from asm_hybrid.export.format import Format, as_written, read_tables, refuse_occupied
from asm_hybrid.export.formats.kinetics import fitted_table
from asm_hybrid.export.workbook.tables import parameter_workbook
from asm_hybrid.manifest import verify_manifest, write_manifest
from asm_hybrid.yamlfile import load_yaml

__all__ = ["FORMAT", "export_bundle"]

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


def export_bundle(run_dir: str | Path, out: str | Path) -> Path:
    """Write a bundle that `asm_hybrid.load_model` reads like the run folder itself.

    The bundle holds the config, the kinetics as the run was given them and, in ``kinetics-fitted.yaml``, with the
    fitted values beside the defaults, the weights as safetensors, the inputs of the record, the
    parameters as JSON and as ``parameters.xlsx`` (value, default, bounds, unit, source; scores; what f
    lacks), and ``manifest.json`` with the SHA-256 of each file. It appears complete, or not at all.

    Parameters
    ----------
    run_dir : str or Path
        A run folder, or a bundle.
    out : str or Path
        The bundle: a folder that does not exist yet, or is empty.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    InputError
        If a file of the run is missing or differs from the manifest (the message names it), or if `out` holds
        something or cannot be written.
    """
    run_dir, out = Path(run_dir), Path(out)
    manifest = verify_manifest(run_dir)
    parameters, summary = read_tables(run_dir, _REQUIRED)
    refuse_occupied(out)
    with as_written("a workbook", run_dir):
        workbook = parameter_workbook(parameters, summary)
        fitted = fitted_table(load_yaml(run_dir / "kinetics.yaml").data["name"], parameters, summary["name"])
    with staged_folder(out) as staging:
        for name in (*_REQUIRED, *(n for n in _OPTIONAL if n in manifest)):
            with readable(f"{name} cannot be read", where=str(run_dir)):
                content = (run_dir / name).read_bytes()
            write_bytes_atomic(staging / name, content)
        write_bytes_atomic(staging / _WORKBOOK, workbook)
        write_text_atomic(staging / _FITTED, fitted)
        write_manifest(staging)
    return out


FORMAT = Format(
    name="bundle",
    order=0,
    summary="a folder of open files, which loads like the run: weights, config, tables as YAML, parameters as XLSX",
    ending="-bundle",
    write=export_bundle,
)
