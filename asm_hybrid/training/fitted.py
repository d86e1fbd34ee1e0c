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

from asm_hybrid.artefacts import restored, verify_manifest, write_bytes_atomic, write_text_atomic
from asm_hybrid.config import Config, load_config, observed_targets
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid import (
    LOAD,
    LearntTerm,
    LearntTerms,
    NeuralODE,
    PlantSystem,
    TermScaling,
    TermSpec,
    participants,
)
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.plant import CLOCK, Plant, torch_namespace
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.sensors import Sensors, sensor_specs
from asm_hybrid.training.simulate import Grid, NeuralModel, PlantModel

__all__ = ["MODEL_FILES", "FittedModel", "load_model", "read_inputs", "term_specs"]

MODEL_FILES = ("config.yaml", "kinetics.yaml", "weights.safetensors", "inputs.csv")
"""The files of a run folder, or of a bundle, from which a model is loaded."""


def term_specs(config: Config, table: Table) -> tuple[TermSpec, ...]:
    """Return the settings of n that a config names, one a placement, defaults filled in.

    By default n reads the soluble components: the solids drift over weeks, out of any range that was seen in training.
    """
    network = config.network
    soluble = tuple(c.name for c in table.components if c.phase == "soluble")
    loads = tuple(f"{LOAD}{name}" for name in ("COD", "TN", "TP") if name in table.composites)
    targets = {
        "rates": network.processes or table.process_names,
        "state": network.components or table.component_names,
        "parameters": network.parameters or (),
        "forcing": [f"influent.{name}" for name in network.influent or table.component_names],
        "output": dict.fromkeys(observed_targets(config).values()),
    }
    specs = []
    for placement in network.placement:
        default = ("Q_in", "T", *loads) if placement == "forcing" else (*soluble, "T")
        read = network.inputs_of(placement) or default
        specs.append(
            TermSpec(
                placement=placement,
                form=network.form or "multiplicative",
                inputs=tuple(n for name in read for n in (CLOCK if name == "time_of_day" else (name,))),
                targets=tuple(targets[placement]),
                hidden=tuple(network.hidden),
                activation=network.activation,
                seeds=tuple(config.training.seeds),
            )
        )
    return tuple(specs)


