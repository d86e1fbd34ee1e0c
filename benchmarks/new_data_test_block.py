"""The test block of a run as new data: `predict` must give the figures of the run itself.

The files of the run are cut where its test block begins. The last line is JSON: largest difference to
``predictions.csv`` of the run and to its scores, by model, and the time that a second call takes.

    python benchmarks/new_data_test_block.py RUN
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import asm_hybrid as ah
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.series import read_sources


def cut(run: Path, folder: Path, begin: pd.Timestamp) -> dict[str, Path]:
    """Write the rows of the run's files from a time on; return them by source."""
    config = load_config(run / "config.yaml")
    table = load_kinetics(config)
    sources, _ = read_sources(config, table, build_layout(config, table))
    found = {}
    for source in sources:
        lines = Path(source.table.label).read_text(encoding="utf-8").splitlines()
        rows = source.table.frame.index.to_numpy()[np.asarray(source.times >= begin)]
        first = config.data.sources[source.name].header_row
        found[source.name] = folder / f"{source.name}.csv"
        kept = [lines[first - 1], *(lines[row - 1] for row in rows)]
        found[source.name].write_text("\n".join(kept) + "\n", encoding="utf-8")
    return found


def main(run: Path) -> None:
    """Print what differs."""
    summary = json.loads((run / "summary.json").read_text())
    begin = pd.Timestamp(summary["blocks"]["test"][0])
    with tempfile.TemporaryDirectory() as temporary:
        files = cut(run, Path(temporary), begin)
        ah.predict(run, files)
        start = time.process_time()
        found = ah.predict(run, files, Path(temporary) / "out")
        seconds = time.process_time() - start
    own = pd.read_csv(run / "predictions.csv")
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    both = found.measured.query("part == 'new'").merge(own, on=["time", "variable"], suffixes=("", "_run"))
    models = [name for name in found.scores.index.get_level_values("model").unique()]
    differ = {name: float((both[name] - both[f"{name}_run"]).abs().max()) for name in models}
    scores = {
        name: max(
            abs(found.scores.loc[(label, name), "rmse"] - block[name]["rmse"])
            for label, block in summary["scores"]["test"].items()
        )
        for name in models
    }
    expected = int((own["block"] == "test").sum())
    print(*found.verdicts, sep="\n")
    print(
        json.dumps(
            {
                "measurements": len(both),
                "of_the_test_block": expected,
                "predictions_differ": differ,
                "rmse_differs": scores,
                "second_call_cpu_s": round(seconds, 2),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
