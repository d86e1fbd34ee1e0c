"""The FMU itself: an archive of description, sources, binaries and documentation, the same from the same model."""

from __future__ import annotations

import hashlib
import html
import io
import uuid
import zipfile
from collections.abc import Iterable, Mapping

from asm_hybrid.export.c_sources import read_template
from asm_hybrid.export.described import Described
from asm_hybrid.export.fmi.binaries import build_libraries, find_compilers
from asm_hybrid.export.fmi.data_header import data_header
from asm_hybrid.export.fmi.model_description import build_description, describe_fmi2, describe_fmi3, plain_text
from asm_hybrid.export.fmi.variables import FmuVariable, Numbering, number_variables

__all__ = ["make_fmus"]

_DESCRIBE = {2: describe_fmi2, 3: describe_fmi3}
_ANY_TIME = (1980, 1, 1, 0, 0, 0)
"""Time of every file in an archive, so that the same model makes the same bytes."""


def make_fmus(described: Described) -> tuple[dict[int, bytes], list[str]]:
    """Make the FMUs of a model.

    Parameters
    ----------
    described : Described
        The model.

    Returns
    -------
    (dict of int to bytes, list of str)
        The archive by version of the standard, 2 and 3, and notes for the user.

    Raises
    ------
    InputError
        If a compiler fails, or a unit cannot be read.
    """
    numbering, compilers = number_variables(described), find_compilers()
    tokens = {version: _token(described, numbering, version) for version in _DESCRIBE}
    sources = {version: _sources(described, numbering, version, *tokens[version]) for version in _DESCRIBE}
    libraries = build_libraries(compilers, described.sources, sources)
    archives = {}
    for version, describe in _DESCRIBE.items():
        files: dict[str, str | bytes] = {
            "modelDescription.xml": describe(described, numbering, tokens[version][0]),
            "documentation/index.html": _page(described, numbering, version),
            "documentation/licenses/license.txt": read_template("license.txt"),
            **{f"sources/{name}": text for name, text in {**described.sources, **sources[version]}.items()},
        }
        if version == 3:
            files["sources/buildDescription.xml"] = build_description(described)
        for target, built in libraries.items():
            folder = target.fmi2 if version == 2 else target.fmi3
            files[f"binaries/{folder}/{described.identifier}{target.ending}"] = built[version]
        archives[version] = _archive(files)
    return archives, _notes([t.fmi2 for t in libraries])


def _notes(built: list[str]) -> list[str]:
    missing = [name for name in ("linux64", "win64") if name not in built]
    if not missing:
        return []
    what = f"binaries for {' and '.join(built)} alone" if built else "sources alone, no binaries"
    reason = "no C compiler was found" if not built else "the compiler found here makes no others"
    return [f"the FMUs hold {what}, as {reason}; pip install 'asm-hybrid[fmu]' builds for linux64 and win64"]


def _token(described: Described, numbering: Numbering, version: int) -> tuple[str, int]:
    """Return a name of the content, as GUID, and the same as a number of 64 bits."""
    content = [_DESCRIBE[version](described, numbering, ""), *_templates(version).values(), *described.sources.values()]
    digest = hashlib.sha256("\0".join([*content, data_header(described, numbering, "", 0)]).encode()).digest()
    return f"{{{uuid.UUID(bytes=digest[:16])}}}", int.from_bytes(digest[:8], "big")


def _templates(version: int) -> dict[str, str]:
    return {name: read_template(name) for name in (f"fmi{version}.c", f"fmi{version}_types.h", "fmu.h", "fmu_steps.h")}


def _sources(described: Described, numbering: Numbering, version: int, token: str, mark: int) -> dict[str, str]:
    return {**_templates(version), "fmu_data.h": data_header(described, numbering, token, mark)}


def _archive(files: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _ANY_TIME)
            info.create_system = 3  # Unix, wherever it is made
            info.external_attr = (0o755 if name.startswith("binaries/") else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return stream.getvalue()


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{name}</title>
<style>
body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: 0.15em 1em 0.15em 0; border-bottom: 1px solid #ddd; vertical-align: top; }}
td.number {{ text-align: right; }}
</style>
</head>
<body>
<h1>{name}</h1>
<p>{text}</p>
<p>The fitted plant in C: f is the mechanistic model, and n, where there is one, is what was learnt from data. Nothing
else is needed. Time is in seconds. In co-simulation the FMU integrates with its own stiff solver and error control, and
passes events itself. An input keeps the value that was given last, or moves from there in a straight line where the
parameter der(INPUT) says so, in units a second.</p>
{tables}
</body>
</html>
"""


def _page(described: Described, numbering: Numbering, version: int) -> str:
    variables = numbering.of_version(version)
    shown = {"Inputs": "input", "States and outputs": "output", "Parameters": "parameter"}
    tables = [_table(title, [v for v in variables if v.causality == kind]) for title, kind in shown.items()]
    return _PAGE.format(
        name=_escape(described.name),
        text=_escape(described.text),
        tables="\n".join(tables),
    )


def _escape(text: str) -> str:
    return html.escape(plain_text(text))


def _table(title: str, variables: Iterable[FmuVariable]) -> str:
    rows = [
        f"<tr><td>{v.name}</td><td>{_escape(v.unit.name if v.unit else '-')}</td>"
        f'<td class="number">{"" if v.values.start is None else f"{v.values.start:g}"}</td>'
        f"<td>{_escape(v.description)}</td></tr>"
        for v in variables
    ]
    head = "<tr><th>name</th><th>unit</th><th>start</th><th>what it is</th></tr>"
    return f"<h2>{title}</h2>\n<table>\n{head}\n" + "\n".join(rows) + "\n</table>"
