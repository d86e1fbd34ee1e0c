"""A graph as an ONNX model that says what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from asm_hybrid.export.onnx_graph.graph import BATCH, FORMAT_VERSION, OPSET, Graph, Value

if TYPE_CHECKING:
    import onnx

__all__ = ["Seeds", "Variables", "driven", "named", "written_model"]

PRODUCER = "asm-hybrid"

Variables = tuple[tuple[str, str], ...]
"""Names and units."""

TEXTS = {
    "x": "states, (batch, state), in the order and units of the entry `states`",
    "u": "inputs, (batch, input), in the order and units of the entry `inputs`",
    "dxdt": "dx/dt, (batch, state), in the unit of the state per day",
    "y": "what is measured, (batch, variable), in the order and units of the entry `measured`",
}
"""What the inputs and outputs are that most models have."""


@dataclass(frozen=True)
class Seeds:
    """The members of n.

    Attributes
    ----------
    seeds : tuple of int
        Their seeds.
    best : int
        Position of the best one.
    """

    seeds: tuple[int, ...]
    best: int

    @property
    def facts(self) -> dict[str, Any]:
        """What the metadata say of them."""
        return {"seeds": list(self.seeds), "best": self.seeds[self.best]}

    def chosen(self, graph: Graph) -> Value:
        """Return the input that chooses one of them, ``(row,)``: its position, from 1; the best one without it."""
        return graph.input("member", ("members",), kind="int64", default=np.array([self.best + 1]))

    def text(self, none: str) -> str:
        """Return what that input is."""
        return (
            f"which seed, (1 or batch): its position in the entry `seeds`, from 1, or 0 for {none}; the best one "
            "without it"
        )


def named(variables: Variables, values: np.ndarray | None = None) -> list[dict[str, Any]]:
    """Return names, units and values as an entry of the metadata.

    Parameters
    ----------
    variables : tuple of (str, str)
        Name and unit of each.
    values : ndarray, shape (variable,), optional
        A value of each.

    Returns
    -------
    list of dict
    """
    found: list[dict[str, Any]] = [{"name": name, "unit": unit} for name, unit in variables]
    if values is not None:
        for row, value in zip(found, values.tolist(), strict=True):
            row["value"] = value
    return found


def driven(graph: Graph, states: Variables, inputs: Variables) -> tuple[Value, Value]:
    """Return the inputs ``x`` and ``u`` of a model.

    Parameters
    ----------
    graph : Graph
        The graph.
    states, inputs : tuple of (str, str)
        Their names and units.

    Returns
    -------
    tuple of Value, shape (batch, state) and (batch, input)
    """
    return graph.input("x", (BATCH, len(states))), graph.input("u", (BATCH, len(inputs)))


def written_model(
    text: str,
    graph: Graph,
    outputs: Mapping[str, Value],
    facts: Mapping[str, Any],
    texts: Iterable[tuple[str, str]] = (),
) -> onnx.ModelProto:
    """Write a graph as a model.

    Parameters
    ----------
    text : str
        What the model is.
    graph : Graph
        The graph.
    outputs : mapping of str to Value
        Its outputs.
    facts : mapping of str to object
        The metadata, each a text or written as JSON.
    texts : iterable of (str, str)
        Names of inputs and outputs that are not in `TEXTS`, and what they are.

    Returns
    -------
    ModelProto
    """
    from onnx import helper

    own = version(PRODUCER)
    found = helper.make_model(
        graph.proto(PRODUCER.replace("-", "_"), outputs, TEXTS | dict(texts)),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT_VERSION,
        producer_name=PRODUCER,
        producer_version=own,
        doc_string=f"{text} Names and units are in the metadata.",
    )
    entries = {key: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for key, v in facts.items()}
    helper.set_model_props(found, entries)
    return found
