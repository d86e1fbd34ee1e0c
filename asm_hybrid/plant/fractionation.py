"""From measured sums of the influent (COD, TKN, TP, TSS) to the components of a kinetics table, and back.

Organic components take shares of COD. What TKN holds beyond ammonium and the nitrogen bound in the organics goes to the
components of organic nitrogen (ASM1), or, where there are none, is the ammonium itself; TP and phosphate likewise. The
way back are the composites of the table, so that a sum that was split is found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.families import FAMILIES, Family

__all__ = ["Fractionation", "Problem", "Split", "composite_weights", "find_family", "make_fractionation"]

Values = NDArray[np.float64]

ROUNDING = 1e-12
"""A negative rest of at most this share of the measured sum is zero."""
DEVIATION = 0.1
"""A sum that is not split is reported when its mean differs by more than this from that of the components."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or worth a look, in measured sums.

    Attributes
    ----------
    severity : {'error', 'warning'}
        An error makes a component negative.
    found : str
        What was found; ``{amount}`` stands for the worst entry of `amount`.
    measured : tuple of str
        The measured values it follows from.
    amount : float array, (time,), or None
        Negative where it is wrong; None where it concerns the mean.
    expected, fix : str
        What would have been accepted, and the likely remedy.
    """

    severity: Literal["error", "warning"]
    found: str
    measured: tuple[str, ...]
    amount: Values | None
    expected: str
    fix: str


@dataclass(frozen=True)
class Split:
    """Components of the influent.

    Attributes
    ----------
    components : mapping of str to float array, (time,)
        Every component that was given or computed, in the units of the table.
    rests : mapping of str to float array, (time,)
        What of a sum the other components leave, by sum; ``soluble`` is what TSS leaves of COD.
    """

    components: Mapping[str, Values]
    rests: Mapping[str, Values]


def find_family(table: Table) -> Family:
    """Return the model whose components a table has.

    Parameters
    ----------
    table : Table
        The kinetics table.

    Returns
    -------
    Family
        Its description.

    Raises
    ------
    InputError
        If the table has not all components of any, or lacks a composite.
    """
    for family in FAMILIES:
        if set(family.needed) <= set(table.component_names):
            lacking = [name for name in family.sums if name not in table.composites]
            if lacking:
                raise InputError(
                    f"the table {table.name} has no composite {', '.join(lacking)}",
                    expected=f"the composites {', '.join(family.sums)}, by which measured sums are split",
                    fix="add them to 'composites' of the table, or give every component by a column or a constant",
                )
            return family
    raise InputError(
        f"the influent of the table {table.name} cannot be fractionated",
        expected="a table with the components "
        + ", or ".join(f"{', '.join(family.needed)} ({family.name})" for family in FAMILIES),
        fix="remove 'fractionation', and give every component by a column or a constant",
    )


@dataclass(frozen=True)
class Fractionation:
    """How the influent of one plant is split.

    Attributes
    ----------
    family : Family
        The model.
    fractions : mapping of str to float
        Shares by name.
    weights : mapping of str to mapping of str to float
        What one unit of a component adds to a sum, by sum.
    units : mapping of str to str
        Units of components and sums.
    particulate : frozenset of str
        Components that are not soluble.
    given : frozenset of str
        Sums and components that are measured, or constants.
    scale_tss : bool
        Whether TSS decides how much of COD is particulate.
    """

    family: Family
    fractions: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]
    units: Mapping[str, str]
    particulate: frozenset[str]
    given: frozenset[str]
    scale_tss: bool = False

    @property
    def computed(self) -> tuple[str, ...]:
        """Components that follow from measured sums."""
        return tuple(name for name in self.family.needed if name not in self.given)

    @property
    def substrates(self) -> tuple[str, ...]:
        """Soluble organics that take what solids and inert matter leave of COD when TSS decides on the solids."""
        return tuple(n for n in self.family.organics if n not in self.particulate and n != self.family.inert)

    @property
    def absent(self) -> tuple[str, ...]:
        """Components of the table that sewage lacks, and that nobody gives: zero."""
        return tuple(name for name in self.family.absent if name in self.units and name not in self.given)

    @property
    def used(self) -> tuple[str, ...]:
        """Given names on which the computed components depend."""
        names = (*self.family.sums, *self.family.needed)
        return tuple(name for name in names if name in self.given)

    def split(self, measured: Mapping[str, Values]) -> Split:
        """Return the components.

        Parameters
        ----------
        measured : mapping of str to float array, (time,)
            The values of `given`, in the units of the table.

        Returns
        -------
        Split
            Components; what `problems` names is negative.
        """
        size = np.broadcast_shapes(*(np.shape(v) for v in measured.values()))
        found = {n: np.broadcast_to(np.asarray(v, dtype=np.float64), size) for n, v in measured.items()}
        X = {name: found[name] for name in self.units if name in found and name not in self.family.sums}
        X |= {name: np.zeros(size) for name in self.absent}
        rests: dict[str, Values] = {}
        if "COD" in found:
            self._split_cod(found, X, rests)
        family, f = self.family, self.fractions.get("f_SNH")
        homes = {n: self.share(family.nitrogen[n]) for n in family.nitrogen if n not in self.given}
        if homes and f is not None and family.ammonium not in found:
            X[family.ammonium] = f * found["TKN"]
        elif homes and f is not None:
            found["TKN"] = found[family.ammonium] / f
        self._close("TKN", homes or {family.ammonium: 1.0}, found, X, rests)
        if family.phosphate:
            self._close("TP", {family.phosphate: 1.0}, found, X, rests)
        return Split(X, rests)

    def share(self, factors: Iterable[str]) -> float:
        """Return a product of fractions and of complements ``1 - f_…``."""
        return prod(1 - self.fractions[f[4:]] if f.startswith("1 - ") else self.fractions[f] for f in factors)

    def _held(self, sum_name: str, X: Mapping[str, Values]) -> Values:
        """Return what components hold of a sum."""
        weights = self.weights[sum_name]
        held = [weights[name] * values for name, values in X.items() if name in weights]
        return np.asarray(np.sum(held, axis=0)) if held else np.zeros(())

    def _split_cod(self, found: Mapping[str, Values], X: dict[str, Values], rests: dict[str, Values]) -> None:
        shares = {name: self.share(factors) for name, factors in self.family.organics.items()}
        left = rests["COD"] = _rounded(found["COD"] - self._held("COD", X), found["COD"])
        weights = self.weights["COD"]
        if not self.scale_tss:
            X |= {name: left * share / weights[name] for name, share in shares.items()}
            return
        solids = {name: share for name, share in shares.items() if name in self.particulate}
        solutes = {name: shares[name] for name in self.substrates}
        tss = rests["TSS"] = _rounded(found["TSS"] - self._held("TSS", X), found["TSS"])
        one = sum(self.weights["TSS"][name] * share / weights[name] for name, share in solids.items())
        X |= {name: tss / one * share / weights[name] for name, share in solids.items()}
        inert = left * shares[self.family.inert]
        X[self.family.inert] = inert / weights[self.family.inert]
        rest = rests["soluble"] = _rounded(left - inert - tss / one * sum(solids.values()), found["COD"])
        X |= {name: rest / sum(solutes.values()) * share / weights[name] for name, share in solutes.items()}

    def _close(
        self,
        sum_name: str,
        homes: Mapping[str, float],
        found: Mapping[str, Values],
        X: dict[str, Values],
        rests: dict[str, Values],
    ) -> None:
        """Give what a sum has left to those components that are not there yet."""
        if sum_name not in found:
            return
        rest = rests[sum_name] = _rounded(found[sum_name] - self._held(sum_name, X), found[sum_name])
        weights, open_homes = self.weights[sum_name], {n: share for n, share in homes.items() if n not in X}
        total = sum(open_homes.values())
        for name, share in open_homes.items():
            X[name] = rest / weights[name] * (share / total if total else 1 / len(open_homes))

    def sums(self, components: Mapping[str, Values]) -> dict[str, Values]:
        """Return the measured sums of components: the inverse of `split`.

        Parameters
        ----------
        components : mapping of str to float array, (time,)
            Components in the units of the table; those not named are zero.

        Returns
        -------
        dict of str to float array, (time,)
            COD, TKN, TSS, and TP where the model has it, in the units of the composites.
        """
        return {name: self._held(name, components) for name in self.family.sums}

    def problems(self, measured: Mapping[str, Values], split: Split) -> list[Problem]:
        """Return what is wrong with measured values.

        Parameters
        ----------
        measured : mapping of str to float array, (time,)
            The values of `given`.
        split : Split
            What `split` made of them.

        Returns
        -------
        list of Problem
            Errors where a component is negative, or a sum smaller than what the given components hold of it; warnings
            where a sum that is not split is far from that of the components.
        """
        found = list(self._problems_of_cod(measured, split))
        family = self.family
        found += self._problems_of("TKN", family.ammonium, measured, split)
        if family.phosphate:
            found += self._problems_of("TP", family.phosphate, measured, split)
        return [p for p in found if p.amount is None or bool((p.amount < 0).any())]

    def _problems_of_cod(self, measured: Mapping[str, Values], split: Split) -> Iterable[Problem]:
        rests, solids = split.rests, [n for n in self.family.organics if n in self.particulate]
        for name, taking in (("COD", list(self.family.organics)), ("TSS", solids)):
            others = tuple(n for n in self.weights[name] if n in self.given and n not in self.family.organics)
            if name in rests:
                yield Problem(
                    "error",
                    f"{', '.join(taking)} would be negative: {name} less that of {', '.join(others)} is {{amount}}",
                    (name, *others),
                    rests[name],
                    f"a {name} above that of the components that are given by themselves",
                    "check the units of the columns, and the constants under plant.influent.composition",
                )
        if "soluble" in rests:
            yield Problem(
                "error",
                f"{', '.join(self.substrates)} would be negative: COD less {self.family.inert} and the particulate COD "
                "that TSS asks for is {amount}",
                ("COD", "TSS"),
                rests["soluble"],
                "a TSS whose solids hold less than the measured COD",
                "check that COD is that of the unfiltered sample; raise the table's TSS per COD, or set tss: check",
            )
        elif "TSS" in self.given:
            yield from self._deviation("TSS", measured, split, "set tss: scale, or f_XI, f_XS and f_XH to fit")

    def _problems_of(self, sum_name: str, pool: str, measured: Mapping[str, Values], split: Split) -> Iterable[Problem]:
        """Yield the problems of TKN or TP, whose dissolved inorganic part is `pool`."""
        if sum_name not in split.rests:
            return
        total, rest, X = measured.get(sum_name), split.rests[sum_name], split.components
        given = tuple(n for n in (sum_name, pool) if n in self.given)
        if total is not None and pool in self.given:
            excess = np.asarray(total - self.weights[sum_name][pool] * measured[pool], dtype=np.float64)
            rest = np.where(excess < 0, np.maximum(rest, 0.0), rest)
            yield Problem(
                "error",
                f"{pool} is above {sum_name}: {sum_name} less {pool} is {{amount}}",
                given,
                excess,
                f"{sum_name}, which holds {pool}, at or above it",
                "check the units (mg NH4/L is not mg N/L), and that both are of one sample; or give the less reliable "
                "column the role 'ignored'" + (" and set f_SNH" if sum_name == "TKN" and self.family.nitrogen else ""),
            )
        computed = [n for n in self.family.nitrogen if sum_name == "TKN" and n not in self.given]
        computed = computed or [n for n in (pool,) if n not in self.given]
        less = ", ".join(n for n in self.weights[sum_name] if n not in computed and bool(np.any(X[n] != 0)))
        amount = f"{sum_name} less that of {less} is {{amount}}"
        cod = ("COD",) if "COD" in self.given else ()
        content = {"TKN": "nitrogen", "TP": "phosphorus"}[sum_name]
        yield Problem(
            "error",
            f"{' and '.join(computed)} would be negative: {amount}" if computed else amount,
            (*given, *cod),
            rest,
            f"a {sum_name} that holds what the other components hold",
            f"check that all are of one sample, in these units; lower the fractions of the components with the most "
            f"{content}, or the table's {content} contents under model.parameters"
            + ("" if computed else f"; or give {sum_name} or {pool} the role 'ignored'"),
        )
        if not computed and bool((split.rests[sum_name] >= 0).all()):
            yield from self._deviation(sum_name, measured, split, f"leave out {pool}, which then closes {sum_name}")

    def _deviation(self, sum_name: str, measured: Mapping[str, Values], split: Split, fix: str) -> Iterable[Problem]:
        model = float(np.mean(self._held(sum_name, split.components)))
        mean = float(np.mean(measured[sum_name]))
        if abs(model - mean) > DEVIATION * mean:
            yield Problem(
                "warning",
                f"{sum_name} of the components is {model:.4g} in the mean, and {mean:.4g} {self.units[sum_name]} were "
                "measured",
                (sum_name,),
                None,
                f"a difference within {DEVIATION:.0%}",
                fix,
            )


def _rounded(rest: Values, total: Values) -> Values:
    return np.where((rest < 0) & (rest >= -ROUNDING * total), 0.0, rest)


def composite_weights(table: Table, parameters: Mapping[str, float], name: str) -> dict[str, float]:
    """Return what one unit of a component adds to a composite.

    Parameters
    ----------
    table : Table
        The kinetics table.
    parameters : mapping of str to float
        Values of all its parameters.
    name : str
        The composite, such as ``TKN``.

    Returns
    -------
    dict of str to float
        By component, for those that the composite counts.
    """
    return {
        component: float(e.value.subs({s: parameters[s.name] for s in e.value.free_symbols}))
        for component, e in table.composites[name].weights.items()
    }


def make_fractionation(
    table: Table,
    parameters: Mapping[str, float],
    fractions: Mapping[str, float],
    given: Iterable[str],
    tss: Literal["check", "scale"] = "check",
) -> Fractionation:
    """Return the fractionation for a table, after checking that what is given determines every component.

    Parameters
    ----------
    table : Table
        The kinetics table, with the components of ASM1, ASM2d or ASM3.
    parameters : mapping of str to float
        Values that replace the table's, such as the nitrogen content of biomass.
    fractions : mapping of str to float
        Shares: f_SI, f_SS, f_XI, f_XH of COD (f_XS is what they leave); f_SA of readily biodegradable COD that is
        acetate; f_SND of biodegradable organic nitrogen that is soluble; f_SNH, optional, of TKN that is ammonium.
    given : iterable of str
        Sums and components that are measured, or constants.
    tss : {'check', 'scale'}
        Whether a measured TSS is compared, or decides how much of COD is particulate.

    Returns
    -------
    Fractionation
        Ready to split.

    Raises
    ------
    InputError
        If the table is not supported, a fraction is no share, or something is missing, or given twice.
    """
    family = find_family(table)
    values = {p.name: parameters.get(p.name, p.default) for p in table.parameters}
    names = set(given)
    weights = {name: composite_weights(table, values, name) for name in family.sums}
    units = {c.name: c.unit for c in table.components} | {n: table.composites[n].unit for n in family.sums}
    particulate = frozenset(c.name for c in table.components if c.phase == "particulate")
    # f_XS is what the others leave, so that the components add to COD to the last digit.
    rest = 1 - sum(fractions[name] for name in ("f_SI", "f_SS", "f_XI", "f_XH"))
    if rest < -ROUNDING or not all(0 <= share <= 1 for share in fractions.values()):
        raise InputError(
            "the fractions are " + ", ".join(f"{name} {share:g}" for name, share in fractions.items()),
            expected="shares from 0 to 1, and f_SI + f_SS + f_XI + f_XH of at most 1",
        )
    shares = {**fractions, "f_XS": max(rest, 0.0)}
    shares = {name: share for name, share in shares.items() if name in {*family.fractions, "f_SNH"}}
    made = Fractionation(family, shares, weights, units, particulate, frozenset(names), tss == "scale")
    _check_cod(made)
    _check_nitrogen(made)
    if family.phosphate and not names & {family.phosphate, "TP"}:
        raise _missing(f"TP or {family.phosphate}", "TP")
    return made


def _missing(what: str, sum_name: str) -> InputError:
    return InputError(
        f"the fractionation lacks {what}",
        expected=f"{what}, by a column or a constant",
        fix=f"map a column with 'as: influent.{sum_name}', or add {sum_name} to plant.influent.composition",
    )


def _check_cod(made: Fractionation) -> None:
    family, given = made.family, made.given
    direct = [name for name in family.organics if name in given]
    if "COD" in given and direct:
        raise InputError(
            f"{', '.join(direct)} {'is' if len(direct) == 1 else 'are'} given twice: directly, and as a share of COD",
            expected="COD, or every one of " + ", ".join(family.organics),
            fix="set its fraction instead, such as f_SI" if len(direct) < len(family.organics) else "leave out COD",
        )
    if "COD" not in given and len(direct) < len(family.organics):
        raise _missing("COD", "COD")
    if not made.scale_tss:
        return
    if not {"COD", "TSS"} <= given:
        raise _missing("TSS, by which tss: scale sets particulate COD", "TSS")
    solids = sum(made.share(factors) for name, factors in family.organics.items() if name in made.particulate)
    if not (solids > 0 and made.fractions["f_SS"] > 0):
        raise InputError(
            f"with tss: scale the particulate fractions of COD add to {solids:g}, and f_SS is "
            f"{made.fractions['f_SS']:g}",
            expected="both above 0: TSS sets the particulate COD, and the rest of COD is readily biodegradable",
            fix="change f_SI, f_SS, f_XI, f_XS, f_XH, or set tss: check",
        )


def _check_nitrogen(made: Fractionation) -> None:
    family, given = made.family, made.given
    homes = [name for name in family.nitrogen if name not in given]
    present = [name for name in ("TKN", family.ammonium) if name in given]
    share = made.fractions.get("f_SNH")
    if share is not None and (len(present) > 1 or not homes):
        why = f"TKN and {family.ammonium} are both given" if homes else f"nothing in {family.name} needs it"
        raise InputError(
            f"f_SNH is given, and {why}",
            expected=f"f_SNH in place of TKN or of {family.ammonium}, where a table has components of organic nitrogen",
            fix="remove f_SNH",
        )
    if not present:
        raise _missing(f"TKN {'and' if homes and share is None else 'or'} {family.ammonium}", "TKN")
    if homes and len(present) == 1 and share is None:
        lacks = family.ammonium if present == ["TKN"] else "TKN"
        raise InputError(
            f"the fractionation lacks {lacks}: with {present[0]} alone, {' and '.join(homes)} are not determined",
            expected=f"TKN and {family.ammonium}, or one of them and f_SNH, the share of ammonium in TKN",
            fix=f"map a column with 'as: influent.{lacks}', or add f_SNH with the usual share at your plant (0.43 in "
            "the raw sewage of BSM2, 0.58 in the settled sewage of BSM1)",
        )
