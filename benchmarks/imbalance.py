"""What n makes of nothing, by placement: COD, nitrogen and charge along the trajectory of the hybrid.

Run ``python benchmarks/imbalance.py``. The quickstart is trained for 60 gradient steps with three seeds, once with n on
the rates and once on the derivatives (``placement: state``). The figures are those that every run writes to
`summary.json`, of the seed that validates best.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from quickstart_variant import write_variant

from asm_hybrid.diagnosis import diagnose
from asm_hybrid.training import train

PLACEMENTS = ("rates", "state")
TRAINING = {"seeds": [1, 2, 3], "iterations": 60, "validate_every": 10}


def main() -> None:
    results = {}
    print("| placement | material | made [kg/d, kmol/d] | size | of the influent's load | of what n moves |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for placement in PLACEMENTS:
            folder = Path(temporary) / placement
            config = write_variant(folder, network={"placement": placement}, training=TRAINING)
            train(config, folder / "run")
            summary = diagnose(folder / "run")
            scores = {k: v["hybrid"]["rmse"] for k, v in summary["scores"]["test"].items()}
            results[placement] = {"imbalance": summary["imbalance"], "rmse": scores, "warnings": summary["warnings"]}
            for material, row in summary["imbalance"].items():
                share = f"{100 * row['of_influent']:.2g} %" if "of_influent" in row else "-"
                cells = f"{row['created']:.3g} | {row['size']:.3g} | {share} | {row['of_moved']:.1e}"
                print(f"| {placement} | {material} | {cells} |", flush=True)
    print(json.dumps({"torch": torch.__version__, **results}))


if __name__ == "__main__":
    main()
