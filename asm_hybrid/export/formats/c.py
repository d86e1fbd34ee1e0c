"""C: the plant with its own stiff solver as one header and one source, and an example that simulates a day."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import make_folder, write_text_atomic
from asm_hybrid.export.c_sources import example_sources, with_prefix
from asm_hybrid.export.described import describe
from asm_hybrid.export.exported_plant import read_plant
from asm_hybrid.export.format import Format, Source

__all__ = ["FORMAT"]


def _write(source: Source, stem: Path) -> list[str]:
    """Write the folder of sources."""
    plant = read_plant(source)
    model = describe(plant)
    groups = {"state": model.states, "input": model.inputs, "output": model.outputs, "parameter": model.parameters}
    prefix = model.identifier.lower()
    texts = {name: with_prefix(text, prefix) for name, text in model.sources.items()}
    texts |= example_sources(model.name, groups, model.shown, prefix)
    folder = make_folder(stem.with_name(f"{stem.name}{FORMAT.endings[0]}"))
    for name, text in texts.items():
        write_text_atomic(folder / name, text)
    return plant.notes


FORMAT = Format(
    name="c",
    order=5,
    summary="a folder of C99: the fitted plant with its own stiff solver in model.h and model.c, and an example",
    endings=("-c",),
    write=_write,
    steered=True,
    opens="build the example with cc -std=c99 -O3 -o day {path}/main.c {path}/model.c -lm",
)
