"""Samples that are stamped with a date alone, as laboratories do: when they were taken nobody said."""

from __future__ import annotations

from datetime import tzinfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_dates", "only_dates"]

FEW = 3
"""Stamps below which midnight may be chance."""


def only_dates(times: pd.DatetimeIndex, zone: tzinfo) -> bool:
    """Return whether every stamp is a local midnight.

    Parameters
    ----------
    times : DatetimeIndex
        Stamps in UTC.
    zone : tzinfo
        Zone of the source.
    """
    local = times.tz_convert(zone)
    return len(local) >= FEW and bool((local == local.normalize()).all())


def check_dates(period: float, chosen: NDArray[np.bool_], place: Place) -> list[QualityFinding]:
    """Return a warning for a column of a source whose stamps are dates alone.

    Parameters
    ----------
    period : float
        Length of a composite's period [d], zero for samples of a moment.
    chosen : bool array, (row,)
        Rows with a value.
    place : Place
        File, header and row numbers.

    Returns
    -------
    list of QualityFinding
        Kind ``dates``.
    """
    if not chosen.any():
        return []
    if period:
        taken = f"a composite ends at its stamp, so that it is taken as the {period * 24:.4g} h before its date"
        expected = "the end of the period as the stamp"
        fix = "if the date is that of the day that was sampled, give 24:00 as its time"
    else:
        taken = "the samples are taken as of 0:00"
        expected = "the time of a sample, or its period for a mean"
        fix = "for a mean over a day add 'sample: {composite: 24 h}'; for others give the time"
    return [
        place.finding(
            "warning",
            "dates",
            f"the stamps are dates without a time of day; {taken}",
            expected=expected,
            fix=f"{fix}, in the stamps or in a second column, {{column: [DATE, TIME]}}; else nothing has to be done",
        )
    ]