@dataclass
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
    start : Tensor, shape (2, tank, component)
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

    @property
    def kind(self) -> str:
        """``hybrid``, ``neural`` or ``recalibrated``: the model that the run was made for."""
        if self.config.model.mode == "neural":
            return "neural"
        return "hybrid" if self.term is not None else "recalibrated"

    def mechanistic(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f with two sets of parameters, default and calibrated, as a batch."""
        sets = torch.stack([self.defaults, self.parameters])
        return PlantModel(PlantSystem(self.plant, sets, targets or self.targets), self.grid)

    def default(self) -> PlantModel:
        """Return f with the default parameters."""
        return PlantModel(PlantSystem(self.plant, self.defaults, self.targets), self.grid)

    def recalibrated(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f with the calibrated parameters."""
        return PlantModel(PlantSystem(self.plant, self.parameters, targets or self.targets), self.grid)

    def hybrid(self, targets: Sequence[str] | None = None) -> PlantModel:
        """Return f + n, all members."""
        system = PlantSystem(self.plant, self.parameters, targets or self.targets, self.term)
        return PlantModel(system, self.grid)

    def simulate(self, inputs: Tensor, targets: Sequence[str] | None = None, *, record_knots: bool = False) -> Solution:
        """Run the model of the run, open loop, from its start state.

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
        with torch.no_grad():
            if self.kind == "neural":
                if targets is not None and not set(targets) <= set(self.targets):
                    raise InputError(
                        "a pure neural model predicts the measured variables only",
                        expected="one of " + ", ".join(self.targets),
                    )
                assert self.neural is not None
                assert self.neural_start is not None
                start = self.neural_start.expand(self.neural.network.members, *cases, -1)
                found = NeuralModel(self.neural, self.grid).simulate(start, inputs, record_knots=record_knots)
                wanted = [self.targets.index(t) for t in targets or ()]
                return replace(found, outputs=found.outputs[..., wanted]) if wanted else found
            model = self.hybrid(targets) if self.term is not None else self.recalibrated(targets)
            members = self.term.members if self.term is not None else 1
            start = self.start[1].expand(members, *cases, -1, -1)
            return model.simulate(start, inputs, record_knots=record_knots)

    def predict(self, inputs: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Return the measured variables at the knots, ``(member, knot, variable)``, free of the sensors' bias and lag.

        Parameters
        ----------
        inputs : DataFrame or ndarray, shape (knot, input)
            Inputs at the knots; a frame is read by the names of ``plant.inputs``.
        """
        if isinstance(inputs, pd.DataFrame):
            names = [spec.name for spec in self.plant.inputs]
            lacking = [n for n in names if n not in inputs]
            if lacking:
                raise InputError("the inputs lack " + ", ".join(lacking), expected=", ".join(names))
            inputs = inputs[names].to_numpy(dtype=float)
        tensor = torch.tensor(inputs, dtype=torch.float64, device=self.parameters.device)
        return np.asarray(self.simulate(tensor).outputs.cpu())

    def save(self, folder: Path) -> None:
        """Write ``config.yaml``, ``kinetics.yaml``, ``kinetics.py`` and ``weights.safetensors``."""
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
    folder = Path(folder)
    verify_manifest(folder, MODEL_FILES[:3])
    table = load_table(folder / "kinetics.yaml")
    config = load_config(folder / "config.yaml")
    plant = Plant(table, config.layout(table))
    tensors = {k: v.to(device) for k, v in load_tensors((folder / "weights.safetensors").read_bytes()).items()}
    observed = observed_targets(config)
    model = FittedModel(
        config=config,
        plant=plant,
        grid=make_grid(config),
        targets=tuple(observed.values()),
        labels=tuple(observed),
        defaults=tensors["f.defaults"],
        parameters=tensors["f.parameters"],
        start=tensors["f.start"],
        sensors=_sensors(config, _section(tensors, "sensors.")).to(device),
        best=int(tensors["best"]),
    )
    learnt = _section(tensors, "n.")
    if learnt:
        takes_part = participants(plant, plant.stoichiometry(model.parameters, torch_namespace()))
        terms = []
        for spec in term_specs(config, table):
            own = _section(learnt, f"by_kind.{spec.kind}.")
            if not own:
                raise InputError(
                    f"the weights hold no n for the placement {spec.placement!r}",
                    where=str(folder / "weights.safetensors"),
                    expected="the file as this version of asm-hybrid writes it",
                    fix="use the version of asm-hybrid that made the run, or train again",
                )
            scaling = TermScaling(**{f.name: own[f.name] for f in fields(TermScaling)})
            terms.append(LearntTerm(spec, plant, scaling, takes_part))
        model.term = LearntTerms(terms).to(device)
        model.term.load_state_dict(learnt)
    pure = _section(tensors, "neural.")
    if pure:
        model.neural_start = pure.pop("start")
        network = config.network
        neural = NeuralODE(
            pure["z_mean"],
            pure["z_std"],
            pure["u_mean"],
            pure["u_std"],
            tuple(network.hidden),
            network.activation,
            tuple(config.training.seeds),
        ).to(device)
        neural.load_state_dict(pure)
        model.neural = neural
    return model


def read_inputs(folder: str | Path) -> pd.DataFrame:
    """Return the inputs that a run folder or bundle holds, to the last bit.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Returns
    -------
    DataFrame
        ``time`` in UTC, and one column an input, as :meth:`FittedModel.predict` takes them.
    """
    # Numbers are read as text first: pandas' own default has been off by one in the last place, version by version.
    text = restored(pd.read_csv(Path(folder) / "inputs.csv", dtype=str))
    numbers = text.drop(columns="time").to_numpy(dtype=str).astype(float)
    table = pd.DataFrame(numbers, columns=text.columns.drop("time"))
    table.insert(0, "time", pd.to_datetime(text["time"], utc=True, format="ISO8601"))
    return table


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
