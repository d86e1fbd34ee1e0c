"""A pure neural ODE as ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asm_hybrid.export.onnx_graph.graph import BATCH, Graph, Value
from asm_hybrid.export.onnx_graph.models import Ingredients
from asm_hybrid.export.onnx_graph.term import Members
from asm_hybrid.export.onnx_graph.written import driven, named, written_model
from asm_hybrid.hybrid.neural import TIME_SCALE, NeuralODE

if TYPE_CHECKING:
    import onnx

__all__ = ["neural_models"]


def neural_models(ode: NeuralODE, start: np.ndarray, what: Ingredients) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the networks alone, and the right-hand side.

    Parameters
    ----------
    ode : NeuralODE
        The neural ODE, trained or not.
    start : ndarray, shape (variable,)
        Its state where the record begins.
    what : Ingredients
        The run; what is measured are the states.

    Returns
    -------
    tuple of ModelProto
        The networks from ``x`` and ``u`` to ``reads``, ``network`` and ``rate``; and ``dxdt`` and ``y``, from ``x``,
        ``u`` and ``member``.
    """
    states, inputs, seeds = what.measured, what.inputs, what.seeds
    facts = {"run": what.name, "time": "d", "states": named(states, start), "inputs": named(inputs, what.first)}
    facts |= seeds.facts
    read = [name for name, _ in (*states, *(inputs[i] for i in ode.read))]
    graph = Graph()
    scaled = _scaled(ode, *driven(graph, states, inputs))
    given = Members(ode.network, graph)(graph.unsqueeze(graph.unsqueeze(scaled, 1), 1))
    network = graph.expand(graph.squeeze(given, 2), (BATCH, len(seeds.seeds), len(states)))
    outputs = {"reads": scaled, "network": network, "rate": network * _speed(ode, graph)}
    texts = {
        "reads": "what the networks read, in standard deviations from the mean, (batch, read): the entry `reads`",
        "network": "what the networks give, (batch, seed, state)",
        "rate": "dx/dt, (batch, seed, state), in the unit of the state per day",
    }
    text = f"The networks of the run {what.name}, a pure neural ODE."
    alone = written_model(text, graph, outputs, facts | {"reads": read}, texts.items())

    graph = Graph()
    x, u = driven(graph, states, inputs)
    row = graph.unsqueeze(_scaled(ode, x, u), 1)
    given = graph.squeeze(Members(ode.network, graph, seeds.chosen(graph), none=np.nan)(row), 1)
    text = f"dx/dt of the run {what.name}, a pure neural ODE of what is measured."
    whole = written_model(
        text,
        graph,
        {"dxdt": graph.expand(given, (BATCH, len(states))) * _speed(ode, graph), "y": x},
        facts | {"measured": named(states)},
        [("member", seeds.text("none, which gives no number"))],
    )
    return alone, whole


def _scaled(ode: NeuralODE, x: Value, u: Value) -> Value:
    """Return what the networks read, ``(batch, read)``."""
    graph = x.graph
    z_mean, z_std, u_mean, u_std = (
        np.asarray(v.detach().cpu())[None] for v in (ode.z_mean, ode.z_std, ode.u_mean, ode.u_std)
    )
    read = graph.gather(u, ode.read, -1) - graph.constant(u_mean[:, ode.read])
    state = (x - graph.constant(z_mean)) / graph.constant(z_std)
    return graph.concat([state, read / graph.constant(u_std[:, ode.read])], -1)


def _speed(ode: NeuralODE, graph: Graph) -> Value:
    """Return by what the networks are multiplied, ``(1, state)`` [unit/d]."""
    return graph.constant(np.asarray(ode.z_std.detach().cpu())[None] / TIME_SCALE)
