"""The fitted model: everything a run learnt, saved as text and safetensors and loadable again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from asm_hybrid.artefacts import write_bytes_atomic, write_text_atomic
from asm_hybrid.cards import card, tabulated
from asm_hybrid.config import Config, build_layout, load_config, observed_targets
from asm_hybrid.errors import InputError, SimulationError, readable
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.paths import A_RUN, as_path
from asm_hybrid.plant import CLOCK, Plant, torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.model_inputs import INPUTS, check_possible, first_knot, knot_values
from asm_hybrid.training.sensors import Sensors, sensor_specs
from asm_hybrid.training.simulation_models import NeuralModel, PlantModel, without_gradients

__all__ = ["MODEL_FILES", "FittedModel", "load_model", "term_specs"]

MODEL_FILES = ("config.yaml", "kinetics.yaml", "weights.safetensors", INPUTS)
"""The files of a run folder, or of a bundle, from which a model is loaded."""


AS_WRITTEN = "the file as this version of asm-hybrid writes it"
OTHER_VERSION = "use the version of asm-hybrid that made the run, or train again"


def term_specs(config: Config, table: Table) -> tuple[TermSpec, ...]:
    """Return the settings of n that a config names, defaults filled in.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.

    Returns
    -------
    tuple of TermSpec
        One a placement.
    """
    network, observed, specs = config.network, tuple(observed_targets(config).values()), []
    for placement in network.placement:
        acts = PLACEMENTS[placement]
        read = network.inputs_of(placement) or acts.default_inputs(table)
        specs.append(
            TermSpec(
                placement=placement,
                inputs=tuple(n for name in read for n in (CLOCK if name == "time_of_day" else (name,))),
                targets=acts.choose(network.targets_of(placement), table, observed),
                hidden=tuple(network.hidden),
                activation=network.activation,
                seeds=tuple(config.training.seeds),
                network=network.type,
                options=network.options_of(placement),
            )
        )
    return tuple(specs)


@dataclass(eq=False)
class FittedModel:
    """A plant with its default and calibrated parameters, and what was learnt on top.

    Attributes
    ----------
    config : Config
        The resolved settings.
    plant : Plant
        f.
    grid : Grid
        Knots and steps.
    targets, labels : tuple of str
        What is predicted, and how the data name it.
    defaults, parameters : Tensor, shape (parameter,)
        Parameter values before and after calibration.
    start : Tensor, shape (2, row, component)
        States at the first knot, with the default and with the calibrated parameters.
    sensors : Sensors
        Of the measured variables: what measurements are compared with is what they show.
    term : LearntTerms or None
        n of the hybrid model.
    neural : NeuralODE or None
        The pure neural ODE.
    neural_start : Tensor or None, shape (variable,)
        Its state at the first knot.
    best : int
        Position of the seed with the lowest validation loss.
    begin : Timestamp or None
        Time of the first knot, UTC; `start` is the state there.
    """

    config: Config
    plant: Plant
    grid: Grid
    targets: tuple[str, ...]
    labels: tuple[str, ...]
    defaults: Tensor
    parameters: Tensor
    start: Tensor
    sensors: Sensors
    term: LearntTerms | None = None
    neural: NeuralODE | None = None
    neural_start: Tensor | None = None
    best: int = 0
    begin: pd.Timestamp | None = None

    def mechanistic(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f with two sets of parameters, default and calibrated, as a batch.

        Parameters
        ----------
        targets : sequence of str, optional
            What it gives out, such as ``aerobic.S_NH``; the measured variables without it.

        Returns
        -------
        PlantModel
        """
        sets = torch.stack([self.defaults, self.parameters])
        return PlantModel(PlantSystem(self.plant, sets, targets or self.targets), self.grid)

    def default(self) -> PlantModel:
        """Return f with the default parameters.

        Returns
        -------
        PlantModel
        """
        return PlantModel(PlantSystem(self.plant, self.defaults, self.targets), self.grid)

    def recalibrated(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f with the calibrated parameters.

        Parameters
        ----------
        targets : sequence of str, optional
            What it gives out, such as ``aerobic.S_NH``; the measured variables without it.

        Returns
        -------
        PlantModel
        """
        return PlantModel(PlantSystem(self.plant, self.parameters, targets or self.targets), self.grid)

    def hybrid(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f + n, all members.

        Parameters
        ----------
        targets : sequence of str, optional
            What it gives out, such as ``aerobic.S_NH``; the measured variables without it.

        Returns
        -------
        PlantModel
        """
        system = PlantSystem(self.plant, self.parameters, targets or self.targets, self.term)
        return PlantModel(system, self.grid)

    def simulate(self, inputs: Tensor, targets: Sequence[str] | None = None, *, record_knots: bool = False) -> Solution:
        """Run the model of the run, open loop, from its start state; on a CPU through compiled functions.

        Parameters
        ----------
        inputs : Tensor, shape (…, knot, input)
            Inputs at the knots, in the order of ``plant.inputs``; leading axes are cases that run side by side.
        targets : sequence of str, optional
            What to record; the measured variables without it. A neural model can give nothing else.
        record_knots : bool
            Keep the states at the knots.

        Returns
        -------
        Solution
            With a leading member axis, before those of the cases: one entry a seed, or a single one for f alone.
        """
        cases = inputs.shape[:-2]
        if self.config.model.mode == "neural":
            if self.neural is None or self.neural_start is None:
                raise InputError("the run was stopped before its neural model was there", fix="resume the run")
            if targets is not None and not set(targets) <= set(self.targets):
                raise InputError(
                    "a pure neural model predicts the measured variables only",
                    expected="one of " + ", ".join(self.targets),
                )
            start = self.neural_start.expand(self.neural.network.members, *cases, -1)
            neural = without_gradients(NeuralModel(self.neural, self.grid))
            found = neural.simulate(start, inputs, record_knots=record_knots)
            wanted = [self.targets.index(t) for t in targets or ()]
            return replace(found, outputs=found.outputs[..., wanted]) if wanted else found
        model = self.hybrid(targets) if self.term is not None else self.recalibrated(targets)
        members = self.term.members if self.term is not None else 1
        start = self.start[1].expand(members, *cases, -1, -1)
        return without_gradients(model).simulate(start, inputs, record_knots=record_knots)

    def predict(self, inputs: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Return the measured variables at the knots, ``(member, knot, variable)``, free of the sensors' bias and lag.

        The model starts from its state at the first knot of its record, so that is where the inputs begin.

        Parameters
        ----------
        inputs : DataFrame or ndarray, shape (knot, input)
            Inputs at the knots. A frame is read by the names of ``plant.inputs``; its times, in a column ``time`` or
            as its index, have to be those of the knots. Rows without times are taken for the knots, one by one.

        Returns
        -------
        ndarray, shape (member, knot, variable)
            A member that diverges holds NaN from there on.

        Raises
        ------
        InputError
            When the inputs do not have the columns of the plant, do not lie at the knots, hold gaps, or cannot be.
        SimulationError
            When the best member diverges.
        """
        names = [spec.name for spec in self.plant.inputs]
        values = knot_values(inputs, names, self.begin, self.grid.interval)
        check_possible(self.plant, values, self.grid.interval)
        found = self.simulate(torch.tensor(values, dtype=torch.float64, device=self.parameters.device))
        best = self.best if len(found.ok) > 1 else 0
        if not bool(found.ok[best]):
            raise SimulationError(
                "the prediction leaves the finite numbers: check the inputs for values far outside the record"
            )
        return np.asarray(found.outputs.cpu())

    @property
    def _facts(self) -> dict[str, str]:
        predicted = (f"{label} ({name})" for label, name in zip(self.labels, self.targets, strict=True))
        return {
            "mode": self.config.model.mode,
            "seeds": ", ".join(map(str, self.config.training.seeds)),
            "first knot": "any" if self.begin is None else f"{self.begin:%Y-%m-%d %H:%M} UTC",
            "between knots": f"{24 * self.grid.interval:g} h",
            "inputs": ", ".join(spec.name for spec in self.plant.inputs),
            "predicts": ", ".join(predicted),
        }

    def __repr__(self) -> str:
        return "\n".join([f"FittedModel {self.config.name}", *(f"  {k}: {v}" for k, v in self._facts.items())])

    def _repr_html_(self) -> str:
        rows = [[name, value] for name, value in self._facts.items()]
        return card(f"Fitted model {self.config.name}", tabulated(["", ""], rows, text=frozenset({0, 1})))

    def save(self, folder: Path) -> None:
        """Write ``config.yaml``, ``kinetics.yaml``, ``kinetics.py`` and ``weights.safetensors``.

        Parameters
        ----------
        folder : Path
            The run folder, which is there.

        Raises
        ------
        WritingError
            When a file cannot be written.
        """
        tensors = {
            "f.defaults": self.defaults,
            "f.parameters": self.parameters,
            "f.start": self.start,
            "best": torch.tensor([self.best]),
        }
        learnt = self.sensors if self.sensors.learns else None
        modules: dict[str, nn.Module | None] = {"n": self.term, "neural": self.neural, "sensors": learnt}
        for prefix, module in modules.items():
            if module is not None:
                tensors |= {f"{prefix}.{k}": v for k, v in module.state_dict().items()}
        if self.neural_start is not None:
            tensors["neural.start"] = self.neural_start
        plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        write_bytes_atomic(folder / "weights.safetensors", save_tensors(plain))
        write_text_atomic(folder / "config.yaml", self.config.to_yaml(folder))
        write_text_atomic(folder / "kinetics.yaml", self.plant.table.text)
        write_text_atomic(folder / "kinetics.py", self.plant.kinetics.source)


def load_model(folder: str | Path, device: str | torch.device = "cpu") -> FittedModel:
    """Load the fitted model of a run folder or of an exported bundle.

    Parameters
    ----------
    folder : str or Path
        The folder.
    device : str or torch.device
        Where to put its tensors.

    Returns
    -------
    FittedModel

    Raises
    ------
    InputError
        When a file is missing or is not the one that was written.
    """
    folder, device = as_path(folder, A_RUN), _device(device)
    verify_manifest(folder, MODEL_FILES)
    table = load_table(folder / "kinetics.yaml")
    config = load_config(folder / "config.yaml")
    plant = Plant(table, build_layout(config, table))
    observed = observed_targets(config)
    path = folder / "weights.safetensors"
    with readable("the weights do not fit the config", where=str(path), expected=AS_WRITTEN, fix=OTHER_VERSION):
        tensors = {k: v.to(device) for k, v in load_tensors(path.read_bytes()).items()}
        members = len(config.training.seeds)
        count = len(table.parameter_names)
        _check(tensors, {"f.defaults": (count,), "f.parameters": (count,), "f.start": (2, *plant.shape), "best": (1,)})
        best = int(tensors["best"])
        if not 0 <= best < members:
            raise ValueError(f"the best of {members} seeds cannot be number {best}")
        return FittedModel(
            config=config,
            plant=plant,
            grid=make_grid(config),
            targets=tuple(observed.values()),
            labels=tuple(observed),
            defaults=tensors["f.defaults"],
            parameters=tensors["f.parameters"],
            start=tensors["f.start"],
            sensors=_sensors(config, _section(tensors, "sensors.")).to(device),
            term=_terms(config, plant, tensors, device),
            neural=_neural(config, plant, tensors, device),
            neural_start=tensors.get("neural.start"),
            best=best,
            begin=first_knot(folder),
        )


def _device(name: str | torch.device) -> torch.device:
    """Return a device that is there."""
    expected = "cpu, or cuda on a machine with a CUDA device and a CUDA build of torch"
    with readable("the device cannot be used", where=f"device {str(name)!r}", expected=expected, fix="device='cpu'"):
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise ValueError("models are not computed there")
        torch.zeros(1, dtype=torch.float64, device=device)
    return device


def _check(tensors: dict[str, Tensor], shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse tensors that lack, have another shape, or hold what is no number."""
    for name, shape in shapes.items():
        if name not in tensors:
            raise ValueError(f"{name} is missing")
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(tensors[name].shape)} instead of {shape}")
    for name, tensor in tensors.items():
        if tensor.dtype != (torch.int64 if name == "best" else torch.float64) or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name} does not hold finite numbers of double precision")


