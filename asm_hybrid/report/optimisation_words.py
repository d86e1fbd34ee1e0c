"""What is said of an optimum: only what its bands allow."""

from __future__ import annotations

from asm_hybrid.optimisation.result import Drawn, Gain, Kept, Optimum, Verified
from asm_hybrid.report.style import number
from asm_hybrid.scenario.summary import UNTOLD

__all__ = ["gain_text", "limit_text", "said", "verdict", "verified_text"]


def verdict(result: Optimum) -> tuple[str, str, str]:
    """Return what came out: its kind for the look of the page, the sentence, and what stands below.

    Parameters
    ----------
    result : Optimum
        The optimisation.

    Returns
    -------
    tuple of str
        ``win``, ``mixed`` or ``loss``; a title; and a paragraph.
    """
    what, claim = result.objective, result.claim
    if claim == "infeasible":
        limits = result.limits
        exceeded = [limit for limit in limits if not limit.kept]
        if exceeded:
            text = "; ".join(limit_text(limit) for limit in exceeded)
        else:
            assert result.outside is not None
            before, after = result.outside
            text = f"it leaves what training saw for {after:.3g} h, and the present operation for {before:.3g} h"
        within = all(limit.of_present or (limit.present <= limit.bound and not result.gain.banded) for limit in limits)
        which = "other operation" if within else "operation"  # the present one is within the limits
        return "loss", f"No {which} within the limits was found", f"The nearest that was found: {text}."
    if claim == "gain":
        ends = (result.gain.low, result.gain.high)
        if result.drawn is not None:
            ends = (min(ends[0], result.drawn.band[0]), max(ends[1], result.drawn.band[1]))
        kept = "All limits are kept." if result.limits else "No limit was asked for."
        return "win", f"{_span(*ends)} less {what} than at present", f"{kept} {_beyond(result)}".strip()
    if claim == "disputed":
        return (
            "mixed",
            "No gain can be claimed",
            f"What was found has {gain_text(result.gain)} of {what}, and {_open(result)}.",
        )
    return (
        "mixed",
        "The present operation is the best that was found",
        f"What was found besides has {gain_text(result.gain)} of {what}.",
    )


def _open(result: Optimum) -> str:
    """Return why a gain cannot be claimed that was found."""
    drawn = result.drawn
    if result.gain.certain and drawn is not None and not drawn.band[0] <= UNTOLD and drawn.known < len(drawn.gains):
        return f"{len(drawn.gains) - drawn.known} of {len(drawn.gains)} draws of what is uncertain tell no gain"
    return "the bands reach to no gain at all"


def _beyond(result: Optimum) -> str:
    """Return on which other conditions limits are exceeded, or less is gained than nothing, as a sentence."""
    lost = [v.name for v in result.verified if not all(limit.kept for limit in v.limits)]
    worse = [v.name for v in result.verified if not v.gain.certain and v.name not in lost]
    texts = [f"limits are exceeded on {' and '.join(lost)}"] * bool(lost)
    texts += [f"no gain can be claimed on {' and '.join(worse)}"] * bool(worse)
    found = ", and ".join(texts)
    return f"Where it was verified, {found}." if found else ""


def gain_text(gain: Gain) -> str:
    """Return a gain in words.

    Parameters
    ----------
    gain : Gain
        The gain.

    Returns
    -------
    str
        Such as ``8.5 to 8.9 % less``; with members that answer with both signs ``1.0 % more to 2.1 % less``.
    """
    if abs(gain.low) < UNTOLD and abs(gain.high) < UNTOLD:
        return "as much"
    if gain.disputed:
        return f"{100 * -gain.low:.1f} % more to {100 * gain.high:.1f} % less"
    return f"{_range(gain)} {'less' if gain.share > 0 else 'more'}"


def _range(gain: Gain) -> str:
    return _span(*sorted((abs(gain.low), abs(gain.high)))) if gain.banded else f"{100 * abs(gain.share):.1f} %"


def _span(low: float, high: float) -> str:
    first, last = f"{100 * low:.1f}", f"{100 * high:.1f}"
    return f"{first} %" if first == last else f"{first} to {last} %".replace("-", "−")


def limit_text(limit: Kept) -> str:
    """Return in words how a limit is exceeded.

    Parameters
    ----------
    limit : Kept
        A limit that is not kept.

    Returns
    -------
    str
    """
    unit = f" {limit.unit}" if limit.unit != "-" else ""
    allowed = f"{number(limit.bound)}{unit}"
    if limit.optimum > limit.bound:
        return f"{limit.name} is {number(limit.optimum)}{unit}, where {allowed} is allowed"
    return f"in one of the seeds {limit.name} is {number(limit.worst)}{unit} above what is allowed, {allowed}"


def verified_text(found: Verified) -> str:
    """Return in words what came out under other conditions.

    Parameters
    ----------
    found : Verified
        Present operation and optimum there.

    Returns
    -------
    str
    """
    exceeded = [limit for limit in found.limits if not limit.kept]
    kept = "all limits are kept" if not exceeded else "; ".join(limit_text(limit) for limit in exceeded)
    return f"{gain_text(found.gain)}; {kept}"


def _draws_text(drawn: Drawn, limited: bool) -> list[str]:
    """Return what the draws of what is uncertain say, a sentence each."""
    count, what = len(drawn.gains), "draws of what is uncertain"
    low, high = drawn.band
    known = f"{100 * low:.1f} to {100 * high:.1f} %".replace("-", "−")
    kept = f", and all limits are kept in {100 * drawn.kept:.0f} % of them" if limited else ""
    told = f"{count}" if drawn.known == count else f"{drawn.known} of {count}"
    found = [f"Over {told} {what} the gain is {known} (5 to 95 %){kept}"] if drawn.known else []
    if drawn.failed:
        found.append(f"{count - drawn.known} of {count} {what} could not be simulated; the first: {drawn.failed[0]}")
    return found


def said(result: Optimum) -> list[str]:
    """Return what else is to be said of an optimum.

    Parameters
    ----------
    result : Optimum
        The optimisation.

    Returns
    -------
    list of str
        A sentence each, without a full stop.
    """
    found = []
    if result.gain.by_f:
        found.append("The gain is that of f alone, since n is off in one of the two cases and on in the other")
    for verified in result.verified:
        found.append(f"On {verified.name}: {verified_text(verified)}")
    if result.drawn is not None:
        found += _draws_text(result.drawn, bool(result.limits))
    for name in result.at_bounds:
        found.append(f"{name} is at the end of its range: a wider one may give more")
    if not result.verified and result.claim == "gain":
        found.append("Nothing was verified: the gain holds for the period that it was found on")
    return [*found, *result.notes]
