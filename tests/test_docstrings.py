"""Docstrings of public names: complete where a notebook meets them, and with shapes wherever an array goes in."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from docstrings import incomplete, lacking, public, sections, shapeless

import asm_hybrid as ah

FACE = [name for name in ah.__all__ if name != "__version__"]
FUNCTIONS = [name for name in FACE if inspect.isfunction(getattr(ah, name))]
RESULTS = ("CheckResult", "EquationResult", "FittedModel", "ODELayer", "RunResult", "Simulation")
"""Classes whose objects a notebook gets, or makes."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    function = getattr(ah, name)
    assert lacking(function) == []
    assert shapeless(function) == []
    if inspect.signature(function).parameters:
        assert "Raises" in sections(function)


@pytest.mark.parametrize("name", [name for name in FACE if name not in FUNCTIONS])
def test_a_public_class_says_what_it_is_made_of(name: str) -> None:
    kind = getattr(ah, name)
    assert {"Parameters", "Attributes"} & set(sections(kind)) or issubclass(kind, Exception)


@pytest.mark.parametrize("name", RESULTS)
def test_what_an_object_offers_is_documented(name: str) -> None:
    def complete(member: Any) -> bool:
        if inspect.isfunction(member):
            return not lacking(member) and not shapeless(member)
        return not isinstance(member, property) or bool(sections(member)[""])

    members = {key: member for key, member in vars(getattr(ah, name)).items() if not key.startswith("_")}
    assert [key for key, member in members.items() if not complete(member)] == []


def test_arrays_that_public_functions_take_have_a_shape() -> None:
    found = {name: shapeless(thing) for name, thing in public() if inspect.isfunction(thing)}
    assert {name: names for name, names in found.items() if names} == {}


def test_public_names_of_all_modules_say_what_they_take_give_and_hold() -> None:
    found = {name: incomplete(thing) for name, thing in public()}
    assert {name: gaps for name, gaps in found.items() if gaps} == {}