def _terms(config: Config, plant: Plant, tensors: dict[str, Tensor], device: torch.device) -> LearntTerms | None:
    """Return n, if the weights hold any."""
    learnt = _section(tensors, "n.")
    if not learnt:
        return None
    takes_part = participants(plant, plant.stoichiometry(tensors["f.parameters"], torch_namespace()))
    terms = []
    for spec in term_specs(config, plant.table):
        own = _section(learnt, f"by_kind.{spec.kind}.")
        if not own:
            raise ValueError(f"they hold no n for the placement {spec.placement!r}")
        read, acts = (len(spec.inputs),), (len(spec.targets),)
        sizes = {"typical": acts, "level": (len(plant.table.components),)}
        _check(own, {f.name: sizes.get(f.name, read) for f in fields(TermScaling)})
        scaling = TermScaling(**{f.name: own[f.name] for f in fields(TermScaling)})
        terms.append(LearntTerm(spec, plant, scaling, takes_part))
    found = LearntTerms(terms).to(device)
    found.load_state_dict(learnt)
    return found


def _neural(config: Config, plant: Plant, tensors: dict[str, Tensor], device: torch.device) -> NeuralODE | None:
    """Return the pure neural ODE, if the weights hold one."""
    pure = _section(tensors, "neural.")
    if not pure:
        return None
    seen, driven = (len(observed_targets(config)),), (len(plant.inputs),)
    _check(pure, {"start": seen, "z_mean": seen, "z_std": seen, "u_mean": driven, "u_std": driven})
    del pure["start"]
    network = config.network
    found = NeuralODE(
        pure["z_mean"],
        pure["z_std"],
        pure["u_mean"],
        pure["u_std"],
        tuple(network.hidden),
        network.activation,
        tuple(config.training.seeds),
    ).to(device)
    found.load_state_dict(pure)
    return found


def make_grid(config: Config) -> Grid:
    """Return the knots and steps that a config asks for; the step is shortened to divide the interval."""
    interval = config.data.interval
    substeps = max(1, int(np.ceil(interval / config.training.step - 1e-9)))
    return Grid(interval, substeps, config.data.interpolation == "linear")


def checkpoint_knots(config: Config) -> int | None:
    """Return the knot intervals that a config wants to be held in memory at once; None for all."""
    asked = config.training.checkpoint
    return None if asked is None else max(1, round(asked / config.data.interval))


def _sensors(config: Config, learnt: dict[str, Tensor]) -> Sensors:
    """Return the sensors of a config, with what was learnt of them; the noise is of no use without that."""
    specs = sensor_specs(config)
    noise = learnt.get("noise", torch.zeros(len(specs), dtype=torch.float64))
    sensors = Sensors(specs, noise, len(config.training.seeds))
    if learnt:
        sensors.load_state_dict(learnt)
    return sensors


def _section(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
