"""A config with proposed corrections of its record beside those that it accepts already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asm_hybrid.config.builders.correction_values import correction_units, correction_values
from asm_hybrid.config.builders.kinetics_table import load_kinetics
from asm_hybrid.config.builders.plant_layout import build_layout
from asm_hybrid.config.load import load_config
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.diagnosis_sections import CorrectionsSection
from asm_hybrid.units import parse_quantity
from asm_hybrid.yamlfile import YamlSource

__all__ = ["corrected_config"]

DIGITS = 6
"""Digits to which corrections are written."""


def corrected_config(source: YamlSource | Config, proposals: Iterable[Mapping[str, Any]]) -> Config:
    """Return a config that accepts proposed corrections.

    The file of the config stays as it is: `Config.to_yaml` gives what a run folder keeps.

    Parameters
    ----------
    source : str, Path, mapping or Config
        The config.
    proposals : iterable of mapping
        Each with ``section`` (``factors``, ``shifts``, ``offsets`` or ``drifts``), ``key``, ``value`` and ``unit``, as
        in ``diagnosis.json``.

    Returns
    -------
    Config
        Its factors are multiplied with those that were there, and everything else is added. It accepts nothing more
        by itself: ``diagnosis.accept`` is false.

    Raises
    ------
    InputError
        If a proposal names nothing that can be corrected, or its unit does not fit.
    """
    config = source if isinstance(source, Config) else load_config(source)
    table = load_kinetics(config)
    layout = build_layout(config, table)
    units = correction_units(config, table, layout)
    known = correction_values(config, table, layout)
    found: dict[str, dict[str, Any]] = config.corrections.model_dump()
    for proposal in proposals:
        kind, key, value = proposal["section"], proposal["key"], float(proposal["value"])
        amount = f"{value!r} {proposal['unit']}"
        if kind == "factors":
            found[kind][key] = _rounded(value * found[kind].get(key, 1.0))
        elif kind == "shifts":
            found[kind][key] = parse_quantity(found[kind].get(key, 0.0), "d") + parse_quantity(amount, "d")
        elif key not in units:
            found[kind][key] = amount
        else:
            unit = units[key] + ("/d" if kind == "drifts" else "")
            known[kind][key] = known[kind].get(key, 0.0) + parse_quantity(amount, unit, difference=True)
            found[kind][key] = f"{_rounded(known[kind][key])} {unit}"
    corrections = CorrectionsSection.model_validate(found)
    diagnosis = config.diagnosis.model_copy(update={"accept": False})
    corrected = config.model_copy(update={"corrections": corrections, "diagnosis": diagnosis})
    correction_values(corrected, table, layout)
    return corrected


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
