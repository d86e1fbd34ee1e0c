"""Every placement of n on the series of Tilburg, chosen on the validation block and read once on the test block.

Run ``python benchmarks/tilburg.py FOLDER``, with the series where `configs/tilburg.yaml` expects them.
Runs go into FOLDER, one a placement; those that are there already are not made again. f is calibrated in ``rates``, and
the others take its parameters. With ``--earlier`` the record ends where its test block begins, and is divided anew,
into a folder of its own. In ``rates, air`` the air flows of the aerobic tanks are inputs, and n learns by SOAP.
Where a run has air or the time of day for n, its baselines read them, too; they are listed once for each set of inputs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from asm_hybrid.config import load_config
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID
from asm_hybrid.workflow import run_training

CONFIG = Path(__file__).parent.parent / "configs" / "tilburg.yaml"
SEEDS = [1, 2, 3, 4, 5]
KINETIC = ["mu_A", "b_A", "K_NH", "K_OA", "mu_H", "K_OH", "eta_g", "k_h"]
WEATHER = ["Q_in", "T", "load.COD", "load.TN"]
STATES = ["S_NH", "S_NO", "S_O", "S_S", "S_ND"]
NETWORKS: dict[str, dict[str, Any]] = {
    "rates": {"placement": "rates"},
    "rates, air": {"placement": "rates", "inputs": [*STATES, "T", "air"]},
    "state": {"placement": "state", "form": None},
    "parameters": {"placement": "parameters", "form": None, "parameters": KINETIC},
    "forcing": {"placement": "forcing", "form": None, "inputs": WEATHER},
    "forcing, time": {"placement": "forcing", "form": None, "inputs": [*WEATHER, "time_of_day"]},
    "output": {"placement": "output", "form": None},
    "output, loads": {"placement": "output", "form": None, "inputs": [*STATES, *WEATHER]},
    "rates + output, loads": {
        "placement": ["rates", "output"],
        "inputs": {"rates": [*STATES, "T"], "output": [*STATES, *WEATHER]},
    },
    "parameters + forcing": {"placement": ["parameters", "forcing"], "form": None, "parameters": KINETIC},
    "rates + forcing": {"placement": ["rates", "forcing"]},
    "rates + forcing, time": {
        "placement": ["rates", "forcing"],
        "inputs": {"rates": [*STATES, "T"], "forcing": [*WEATHER, "time_of_day"]},
    },
    "rates + forcing + output": {"placement": ["rates", "forcing", "output"]},
}
EARLIER = {"train": [0.0, 0.344], "validate": [0.352, 0.474], "test": [0.482, 0.689]}
"""Blocks in the proportions of the config's, of the record without its test block."""
AIR = {f"Q_air_{k + 2}": {"role": "input", "as": f"aerobic_{k}.air", "unit": "m3/h"} for k in (1, 2, 3)}
"""Columns of the air flows, which baselines then read as well."""


def write_config(folder: Path, name: str, parameters: dict[str, float], earlier: bool) -> Path:
    """Write the config of one placement, with the parameters of f where they are known."""
    content = yaml.safe_load(load_config(CONFIG).to_yaml(folder))
    content["name"] = "tilburg-" + name.replace(" + ", "-").replace(", ", "-")
    content["network"] |= NETWORKS[name] | {"type": "mlp"}  # free, as the figures were made
    content["training"] |= {"seeds": SEEDS, "compile": True}
    if name == "rates, air":
        content["data"]["sources"]["online"]["columns"] |= AIR
        content["training"] |= {"optimiser": "soap", "learning_rate": 0.005}
    if earlier:
        content["data"]["blocks"] = EARLIER
    if parameters:
        content["model"] |= {"calibrate": [], "parameters": parameters}
    path = folder / f"{content['name']}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def run(folder: Path, name: str, earlier: bool) -> dict[str, Any]:
    """Return the summary of one placement's run, made now or before."""
    where = folder / name.replace(" + ", "-").replace(", ", "-")
    if not (where / "summary.json").exists():
        first, parameters = folder / "rates" / "parameters.json", {}
        if name != "rates":
            rows = json.loads(first.read_text(encoding="utf-8"))["parameters"]
            parameters = {row["name"]: row["value"] for row in rows if row["calibrated"]}
        run_training(write_config(folder, name, parameters, earlier), where)
    summary: dict[str, Any] = json.loads((where / "summary.json").read_text(encoding="utf-8"))
    return summary


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs go")
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), help="placements to run")
    parser.add_argument("--earlier", action="store_true", help="divide the record before the test block")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    found = {name: run(arguments.folder, name, arguments.earlier) for name in arguments.only}
    for block in ("validate", "test"):
        print(f"\nRMSE on the block {block}")
        shown: set[tuple[str, ...]] = set()
        for name, summary in found.items():
            scores = summary["scores"][block]
            for model in (name for name in next(iter(scores.values())) if name != HYBRID.name):
                row = (model, *(f"{scores[v][model]['rmse']:8.3f}" for v in scores))
                if row not in shown:
                    shown.add(row)
                    print(f"{model + (f', inputs of {name}' if name != arguments.only[0] else ''):44}", *row[1:])
        for name, summary in found.items():
            rows = [row[HYBRID.name] for row in summary["scores"][block].values()]
            span = [f"{r['rmse']:8.3f} ({min(r['rmse_seeds']):.3f}-{max(r['rmse_seeds']):.3f})" for r in rows]
            print(f"{'hybrid, ' + name:44}", *span)
    print(json.dumps({name: s["scores"] for name, s in found.items()}))


if __name__ == "__main__":
    main()
