"""Balances of N and COD over a record: what comes in, what was measured to leave, and what is left over.

What was not measured is taken from the steady state of f, and said. Dissolved matter that was measured in the tank
before the settler leaves with the effluent as it is there. What is left of COD is oxidised, by oxygen or nitrate;
reducing a gram of nitrate nitrogen to N2 takes the electrons of 40/14 g COD. So no more nitrogen can be denitrified
than COD oxidised over 40/14, whatever the kinetics [1]_.

References
----------
.. [1] Henze, M., van Loosdrecht, M. C. M., Ekama, G. A. and Brdjanovic, D., eds. (2008): Biological Wastewater
   Treatment: Principles, Modelling and Design. IWA Publishing, chapters 4 and 5: balances of COD and N.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.data import Dataset, Observation, QualityFinding
from asm_hybrid.scenario.operation import Operation
from asm_hybrid.scenario.scoring import NAMES

__all__ = ["Leaving", "RecordBalance", "balance_findings", "leaving", "record_balance"]

COD_PER_NITRATE = 40 / 14
"""COD that is oxidised while nitrate becomes N2 [g COD/g N]."""
OXYGEN_PER_NITRATE = 64 / 14
"""Oxygen that makes nitrate of ammonium [g O2/g N]."""
OXYGEN_PER_N2 = 24 / 14
"""Oxygen that is used for what leaves as N2 in the end [g O2/g N]."""

SLACK = 1.1
"""What leaves over what comes in, up to which a balance is not called impossible: flows are known by some percent."""


@dataclass(frozen=True)
class Leaving:
    """What the effluent carries of a composite.

    Attributes
    ----------
    measured : float
        The part that was measured, mean weighted by flow [g/m3].
    rest : float or None
        The part that was not, at the steady state of f [g/m3]; None where there is none.
    labels : tuple of str
        Headers of the columns behind the measured part.
    components : frozenset of str
        Components that it covers.
    whole : bool
        Whether the composite itself was measured.
    """

    measured: float
    rest: float | None
    labels: tuple[str, ...]
    components: frozenset[str]
    whole: bool

    @property
    def total(self) -> float | None:
        """Both parts [g/m3]; None where one is unknown."""
        return None if self.rest is None else self.measured + self.rest


@dataclass(frozen=True)
class RecordBalance:
    """The balance of one material over a record, loads in kg/d.

    Attributes
    ----------
    material : str
        ``N`` or ``COD``.
    influent, primary, wasted : float
        With the influent, the primary sludge and the waste sludge; NaN where it is not known.
    effluent : float
        The measured part of what leaves with the effluent; NaN where nothing was measured.
    effluent_rest : float
        The part that was not measured, as f expects it; NaN where it is not known.
    labels : tuple of str
        Headers of the columns behind the measured part.
    complete : bool
        Whether what was measured bounds the material in the effluent from both sides: of N ammonium and nitrate.
    sludge : float or None
        Measured over expected sludge, by which that of f is multiplied.
    limit : float
        The most that can be left over: of N, what COD can denitrify; infinite where nothing is known.
    oxygen : float
        Oxygen that the plant uses [kg O2/d]; NaN where it is not known. Of COD alone.
    """

    material: str
    influent: float
    primary: float
    wasted: float
    effluent: float
    effluent_rest: float
    labels: tuple[str, ...]
    complete: bool
    sludge: float | None
    limit: float = float("inf")
    oxygen: float = float("nan")

    @property
    def left(self) -> float:
        """What is left over: N that leaves as N2, COD that is oxidised [kg/d]; NaN where it is not known."""
        return self.influent - self.primary - self.wasted - self.lost - self.effluent_rest

    @property
    def lost(self) -> float:
        """The measured part of what leaves with the effluent, zero where nothing was measured."""
        return self.effluent if self.labels else 0.0


def record_balance(operation: Operation, dataset: Dataset, sludge: float | None) -> tuple[RecordBalance, ...]:
    """Return the balances of COD and N, as far as the table has both.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    dataset : Dataset
        The record.
    sludge : float or None
        Measured over expected sludge, as far as it was measured.

    Returns
    -------
    tuple of RecordBalance
        COD first.
    """
    if not {"COD", "TN"} <= set(operation.influent):
        return ()
    means = _effluent_means(operation, dataset)
    cod = _balance(operation, "COD", "COD", leaving(operation, "COD", means), sludge)
    found = leaving(operation, "TN", means)
    nitrogen = _balance(operation, "N", "TN", found, sludge)
    both = found.components
    complete = found.whole or (bool(both & set(NAMES["NH4"])) and bool(both & set(NAMES["NO3"])))
    limit = max(0.0, cod.left) / COD_PER_NITRATE if np.isfinite(cod.left) else float("inf")
    nitrogen = RecordBalance(**{**vars(nitrogen), "complete": complete, "limit": limit})
    nitrate = _nitrate(operation, means)
    nitrified = OXYGEN_PER_NITRATE * nitrate + OXYGEN_PER_N2 * max(0.0, nitrogen.left)
    return RecordBalance(**{**vars(cod), "oxygen": cod.left + nitrified}), nitrogen


def _balance(
    operation: Operation, material: str, composite: str, found: Leaving, sludge: float | None
) -> RecordBalance:
    nothing, influent = float("nan"), operation.load(composite)
    settled = operation.load(composite, settled=True)
    assert influent is not None
    assert settled is not None
    flow = effluent_flow(operation) / 1000
    waste = operation.expected.get(f"waste.{composite}", nothing)
    return RecordBalance(
        material=material,
        influent=influent,
        primary=influent - settled,
        wasted=operation.input("wastage") * waste * (1.0 if sludge is None else sludge) / 1000,
        effluent=flow * found.measured if found.labels else nothing,
        effluent_rest=nothing if found.rest is None else flow * found.rest,
        labels=found.labels,
        complete=found.whole,
        sludge=sludge,
    )


def effluent_flow(operation: Operation) -> float:
    """Return the mean flow of the effluent [m3/d]."""
    drawn = operation.input("wastage") + operation.primary_flow
    return operation.expected.get("effluent.flow", operation.input("Q_in") - drawn)


def _effluent_means(operation: Operation, dataset: Dataset) -> dict[str, tuple[str, float]]:
    """Return header and mean, weighted by flow, of what was measured of the effluent, by quantity.

    Of quantities in a tank only dissolved ones count, and only those of the one tank that feeds settler or effluent.
    """
    plant = operation.plant
    outlets = (plant.maps.to_settler.sum((0, 1)) != 0) | (plant.maps.to_effluent.sum((0, 1)) != 0)
    last = [t.name for t, out in zip(plant.layout.tanks, outlets, strict=True) if out]
    dissolved = {c.name for c in plant.table.components if c.phase == "soluble"}
    found: dict[str, tuple[str, float]] = {}
    for wanted in ("effluent", *(last if len(last) == 1 else [])):
        for o in dataset.observations:
            place, _, quantity = o.target.partition(".")
            parts = _weights(operation, quantity)
            if place != wanted or quantity in found or not o.values.size:
                continue
            if place == "effluent" or set(parts) <= dissolved:
                found[quantity] = o.label, _by_flow(dataset, o)
    return found


def _by_flow(dataset: Dataset, o: Observation) -> float:
    flow = dataset.inputs[:, dataset.input_names.index("Q_in")]
    weight = np.interp(o.times, dataset.times, flow)
    return float(weight @ o.values / weight.sum()) if weight.sum() > 0 else float(o.values.mean())


def _weights(operation: Operation, quantity: str) -> dict[str, float]:
    """Return what a component or composite is made of, by component."""
    composite = operation.plant.table.composites.get(quantity)
    if composite is None:
        return {quantity: 1.0}
    values, found = operation.parameters, {}
    for name, weight in composite.weights.items():
        found[name] = float(weight.value.subs({s: values[s.name] for s in weight.value.free_symbols}))
    return {name: weight for name, weight in found.items() if weight}


def leaving(operation: Operation, composite: str, means: Mapping[str, tuple[str, float]]) -> Leaving:
    """Return how much of a composite the effluent carries, as far as it was measured.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    composite : str
        Its name.
    means : mapping of str to (str, float)
        Header and mean [g/m3] of what was measured of the effluent, by quantity.

    Returns
    -------
    Leaving
        Sums of more components are taken before those of fewer, so that nothing counts twice.
    """
    whole = _weights(operation, composite)
    measured, labels, covered = 0.0, [], set[str]()
    for quantity in sorted(means, key=lambda name: (name != composite, -len(_weights(operation, name)))):
        parts = _weights(operation, quantity)
        shares = {round(whole.get(name, 0.0) / weight, 9) for name, weight in parts.items()}
        if len(shares) > 1 or not shares - {0.0} or covered & set(parts):
            continue
        label, mean = means[quantity]
        measured += shares.pop() * mean
        labels.append(label)
        covered |= set(parts)
    columns = [f"effluent.{name}" for name in whole]
    rest = None
    if all(name in operation.expected for name in columns):
        rest = sum(w * operation.expected[f"effluent.{name}"] for name, w in whole.items() if name not in covered)
    return Leaving(measured, rest, tuple(labels), frozenset(covered), covered >= set(whole))


def _nitrate(operation: Operation, means: Mapping[str, tuple[str, float]]) -> float:
    """Return the nitrate that leaves with the effluent less what comes in [kg N/d]; NaN where it is not known."""
    name = next((n for n in NAMES["NO3"] if n in operation.influent), None)
    if name is None:
        return float("nan")
    out = means[name][1] if name in means else operation.expected.get(f"effluent.{name}", float("nan"))
    return (effluent_flow(operation) * out - operation.input("Q_in") * operation.influent[name]) / 1000


def balance_findings(balances: Sequence[RecordBalance], file: str) -> Iterator[QualityFinding]:
    """Yield the balances that cannot be.

    Parameters
    ----------
    balances : sequence of RecordBalance
        From `record_balance`.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    for b in balances:
        message, expected, fix = _impossible(b)
        if message:
            yield QualityFinding("warning", file, "", "", "balance", f"{b.material} balance: {message}", expected, fix)


