"""The training step that `train_step.py` times, the same for all engines: plant, network, inputs, starts and loss.

The plant is that of BSM1, with an ideal settler: 5 tanks, the last three aerated with a given kLa, so that oxygen is a
state and the equations are stiff. Its flow and its influent vary over the day; inputs are linear between knots 15 min
apart, with as much noise as BSM1's dry weather has. The model is ASM1 with a learnt factor on every rate, of a network
with two hidden layers of 32. Gradients are those of the loss with respect to the logarithms of five parameters and to
the weights of the network.

64 windows of 6 h begin at different times of the day. Their states are drawn around the steady state and then follow
the model without network for two hours, so that they are states that a trajectory can have. The loss is the mean square
of the differences from what the default parameters give without network: S_NH and S_NO of the last tank, at all knots.

`Problem.export` writes all of that to a folder, for peers that run in an environment of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.hybrid.term import FADE_END, FADE_START, LOG_LIMIT
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Forcing, IdealSettler, Layout, Plant, Recycle, Tank, torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution, integrate
from asm_hybrid.solver.steady import steady_state
from asm_hybrid.training.scaling import term_scaling

__all__ = ["CALIBRATED", "MINUTE", "Found", "Problem", "error"]

MINUTE = 1.0 / 1440.0
INTERVAL = 15 * MINUTE
CALIBRATED = {"mu_H": 0.1, "mu_A": -0.2, "K_NH": 0.2, "K_OA": -0.2, "eta_g": 0.15}
"""Parameters that are learnt, and the logarithm of their value over the default."""

FLOW = 18446.0
VOLUMES, KLA = (1000.0, 1000.0, 1333.0, 1333.0, 1333.0), (0.0, 0.0, 240.0, 240.0, 84.0)
INFLUENT = {"S_I": 30.0, "S_S": 69.5, "X_I": 51.2, "X_S": 202.32, "X_BH": 28.17, "S_NH": 31.56, "S_ND": 6.95}
INFLUENT |= {"X_ND": 10.59, "S_ALK": 7.0}
DIURNAL = {"Q_in": (0.25, 9.0), "influent.S_S": (0.3, 10.0), "influent.X_S": (0.3, 11.0), "influent.S_NH": (0.25, 9.0)}
DIURNAL |= {"influent.S_ND": (0.25, 9.0), "influent.X_ND": (0.25, 10.0)}
"""Relative amplitude of an input, and the hour of its first peak."""

FLOW_NOISE, LOAD_NOISE = 0.055, 0.015
"""Standard deviation of the logarithm of flow and concentrations from knot to knot, as in the dry weather of BSM1."""

READS = ("S_S", "S_O", "S_NO", "S_NH", "S_ND", "S_ALK")
HIDDEN = (32, 32)
LAST_LAYER = 0.06
"""Size of the last weights of the network, as training ends with."""

SCATTER = 0.1
"""Standard deviation of the logarithm of the states at the starts, before they follow the model."""

WARM_UP = 2.0
"""Time that they follow it [h]."""

TARGETS = ("S_NH", "S_NO")


@dataclass(frozen=True)
class Found:
    """One training step.

    Attributes
    ----------
    forward, back : float
        Seconds.
    loss : float
        The loss [g²/m⁶].
    parameters, network : ndarray
        Gradients with respect to the logarithms of the parameters, and to the weights.
    """

    forward: float
    back: float
    loss: float
    parameters: np.ndarray
    network: np.ndarray

    @property
    def seconds(self) -> float:
        """Seconds of the whole step."""
        return self.forward + self.back


def error(found: Found, reference: Found) -> dict[str, float]:
    """Return relative differences of loss and gradients from a reference; ``gradient`` is the larger of the two."""
    parts = {
        name: float(np.linalg.norm(getattr(found, name) - true) / np.linalg.norm(true))
        for name, true in (("parameters", reference.parameters), ("network", reference.network))
    }
    return {"loss": abs(found.loss / reference.loss - 1.0), **parts, "gradient": max(parts.values())}


def make_plant(tanks: int) -> Plant:
    """Return BSM1 with an ideal settler, every tank of it cut into a fifth of `tanks`."""
    parts = tanks // 5
    names = [f"tank_{i + 1}" for i in range(tanks)]
    rows = [(VOLUMES[i // parts] / parts, KLA[i // parts]) for i in range(tanks)]
    constants = {"Q_in": FLOW, "T": 15.0, "return_sludge": FLOW, "wastage": 385.0, "recycle.internal": 3 * FLOW}
    constants |= {f"{name}.kla": kla for name, (_, kla) in zip(names, rows, strict=True) if kla > 0}
    constants |= {f"influent.{name}": value for name, value in INFLUENT.items()}
    layout = Layout(
        tuple(Tank(name, volume, aerated=kla > 0) for name, (volume, kla) in zip(names, rows, strict=True)),
        {names[0]: 1.0},
        {names[0]: 1.0},
        (Recycle("internal", names[-1], names[0]),),
        IdealSettler(non_settleable=0.002),
        constants=constants,
    )
    return Plant(load_table("asm1_bsm"), layout)


class Problem:
    """The training step.

    Parameters
    ----------
    tanks : int
        Number of tanks, a multiple of 5.
    windows : int
        Number of windows.
    hours : float
        Length of a window [h].

    Attributes
    ----------
    plant : Plant
        f.
    logs : Tensor, shape (5,)
        Logarithms of the learnt parameters over their defaults.
    term : LearntTerm
        n.
    weights : list of Parameter
        Weights of n.
    starts : Tensor, shape (1, window, tank, component)
        States at the starts, with the member axis of n.
    inputs : Tensor, shape (window, knot, input)
        Inputs at the knots.
    targets : Tensor, shape (window, knot, 2)
        What the loss compares with.
    """

    def __init__(self, tanks: int = 5, windows: int = 64, hours: float = 6.0) -> None:
        self.plant = make_plant(tanks)
        table = self.plant.table
        self.defaults = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
        self._pick = torch.zeros(len(CALIBRATED), len(table.parameters), dtype=torch.float64)
        self._pick[range(len(CALIBRATED)), [table.parameter_names.index(name) for name in CALIBRATED]] = 1.0
        self.logs = torch.tensor(list(CALIBRATED.values()), dtype=torch.float64, requires_grad=True)
        self.observed = tuple(f"{self.plant.layout.tank_names[-1]}.{name}" for name in TARGETS)
        generator = torch.Generator().manual_seed(0)
        begin = torch.randint(0, 96, (windows,), generator=generator)
        warm, knots = round(WARM_UP / 24 / INTERVAL), round(hours / 24 / INTERVAL) + 1
        every = self._diurnal(begin.unsqueeze(1) + torch.arange(-warm, knots))
        for name in DIURNAL:
            draw = torch.randn(every.shape[:-1], dtype=torch.float64, generator=generator)
            noise = FLOW_NOISE if name == "Q_in" else LOAD_NOISE
            every[..., self.plant.input_index[name]] *= torch.exp(noise * draw)
        own = PlantSystem(self.plant, self.defaults, self.observed)
        with torch.no_grad():
            steady = self._steady(own)
            scatter = torch.randn(windows, 1, steady.shape[-1], dtype=torch.float64, generator=generator)
            grid, scattered = Grid(INTERVAL, 15), steady * torch.exp(SCATTER * scatter)
            states = integrate(own, scattered, every[:, : warm + 1], grid).final
            self.inputs = every[:, warm:].contiguous()
            along = integrate(own, states, self.inputs, grid, record_knots=True)
            self.targets = along.outputs.contiguous()
        self.starts = states.unsqueeze(0)
        self.term = self._make_term(own, along)
        self._system = PlantSystem(self.plant, self.defaults, self.observed, self.term)
        self.weights = list(self.term.network.parameters())

    def _diurnal(self, knots: Tensor) -> Tensor:
        """Return the inputs at knots that are counted from midnight, ``(…, input)``."""
        plant = self.plant
        mean = [plant.layout.constants.get(spec.name, 0.0) for spec in plant.inputs]
        u = torch.tensor(mean, dtype=torch.float64).expand(*knots.shape, -1).clone()
        hours = knots * (INTERVAL * 24.0)
        for name, (amplitude, peak) in DIURNAL.items():
            day = 2 * np.pi / 24.0 * (hours - peak)
            u[..., plant.input_index[name]] *= 1.0 + amplitude * (0.7 * torch.cos(day) + 0.3 * torch.cos(2 * day))
        return u

    def _steady(self, own: PlantSystem) -> Tensor:
        """Return the steady state at mean inputs, ``(tank, component)``."""
        tanks, components = self.plant.shape
        constants = self.plant.layout.constants
        forcing = own.forcing(torch.tensor([constants.get(s.name, 0.0) for s in self.plant.inputs]).double())
        guess = {"X_BH": 2500.0, "X_BA": 150.0, "X_I": 1000.0, "X_P": 500.0, "X_S": 50.0, "S_I": 30.0, "S_ALK": 4.0}
        row = [guess.get(name, 1.0) for name in self.plant.table.component_names]
        x = steady_state(
            lambda x: own.derivative(x.unflatten(-1, (tanks, components)), forcing).flatten(-2),
            lambda x: own.full_jacobian(x.unflatten(-1, (tanks, components)), forcing),
            torch.tensor(row, dtype=torch.float64).repeat(tanks).unsqueeze(0),
            positive=torch.ones(tanks * components, dtype=torch.bool),
        )
        return x[0].unflatten(-1, (tanks, components))

    def _make_term(self, own: PlantSystem, along: Solution) -> LearntTerm:
        """Return n with random weights, scaled by a trajectory of f as in training."""
        assert along.knots is not None
        spec = TermSpec(
            placement="rates",
            inputs=READS,
            targets=tuple(self.plant.table.process_names),
            hidden=HIDDEN,
            activation="tanh",
            seeds=(1,),
        )
        X, u = along.knots[:, :-1].flatten(0, 1), self.inputs[:, :-1].flatten(0, 1)
        scaling = term_scaling(spec, own, X, u, {})
        takes_part = participants(self.plant, self.plant.stoichiometry(self.defaults, torch_namespace()))
        term = LearntTerm(spec, self.plant, scaling, takes_part)
        with torch.no_grad():
            layer = term.network.tensors()["weights"][-1]
            draw = torch.randn(layer.shape, dtype=layer.dtype, generator=torch.Generator().manual_seed(0))
            layer.copy_(LAST_LAYER * draw)
        return term

    def system(self) -> PlantSystem:
        """Return f + n with the parameters as they are now; one object, so that its step is compiled once."""
        now = PlantSystem(self.plant, self.defaults * torch.exp(self.logs @ self._pick), self.observed, self.term)
        vars(self._system).update(vars(now))
        return self._system

    def step(self, outputs: Callable[[PlantSystem], Tensor]) -> Found:
        """Go forward and back once.

        Parameters
        ----------
        outputs : callable
            Returns S_NH and S_NO of the last tank at the knots, ``(…, window, knot, 2)``.

        Returns
        -------
        Found
        """
        begin = time.perf_counter()
        loss = (outputs(self.system()) - self.targets).square().mean()
        middle = time.perf_counter()
        first, *others = torch.autograd.grad(loss, [self.logs, *self.weights])
        end = time.perf_counter()
        network = torch.cat([g.flatten() for g in others])
        return Found(middle - begin, end - middle, float(loss.detach()), first.numpy(), network.numpy())

    def interpolated(self) -> Interpolated:
        """Return the forcing at any time, for solvers that choose their own times."""
        with torch.no_grad():
            return Interpolated(self)

    def export(self, folder: Path) -> None:
        """Write what a peer needs: ``problem.npz`` and the generated ``kinetics.py``.

        `peers/run_diffrax.py` reads them. A derivative at the start is among it, by which a peer can check its own.
        """
        plant, term = self.plant, self.term
        along = self.interpolated()
        with torch.no_grad():
            system = self.system()
            slope = system.derivative(self.starts, along(0.3, system.parameters))
        learnt = term.network.tensors()
        weights = {f"weight_{i}": w[0] for i, w in enumerate(learnt["weights"])}
        weights |= {f"bias_{i}": b[0, 0] for i, b in enumerate(learnt["biases"])}
        scaling = {name: getattr(term, name) for name in ("mean", "std", "low", "high", "width")}
        tensors = {
            "starts": self.starts[0],
            "targets": self.targets,
            "defaults": self.defaults,
            "pick": self._pick,
            "logs": self.logs,
            "flow": along.flow[..., 0, 0],
            "influent": along.influent[..., 0, :],
            "flows": along.flows,
            "thickening": along.thickening,
            "loss": along.loss,
            "oxygen": along.oxygen,
            "entry": along.entry,
            "check_slope": slope[0],
            **weights,
            **scaling,
            "read": term.reading.read,
        }
        arrays = {name: value.detach().numpy() for name, value in tensors.items()}
        observed = [plant.table.component_names.index(name) for name in TARGETS]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "problem.npz",
            **arrays,
            particulate=plant.particulate,
            observed=np.array(observed),
            limits=np.array([LOG_LIMIT, FADE_START, FADE_END]),
            interval=np.array(INTERVAL),
            check_time=np.array(0.3),
        )
        (folder / "kinetics.py").write_text(plant.kinetics.source)


class Interpolated:
    """What the inputs make of the plant between knots, with less work than from the inputs themselves.

    Temperature, return sludge and aeration are constant here, so the matrices of the flows are linear between knots as
    the inputs are. What flows in is the product of a flow and a concentration.

    Parameters
    ----------
    problem : Problem
        Its inputs.
    """

    def __init__(self, problem: Problem) -> None:
        plant, u = problem.plant, problem.inputs
        xp = torch_namespace()
        self._whole = plant.forcing(u, problem.defaults, xp)
        assert (self._whole.parameters == problem.defaults).all()  # the reference temperature is that of the plant
        constant = ("T", "return_sludge", "wastage", *(name for name in plant.input_index if name.endswith(".kla")))
        for name in constant:
            assert (plant.input(u, name, xp) == plant.input(u, name, xp)[0, 0]).all(), name
        assert self._whole.thickening is not None
        assert self._whole.loss is not None
        self.flows, self.thickening = self._whole.flows, self._whole.thickening
        self.flow, self.influent = xp.column(plant.input(u, "Q_in", xp)), plant.influent(u, xp)
        self.entry = torch.as_tensor(plant.constants.entry)
        self.loss = self._whole.loss[0, 0]
        assert self._whole.source is not None
        self.oxygen = (self._whole.source - self.entry @ (self.flow * self.influent))[0, 0]

    def __call__(self, t: float, parameters: Tensor) -> Forcing[Tensor]:
        """Return the forcing of all windows at a time that is counted in knots, ``(window, …)`` each."""
        i = min(int(t), self.flows.shape[1] - 2)
        whole = self._whole

        def between(series: Tensor) -> Tensor:
            return torch.lerp(series[:, i], series[:, i + 1], t - i)

        source = self.entry @ (between(self.flow) * between(self.influent)) + self.oxygen
        return replace(
            whole,
            u=whole.u[:, i],
            parameters=parameters,
            flows=between(self.flows),
            thickening=between(self.thickening),
            source=source,
            loss=self.loss,
        )
