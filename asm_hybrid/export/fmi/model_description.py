"""modelDescription.xml of FMI 2.0 and FMI 3.0."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from asm_hybrid import __version__
from asm_hybrid.export.described import Described
from asm_hybrid.export.fmi.variables import FmuVariable, Numbering

__all__ = ["build_description", "describe_fmi2", "describe_fmi3", "plain_text"]

_STOP = 14 * 86400.0
"""End of the default experiment [s]."""
_LICENSE = "MIT for the solver and the interface, see documentation/licenses; the fitted model belongs to who fitted it"
_SOURCES = {2: ("fmi2.c", "model.c"), 3: ("fmi3.c", "model.c")}
"""Files that are compiled, by version of the standard."""

_CATEGORIES = {
    "logEvents": "events: controllers that switch, time tables that go on",
    "logStatusDiscard": "values that were not taken, states that could not be evaluated",
    "logStatusError": "why an instance has failed",
    "logAll": "all messages",
}
_CAN = {"needsExecutionTool": False, "canBeInstantiatedOnlyOncePerProcess": False}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def describe_fmi2(described: Described, numbering: Numbering, token: str) -> str:
    """Return ``modelDescription.xml`` of FMI 2.0.

    Parameters
    ----------
    described : Described
        The model.
    numbering : Numbering
        Its variables.
    token : str
        The GUID.

    Returns
    -------
    str
        XML.
    """
    d, variables = described, numbering.of_version(2)
    root = _element("fmiModelDescription", fmiVersion="2.0", modelName=d.name, guid=token, **_about(d))
    root.set("numberOfEventIndicators", str(d.events))
    saves = {"canGetAndSetFMUstate": True, "canSerializeFMUstate": True, "canNotUseMemoryManagementFunctions": True}
    common = {"modelIdentifier": d.identifier, **_CAN, **saves, "providesDirectionalDerivative": True}
    steps = {
        "canHandleVariableCommunicationStepSize": True,
        "canInterpolateInputs": True,
        "maxOutputDerivativeOrder": 1,
    }
    for kind, more in (
        ("ModelExchange", {"completedIntegratorStepNotNeeded": True}),
        ("CoSimulation", {**steps, "canRunAsynchronuously": False}),
    ):
        sources = _child(_child(root, kind, **common, **more), "SourceFiles")
        for name in _SOURCES[2]:
            _child(sources, "File", name=name)
    _units(root, variables)
    _frame(root, d)
    listed = _child(root, "ModelVariables")
    for v in variables:
        scalar = _child(listed, "ScalarVariable", **_naming(v))
        _child(scalar, v.kind, **_typed(v if v.causality == "local" else replace(v, derivative=None)))
    _structure(root, d, numbering, 2)
    return _xml_text(root)


def describe_fmi3(described: Described, numbering: Numbering, token: str) -> str:
    """Return ``modelDescription.xml`` of FMI 3.0.

    Parameters
    ----------
    described : Described
        The model.
    numbering : Numbering
        Its variables.
    token : str
        The instantiation token.

    Returns
    -------
    str
        XML.
    """
    d, variables = described, numbering.of_version(3)
    root = _element("fmiModelDescription", fmiVersion="3.0", modelName=d.name, instantiationToken=token, **_about(d))
    saves = {"canGetAndSetFMUState": True, "canSerializeFMUState": True}
    common = {"modelIdentifier": d.identifier, **_CAN, **saves, "providesDirectionalDerivatives": True}
    _child(root, "ModelExchange", **common, needsCompletedIntegratorStep=False)
    steps = {"canHandleVariableCommunicationStepSize": True, "maxOutputDerivativeOrder": 1}
    _child(root, "CoSimulation", **common, **steps, providesIntermediateUpdate=False, hasEventMode=False)
    _units(root, variables)
    _frame(root, d)
    listed = _child(root, "ModelVariables")
    for v in variables:
        kind = {"Real": "Float64", "Integer": "Int32"}.get(v.kind, v.kind)
        _child(listed, kind, **_naming(v), **_typed(v))
    _structure(root, d, numbering, 3)
    return _xml_text(root)


def build_description(described: Described) -> str:
    """Return ``sources/buildDescription.xml`` of FMI 3.0.

    Parameters
    ----------
    described : Described
        The model.

    Returns
    -------
    str
        XML.
    """
    root = _element("fmiBuildDescription", fmiVersion="3.0")
    build = _child(root, "BuildConfiguration", modelIdentifier=described.identifier)
    files = _child(build, "SourceFileSet", language="C99")
    for name in _SOURCES[3]:
        _child(files, "SourceFile", name=name)
    _child(build, "Library", name="m", external=True)
    return _xml_text(root)


def _xml_text(root: ET.Element) -> str:
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else plain_text(str(value))


def plain_text(text: str) -> str:
    """Return text with a space in the place of everything that XML has no signs for.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text, in one line.
    """
    return _CONTROL.sub(" ", text)


def _attributes(given: dict[str, Any]) -> dict[str, str]:
    return {name: _written(value) for name, value in given.items() if value is not None}


def _element(tag: str, **given: Any) -> ET.Element:
    return ET.Element(tag, _attributes(given))


def _child(parent: ET.Element, tag: str, **given: Any) -> ET.Element:
    return ET.SubElement(parent, tag, _attributes(given))


def _about(d: Described) -> dict[str, str]:
    tool = f"asm-hybrid {__version__}"
    return {
        "description": d.text,
        "license": _LICENSE,
        "generationTool": tool,
        "variableNamingConvention": "structured",
    }


def _units(root: ET.Element, variables: Iterable[FmuVariable]) -> None:
    units = {v.unit.name: v.unit for v in variables if v.unit is not None}
    listed = _child(root, "UnitDefinitions")
    for unit in units.values():
        base = {**dict(unit.exponents), "factor": unit.factor, "offset": unit.offset or None}
        _child(_child(listed, "Unit", name=unit.name), "BaseUnit", **base)


def _frame(root: ET.Element, d: Described) -> None:
    categories = _child(root, "LogCategories")
    for name, text in _CATEGORIES.items():
        _child(categories, "Category", name=name, description=text)
    _child(root, "DefaultExperiment", startTime=0.0, stopTime=_STOP, tolerance=d.tolerance, stepSize=float(d.step))


def _naming(v: FmuVariable) -> dict[str, Any]:
    named = {"name": v.name, "valueReference": v.reference, "description": v.description}
    return {**named, "causality": v.causality, "variability": v.variability, "initial": v.initial}


def _typed(v: FmuVariable) -> dict[str, Any]:
    if v.kind == "Boolean":
        return {"start": bool(v.values.start)}
    convert = int if v.kind == "Integer" else float
    limits = {"min": v.values.minimum, "max": v.values.maximum, "nominal": v.values.nominal, "start": v.values.start}
    typed: dict[str, Any] = {key: None if value is None else convert(value) for key, value in limits.items()}
    unit = None if v.unit is None else v.unit.name
    return {"unit": unit, **typed, "derivative": v.derivative, "reinit": v.reinit or None}


def _structure(root: ET.Element, d: Described, numbering: Numbering, version: int) -> None:
    """List outputs, rates of change and what is calculated at the start, with what each depends on.

    FMI 2.0 tells them by their places among the variables, which equal the value references that FMI 3.0 tells them by.
    """
    structure = _child(root, "ModelStructure")

    def unknowns(group: str, single: str, rows: Sequence[tuple[int, Sequence[int] | None]]) -> None:
        parent = _child(structure, group) if version == 2 and rows else structure
        for reference, known in rows:
            given = None if known is None else " ".join(str(k) for k in known)
            name = "index" if version == 2 else "valueReference"
            _child(parent, "Unknown" if version == 2 else single, **{name: reference, "dependencies": given})

    def known(row: tuple[tuple[int, ...], tuple[int, ...]]) -> list[int]:
        states, inputs = row
        free = (i for i in sorted(inputs) if d.inputs[i].name not in d.table_inputs)
        return [*(numbering.states + i for i in sorted(states)), *(numbering.inputs + i for i in free)]

    states = [(numbering.states + i, [numbering.states + i]) for i in range(len(d.states))]
    outputs = [(numbering.outputs + i, known(row)) for i, row in enumerate(d.output_of)]
    rates = [(numbering.derivatives + i, known(row)) for i, row in enumerate(d.derivative_of)]
    unknowns("Outputs", "Output", [*states, *outputs])
    unknowns("Derivatives", "ContinuousStateDerivative", rates)
    unknowns("InitialUnknowns", "InitialUnknown", [(reference, None) for reference, _ in [*rates, *outputs]])
    if version == 3:
        unknowns("", "EventIndicator", [(numbering.events + i, None) for i in range(d.events)])