def _impossible(b: RecordBalance) -> tuple[str, str, str]:
    known = b.lost + (b.effluent_rest if np.isfinite(b.effluent_rest) else 0.0)
    flows, columns = "the flow and composition of the influent", ", ".join(b.labels)
    if b.effluent > b.influent:
        return (
            f"the effluent carries {b.effluent:.6g} kg/d ({columns}), and {b.influent:.6g} kg/d come in",
            "less in the effluent than in the influent",
            f"check the units of {columns}, and {flows}",
        )
    if np.isfinite(b.wasted) and b.primary + known + b.wasted > SLACK * b.influent:
        where = f"effluent ({known:.5g}) and waste sludge ({b.wasted:.5g})"
        return (
            f"{where} carry more than the {b.influent:.6g} kg/d that come in",
            "less in what leaves than in what comes in",
            f"check value and unit of the wastage, {flows}" + (f", and {columns}" if b.labels else ""),
        )
    if b.complete and b.left > SLACK * b.limit:
        return (
            f"{b.left:.4g} kg/d would have to be denitrified, which takes {b.left * COD_PER_NITRATE:.4g} kg COD/d; "
            f"{b.limit * COD_PER_NITRATE:.4g} kg COD/d are oxidised in all",
            f"at most {b.limit:.4g} kg/d denitrified",
            f"check the units of {columns}, the nitrogen and COD of the influent, and the wastage",
        )
    return "", "", ""
