"""Runs of the quickstart with some settings or measurements changed, for the benchmarks that need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

__all__ = ["DATA", "write_variant"]

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data" / "quickstart"


def write_variant(
    folder: Path,
    *,
    plant: pd.DataFrame | None = None,
    noise: dict[str, float] | None = None,
    **sections: dict[str, Any],
) -> Path:
    """Write a config, and return its path.

    Parameters
    ----------
    folder : Path
        Where to write.
    plant : DataFrame, optional
        Takes the place of ``plant.csv``.
    noise : dict[str, Any] of str to float, optional
        Standard deviations of the sensors, by column.
    **sections : dict[str, Any]
        Keys to change, by section of the config, such as ``training={"iterations": 40}``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8"))
    for section, values in sections.items():
        content[section] |= values
    source = content["data"]["sources"]["plant"]
    source["file"] = str(DATA / "plant.csv")
    if plant is not None:
        source["file"] = "plant.csv"
        plant.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
    for column, size in (noise or {}).items():
        source["columns"][column]["noise"] = size
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
