"""n alone, and the right-hand side f + n of a plant, as ONNX models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from asm_hybrid.export.onnx_graph.graph import BATCH, Graph, Value
from asm_hybrid.export.onnx_graph.namespace import onnx_namespace
from asm_hybrid.export.onnx_graph.term import OnnxTerm, onnx_terms
from asm_hybrid.export.onnx_graph.written import Seeds, Variables, driven, named, written_model
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.network_inputs import reading_unit
from asm_hybrid.plant import Plant, recorded, target_unit

if TYPE_CHECKING:
    import onnx

__all__ = ["Ingredients", "learnt_model", "rhs_model"]

XP = onnx_namespace()


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What the models of a plant are made of.

    Attributes
    ----------
    name : str
        What the run is called.
    plant : Plant
        f.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    targets : tuple of str
        What is measured: ``TANK.QUANTITY`` or ``effluent.QUANTITY``.
    term : LearntTerms or None
        n.
    seeds : Seeds
        Its members.
    start, first : ndarray, shape (state,) and (input,)
        States and inputs where the record of the run begins.
    """

    name: str
    plant: Plant
    parameters: np.ndarray
    targets: tuple[str, ...]
    term: LearntTerms | None
    seeds: Seeds
    start: np.ndarray
    first: np.ndarray

    @property
    def states(self) -> Variables:
        """Names and units of the states."""
        return tuple(zip(self.plant.rows.names, self.plant.rows.units, strict=True))

    @property
    def inputs(self) -> Variables:
        """Names and units of the inputs."""
        return tuple((i.name, i.unit) for i in self.plant.inputs)

    @property
    def measured(self) -> Variables:
        """Names and units of what is measured."""
        return tuple((target, target_unit(self.plant.table, target)) for target in self.targets)

    @property
    def facts(self) -> dict[str, Any]:
        """What the metadata of every model say."""
        found: dict[str, Any] = {"run": self.name, "kinetics": self.plant.table.name, "time": "d"}
        found |= {"states": named(self.states, self.start), "inputs": named(self.inputs, self.first)}
        if self.term is None:
            return found
        return found | self.seeds.facts | {"n": [_said(term, self.plant) for term in self.term]}


def rhs_model(what: Ingredients) -> onnx.ModelProto:
    """Return the right-hand side: from states and inputs to the derivatives, and to what is measured.

    Parameters
    ----------
    what : Ingredients
        The plant, and n where it has one.

    Returns
    -------
    ModelProto
        Inputs ``x``, ``u``, ``p`` and, with n, ``member``; outputs ``dxdt`` and ``y``.
    """
    graph, plant, targets = Graph(), what.plant, what.targets
    x, u = driven(graph, what.states, what.inputs)
    p = graph.input("p", ("parameter_sets", len(what.parameters)), default=what.parameters[None])
    n = None if what.term is None else onnx_terms(what.term, graph, what.seeds.chosen(graph))
    X, forcing, slopes = _whole(plant, x), plant.forcing(u, p, XP, n), list[Value]()
    if plant.steered:
        forcing, slopes = plant.steer(X, forcing, XP)
    tanks = plant.effective_state(X, forcing, XP)
    change = plant.change(tanks, forcing, plant.stoichiometry(p, XP), XP, n)
    whole = XP.flat(plant.assemble(change, X, tanks, forcing, slopes, XP))
    y = XP.join([recorded(plant, target, X, tanks, forcing, XP.entries(p), XP) for target in targets])
    outputs = {
        "dxdt": graph.gather(whole, np.flatnonzero(plant.rows.active).tolist(), -1),
        "y": y if n is None else n.recorded(y, targets, tanks, forcing.seen),
    }
    outputs = {key: graph.expand(v, (BATCH, *v.shape[1:])) for key, v in outputs.items()}
    parameters = tuple((q.name, q.unit) for q in plant.table.parameters)
    said = (
        "parameters of the kinetics table at their reference temperatures, (1 or batch, parameter), in the order and "
        "units of the entry `parameters`; those of the run without it"
    )
    return written_model(
        f"dx/dt = f(x, u; p){'' if n is None else ' + n(x, u)'} of the run {what.name}, and what is measured.",
        graph,
        outputs,
        what.facts | {"parameters": named(parameters, what.parameters), "measured": named(what.measured)},
        [("p", said), ("member", what.seeds.text("f alone"))],
    )


