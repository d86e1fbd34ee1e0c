"""The fitted model: everything a run learnt, saved as text and safetensors and loadable again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from asm_hybrid.artefacts import write_bytes_atomic, write_text_atomic
from asm_hybrid.cards import card, tabulated
from asm_hybrid.config import Config, build_layout, load_config, observed_targets, with_loop_parameters
from asm_hybrid.errors import InputError, SimulationError, readable
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.device import usable_device
from asm_hybrid.training.from_config import make_grid, term_specs
from asm_hybrid.training.given_state import GivenState, as_stamp, plant_state, state_values
from asm_hybrid.training.model_inputs import (
    INPUTS,
    check_possible,
    first_knot,
    inputs_until,
    knot_times,
    knot_values,
    read_inputs,
)
from asm_hybrid.training.sensors import Sensors, sensor_specs
from asm_hybrid.training.simulation_models import SETTLING, NeuralModel, PlantModel, without_gradients
from asm_hybrid.unpacked import run_folder

__all__ = ["MODEL_FILES", "FittedModel", "load_model"]

MODEL_FILES = ("config.yaml", "kinetics.yaml", "weights.safetensors", INPUTS)
"""The files of a run folder, or of a bundle, from which a model is loaded."""


AS_WRITTEN = "the file as this version of asm-hybrid writes it"
OTHER_VERSION = "use the version of asm-hybrid that made the run, or train again"


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
    folder : Path or None
        The run folder or bundle from which it was loaded, which holds the inputs of its record.
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
    folder: Path | None = None

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

    @property
    def members(self) -> int:
        """Number of members: one a seed, or a single one of f alone."""
        if self.config.model.mode == "neural":
            return self._pure.network.members
        return self.term.members if self.term is not None else 1

    @property
    def _pure(self) -> NeuralODE:
        if self.neural is None or self.neural_start is None:
            raise InputError("the run was stopped before its neural model was there", fix="resume the run")
        return self.neural

    def simulate(
        self,
        inputs: Tensor,
        targets: Sequence[str] | None = None,
        *,
        start: Tensor | None = None,
        settling: int = SETTLING,
        record_knots: bool = False,
    ) -> Solution:
        """Run the model of the run, open loop; on a CPU through compiled functions.

        Parameters
        ----------
        inputs : Tensor, shape (…, knot, input)
            Inputs at the knots, in the order of ``plant.inputs``; leading axes are cases that run side by side.
        targets : sequence of str, optional
            What to record; the measured variables without it. A neural model can give nothing else.
        start : Tensor, shape (row, component) or (member, row, component), optional
            State at the first knot, such as `state` returns; without it, that at the begin of the record.
        settling : int
            How many times as many steps the first interval has; one goes on from a state that the model has reached as
            if it had not stopped there.
        record_knots : bool
            Keep the states at the knots.

        Returns
        -------
        Solution
            With a leading member axis, before those of the cases: one entry a seed, or a single one for f alone.
        """
        cases, members, neural = inputs.shape[:-2], self.members, self.config.model.mode == "neural"
        if neural and targets is not None and not set(targets) <= set(self.targets):
            raise InputError(
                "a pure neural model predicts the measured variables only",
                expected="one of " + ", ".join(self.targets),
            )
        own = self.neural_start if neural else self.start[1]
        first = cast(Tensor, own) if start is None else start
        shape = first.shape[-1:] if neural else first.shape[-2:]
        first = (
            first.expand(members, *shape).reshape(members, *[1] * len(cases), *shape).expand(members, *cases, *shape)
        )
        if neural:
            model = without_gradients(NeuralModel(self._pure, self.grid))
            found = model.simulate(first, inputs, record_knots=record_knots)
            wanted = [self.targets.index(t) for t in targets or ()]
            return replace(found, outputs=found.outputs[..., wanted]) if wanted else found
        plant = self.hybrid(targets) if self.term is not None else self.recalibrated(targets)
        plain = without_gradients(replace(plant, settling=settling))
        return plain.simulate(first, inputs, record_knots=record_knots)

    def state(self, given: GivenState) -> Tensor:
        """Return a state from which the model can start.

        Parameters
        ----------
        given : mapping, Series or DataFrame; or str or datetime
            Values by the names of the states, in the units of the kinetics table, as ``states`` of a simulation has
            them: for a pure neural model those of the measured variables. A frame has one row, or one a seed. Imposed
            concentrations may be left out. Or a time of the record, at a knot; without a zone it is UTC.

        Returns
        -------
        Tensor, shape (member, row, component) or, of a pure neural model, (member, variable)
            What was given; or the state that the model had at that time, simulated from the begin of its record.

        Raises
        ------
        InputError
            When a state is missing, unknown, or cannot be; or the time is none of the record's knots.
        """
        if isinstance(given, str | datetime):
            return self._state_at(as_stamp(given))
        if self.config.model.mode == "neural":
            found = state_values(given, self.targets, self.members)
        else:
            found = plant_state(given, self.plant, self.parameters, self.members)
        return self._tensor(found)

    def _state_at(self, stamp: pd.Timestamp) -> Tensor:
        """Return the states at a time of the record, ``(member, …)``."""
        if self.folder is None:
            fix = "load the model by asm_hybrid.load_model(RUN), or give a state"
            raise InputError("the model was not loaded from a folder, so that its record is not known", fix=fix)
        names = [spec.name for spec in self.plant.inputs]
        found = self.simulate(self._tensor(inputs_until(read_inputs(self.folder), names, stamp, self.grid.interval)))
        self._check_finite(found)
        return found.final

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.parameters.device)

    def _check_finite(self, found: Solution) -> None:
        """Refuse a simulation whose best member has left the finite numbers."""
        if not bool(found.ok[self.best if len(found.ok) > 1 else 0]):
            pH = " or comes to water of no pH from 2 to 12" if self.plant.table.equilibrium else ""
            raise SimulationError(
                f"the prediction leaves the finite numbers{pH}: check the inputs for values far outside the record"
            )

    def predict(self, inputs: pd.DataFrame, start: GivenState | None = None) -> pd.DataFrame:
        """Return the measured variables at the knots, free of the sensors' bias, lag and dead time.

        Parameters
        ----------
        inputs : DataFrame
            Inputs at the knots, one row each, as `asm_hybrid.read_inputs` gives them: read by the names of
            ``plant.inputs``, with times in a column ``time`` or as the index. Without `start` they begin where the
            record of the run begins, since the model has its state there.
        start : mapping, Series or DataFrame; or str or datetime, optional
            State at the first row, by the names of the states; or a time of the record, whose state the model starts
            from. See `state`. The inputs may then begin at any time.

        Returns
        -------
        DataFrame
            Index ``time`` (UTC), a column a variable, by its name in the data and in the unit of the kinetics table:
            the median of the seeds. Where a run has several seeds, ``VARIABLE low`` and ``VARIABLE high`` are their
            range; a seed that diverges is left out. `simulate` gives every seed by itself.

        Raises
        ------
        InputError
            When the inputs have no times, do not have the columns of the plant, do not lie at the knots, hold gaps, or
            cannot be; or the start is no state of the model.
        SimulationError
            When the best seed diverges.
        """
        names = [spec.name for spec in self.plant.inputs]
        values = knot_values(inputs, names, self.begin if start is None else None, self.grid.interval)
        check_possible(self.plant, values, self.grid.interval)
        first = None if start is None else self.state(start)
        goes_on = isinstance(start, str | datetime)
        found = self.simulate(self._tensor(values), start=first, settling=1 if goes_on else SETTLING)
        self._check_finite(found)
        kept = np.asarray(found.outputs[found.ok].cpu())
        parts = {"": np.median(kept, axis=0)}
        if self.members > 1:
            parts |= {" low": kept.min(axis=0), " high": kept.max(axis=0)}
        columns = {f"{label}{end}": y[:, i] for i, label in enumerate(self.labels) for end, y in parts.items()}
        return pd.DataFrame(columns, index=knot_times(inputs))

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
        The folder, or the zip of the bundle.
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
    folder, device = run_folder(folder), usable_device(device)
    verify_manifest(folder, MODEL_FILES)
    config = load_config(folder / "config.yaml")
    table = with_loop_parameters(config, load_table(folder / "kinetics.yaml"))
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
            folder=folder.absolute(),
        )


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
        for name, value in _of_earlier_versions(own).items():
            learnt[f"by_kind.{spec.kind}.{name}"] = own[name] = value
        read, acts = (len(spec.inputs),), (len(spec.targets),)
        signs = spec.architecture(plant).signs
        sizes = {"typical": acts, "level": (len(plant.table.components),)}
        sizes["halves"] = (0 if signs is None else len(signs.weakenings),)
        names = [f.name for f in fields(TermScaling) if f.name != "halves" or signs is not None]
        _check(own, {name: sizes.get(name, read) for name in names})
        scaling = TermScaling(**{name: own[name] for name in names})
        terms.append(LearntTerm(spec, plant, scaling, takes_part))
    found = LearntTerms(terms).to(device)
    found.load_state_dict(learnt)
    return found


def _of_earlier_versions(own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what weights of earlier versions do not tell, such that they predict as before where n was of use."""
    if {"width", "varied"} & set(own) or not {"low", "high"} <= set(own):
        return {}
    width = (own["high"] - own["low"]).clamp(min=1e-9)
    return {"width": width, "varied": (width > 1e-9).to(width.dtype)}


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


def _sensors(config: Config, learnt: dict[str, Tensor]) -> Sensors:
    """Return the sensors of a config, with what was learnt of them; the noise is of no use without that."""
    specs = sensor_specs(config)
    noise = learnt.get("noise", torch.zeros(len(specs), dtype=torch.float64))
    sensors = Sensors(specs, noise, len(config.training.seeds))
    if learnt:
        earlier = {"beside_f": torch.zeros_like(noise), "delays": sensors.delays}  # earlier versions have none
        sensors.load_state_dict({**earlier, **learnt})
    return sensors


def _section(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
