"""Rain on surfaces, linear reservoirs, and deposits in the sewer, over steps in which inflows are constant.

Every function conserves volume or mass to rounding: what enters either leaves or is still stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.data.patterns import RainEvent

__all__ = ["first_flush", "rainfall", "reservoirs"]

Values = NDArray[np.float64]


def rainfall(events: Iterable[RainEvent], time: Values, step: float) -> Values:
    """Return the rain that falls in each step.

    Parameters
    ----------
    events : iterable of RainEvent
        The events.
    time : float array, (step,)
        Begins of the steps [d].
    step : float
        Length of a step [d].

    Returns
    -------
    float array, (step,)
        Mean intensity [mm/d].
    """
    rain = np.zeros(time.size)
    for event in events:
        shared = np.minimum(time + step, event.start + event.duration) - np.maximum(time, event.start)
        rain += np.clip(shared, 0.0, None) / step * (event.depth / event.duration)
    return rain


def reservoirs(inflow: Values, residence: float, count: int, step: float) -> Values:
    """Route flows and loads through mixed linear reservoirs in series.

    In a linear reservoir the outflow is the volume over the residence time; when it is mixed, the load that leaves is
    the mass over the same time. So flow and loads obey one equation, and a concentration is their ratio.

    Parameters
    ----------
    inflow : float array, (step, …)
        Flows or loads, constant over each step.
    residence : float
        Residence time of one reservoir [d].
    count : int
        How many; with 0 the inflow is returned.
    step : float
        Length of a step [d].

    Returns
    -------
    float array, (step, …)
        Means over each step; at the begin the reservoirs are in balance with the first inflow.
    """
    from scipy.signal import lfilter

    kept = exp(-step / residence)
    share = residence / step * (1 - kept)

    flow = inflow
    for _ in range(count):
        end = lfilter([1 - kept], [1, -kept], flow, axis=0, zi=kept * flow[:1])[0]
        begin = np.concatenate([flow[:1], end[:-1]])
        # Of the mean outflow a share comes from what was stored at the begin of the step, the rest from the inflow.
        flow = share * begin + (1 - share) * flow
    return flow


def first_flush(
    load: Values, flow: Values, settleable: float, capacity: float, rate: float, power: float, step: float
) -> Values:
    """Let particulate matter settle in the sewer, and erode when the flow is high.

    Parameters
    ----------
    load : float array, (step,)
        Particulate load, as a share of its mean.
    flow : float array, (step,)
        Flow, as a multiple of the one at which erosion has half of its highest rate.
    settleable : float
        Share of the load that settles where nothing lies yet.
    capacity : float
        The most that lies in the sewer, in days of the mean load [d].
    rate : float
        Highest rate of erosion [1/d].
    power : float
        Power of the flow in erosion.
    step : float
        Length of a step [d].

    Returns
    -------
    float array, (step,)
        Load after settling and erosion. At the begin the sewer is clean.

    Notes
    -----
    ``dM/dt = settleable load (1 - M/capacity) - rate flow^n/(1 + flow^n) M``, solved exactly over each step; after [1]_
    of `asm_hybrid.data.patterns`.
    """
    if settleable == 0:
        return load
    settling = settleable * load
    decay = settling / capacity + rate / (1 + flow**-power)
    kept, limit = np.exp(-decay * step), settling / decay
    out, mass = np.empty(load.size), 0.0
    for i in range(load.size):
        end = limit[i] + (mass - limit[i]) * kept[i]
        out[i] = load[i] - (end - mass) / step
        mass = end
    return out
