"""The header ``fmu_data.h``: what the C code of an FMU knows of its description."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from asm_hybrid.export.described import Described
from asm_hybrid.export.fmi.variables import FmuVariable, Numbering
from asm_hybrid.export.printed import print_array, print_number, print_text

__all__ = ["data_header"]


def data_header(described: Described, numbering: Numbering, token: str, mark: int) -> str:
    """Return ``fmu_data.h``.

    Parameters
    ----------
    described : Described
        The model.
    numbering : Numbering
        Its variables.
    token : str
        GUID or instantiation token.
    mark : int
        By which saved states tell the model, an unsigned number of 64 bits.

    Returns
    -------
    str
        C.
    """
    d, by_reference = described, {v.reference: v for v in numbering.variables}
    inputs = [by_reference[numbering.inputs + i] for i in range(len(d.inputs))]
    parameters = [by_reference[numbering.parameters + i] for i in range(len(d.parameters))]
    doubles = {
        "state_nominal": [
            v.values.nominal or 1.0 for v in (by_reference[numbering.states + i] for i in range(len(d.states)))
        ],
        "input_minimum": _limits(inputs, "minimum"),
        "input_maximum": _limits(inputs, "maximum"),
        "parameter_minimum": _limits(parameters, "minimum"),
        "parameter_maximum": _limits(parameters, "maximum"),
    }
    flags = {
        "input_by_table": [v.causality != "input" for v in inputs],
        "parameter_is_switch": [v.kind == "Boolean" for v in parameters],
    }
    return "\n".join(
        [
            "/* What modelDescription.xml says, for the code. */",
            f'#define FMU_TOKEN "{token}"',
            f"#define FMU_HASH UINT64_C(0x{mark:016x})",
            *(print_array(f"static const double {name}", v, print_number) for name, v in doubles.items()),
            *(print_array(f"static const char {name}", [int(x) for x in v]) for name, v in flags.items()),
            print_array("static const char *const variable_name", numbering.names, print_text),
            "",
        ]
    )


def _limits(variables: Iterable[FmuVariable], which: str) -> list[float]:
    open_end = sys.float_info.max if which == "maximum" else -sys.float_info.max
    return [open_end if (limit := getattr(v.values, which)) is None else float(limit) for v in variables]
