"""What leaves the plant: effluent, waste sludge and primary sludge."""

from __future__ import annotations

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.late import RETURN
from asm_hybrid.plant.layout import SETTLER
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.settler import TINY, TakacsSettler

__all__ = ["departing", "effluent", "primary_sludge", "underflow", "waste"]


def effluent(plant: Plant, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> tuple[Array, Array]:
    """Return flow and concentrations of the effluent.

    Parameters
    ----------
    plant : Plant
        The plant.
    X : array, shape (…, row, component)
        The state.
    forcing : Forcing[Array]
        At the same time; as controllers make it (`steer`) where there are any.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    flow : array, shape (…, 1)
        Flow [m³/d].
    concentrations : array, shape (…, 1, component)
        Of all streams that reach it, mixed, each in its unit such as [g/m³].
    """
    tanks, settler = plant.effective_state(X, forcing, xp), plant.layout.settler
    streams: list[tuple[Array, Array]] = []
    if isinstance(settler, TakacsSettler):
        streams.append((forcing.overflow, plant.settled(X, tanks, forcing, 0, xp)))
    elif settler is not None:
        thin = xp.column(settler.thinning(forcing.feed_flow, forcing.feed_flow - forcing.overflow, xp))
        feed = xp.matmul(forcing.feed, tanks)
        kept = xp.constant(plant.constants.soluble_row, X) + thin * xp.constant(plant.constants.solid_row, X)
        streams.append((forcing.overflow, feed * kept))
    if forcing.direct is not None:
        flow = xp.total(forcing.direct)
        share = forcing.direct / xp.column(xp.maximum(flow, TINY))
        streams.append((flow, xp.matmul(share, tanks * xp.constant(plant.constants.decanted_solids, X))))
    if plant.maps.bypass:
        sludge = plant.layout.primary.sludge if plant.layout.primary else 0.0
        flow = plant.input(forcing.u, "Q_in", xp) * (plant.maps.bypass * (1.0 - sludge))
        streams.append((flow, plant.treated(X, xp) if plant.layout.primary else plant.influent(forcing.u, xp)))
    if len(streams) == 1:
        return streams[0]
    flow = sum((q for q, _ in streams[1:]), streams[0][0])
    load = sum((xp.column(q) * c for q, c in streams[1:]), xp.column(streams[0][0]) * streams[0][1])
    return flow, load / xp.column(xp.maximum(flow, TINY))


def waste(plant: Plant, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
    """Return the concentrations of the waste sludge.

    Parameters
    ----------
    plant, X, forcing, xp
        As in `effluent`.

    Returns
    -------
    array, shape (…, 1, component)
        Concentrations, each in its unit such as [g/m³].
    """
    tanks, layout = plant.effective_state(X, forcing, xp), plant.layout
    if layout.waste_from != SETTLER:
        i = layout.tank_index(layout.waste_from)
        return xp.block(tanks, i, i + 1)
    return underflow(plant, X, forcing, xp)


def underflow(plant: Plant, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
    """Return the concentrations of what is drawn from the settler, as return sludge and waste.

    Parameters
    ----------
    plant, X, forcing, xp
        As in `effluent`.

    Returns
    -------
    array, shape (…, 1, component)
        Concentrations, each in its unit such as [g/m³].
    """
    tanks, layout = plant.effective_state(X, forcing, xp), plant.layout
    feed = xp.matmul(forcing.feed, tanks)
    if isinstance(layout.settler, TakacsSettler):
        return plant.settled(X, tanks, forcing, layout.settler.layers - 1, xp)
    if layout.settler is None:
        return feed
    under = forcing.feed_flow - forcing.overflow
    thick = xp.column(layout.settler.thickening(forcing.feed_flow, under, xp))
    return feed * (xp.constant(plant.constants.soluble_row, X) + thick * xp.constant(plant.constants.solid_row, X))


def departing(plant: Plant, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
    """Return what sets out now and arrives late.

    Parameters
    ----------
    plant : Plant
        A plant with `Plant.late` signals.
    X, forcing, xp
        As in `effluent`.

    Returns
    -------
    array, shape (…, entry)
        In the order of `Plant.late`: concentrations of streams, and what controllers measure.
    """
    tanks, layout = plant.effective_state(X, forcing, xp), plant.layout
    recycles = {f"recycle.{r.name}": layout.tank_index(r.source) for r in layout.recycles}
    loops = {c.name: c for c in layout.controllers}
    found = []
    for signal in plant.late:
        if signal.name in recycles:
            i = recycles[signal.name]
            found.append(xp.flat(xp.block(tanks, i, i + 1)))
        elif signal.name == RETURN:
            found.append(xp.flat(underflow(plant, X, forcing, xp)))
        else:
            found.append(plant.measured(X, tanks, forcing, loops[signal.name].measured, xp))
    return xp.join(found)


def primary_sludge(plant: Plant, X: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> tuple[Array, Array]:
    """Return flow and concentrations of the sludge of the primary clarifier.

    What comes out of the clarifier is split: the solids that are missing in the treated water are in the sludge.

    Parameters
    ----------
    plant : Plant
        A plant with a primary clarifier.
    X, forcing, xp
        As in `effluent`.

    Returns
    -------
    flow : array, shape (…, 1)
        Flow [m³/d].
    concentrations : array, shape (…, 1, component)
        Concentrations, each in its unit such as [g/m³].
    """
    assert plant.rows.primary is not None
    assert plant.layout.primary is not None
    tank, share = xp.block(X, plant.rows.primary, plant.rows.primary + 1), plant.layout.primary.sludge
    more = (1.0 - share) / share * (tank - plant.treated(X, xp))
    return share * plant.input(forcing.u, "Q_in", xp), tank + more
