"""The influent files of the IWA benchmarks BSM1 and BSM2, in the names of the model.

The files hold samples every 15 min, each of which stays in force until the next (zero-order hold). The file of 14 d
with a row at 14.0 d repeats there the row at its begin.

References
----------
.. [1] Alex, J. et al. (2018): Benchmark Simulation Model no. 1 (BSM1). IWA Task Group.
.. [2] Gernaey, K. V., Jeppsson, U., Vanrolleghem, P. A. and Copp, J. B. (2014): Benchmarking of Control Strategies for
   Wastewater Treatment Plants. IWA Scientific and Technical Report 23.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding, raise_errors, row_summary
from asm_hybrid.data.gross import check_far, check_impossible
from asm_hybrid.data.limits import read_bounded
from asm_hybrid.errors import InputError
from asm_hybrid.paths import as_path
from asm_hybrid.plant.inputs import INFLUENT

__all__ = ["BsmInfluent", "read_bsm_influent"]

Values = NDArray[np.float64]

MAX_BYTES = 100_000_000
"""Largest influent file, unpacked [byte]: 609 d of BSM2 take 20 MB."""
STEP = 15.0
"""Interval of the samples [min]."""
STEP_TOLERANCE = 0.2
"""Times are rounded in the files; a step that differs by more than this is reported [min]."""
TSS_PER_COD = 0.75
"""Suspended solids of particulate COD in the benchmarks [g TSS/(g COD)]."""
TSS_TOLERANCE = 0.01
"""A TSS column that differs by more than this share is reported."""

PARTICULATE = ("X_I", "X_S", "X_BH", "X_BA", "X_P")
COMPONENTS = ("S_I", "S_S", *PARTICULATE, "S_O", "S_NO", "S_NH", "S_ND", "X_ND", "S_ALK")
"""Components in the order of the files."""
DUMMIES = tuple(f"dummy {i}" for i in range(1, 6))

LAYOUTS: Mapping[int, tuple[str, ...]] = {
    10: ("time", "S_S", "X_BH", "X_S", "X_I", "S_NH", "S_I", "S_ND", "X_ND", "Q_in"),
    15: ("time", *COMPONENTS, "Q_in"),
    16: ("time", *COMPONENTS, "TSS", "Q_in"),
    22: ("time", *COMPONENTS, "TSS", "Q_in", "T", *DUMMIES),
}
"""Columns of the files by their number: the ASCII files of the BSM1 package; BSM1 with all components; the same with
TSS; BSM2."""
HOTTEST = 60.0
"""Highest temperature of water in a plant [degC]."""
ALKALINITY = 7.0
"""S_ALK of the files that lack it [mol/m3]."""

UNITS: Mapping[str, str] = {
    "time": "d",
    "Q_in": "m3/d",
    "T": "degC",
    **{f"{INFLUENT}{name}": "g COD/m3" for name in ("S_I", "S_S", *PARTICULATE)},
    f"{INFLUENT}S_O": "g O2/m3",
    **{f"{INFLUENT}{name}": "g N/m3" for name in ("S_NO", "S_NH", "S_ND", "X_ND", "S_N2")},
    f"{INFLUENT}S_ALK": "mol/m3",
}


@dataclass(frozen=True)
class BsmInfluent:
    """A benchmark influent.

    Attributes
    ----------
    path : Path
        The file.
    frame : DataFrame
        ``time`` [d], ``Q_in`` [m3/d], ``T`` [degC] where the file has it, and ``influent.S_I`` … for the components of
        ASM1 [g/m3], ``influent.S_ALK`` [mol/m3]. ``influent.S_N2``, which the files lack, is zero.
    units : mapping of str to str
        Unit of every column.
    findings : tuple of QualityFinding
        Warnings: steps other than 15 min, gaps, a TSS that does not follow from the components.
    interpolation : str
        How values run between samples: ``previous``, each is held until the next.
    """

    path: Path
    frame: pd.DataFrame
    units: Mapping[str, str]
    findings: tuple[QualityFinding, ...]
    interpolation: Literal["previous"] = "previous"


def read_bsm_influent(path: Path | str) -> BsmInfluent:
    """Read an influent file of BSM1 or BSM2 as it is published.

    Parameters
    ----------
    path : Path or str
        Text with cells separated by tabs, spaces, commas or semicolons, with or without a header, plain or
        compressed by gzip. The number of columns tells the kind of file: 10, 15 or 16 (BSM1), 22 (BSM2).

    Returns
    -------
    BsmInfluent
        The series, with warnings.

    Raises
    ------
    InputError
        If the file cannot be read, a cell is no finite number, a value is negative or impossible, time does not
        increase, or the columns are not those of a benchmark.
    """
    path = as_path(path, "the path of an influent file of BSM1 or BSM2")
    values, rows, layout = _parse(_read_text(path), str(path))
    used = [name for name in layout if name not in DUMMIES]
    columns = {name: values[:, layout.index(name)] for name in used}
    places = {name: Place(str(path), f"{layout.index(name) + 1} ({name})", "", rows) for name in used}
    _check_values(columns, places)
    findings = _check_gross(columns, places)
    findings += [*_check_steps(columns["time"], places["time"]), *_check_tss(columns, places)]
    zero = np.zeros(rows.size)
    frame: dict[str, Values] = {name: columns[name] for name in ("time", "Q_in", "T") if name in columns}
    for name in (*COMPONENTS, "S_N2"):
        frame[f"{INFLUENT}{name}"] = columns.get(name, zero + ALKALINITY if name == "S_ALK" else zero)
    return BsmInfluent(path, pd.DataFrame(frame), {name: UNITS[name] for name in frame}, tuple(findings))


def _read_text(path: Path) -> str:
    try:
        raw = read_bounded(path, str(path), MAX_BYTES)
    except FileNotFoundError:
        raise InputError(
            "the file does not exist",
            where=str(path),
            expected="an influent file of BSM1 or BSM2",
            fix="check the path",
        ) from None
    if raw.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(raw)) as stream:
                raw = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"the compressed file is damaged: {error}",
                where=str(path),
                expected="a whole file compressed by gzip",
                fix="copy or download it again",
            ) from None
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"the file unpacks to more than {MAX_BYTES // 1_000_000} MB",
            where=str(path),
            expected="an influent file of BSM1 or BSM2",
        )
    return raw.decode("utf-8-sig", errors="replace")


def _parse(text: str, file: str) -> tuple[Values, NDArray[np.int64], tuple[str, ...]]:
    """Return the numbers ``(row, column)``, the row numbers in the file, and the names of the columns."""
    separator: str | None = None
    header: tuple[int, str] | None = None
    layout: tuple[str, ...] = ()
    numbers: list[list[float]] = []
    rows: list[int] = []
    for row, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line:
            continue
        if not numbers:
            separator = _separator(line)
            if line[0] in "#%" or not any(_is_number(cell) for cell in line.split(separator)):
                header = (row, line.replace("#", " ").replace("%", " "))
                continue
        cells = line.split(separator)
        if not numbers:
            layout = _layout(cells, file, row)
        if len(cells) != len(layout):
            raise InputError(
                f"the row has {len(cells)} cells",
                where=f"{file}, row {row}",
                expected=f"{len(layout)} cells, as in row {rows[0] if rows else row}",
                fix="check the row for a missing cell or separator; a file that was cut off has to be copied again",
            )
        rows.append(row)
        numbers.append(_row(cells, layout, file, row))
    if not numbers:
        raise InputError("the file has no row of numbers", where=file, expected=_expected())
    if header:
        _check_header(header[1], layout, file, header[0])
    return np.array(numbers), np.array(rows, dtype=np.int64), layout


def _separator(line: str) -> str | None:
    if "\t" in line:
        return None
    return next((s for s in ";," if s in line), None)


def _expected() -> str:
    return "; or ".join(
        f"{n} columns: {', '.join(n for n in names if n not in DUMMIES)}" for n, names in LAYOUTS.items()
    )


def _layout(cells: Sequence[str], file: str, row: int) -> tuple[str, ...]:
    if len(cells) not in LAYOUTS:
        raise InputError(
            f"the file has {len(cells)} columns",
            where=f"{file}, row {row}",
            expected=_expected(),
            fix="use the file as it was published; any other series is read through a config, by its header",
        )
    return LAYOUTS[len(cells)]


def _number(cell: str) -> float:
    """Read a number with an exponent by E or D."""
    if "_" in cell:
        raise ValueError
    return float(cell.upper().replace("D", "E"))


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _row(cells: Sequence[str], layout: Sequence[str], file: str, row: int) -> list[float]:
    numbers = []
    for index, cell in enumerate(cells):
        try:
            numbers.append(_number(cell))
        except ValueError:
            raise InputError(
                f"{cell.strip()[:40]!r} is not a number" if cell.strip() else "the cell is empty",
                where=f"{file}, row {row}, column {index + 1} ({layout[index]})",
                expected="a number such as 30.5 or 3.05e+01",
                fix="write numbers with a decimal point" if "," in cell else "correct the cell",
            ) from None
    return numbers


def _check_header(line: str, layout: Sequence[str], file: str, row: int) -> None:
    """Compare the names in a header with the columns, where it has them."""
    names = re.sub(r"[\[(][^\])]*[\])]", " ", line)
    cells = [re.sub(r"[\s_]", "", cell).lower() for cell in names.split(_separator(names))][-len(layout) :]
    if len(cells) < len(layout):
        return
    known = {name.replace("_", "").lower() for name in (*COMPONENTS, "TSS")}
    for index, (cell, name) in enumerate(zip(cells, layout, strict=True)):
        if cell in known and cell != name.replace("_", "").lower():
            raise InputError(
                f"the header names column {index + 1} {cell!r}, where a benchmark file has {name}",
                where=f"{file}, row {row}, column {index + 1}",
                expected=", ".join(layout),
                fix="use the file as it was published; any other series is read through a config, by its header",
            )


def _check_values(columns: Mapping[str, Values], places: Mapping[str, Place]) -> None:
    for name, values in columns.items():
        for bad, found, fix in (
            (~np.isfinite(values), "{} is not a finite number", "fill the gap, or cut the series there"),
            (values < 0, "{:g} is negative", "correct the value"),
            ((values > HOTTEST) & (name == "T"), "water of {:g} degC cannot be", "check the order of the columns"),
        ):
            if bad.any():
                first = int(np.flatnonzero(bad)[0])
                raise InputError(
                    found.format(values[first]) + (f", the first of {bad.sum()}" if bad.sum() > 1 else ""),
                    where=f"{places[name].file}, {row_summary(places[name].rows[bad])}, column {places[name].column}",
                    expected="a finite number, zero or above" + (f", up to {HOTTEST:g}" if name == "T" else ""),
                    fix=fix,
                )
    time, place = columns["time"], places["time"]
    back = np.flatnonzero(np.diff(time) <= 0) + 1
    if back.size:
        raise InputError(
            f"the time {time[back[0]]:.10g} d follows {time[back[0] - 1]:.10g} d",
            where=f"{place.file}, {row_summary(place.rows[back])}, column {place.column}",
            expected="times that increase from row to row",
            fix="sort the rows, remove repeated ones, or take a file whose times have more digits",
        )


def _check_gross(columns: Mapping[str, Values], places: Mapping[str, Place]) -> list[QualityFinding]:
    """Raise the first error about a value that cannot be measured; return warnings about others."""
    found = []
    for name, values in columns.items():
        unit = UNITS.get(f"{INFLUENT}{name}") or UNITS.get(name)
        if name != "time" and unit is not None:
            place = replace(places[name], unit=unit)
            found += check_impossible(values, values, place, name, unit) + check_far(values, values, place, unit)
    found = [replace(finding, fix="correct these cells") for finding in found]
    raise_errors(found)
    return found


def _check_steps(time: Values, place: Place) -> list[QualityFinding]:
    step = np.diff(time) * 1440
    found = []
    for kind, bad in (("gap", step > STEP + STEP_TOLERANCE), ("sampling", step < STEP - STEP_TOLERANCE)):
        if bad.any():
            worst = step[bad].max() if kind == "gap" else step[bad].min()
            found.append(
                place.finding(
                    "warning",
                    kind,
                    f"{bad.sum()} of {step.size} steps are {'longer' if kind == 'gap' else 'shorter'} than 15 min, the "
                    f"{'longest' if kind == 'gap' else 'shortest'} {worst:.4g} min"
                    + ("; the last sample is held until the next" if kind == "gap" else ""),
                    np.append(False, bad),
                    expected="samples every 15 min, time in days",
                    fix="check that the file is the published one",
                )
            )
    return found


def _check_tss(columns: Mapping[str, Values], places: Mapping[str, Place]) -> list[QualityFinding]:
    if "TSS" not in columns:
        return []
    tss = columns["TSS"]
    own = TSS_PER_COD * np.sum([columns[name] for name in PARTICULATE], axis=0)
    bad = np.abs(tss - own) > TSS_TOLERANCE * np.maximum(own, 1.0)
    if not bad.any():
        return []
    worst = int(np.argmax(np.abs(tss - own)))
    message = f"TSS is {tss[worst]:.4g}, and {TSS_PER_COD:g} of particulate COD {own[worst]:.4g} g/m3"
    count = f", the worst of {bad.sum()} rows" if bad.sum() > 1 else ""
    return [
        places["TSS"].finding(
            "warning",
            "TSS",
            message + count,
            bad,
            expected=f"{TSS_PER_COD:g} ({' + '.join(PARTICULATE)}), within {TSS_TOLERANCE:.0%}",
            fix="check the order of the columns; TSS is not used",
        )
    ]
