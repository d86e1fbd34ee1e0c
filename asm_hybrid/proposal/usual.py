"""What values of a quantity usually are, by which a unit is doubted, and how far a sensor usually errs.

Both are judgement, for municipal plants: they decide what is asked, never what a value is.
"""

from __future__ import annotations

__all__ = ["noise", "usual"]

OXYGEN = ("S_O", "S_O2")
AMMONIUM = ("S_NH", "S_NH4")
NITRATE = ("S_NO", "S_NO2", "S_NO3", "S_NOX", "NOX")
_USUAL: dict[tuple[str, str], tuple[float, float]] = {
    **{("influent", name): (3.0, 300.0) for name in AMMONIUM},
    **{("", name): (0.0, 100.0) for name in (*AMMONIUM, *NITRATE)},
    **{("", name): (0.0, 15.0) for name in OXYGEN},
    ("", "S_PO4"): (0.0, 50.0),
    ("", "S_ALK"): (0.2, 30.0),
    ("influent", "COD"): (30.0, 6000.0),
    ("influent", "TSS"): (10.0, 3000.0),
    ("influent", "TKN"): (5.0, 400.0),
    ("influent", "TP"): (0.5, 60.0),
    ("effluent", "COD"): (3.0, 500.0),
    ("effluent", "TSS"): (0.0, 300.0),
    ("", "SCOD"): (3.0, 3000.0),
    ("", "BOD5"): (0.0, 3000.0),
    ("", "TKN"): (0.0, 2000.0),
    ("", "TN"): (0.0, 2000.0),
    ("", "TP"): (0.0, 500.0),
    ("", "TSS"): (200.0, 25000.0),
    ("", "VSS"): (150.0, 20000.0),
    ("", "COD"): (300.0, 40000.0),
    ("", "T"): (2.0, 42.0),
    ("", "kla"): (1.0, 1000.0),
}
"""Place (empty for a tank, and where the place says nothing) and name, with the lowest and highest usual median, in
internal units."""
RETENTION = (0.02, 60.0)
"""Shortest and longest time in which a flow fills all tanks [d]: half an hour is that of a large recycle, two
months that of a lagoon."""
_NOISE = {
    **dict.fromkeys((*AMMONIUM, *NITRATE), 0.3),
    **dict.fromkeys(OXYGEN, 0.1),
    "S_PO4": 0.1,
    "S_ALK": 0.2,
    "TKN": 1.0,
    "TN": 0.5,
    "TP": 0.1,
    "BOD5": 2.0,
    "SCOD": 5.0,
}
_BY_PLACE = {"TSS": (2.0, 100.0), "VSS": (2.0, 80.0), "COD": (5.0, 150.0)}
"""In the effluent, and in a tank."""


def usual(target: str, volume: float) -> tuple[float, float] | None:
    """Return between which values the median of a series usually lies.

    Parameters
    ----------
    target : str
        Name in the model.
    volume : float
        Volume of all tanks, by which flows are doubted [m3]; zero where it is not known.

    Returns
    -------
    (float, float) or None
        In the internal unit; None where nothing is usual, as of the wastage.
    """
    place, _, name = target.rpartition(".")
    if volume and (target in ("Q_in", "return_sludge") or place == "recycle"):
        return volume / RETENTION[1], volume / RETENTION[0]
    return _USUAL.get((place, name)) or _USUAL.get(("", name))


def noise(target: str) -> float | None:
    """Return how far a sensor or laboratory of this kind usually errs.

    Parameters
    ----------
    target : str
        Name of an observed variable.

    Returns
    -------
    float or None
        Standard deviation in the internal unit; None where nothing is known.
    """
    place, _, name = target.rpartition(".")
    if name in _BY_PLACE:
        return _BY_PLACE[name][place != "effluent"]
    return _NOISE.get(name)
