"""Run both peers of the BSM1 benchmark in their environments, and measure their errors.

`run_peers` is for `benchmarks/simulate_bsm1.py`. By itself, from the folder `benchmarks`::

    python -m peers.compare --influent F --start bsm1.json --reference bsm1_open_loop_dry.csv --out runs/peers
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.make_environments import interpreter, ready
from peers.protocol import error, error_by_quantity, read_effluent

HERE = Path(__file__).resolve().parent
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_script(peer: str, arguments: Sequence[object], timeout: float | None = None) -> dict[str, Any]:
    """Run a peer's script on one thread and return the JSON of its last line.

    A run past `timeout` seconds gives ``{"failed": …}``, and so does a peer that the script reports as failed.
    """
    if not ready(peer):
        raise SystemExit(f"No environment for {peer}; run python benchmarks/peers/make_environments.py first.")
    command = [str(interpreter(peer)), str(HERE / f"run_{peer}.py"), *map(str, arguments)]
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {timeout:.0f} s"}
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_peers(
    influent: Path,
    start_state: Path,
    out_dir: Path,
    repeats: int = 3,
    *,
    reference: Path,
    minutes: Sequence[float] = (15, 5, 1, 0.25),
    tolerances: Sequence[tuple[float, float]] = ((1e-3, 1e-6), (1e-2, 1e-3)),
    tight: bool = True,
    bdf_seconds: float = 0.0,
) -> dict[str, Any]:
    """Time both peers over 14 dynamic days.

    Parameters
    ----------
    influent
        A BSM1 influent file, 14 days every 15 min.
    start_state
        JSON with the steady state; see `protocol.read_start_state`.
    out_dir
        Folder for the peers' effluents.
    repeats
        How often each fortnight is timed; the least counts.
    reference
        The converged effluent of the second fortnight, every 15 min.
    minutes
        Steps of bsm2-python to run [min].
    tolerances
        Relative and absolute tolerances of QSDsan's RK23 to run. The first pair is its default, the second the one
        that exposan has in a comment; it is the fastest.
    tight
        Also run QSDsan with tolerances of 1e-5 and 1e-8, to know the error of its integration alone.
    bdf_seconds
        Also try QSDsan's BDF for so many seconds at most; 0 leaves it out.

    Returns
    -------
    dict
        ``qsdsan``, a list of runs with `rtol`, `atol`, `best_s`, `first_call_s`, `error` against the reference (which
        holds what its model does otherwise) and `own_error` against its tight run; ``qsdsan_tight`` and ``qsdsan_bdf``
        where asked for; ``bsm2_python``, a list of runs with `minutes`, `best_s`, `first_call_s` and `error`. Both
        lists are for `protocol.seconds_at_error`.
    """
    expected = read_effluent(reference)
    common = ["--influent", influent.resolve(), "--start", start_state.resolve()]

    def measured(result: dict[str, Any]) -> dict[str, Any]:
        effluent = read_effluent(Path(result["effluent"]))
        return result | {"error": error(effluent, expected), "errors": error_by_quantity(effluent, expected)}

    def qsdsan(folder: str, count: int, *more: object, timeout: float | None = None) -> dict[str, Any]:
        place = ["--out", (out_dir / folder).resolve(), "--repeats", count]
        result = run_script("qsdsan", [*common, *place, *more], timeout)
        return result if "failed" in result else measured(result)

    found: dict[str, Any] = {"qsdsan": []}
    for rtol, atol in tolerances:
        found["qsdsan"].append(qsdsan(f"qsdsan_{rtol:g}", repeats, "--rtol", rtol, "--atol", atol))
        if "failed" in found["qsdsan"][-1]:
            raise RuntimeError(f"QSDsan failed: {found['qsdsan'][-1]['failed']}")
    if tight:
        found["qsdsan_tight"] = qsdsan("qsdsan_tight", 1, "--rtol", 1e-5, "--atol", 1e-8)
        truth = read_effluent(Path(found["qsdsan_tight"]["effluent"]))
        for result in found["qsdsan"]:
            own = error_by_quantity(read_effluent(Path(result["effluent"])), truth)
            result |= {"own_error": max(own.values()), "own_errors": own}
    if bdf_seconds > 0:
        found["qsdsan_bdf"] = qsdsan("qsdsan_bdf", 1, "--method", "BDF", timeout=bdf_seconds)
    found["bsm2_python"] = []
    for step in minutes:
        place = ["--out", (out_dir / f"bsm2_python_{step:g}min").resolve(), "--repeats", repeats, "--minutes", step]
        found["bsm2_python"].append(measured(run_script("bsm2_python", [*common, *place])))
    return found


def main() -> None:
    """Run both, print a table, and the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influent", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/peers"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, nargs="+", default=[15, 5, 1, 0.25], help="steps of bsm2-python")
    parser.add_argument("--no-tight", action="store_true", help="leave out QSDsan's run with small tolerances")
    parser.add_argument("--bdf-seconds", type=float, default=0.0, help="try QSDsan's BDF for so long")
    options = parser.parse_args()
    found = run_peers(
        options.influent,
        options.start,
        options.out,
        options.repeats,
        reference=options.reference,
        minutes=options.minutes,
        tight=not options.no_tight,
        bdf_seconds=options.bdf_seconds,
    )
    print(f"{'':26} {'seconds':>8} {'first':>6} {'error':>9} {'own error':>9}")
    runs = [(f"QSDsan RK23 {r['rtol']:g}, {r['atol']:g}", r) for r in found["qsdsan"]]
    runs += [(f"bsm2-python {r['minutes']:g} min", r) for r in found["bsm2_python"]]
    for name, run in runs:
        own = f"{run['own_error']:9.2e}" if "own_error" in run else ""
        print(f"{name:26} {run['best_s']:8.2f} {run['first_call_s']:6.2f} {run['error']:9.2e} {own}")
    if "qsdsan_bdf" in found:
        print(f"QSDsan BDF: {found['qsdsan_bdf'].get('failed', 'did not fail')}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
