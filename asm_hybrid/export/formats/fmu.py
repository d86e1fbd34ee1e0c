"""FMU: the plant as functional mock-up units of FMI 2.0 and 3.0, for model exchange and co-simulation."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.export.described import describe
from asm_hybrid.export.exported_plant import read_plant
from asm_hybrid.export.fmi.archive import make_fmus
from asm_hybrid.export.format import Format, Source

__all__ = ["FORMAT"]


def _write(source: Source, stem: Path) -> list[str]:
    """Write the FMUs of both versions."""
    plant = read_plant(source)
    archives, notes = make_fmus(describe(plant))
    for version, content in archives.items():
        write_bytes_atomic(stem.with_name(f"{stem.name}-fmi{version}.fmu"), content)
    return [*plant.notes, *notes]


FORMAT = Format(
    name="fmu",
    order=3,
    summary="FMUs of FMI 2.0 and 3.0, model exchange and co-simulation: the fitted plant in C, with binaries",
    endings=("-fmi2.fmu", "-fmi3.fmu"),
    write=_write,
    steered=True,
    opens="import it into Simulink, Dymola or OpenModelica; or fmpy simulate {path}",
)
