"""Take the training step of `train_step.py` with diffrax, in an environment of its own.

``python run_diffrax.py FOLDER --solver Tsit5 --tolerances 1e-3 1e-4 --out FILE``; FOLDER holds what
`train_step_problem.py` exported. Rates and stoichiometry are the source that asm-hybrid generates, run on jax.numpy;
transport is written with the same matrices. The script first checks its derivative against that of asm-hybrid.

The process is bound to one core, and XLA is told to use one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


class Namespace:
    """The two array operations that generated code uses."""

    def nonnegative(self, X):
        """Return the columns of ``max(X, 0)``."""
        return [jnp.maximum(column, 0.0) for column in X]

    def maximum(self, x, y):
        """Larger of two."""
        return jnp.maximum(x, y)


XP = Namespace()


class Model:
    """The equations, for one window.

    Parameters
    ----------
    folder : Path
        What was exported.
    """

    def __init__(self, folder: Path) -> None:
        self.data = dict(np.load(folder / "problem.npz"))
        source: dict = {}
        exec(compile((folder / "kinetics.py").read_text(), str(folder / "kinetics.py"), "exec"), source)
        self._rates, self._stoichiometry = source["rates"], source["stoichiometry"]
        layers = range(sum(name.startswith("weight_") for name in self.data))
        network = [(jnp.asarray(self.data[f"weight_{i}"]), jnp.asarray(self.data[f"bias_{i}"])) for i in layers]
        self.learnt = jnp.asarray(self.data["logs"]), network
        self.windows = {n: jnp.asarray(self.data[n]) for n in ("starts", "flow", "influent", "flows", "thickening")}

    def prepare(self, logs):
        """Return the parameters, one by one, and the stoichiometry."""
        values = jnp.asarray(self.data["defaults"]) * jnp.exp(logs @ self.data["pick"])
        p = [values[i] for i in range(len(values))]
        rows = self._stoichiometry(p, XP)
        return p, jnp.stack([jnp.stack([jnp.asarray(0.0 if v is None else v, float) for v in row]) for row in rows])

    def factors(self, X, network):
        """Return the learnt factors on the rates, ``(tank, process)``."""
        d = self.data
        limit, start, end = d["limits"]
        seen = X @ d["read"]
        middle = (d["high"] + d["low"]) / 2
        worst = jnp.max(jnp.abs(seen - middle) / d["width"], axis=-1, keepdims=True) - 0.5
        left = jnp.clip((end - worst) / (end - start), 0.0, 1.0)
        y = (seen - d["mean"]) / d["std"]
        for i, (weight, bias) in enumerate(network):
            y = (jnp.tanh(y) if i else y) @ weight + bias
        z = y * (left * left * (3.0 - 2.0 * left))
        return jnp.exp(limit * jnp.tanh(z / limit))

    def derivative(self, t, X, args):
        """Return dX/dt in units of the knot interval, ``(tank, component)``; t is counted in knots."""
        (p, stoichiometry), network, window = args
        d = self.data
        i = jnp.clip(jnp.floor(t).astype(int), 0, d["flows"].shape[1] - 2)

        def between(name):
            left, right = window[name][i], window[name][i + 1]
            return left + (t - i) * (right - left)

        columns = [X[:, k] for k in range(X.shape[1])]
        rho = jnp.stack([v + jnp.zeros(X.shape[0]) for v in self._rates(columns, p, XP)], axis=-1)
        rho = rho * self.factors(X, network)
        change = between("flows") @ X + between("thickening") @ (X * d["particulate"])
        change = change + d["entry"] * (between("flow") * between("influent")) + d["oxygen"] - d["loss"] * X
        return d["interval"] * (change + rho @ stoichiometry)

    def check(self) -> float:
        """Return the largest relative difference of the derivative from that of asm-hybrid."""
        logs, network = self.learnt
        fixed = self.prepare(logs)
        time_ = jnp.asarray(self.data["check_time"])
        found = jax.vmap(lambda w: self.derivative(time_, w["starts"], (fixed, network, w)))(self.windows)
        expected = self.data["check_slope"] * self.data["interval"]
        return float(jnp.max(jnp.abs(found - expected)) / np.max(np.abs(expected)))


def make_step(model: Model, solver: str, max_steps: int, checkpoints: int | None, clip: bool):
    """Return a function of what is learnt and of a tolerance: loss, its gradient, and the numbers of steps."""
    knots = model.data["flows"].shape[1]
    times = jnp.arange(knots, dtype=float)

    def one(window, fixed, network, tolerance):
        controller = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        if clip:
            controller = diffrax.ClipStepSizeController(controller, step_ts=times)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(model.derivative),
            getattr(diffrax, solver)(),
            t0=0.0,
            t1=knots - 1.0,
            dt0=None,
            y0=window["starts"],
            args=(fixed, network, window),
            saveat=diffrax.SaveAt(ts=times, fn=lambda t, X, args: X[-1, model.data["observed"]]),
            stepsize_controller=controller,
            adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints),
            max_steps=max_steps,
        )
        return solution.ys, solution.stats["num_steps"]

    def loss(learnt, tolerance):
        logs, network = learnt
        fixed = model.prepare(logs)
        outputs, steps = jax.vmap(partial(one, fixed=fixed, network=network, tolerance=tolerance))(model.windows)
        return jnp.mean((outputs - model.data["targets"]) ** 2), steps

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--solver", default="Tsit5", choices=("Tsit5", "Kvaerno3"))
    parser.add_argument("--tolerances", type=float, nargs="+", default=[1e-4])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--max-steps", type=int, default=4096)
    parser.add_argument("--checkpoints", type=int)
    parser.add_argument("--clip", action="store_true", help="let steps end at the knots")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = Model(options.folder)
    difference = model.check()
    if difference > 1e-12:
        raise SystemExit(f"the derivative differs by {difference:.1e} from that of asm-hybrid")
    step = make_step(model, options.solver, options.max_steps, options.checkpoints, options.clip)
    first = jnp.asarray(options.tolerances[0])
    began = time.perf_counter()
    compiled = step.lower(model.learnt, first).compile()
    compile_s = time.perf_counter() - began
    runs = []
    for tolerance in options.tolerances:
        seconds = []
        for _ in range(options.repeats):
            began = time.perf_counter()
            (loss, steps), (logs, network) = jax.block_until_ready(compiled(model.learnt, jnp.asarray(tolerance)))
            seconds.append(time.perf_counter() - began)
        parts = [w.ravel() for w, _ in network] + [b.ravel() for _, b in network]
        runs.append(
            {
                "tolerance": tolerance,
                "seconds": min(seconds),
                "loss": float(loss),
                "parameters": np.asarray(logs).tolist(),
                "network": np.concatenate([np.asarray(part) for part in parts]).tolist(),
                "steps": [int(steps.min()), int(steps.max())],
            }
        )
        short = {key: value for key, value in runs[-1].items() if key not in ("parameters", "network")}
        print(json.dumps(short), file=sys.stderr, flush=True)
    found = {"solver": options.solver, "compile_s": compile_s, "derivative_difference": difference, "runs": runs}
    found |= {"diffrax": diffrax.__version__, "jax": jax.__version__}
    text = json.dumps(found)
    if options.out:
        options.out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
