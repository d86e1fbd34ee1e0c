"""Whole numbers of a config, each with the most that memory and time allow."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from asm_hybrid.config.schema.section import refuse

__all__ = ["MAX_DAYS", "MAX_PARTS", "Hidden", "Seed", "Seeds", "Tries"]

MAX_LAYERS, MAX_WIDTH = 8, 1024
"""Of a network: with both, its weights fill 59 MB, and training holds ten times as much for every seed."""
MAX_SEEDS = 64
"""Trainings of one run, whose models are held side by side."""
MAX_SEED = 2**63 - 1
"""Largest number that all generators of random numbers take."""
MAX_TRIES = 10_000_000
"""Steps of an optimiser: at a millisecond each, three hours."""
MAX_PARTS = 100
"""Tanks of a plant, or layers of its settler: a hundred tanks of ASM1 have 1 400 states."""
MAX_DAYS = 3640.0
"""Length of a simulation [d]: ten years of 15 min are 350 000 records, and about 1 GB a case."""


def _hidden(widths: tuple[int, ...]) -> tuple[int, ...]:
    if len(widths) <= MAX_LAYERS and all(width <= MAX_WIDTH for width in widths):
        return widths
    pairs = zip((10, *widths), (*widths, 10), strict=True)
    size = 8.0 * sum(a * b for a, b in pairs) / 1e9
    shown = ", ".join(str(width) for width in widths[:MAX_LAYERS]) + (", …" if len(widths) > MAX_LAYERS else "")
    raise refuse(
        f"the hidden layers are [{shown}], whose weights take about {size:.2g} GB for every seed, and in training "
        "ten times as much",
        f"at most {MAX_LAYERS} layers of at most {MAX_WIDTH} units",
        "networks of 8 to 64 units learn what a plant shows",
    )


Hidden = Annotated[tuple[Annotated[int, Field(gt=0)], ...], AfterValidator(_hidden), Field(strict=False)]
"""Widths of hidden layers."""
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Seeds = Annotated[tuple[Seed, ...], Field(strict=False, min_length=1, max_length=MAX_SEEDS)]
Tries = Annotated[int, Field(le=MAX_TRIES)]
"""How often something is done."""
