"""Run both peers of the BSM1 benchmark in their environments, and measure their errors.

`Fortnight` is for `benchmarks/simulate_bsm1.py`. By itself, from the folder `benchmarks`::

    python -m peers.compare --influent F --start bsm1.json --reference bsm1_open_loop_dry.csv --out runs/peers
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Fortnight:
    """Fourteen dynamic days that peers are timed over.

    Attributes
    ----------
    influent
        A BSM1 influent file, 14 days every 15 min.
    start_state
        JSON with the steady state; see `protocol.read_start_state`.
    out_dir
        Folder for the peers' effluents.
    reference
        The converged effluent of the second fortnight, every 15 min.
    repeats
        How often each fortnight is timed; the least counts.
    """

    influent: Path
    start_state: Path
    out_dir: Path
    reference: Path
    repeats: int = 3

    def _run(self, peer: str, folder: str, repeats: int, *more: object, timeout: float | None = None) -> dict[str, Any]:
        common = ["--influent", self.influent.resolve(), "--start", self.start_state.resolve()]
        place = ["--out", (self.out_dir / folder).resolve(), "--repeats", repeats]
        result = run_script(peer, [*common, *place, *more], timeout)
        if "failed" in result:
            return result
        effluent, expected = read_effluent(Path(result["effluent"])), read_effluent(self.reference)
        return result | {"error": error(effluent, expected), "errors": error_by_quantity(effluent, expected)}

    def qsdsan(
        self,
        tolerances: Sequence[tuple[float, float]] = ((1e-3, 1e-6), (1e-2, 1e-3)),
        *,
        tight: bool = True,
        bdf_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Time QSDsan.

        Parameters
        ----------
        tolerances
            Relative and absolute tolerances of its RK23 to run. The first pair is its default, the second the one that
            exposan has in a comment; it is the fastest.
        tight
            Also run it with tolerances of 1e-5 and 1e-8, to know the error of its integration alone.
        bdf_seconds
            Also try its BDF for so many seconds at most; 0 leaves it out.

        Returns
        -------
        dict
            ``qsdsan``, a list of runs with `rtol`, `atol`, `best_s`, `first_call_s`, `error` against the reference
            (which holds what its model does otherwise) and `own_error` against its tight run, for
            `protocol.seconds_at_error`; ``qsdsan_tight`` and ``qsdsan_bdf`` where asked for.
        """
        found: dict[str, Any] = {"qsdsan": []}
        for rtol, atol in tolerances:
            result = self._run("qsdsan", f"qsdsan_{rtol:g}", self.repeats, "--rtol", rtol, "--atol", atol)
            if "failed" in result:
                raise RuntimeError(f"QSDsan failed: {result['failed']}")
            found["qsdsan"].append(result)
        if tight:
            found["qsdsan_tight"] = self._run("qsdsan", "qsdsan_tight", 1, "--rtol", 1e-5, "--atol", 1e-8)
            truth = read_effluent(Path(found["qsdsan_tight"]["effluent"]))
            for result in found["qsdsan"]:
                own = error_by_quantity(read_effluent(Path(result["effluent"])), truth)
                result |= {"own_error": max(own.values()), "own_errors": own}
        if bdf_seconds > 0:
            found["qsdsan_bdf"] = self._run("qsdsan", "qsdsan_bdf", 1, "--method", "BDF", timeout=bdf_seconds)
        return found

    def bsm2_python(self, minutes: Sequence[float] = (15, 5, 1, 0.25)) -> list[dict[str, Any]]:
        """Time bsm2-python with steps of so many minutes.

        Returns
        -------
        list of dict
            `minutes`, `best_s`, `first_call_s` and `error` of every run, for `protocol.seconds_at_error`.
        """
        return [
            self._run("bsm2_python", f"bsm2_python_{step:g}min", self.repeats, "--minutes", step) for step in minutes
        ]


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
    peers = Fortnight(options.influent, options.start, options.out, options.reference, options.repeats)
    found = peers.qsdsan(tight=not options.no_tight, bdf_seconds=options.bdf_seconds)
    found["bsm2_python"] = peers.bsm2_python(options.minutes)
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