def learnt_model(what: Ingredients) -> onnx.ModelProto:
    """Return n alone: from states and inputs to what n reads, what its networks give, and what that does.

    Parameters
    ----------
    what : Ingredients
        A plant with n.

    Returns
    -------
    ModelProto
        Inputs ``x`` and ``u``; of every placement the outputs ``PLACEMENT_reads``, ``PLACEMENT_network``,
        ``PLACEMENT_guard``, and ``PLACEMENT_factor`` or ``PLACEMENT_addition``.
    """
    assert what.term is not None
    graph, plant = Graph(), what.plant
    x, u = (graph.unsqueeze(v, 1) for v in driven(graph, what.states, what.inputs))
    forcing = plant.forcing(u, graph.constant(what.parameters[None]), XP)
    X = plant.effective_state(_whole(plant, x), forcing, XP)
    outputs, texts = dict[str, Value](), dict[str, str]()
    for term in onnx_terms(what.term, graph):
        name = term.placement.name
        for key, (value, text) in _given(term, X, u, what.term.members).items():
            outputs[f"{name}_{key}"], texts[f"{name}_{key}"] = value, text
    text = f"n of the run {what.name}: what it reads, what its networks give, and what that does in the plant."
    return written_model(text, graph, outputs, what.facts, texts.items())


def _given(term: OnnxTerm, X: Value, u: Value, members: int) -> dict[str, tuple[Value, str]]:
    """Return the outputs of one placement and what they are, by the ends of their names."""
    placement, graph = term.placement, X.graph
    spots, targets = len(placement.spots), len(placement.targets)
    features = term.features(X, u)
    guard, network = term.guard(features), term.evaluate(term.scaled(features))
    effect = graph.gather(placement.given(term, X, u), list(placement.columns), -1)
    places = effect.shape[-2]
    at = f"(batch, seed, {'spot' if places == spots else places}, target)"
    doing = "by what it multiplies" if placement.multiplies else "what it adds to"
    return {
        "reads": (
            graph.expand(graph.squeeze(features, 1), (BATCH, spots, len(term.reading.inputs))),
            "what n reads, (batch, spot, read)",
        ),
        "network": (
            graph.expand(network, (BATCH, members, spots, targets)),
            "what the networks give, (batch, seed, spot, target)",
        ),
        "guard": (
            graph.expand(graph.squeeze(guard, 1), (BATCH, spots, targets)),
            "one within the trained range and zero far outside, by which that is multiplied, (batch, spot, target)",
        ),
        "factor" if placement.multiplies else "addition": (
            graph.expand(effect, (BATCH, members, places, targets)),
            f"what n does: {doing} the targets, {at}",
        ),
    }


def _said(term: LearntTerm, plant: Plant) -> dict[str, Any]:
    """Return what the metadata say of one placement."""
    placement = term.placement
    return {
        "placement": placement.name,
        "gives": "factor" if placement.multiplies else "addition",
        "spots": list(placement.spots),
        "reads": named(tuple((name, reading_unit(plant, name)) for name in term.reading.inputs)),
        "targets": named(tuple((name, placement.unit(name, plant.table)) for name in placement.targets)),
    }


def _whole(plant: Plant, x: Value) -> Value:
    """Return a state in the plant's shape, ``(…, row, component)``, with zeros for entries that are no states."""
    graph, active = x.graph, plant.rows.active.ravel() > 0
    if not active.all():
        places = np.where(active, np.cumsum(active) - 1, active.sum())
        x = graph.gather(XP.join([x, graph.constant(np.zeros((1, 1)))]), places.tolist(), -1)
    return graph.tail(x, len(x.shape) - 1, plant.shape)
