"""A plant of round figures, whose indicators can be worked out by hand."""

import numpy as np

from asm_hybrid.scenario.kpi_series import PlantSeries, Stream, TankSeries


def plant(**changes):
    """Return a small plant: four samples held for 0.25, 0.25, 0.5 and 1 d."""
    one = np.ones(4)
    given = {
        "time": np.array([0.0, 0.25, 0.5, 1.0]),
        "effluent": Stream(
            np.array([100.0, 200.0, 100.0, 300.0]),
            {
                "TSS": np.array([10.0, 40.0, 10.0, 31.0]),
                "COD": 50 * one,
                "BOD5": 3 * one,
                "TKN": 5 * one,
                "TN": 15 * one,
                "NH4": 3 * one,
                "NO3": 10 * one,
            },
        ),
        "tanks": (
            TankSeries("anoxic", 100.0, np.array([0.0, 19.9, 20.0, 0.0]), 9 * one),
            TankSeries("aerobic", 300.0, 100 * one, 9 * one),
        ),
        "recycle": 1000 * one,
        "return_sludge": 300 * one,
        "wastage": 5 * one,
        "held_until": 2.0,
    }
    return PlantSeries(**{**given, **changes})
