"""Section ``network``: what placements and networks have in common, and the keys that each adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, create_model, model_validator

from asm_hybrid.config.schema.counts import Hidden
from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.errors import nearest
from asm_hybrid.hybrid.keys import Names
from asm_hybrid.hybrid.network import Network
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.placement import Placement
from asm_hybrid.hybrid.placements import PLACEMENTS

__all__ = ["NetworkSection"]


def _placements(value: Any) -> Any:
    """Put one or several placements into their order."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise refuse(f"the placement is {value!r}", f"one of {', '.join(PLACEMENTS)}, or a list of them")
    for i, name in enumerate(listed):
        if not isinstance(name, str) or name not in PLACEMENTS:
            raise refuse(
                f"the placement {name!r} is not known",
                "one of " + ", ".join(PLACEMENTS),
                nearest(str(name), PLACEMENTS),
            )
        if name in listed[:i]:
            raise refuse(f"the placement {name!r} is listed twice", "each placement once")
    return tuple(name for name in PLACEMENTS if name in listed)


def _reads(value: Any) -> Any:
    """Check the form of what n reads: a list, or a list for every placement."""
    lists = {"": value} if isinstance(value, list | tuple) else value
    names = lists.values() if isinstance(lists, dict) else [None]
    if not all(isinstance(v, list | tuple) and v and all(isinstance(n, str) for n in v) for v in names):
        raise refuse(
            f"the inputs are {value!r}",
            "a list of names, or a mapping of placements to such lists",
            "for instance 'inputs: [S_NH, S_O, T]' or 'inputs: {rates: [S_NH, T], forcing: [Q_in, T]}'",
        )
    return {k: tuple(v) for k, v in lists.items()} if isinstance(value, dict) else tuple(value)


def _one_network(value: Any) -> Any:
    if not isinstance(value, str) or value not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise refuse(f"the type of network is {value!r}", f"one of {known}", nearest(str(value), NETWORKS))
    return value


Reads = Annotated[
    Names | dict[str, Names] | None,
    BeforeValidator(lambda value: value if value is None else _reads(value)),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}, {"type": "null"}]}),
]


class _Network(Section):
    """The learnt part n.

    Attributes
    ----------
    placement : tuple of str
        Where n acts.
    inputs : tuple of str, mapping of str to tuple of str, or None
        What n sees, or what it sees in each placement.
    type : str
        Kind of network.
    hidden : tuple of int
        Widths of the hidden layers.
    activation : str
        ``"tanh"``, ``"silu"``, ``"relu"`` or ``"softplus"``.

    Notes
    -----
    Placements and networks add keys of their own, which are None where they are not given.
    """

    placement: Annotated[
        tuple[str, ...],
        BeforeValidator(_placements),
        PlainSerializer(lambda names: names[0] if len(names) == 1 else list(names)),
        WithJsonSchema({"anyOf": [{"enum": list(PLACEMENTS)}, {"type": "array", "items": {"enum": list(PLACEMENTS)}}]}),
    ] = Field(
        default=("rates",),
        description="Where n acts, one or a list. "
        + "; ".join(f"{name}: {found.summary}" for name, found in PLACEMENTS.items())
        + ".",
    )
    inputs: Reads = Field(
        default=None,
        description="What n sees, a list, or one for each placement: components of the tank; T and Q_in of the "
        "influent; air (kLa or air flow of the tank; for forcing the air flow of all); load.X with X a component or "
        "composite of the influent; time_of_day; or what a column gives, by its name. Default "
        + "; ".join([Placement.reads, *(f"for {n} {p.reads}" for n, p in PLACEMENTS.items() if "reads" in vars(p))])
        + ".",
    )
    type: Annotated[str, BeforeValidator(_one_network), WithJsonSchema({"enum": list(NETWORKS)})] = Field(
        default="signed",
        description="The network. " + "; ".join(f"{name}: {found.summary}" for name, found in NETWORKS.items()) + ".",
    )
    hidden: Hidden = Field(
        default=(16, 16),
        description="Widths of the hidden layers: at most 8 of at most 1024 units, whose weights fill 59 MB a seed.",
    )
    activation: Literal["tanh", "silu", "relu", "softplus"] = Field(
        default="tanh", description="Activation of the hidden layers; with signed and monotone tanh."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = ", ".join(map(repr, self.placement))
        _only("placement", PLACEMENTS, self.placement, given, self)
        _only("type", NETWORKS, (self.type,), repr(self.type), self)
        for placement in self.inputs if isinstance(self.inputs, dict) else ():
            if placement not in self.placement:
                raise refuse(f"there are inputs for {placement!r} with the placement {given}", "inputs for " + given)
        for name in self.placement:
            key, required = PLACEMENTS[name].target_key, PLACEMENTS[name].required
            if key and required and getattr(self, key) is None:
                raise refuse(f"the placement {name!r} has no {key!r}", required[0], f"add {key}: {required[1]}")
        activations = NETWORKS[self.type].activations
        others = [name for name, network in NETWORKS.items() if self.activation in network.activations]
        if self.activation not in activations:
            raise refuse(
                f"the activation {self.activation!r} is given with the type {self.type!r}",
                f"with that, one of {', '.join(activations)}",
                f"set activation: {activations[0]}, or type: {others[0]}"
                if others
                else f"set activation: {activations[0]}",
            )
        return self

    def inputs_of(self, placement: str) -> tuple[str, ...] | None:
        """Return what n reads in a placement, as the config names it; None for the default."""
        return self.inputs.get(placement) if isinstance(self.inputs, dict) else self.inputs

    def reads(self, name: str) -> bool:
        """Return whether n reads something in any placement."""
        return any(name in (self.inputs_of(p) or ()) for p in self.placement)

    def targets_of(self, placement: str) -> tuple[str, ...] | None:
        """Return what n may change in a placement, as the config names it; None for the default."""
        key = PLACEMENTS[placement].target_key
        return getattr(self, key) if key else None

    def options_of(self, placement: str) -> dict[str, Any]:
        """Return the values of the keys that a placement and the network have of their own, but for the targets."""
        acts, network = PLACEMENTS[placement], NETWORKS[self.type]
        names = [name for name in (*acts.keys, *network.keys) if name != acts.target_key]
        given = {name: getattr(self, name) for name in names}
        return {**acts.defaults, **{name: value for name, value in given.items() if value is not None}}


def _only(
    what: str,
    known: Mapping[str, type[Placement] | type[Network]],
    chosen: Sequence[str],
    given: str,
    section: _Network,
) -> None:
    """Refuse keys of placements, or networks, that are not chosen."""
    for name, found in known.items():
        for key in found.keys:
            if name not in chosen and getattr(section, key) is not None:
                raise refuse(
                    f"{key!r} is given with the {what} {given}",
                    f"{key!r} with the {what} {name!r} only",
                    f"remove {key!r}, or set {what}: {name}",
                )


def _own_keys() -> dict[str, Any]:
    """Return the fields that placements and networks add to the section; none may take a key of another."""
    keys: dict[str, Any] = {}
    for what, known in (("placement", PLACEMENTS), ("type", NETWORKS)):
        for name, found in known.items():
            for key, (kind, text) in found.keys.items():
                if key in keys or key in _Network.model_fields:
                    raise TypeError(f"the key {key!r} of the {what} {name!r} has another meaning already")
                keys[key] = (kind | None, Field(default=None, description=f"{text} {what.capitalize()} {name} only."))
    return keys


if TYPE_CHECKING:
    NetworkSection = _Network
else:
    NetworkSection = create_model("NetworkSection", __base__=_Network, __doc__=_Network.__doc__, **_own_keys())
