"""The text of a check as a process engineer reads it: operation, measured beside expected, balances, cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asm_hybrid.data.check_text import aligned
from asm_hybrid.scenario.operation import Operation, Sludge, unknown_inputs
from asm_hybrid.scenario.plausible import Comparison
from asm_hybrid.scenario.record_balance import COD_PER_NITRATE, RecordBalance
from asm_hybrid.scenario.scoring import INFLUENT_BOD
from asm_hybrid.training.cost import UNCERTAINTY, Cost, duration

__all__ = ["balance_lines", "cost_lines", "measured_lines", "operation_lines"]

HOURS = 24.0


def operation_lines(found: Operation, when: str) -> list[str]:
    """Return loads, tanks and sludge of a mean operating point.

    Parameters
    ----------
    found : Operation
        The operating point.
    when : str
        Of what time it is.

    Returns
    -------
    list of str
        Loads [kg/d], then a table of tanks, then SRT and F/M, and what cannot be told.
    """
    settled = "; DO, MLSS and sludge as f settles there" if found.state is not None else ""
    lines = [f"operation {when}{settled}"]
    unknown = unknown_inputs(found.plant)
    if unknown:
        lines.append(
            f"  unknown: {', '.join(unknown)}, and what follows from them, because cycles set them by a measurement"
        )
    lines += [*_loads(found), "", *_tanks(found), "", *_figures(found)]
    if found.reason:
        lines.append(f"  sludge age, F/M and expected MLSS are unknown: f has no steady state ({_short(found.reason)})")
    elif found.sludge is None:
        lines.append("  sludge age, F/M and expected MLSS are unknown: the kinetics table has no composite TSS")
    elif found.plant.layout.cycles:
        lines.append(
            "  steady state of the inputs as the cycles have them on average: only MLSS is near it, all else swings"
        )
    return lines


def _short(reason: str) -> str:
    return reason.partition(":")[0]


def _loads(found: Operation) -> list[str]:
    if not found.loads:
        return []
    rows = [("influent", "load", "", "mean", "")]
    rows.append(("flow", f"{found.input('Q_in'):.6g}", "m3/d", "", ""))
    rows += [(name, _number(load), "kg/d", _number(c), "g/m3") for name, c, load in found.loads]
    return aligned(rows)


def _tanks(found: Operation) -> list[str]:
    heads = ("volume m3", "retention h", "with recycles h", "aerated", "DO g/m3", "MLSS g/m3")
    rows: list[tuple[str, ...]] = [("tank", *heads)]
    for t in found.tanks:
        aerated = "yes" if t.aerated else "no" if not unknown_inputs(found.plant) else ""
        rows.append(
            (
                t.name,
                f"{t.volume:.6g}",
                _number(t.retention, HOURS),
                _number(t.passage, HOURS),
                aerated,
                "" if t.oxygen is None else f"{t.oxygen:.2f}",
                _number(t.solids),
            )
        )
    if len(found.tanks) > 1:
        retention = [t.retention for t in found.tanks if t.retention is not None]
        volume, whole = sum(t.volume for t in found.tanks), sum(retention) if retention else None
        solids = 1000 * found.sludge.tanks / volume if found.sludge else None
        rows.append(("all", f"{volume:.6g}", _number(whole, HOURS), "", "", "", _number(solids)))
    keep = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    return aligned([[row[i] for i in keep] for row in rows])


def _number(value: float | None, factor: float = 1.0) -> str:
    """Return a number to three digits, whole numbers in full; nothing where there is none."""
    if value is None or math.isnan(value):
        return ""
    value *= factor
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e9 else f"{value:.3g}"


def _figures(found: Operation) -> list[str]:
    rows: list[tuple[str, ...]] = []
    if found.sludge is not None:
        rows += _ages(found, found.sludge)
    flow, unknown = found.input("Q_in"), unknown_inputs(found.plant)
    if found.plant.layout.primary:
        rows.append(("primary sludge", _number(found.primary_flow), "m3/d", ""))
    if "wastage" not in unknown and (found.plant.layout.settler is not None or found.input("wastage") > 0):
        solids = f"{_number(found.sludge.wasted)} kg TSS/d" if found.sludge else ""
        rows.append(("wastage", _number(found.input("wastage")), "m3/d", solids))
    pumped = ["return_sludge"] if found.plant.layout.settler is not None else []
    for name in (*pumped, *(spec.name for spec in found.plant.inputs.of_kind("recycle"))):
        if name not in unknown and "Q_in" not in unknown and flow > 0:
            rows.append((name, f"{found.input(name) / flow:.3g}", "of Q_in", f"{found.input(name):.6g} m3/d"))
    return aligned([("figure", "value", "unit", "from"), *rows]) if rows else []


def _ages(found: Operation, sludge: Sludge) -> list[tuple[str, ...]]:
    leaving = f"{_number(sludge.wasted)} kg TSS/d wasted, {_number(sludge.lost)} in the effluent"
    held = f"{_number(sludge.tanks)} kg TSS in the tanks"
    rows: list[tuple[str, ...]] = [("sludge age (SRT)", _age(sludge.age(sludge.tanks)), "d", f"{held}; {leaving}")]
    if sludge.settler > 0:
        rows.append(
            ("SRT with settler", _age(sludge.total), "d", f"and {_number(sludge.settler)} kg TSS in the settler")
        )
    aerated = [t.name for t in found.tanks if t.aerated]
    if aerated and sludge.aerated < sludge.tanks:
        rows.append(("aerobic SRT", _age(sludge.age(sludge.aerated)), "d", f"of the solids in {', '.join(aerated)}"))
    if found.food is not None and sludge.tanks > 0:
        name, load = found.food
        how = f"BOD5 as {INFLUENT_BOD:g} of biodegradable COD" if name == "BOD5" else "the table has no BOD5"
        behind = "; behind the primary clarifier" if found.plant.layout.primary else ""
        rows.append(("F/M", _number(load / sludge.tanks), f"kg {name}/(kg TSS d)", how + behind))
    return rows


def _age(days: float) -> str:
    return f"{days:.3g}" if math.isfinite(days) else "without end"


def measured_lines(comparisons: Sequence[Comparison], found: Operation) -> list[str]:
    """Return means of the measured variables beside the steady state.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The measured variables.
    found : Operation
        The mean operating point.

    Returns
    -------
    list of str
        A table with one row a variable, and its ratio of measured to expected [-] where there is a steady state.
    """
    if found.state is None:
        rows: list[tuple[str, ...]] = [("column", "stands for", "measured", "unit")]
        rows += [(c.label, c.target, _number(c.measured), c.unit) for c in comparisons]
        return ["measured, mean of all samples; f has no steady state to compare with", *aligned(rows)]
    rows = [("column", "stands for", "measured", "expected", "unit", "measured/expected")]
    for c in comparisons:
        expected = _number(c.expected)
        rows.append((c.label, c.target, _number(c.measured), expected, c.unit, _ratio(c.ratio)))
    head = "measured, mean of all samples, beside what f settles at with its default parameters and the mean inputs"
    lines = [head, *aligned(rows)]
    if not any(c.solids for c in comparisons):
        lines.append("  no sludge was measured: whether wastage and volumes are right cannot be told from the data")
    return lines


def _ratio(value: float | None) -> str:
    if value is None or 0.001 <= value <= 1000:
        return _number(value)
    return "above 1000" if value > 1 else "below 0.001"


def balance_lines(balances: Sequence[RecordBalance]) -> list[str]:
    """Return the balances of a record.

    Parameters
    ----------
    balances : sequence of RecordBalance
        COD and N.

    Returns
    -------
    list of str
        A table of what comes in and what leaves [kg/d], or one line where there is no balance.
    """
    if not balances:
        return ["balances: the table has no composites COD and TN"]
    rows: list[tuple[str, ...]] = [("kg/d", *(b.material for b in balances), "from")]

    def row(name: str, values: Sequence[float], source: str) -> None:
        if any(math.isfinite(v) for v in values):
            rows.append((name, *(_number(v) for v in values), source))

    row("influent", [b.influent for b in balances], "flow and composition of the record")
    if any(b.primary for b in balances):
        row("primary sludge", [b.primary for b in balances], "f")
    labels = ", ".join(dict.fromkeys(label for b in balances for label in b.labels))
    if labels:
        row("effluent, measured", [b.effluent for b in balances], labels)
    row("effluent, not measured", [b.effluent_rest for b in balances], "f at steady state")
    sludge = balances[0].sludge
    by = "f at steady state" if sludge is None else f"f at steady state, times {sludge:.3g} as MLSS is measured"
    row("waste sludge", [b.wasted for b in balances], by)
    row("left: oxidised COD, N2", [b.left for b in balances], "what comes in less what leaves")
    bound = [b.limit if math.isfinite(b.limit) else math.nan for b in balances]
    row("at most denitrified", bound, f"COD oxidised / {COD_PER_NITRATE:.3g}")
    row("oxygen used", [b.oxygen for b in balances], "COD oxidised, nitrate formed, N2 formed")
    return ["balances of the record", *aligned(rows)]


def cost_lines(cost: Cost, memory: float | None) -> list[str]:
    """Return time and memory of a training.

    Parameters
    ----------
    cost : Cost
        What it takes.
    memory : float or None
        Memory of the machine [byte].

    Returns
    -------
    list of str
        The whole with its uncertainty, then its parts; memory alone where the time is not told.
    """
    of = "" if memory is None else f" of {memory / 1e9:.3g}"
    need = f"{cost.memory / 1e9:.2g}{of} GB of memory"
    if not cost.parts:
        return [f"training on this machine: the time is unknown, since the networks are too large to try; {need}"]
    low, high = cost.seconds / UNCERTAINTY, cost.seconds * UNCERTAINTY
    head = f"training on this machine: about {duration(cost.seconds)} ({duration(low)} to {duration(high)}), {need}"
    rows = [(name, duration(seconds)) for name, seconds in cost.parts]
    return [head, *aligned(rows), "  from pieces timed just now; less if a fit stops early, more beside other programs"]
