"""The diagnosis in sentences that a process engineer would say to a colleague."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from asm_hybrid.diagnosis.plain_words import (
    FAMILIES,
    explanation_title,
    held_words,
    quantity_words,
)
from asm_hybrid.text import figure, process_words

__all__ = ["MOST", "proposal_lines", "sentences"]

MOST = 5
"""Sentences of a diagnosis."""
SURE, LIKELY = 0.9, 0.7
"""Shares of draws from which on an answer is said as it is, and as probable [-]."""
NAMED = 3
"""Explanations or variables that one sentence names."""
EXPLAINS = 0.5
"""Share of the variance of a factor that one input has to explain to be called its driver [-]."""
PART = 0.25
"""Part of the fall of a factor from which on the sentence says that it falls [-]."""
CONCENTRATED = 1.5
"""Times its share of the time that an effect has to have in a condition for a sentence [-]."""
LOG = "log "
"""Begin of the name of a size that is a logarithm."""
NOTHING, EVERYTHING = "nothing", "everything"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off"}
"""Keys that YAML may take for something else."""

Entry = Mapping[str, Any]


def sentences(diagnosis: Entry) -> list[str]:
    """Say what f failed to capture, in at most `MOST` sentences.

    Each holds a figure with its interval or confidence; doubt is said where the figures hold it. Where the first answer
    is open, what would decide it comes second.

    Parameters
    ----------
    diagnosis : mapping
        The diagnosis, as ``diagnosis.json`` holds it.

    Returns
    -------
    list of str
        The answer first: which explanation, or that none can be told, or that nothing is missing as far as the data
        show.
    """
    missing = diagnosis.get("missing") or {}
    if missing.get("answer") == "no":
        return [_nothing(missing)]
    answer = _answer(diagnosis)
    said: list[str | None] = [] if missing.get("answer") == "yes" else [_unknown(missing)]
    said += [answer] if answer else []
    if answer:
        said += [_tell_apart(diagnosis), _law(diagnosis), _proposed(diagnosis), _second(diagnosis), _when(diagnosis)]
    if missing.get("answer") == "yes":
        said.append(_found(missing, named=bool((diagnosis.get("answer") or {}).get("set"))))
    return [text for text in said if text][:MOST]


def proposal_lines(proposals: Sequence[Entry]) -> list[str]:
    """Return the lines of a config that take the proposals.

    Parameters
    ----------
    proposals : sequence of mapping
        With ``section``, ``key``, ``value``, ``unit`` and, where the config corrects the same already, ``stated``: the
        whole correction, as ``diagnosis.json`` holds them.

    Returns
    -------
    list of str
        YAML, each entry on a line of its own, so that one can be left out; empty without a proposal.
    """
    found: dict[str, list[str]] = {}
    for proposal in proposals:
        key = str(proposal["key"])
        key = key if _PLAIN.fullmatch(key) and key.lower() not in _WORDS else json.dumps(key, ensure_ascii=False)
        value = float(f"{float(proposal['value']):.3g}")
        whole = proposal.get("stated")
        line = f"{whole}  # in place of what stands there" if whole else f"{value:.10g}{_unit(proposal)}"
        found.setdefault(str(proposal["section"]), []).append(f"    {key}: {line}")
    lines = [line for section, entries in found.items() for line in (f"  {section}:", *entries)]
    return ["corrections:", *lines] if lines else []


def _nothing(missing: Entry) -> str:
    """Say that the data show nothing that is missing."""
    chance = _chance(missing.get("p_value"))
    said = (
        [f"no explanation errs less than recalibrated f on days left out by more than chance{chance}"] if chance else []
    )
    changes = [
        f"{row['change_percent']:+.0f} % in {label} ({_interval(row, 1.0, ' %')})"
        for label, row in (missing.get("variables") or {}).items()
    ]
    if changes:
        said.append(f"on the validation block n changes the error of recalibrated f by {_and(changes[:NAMED])}")
    misfit = [f"{size:.2g} in {label}" for label, size in (missing.get("misfit") or {}).items()]
    if misfit and said:
        said.append(f"in units of the noise of its sensors f errs by {_and(misfit)}")
    why = [str(missing["why"])] if missing.get("why") and not said else []
    return f"{': '.join(['Nothing that these data can show is missing in f', *(['; '.join(said)] if said else why)])}."


def _unknown(missing: Entry) -> str:
    why = f": {missing['why'].rstrip('.')}" if missing.get("why") else ""
    return f"Whether f lacks anything cannot be told{why}."


def _found(missing: Entry, *, named: bool) -> str | None:
    """Say how clearly something is missing: by the explanations, and by the variable in which n helps most."""
    rows = {k: v for k, v in (missing.get("variables") or {}).items() if (v.get("high") or 0.0) < 0}
    chance = _chance(missing.get("p_value"))
    said = [f"on days left out an explanation errs less than recalibrated f{chance}"] if chance and named else []
    if rows:
        label = min(rows, key=lambda k: float(rows[k]["change_percent"]))
        row = rows[label]
        size = f"{-row['change_percent']:.0f} % (90 % interval {-row['high']:.0f} to {-row['low']:.0f} %)"
        said.append(f"on the validation block n lowers the error of recalibrated f in {label} by {size}")
    return f"The evidence that something is missing: {'; '.join(said)}." if said else None


def _answer(diagnosis: Entry) -> str | None:
    """Say which explanation it is, or between which the data cannot decide."""
    rows = {row["name"]: row for row in diagnosis.get("explanations") or []}
    answer = diagnosis.get("answer") or {}
    names = [name for name in answer.get("set") or [] if name in rows or name in (NOTHING, EVERYTHING)]
    if not names:
        chance = _chance((diagnosis.get("missing") or {}).get("p_value"))
        return f"No single explanation errs less than f as it is by more than chance{chance}." if rows else None
    confidence = answer.get("confidence")
    if NOTHING in names:
        others = [name for name in names if name not in (NOTHING, EVERYTHING)]
        best = f"; the best, {_titled(rows[others[0]])}, takes away {_removed(rows[others[0]])}" if others else ""
        wins = _draws(confidence, ", and one of these wins in")
        return f"No explanation is clearly better than none at all{best}{wins}."
    if names == [EVERYTHING]:
        return (
            "No single explanation is enough: only all of them together come near what n reaches"
            f"{_draws(confidence, ', in')}."
        )
    names = [name for name in names if name != EVERYTHING]
    if len(names) > 1:
        return _several([rows[name] for name in names], confidence)
    row = rows[names[0]]
    sure = _certainty(None if row["removed_low"] <= 0 else confidence)
    sized = _sized(row, diagnosis, sure)
    wins = _draws(confidence, ", and is the best explanation in")
    return f"{sized[0].upper()}{sized[1:]}: this takes away {_removed(row)}{wins}."


def _several(rows: Sequence[Entry], confidence: float | None) -> str:
    """Say between which explanations the data cannot decide."""
    families = list(dict.fromkeys(FAMILIES[row["family"]] for row in rows if row.get("family") in FAMILIES))
    head = f"{_capital(_or(families))}" if len(families) > 1 else f"One of {len(rows)} explanations"
    parts = [f"{_titled(rows[0])} takes away {_removed(rows[0])}"]
    parts += [
        f"{_titled(row)} {_share(row)} ({_span(row, 'removed_').replace('90 % interval ', '')})"
        for row in rows[1:NAMED]
    ]
    more = len(rows) - len(parts)
    parts += [f"{more} more do about as well"] if more > 0 else []
    wins = _draws(confidence, "; one of them is the best explanation in")
    return f"{head}, but the data cannot tell which: {_and(parts)}{wins}."


def _sized(row: Entry, diagnosis: Entry, sure: str) -> str:
    """Return what an explanation says of the plant or the record, with its size."""
    kind, _, rest = str(row["name"]).partition(".")
    if kind == "process":
        by_size = f"the rate of {process_words(rest)} in f is {sure}wrong"
        by_size += f", by an amount that changes with {quantity_words(row['driver'])}" if row.get("driver") else ""
        return _driven(row, diagnosis, sure) or by_size + _sizes(row)
    if kind == "lacking":
        return f"{_titled(row)} is {sure}what f lacks{_sizes(row)}"
    proposed = [p for p in diagnosis.get("proposals") or [] if p.get("name") == row["name"]]
    said = _and([_corrected(p, _titled(row), sure) for p in proposed])
    return said or f"the {_titled(row)} in the record is {sure}wrong{_sizes(row)}"


def _corrected(proposal: Entry, title: str, sure: str) -> str:
    """Return what a proposal says of the record, with its interval."""
    key, unit, value = proposal["key"], str(proposal.get("unit") or ""), float(proposal["value"])
    span = _interval(proposal, 1.0, _unit(proposal))
    section = proposal["section"]
    if section == "factors":
        return f"the true {title} is {sure}{figure(value)} times what the record says ({span})"
    if section == "shifts":
        late = "later" if value > 0 else "earlier"
        return f"the {key} arrives {sure}{figure(abs(value))} {unit} {late} than the record says ({span})"
    if section == "drifts":
        return f"{key} {sure}drifts, and needs {figure(value)} {unit} as its correction ({span})"
    way = "high" if value < 0 else "low"
    return f"{key} {sure}reads {figure(abs(value))} {unit} too {way} (correction {figure(value)} {unit}, {span})"


def _driven(row: Entry, diagnosis: Entry, sure: str) -> str | None:
    """Return what drives a process, as far as the curve of the learnt factor says.

    None where n does not tell, or names another driver than the explanation has.
    """
    found, process = diagnosis.get("driver") or {}, str(row["name"]).partition(".")[2]
    share = found.get("share")
    if found.get("process") != process or not found.get("driver") or (share is not None and share < EXPLAINS):
        return None
    if row.get("driver") not in (None, "", found["driver"]):
        return None
    plain = not found.get("tank") or found["driver"] in ("T", "Q_in") or "." in found["driver"]
    where = quantity_words(found["driver"]) + ("" if plain else f" in {found['tank']}")
    told = shape(found["curve"], where, beside_f=bool(found.get("in_rate"))) if found.get("curve") else None
    return f"{process_words(process)} {sure}{told}" if told else None


def shape(curve: Entry, where: str, *, beside_f: bool = False) -> str:
    """Say how a factor depends on its driver, no more than its interval allows.

    Parameters
    ----------
    curve : mapping
        ``x``, ``factor``, ``low``, ``high`` and ``unit``.
    where : str
        The driver and its place, in words.
    beside_f : bool
        Whether f has an answer to the driver of its own, so that the factor tells what is beside it.

    Returns
    -------
    str
        A verb and what follows.
    """
    x, factor, low, high = (list(map(float, curve[name])) for name in ("x", "factor", "low", "high"))
    unit, slows, by = _unit(curve), "slows", ""
    if beside_f:
        slows, by = "is slower than f has it", ", compared with f,"
    span = max(factor) - min(factor)
    peak, trough = factor.index(max(factor)), factor.index(min(factor))
    if low[peak] > max(high[0], high[-1]) and max(factor) - max(factor[0], factor[-1]) > PART * span:
        return f"is fastest{by} at {where} of about {figure(x[peak], 2)}{unit}, and slower below and above"
    if high[trough] < min(low[0], low[-1]) and min(factor[0], factor[-1]) - min(factor) > PART * span:
        return f"is slowest{by} at {where} of about {figure(x[trough], 2)}{unit}, and faster below and above"
    if high[0] < low[-1]:
        return f"{slows} when {where} falls below about {figure(_threshold(x, factor), 2)}{unit}"
    if high[-1] < low[0]:
        return f"{slows} when {where} rises above about {figure(_threshold(x[::-1], factor[::-1]), 2)}{unit}"
    return f"changes{by} with {where}, but the data do not show how"


def _threshold(x: Sequence[float], factor: Sequence[float]) -> float:
    """Return where a factor that rises along x has `PART` of its rise still to go."""
    level = max(factor) - PART * (max(factor) - factor[0])
    for i in range(1, len(x)):
        if factor[i] >= level:
            share = (level - factor[i - 1]) / (factor[i] - factor[i - 1])
            return x[i - 1] + max(share, 0.0) * (x[i] - x[i - 1])
    return x[-1]


def _tell_apart(diagnosis: Entry) -> str | None:
    found = diagnosis.get("tell_apart") or {}
    return f"{str(found['text']).rstrip('.')}." if found.get("text") else None


def _law(diagnosis: Entry) -> str | None:
    """Say which formula the learnt factor follows, and whether it can stand for n."""
    law = diagnosis.get("law")
    if not law:
        return None
    constants = _and(
        [f"{c['name']} = {figure(c['value'])}{_unit(c)} ({_interval(c, 1.0, _unit(c))})" for c in law["constants"]]
    )
    formula = f"{law['expression']} on the rate of {process_words(law['process'])}"
    alone = len((diagnosis.get("answer") or {}).get("set") or ()) < 2
    head = "As a formula it" if alone else f"If it is {process_words(law['process'])}, its formula"
    if law.get("share_of_gain") is None:
        return f"{head} may be {formula}, with {constants}. It cannot be judged, since no n errs less than f."
    holds = held_words(law["share_of_gain"])
    if law.get("kept"):
        return f"{head} is {formula}, with {constants}: it keeps {holds}."
    best = f"the best, {formula}, with {constants}, keeps {holds}"
    return f"No formula of the library is good enough: {best}, and at least 80 % is needed."


def _proposed(diagnosis: Entry) -> str | None:
    """Say what is proposed, with its interval; nothing is taken in silence."""
    proposals = [p for p in diagnosis.get("proposals") or [] if p.get("clear", True)]
    parts = [
        f"{p['key']} {figure(p['value'])}{_unit(p)} ({_interval(p, 1.0, _unit(p))}) under corrections.{p['section']}"
        for p in proposals[:NAMED]
    ]
    more = f" and {len(proposals) - NAMED} more" if len(proposals) > NAMED else ""
    if not parts:
        return None
    return f"Proposed, and applied only if you accept it: {'; '.join(parts)}{more}."


def _second(diagnosis: Entry) -> str | None:
    second = diagnosis.get("second")
    if not second:
        return None
    row = next((r for r in diagnosis.get("explanations") or [] if r["name"] == second["name"]), second)
    sure = _chance(second.get("chance")) if second.get("low") is None else f" ({_span(second)})"
    takes = f"takes away {100 * second['gain']:.0f} % of the squared error that is left{sure}"
    return f"A second cause helps by more than chance: {_titled(row)} {takes}."


def _when(diagnosis: Entry) -> str | None:
    """Say how much of the factor its driver explains, and in which condition most of the effect lies.

    Of an answer that is one process only: what n does there is no evidence of anything else.
    """
    driver = diagnosis.get("driver")
    if not driver or diagnosis["answer"]["set"] != [f"process.{driver['process']}"]:
        return None
    own, parts = f"{driver['driver']} ", []
    if driver.get("driver") and driver.get("share") is not None:
        spread = next((i for i in driver.get("inputs") or [] if i["name"] == driver["driver"] and "low" in i), None)
        seeds = (
            f" ({100 * spread['low']:.0f} to {100 * spread['high']:.0f} % by seed)"
            if spread and spread["high"] > spread["low"]
            else ""
        )
        alone = f"{quantity_words(driver['driver'])} alone explains {100 * driver['share']:.0f} %{seeds}"
        parts.append(f"{alone} of the variance of the learnt factor")
    for row in driver.get("when") or []:
        effect, time, condition = row["share_of_effect"], row["share_of_time"], row["condition"]
        if effect >= CONCENTRATED * time and not condition.startswith(own):
            rare = f"the {100 * time:.0f} % of the time {'' if condition.startswith('from ') else 'with '}{condition}"
            parts.append(f"{100 * effect:.0f} % of its effect falls into {rare}")
            break
    return f"{_capital('; '.join(parts))}." if parts else None


def _titled(row: Entry) -> str:
    return explanation_title(str(row["name"]), row.get("title"))


def _sizes(row: Entry) -> str:
    """Return the sizes of an explanation in brackets; logarithms of factors as factors."""
    parts = []
    for size in row.get("size") or []:
        name, shown = str(size["name"]), dict(size)
        if name.startswith(LOG):
            name = name.removeprefix(LOG)
            shown |= {k: math.exp(size[k]) for k in ("value", "low", "high") if size.get(k) is not None}
        parts.append(f"{name} {figure(shown['value'])}{_unit(shown)}, {_interval(shown, 1.0, _unit(shown))}")
    return f" ({'; '.join(parts[:NAMED])})" if parts else ""


def _removed(row: Entry) -> str:
    """Say by how much an explanation errs less than f on days left out."""
    return f"{_share(row)} of the squared error of f on days left out ({_span(row, 'removed_')})"


def _share(row: Entry) -> str:
    return f"{100 * row['removed']:.0f} %"


def _span(row: Entry, before: str = "") -> str:
    """Return the interval of a share."""
    shown = {end: row.get(before + end) for end in ("low", "high")}
    return _interval({end: None if v is None else round(100 * v) for end, v in shown.items()}, 1.0, " %")


def _interval(row: Entry, scale: float, unit: str) -> str:
    """Return the interval of a row, or that there is none."""
    if row.get("low") is None or row.get("high") is None:
        return "no interval"
    low, high = (figure(scale * row[end]) if scale == 1.0 else f"{scale * row[end]:.0f}" for end in ("low", "high"))
    return f"90 % interval {low} to {high}{unit}"


def _chance(p_value: float | None) -> str:
    return "" if p_value is None else f" (p = {p_value:.2g})"


def _draws(confidence: float | None, words: str) -> str:
    return "" if confidence is None else f"{words} {100 * confidence:.0f} of 100 draws"


def _certainty(confidence: float | None) -> str:
    """Return the adverb that an answer deserves, with a space behind."""
    if confidence is None or confidence < LIKELY:
        return "perhaps "
    return "" if confidence >= SURE else "probably "


def _unit(row: Entry) -> str:
    return "" if row.get("unit") in (None, "", "-") else f" {row['unit']}"


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _or(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + f" or {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
