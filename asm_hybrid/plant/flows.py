"""Where the water goes: constant matrices that turn the flows among a plant's inputs into all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import EFFLUENT, SETTLER, Layout

__all__ = ["FlowMaps", "flow_maps"]


@dataclass(frozen=True)
class FlowMaps:
    """What one unit of every input flow does; all are zero for inputs that are no flows.

    Attributes
    ----------
    exchange : ndarray, shape (input, tank, tank)
        Water that comes from another tank (off the diagonal), and all that comes, negative (on the diagonal) [-].
    inflow : ndarray, shape (input, 1, tank)
        All water that comes into a tank [-].
    outflow : ndarray, shape (input, 1, tank)
        All water that leaves a tank [-].
    influent : ndarray, shape (tank, 1)
        Share of the treated influent that a tank receives [-].
    returned : ndarray, shape (tank, 1)
        Share of the return sludge that a tank receives [-].
    to_settler, to_effluent : ndarray, shape (input, 1, tank)
        Water from a tank to the settler, and straight to the effluent [-].
    decanted : ndarray, shape (input, 1, tank)
        Water decanted from tanks whose volume varies [-].
    shares : ndarray, shape (tank, tank)
        Share of the main outflow of a tank (row) that goes on to another tank (column) [-].
    bypass : float
        Share of the treated influent that bypasses the tanks [-].
    """

    exchange: np.ndarray
    inflow: np.ndarray
    outflow: np.ndarray
    influent: np.ndarray
    returned: np.ndarray
    to_settler: np.ndarray
    to_effluent: np.ndarray
    decanted: np.ndarray
    shares: np.ndarray
    bypass: float


def flow_maps(layout: Layout, inputs: PlantInputs) -> FlowMaps:
    """Solve the water balance of a layout.

    Parameters
    ----------
    layout : Layout
        The flow sheet.
    inputs : PlantInputs
        Its inputs.

    Returns
    -------
    FlowMaps

    Raises
    ------
    InputError
        When main streams run in a circle, so that the balance has no solution.

    Notes
    -----
    With ``S`` the shares in which main outflows go on to other tanks, the main outflows ``o`` of tanks whose volume is
    constant follow from the pumped flows ``e`` into and out of them: ``o = (I - Sᵀ)⁻¹ e``.
    """
    names, index, count = layout.tank_names, inputs.positions, len(inputs)
    n = len(names)
    shares = np.array([[layout.outflow(t).get(name, 0.0) for name in names] for t in layout.tanks])
    kept = 1.0 - (layout.primary.sludge if layout.primary else 0.0)
    influent = np.array([[layout.influent_to.get(name, 0.0)] for name in names])
    returned = np.array([[layout.return_to.get(name, 0.0)] for name in names])
    arrives, leaves = np.zeros((count, n)), np.zeros((count, n))
    arrives[index["Q_in"]] = kept * influent[:, 0]
    arrives[index["return_sludge"]] += returned[:, 0]
    exchange = np.zeros((count, n, n))
    for spec, recycle in zip(inputs.of_kind("recycle"), layout.recycles, strict=True):
        k = index[spec.name]
        source, target = layout.tank_index(recycle.source), layout.tank_index(recycle.target)
        arrives[k, target] += 1.0
        leaves[k, source] += 1.0
        exchange[k, target, source] += 1.0
    if layout.waste_from != SETTLER:
        leaves[index["wastage"], layout.tank_index(layout.waste_from)] += 1.0
    decanted = np.zeros((count, n))
    fixed = np.array([not t.variable for t in layout.tanks])
    for spec in inputs.of_kind("decant"):
        decanted[index[spec.name], layout.tank_index(spec.owner)] = 1.0
    balance = np.eye(n) - (shares * fixed[:, None]).T
    if abs(np.linalg.det(balance)) < 1e-9:
        raise InputError(
            "main streams run in a circle",
            expected="tanks whose main outflow ends at the settler or the effluent",
            fix="make one of the streams a recycle, with a flow of its own",
        )
    pumped = arrives - leaves * fixed + decanted @ shares
    main = np.where(fixed, np.linalg.solve(balance, pumped.T).T, decanted)
    exchange += np.einsum("kj,ji->kij", main, shares)
    inflow = arrives + main @ shares
    exchange[:, range(n), range(n)] -= inflow
    ends = {end: np.array([layout.outflow(t).get(end, 0.0) for t in layout.tanks]) for end in (SETTLER, EFFLUENT)}
    return FlowMaps(
        exchange=_clean(exchange),
        inflow=_clean(inflow)[:, None],
        outflow=_clean(main + leaves)[:, None],
        influent=influent,
        returned=returned,
        to_settler=_clean(main * ends[SETTLER])[:, None],
        to_effluent=_clean(main * ends[EFFLUENT])[:, None],
        decanted=decanted[:, None],
        shares=shares,
        bypass=layout.influent_to.get(EFFLUENT, 0.0),
    )


def _clean(matrix: np.ndarray) -> np.ndarray:
    """Round off what solving the balance left of zeros and whole numbers."""
    rounded = np.round(matrix, 12)
    return np.where(np.abs(matrix - rounded) < 1e-13, rounded, matrix)
