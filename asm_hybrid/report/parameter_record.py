"""``parameters.json`` of a run folder, and what its summary says of the calibration."""

from __future__ import annotations

from pydantic import Field

from asm_hybrid.report.record import Record
from asm_hybrid.training.calibration import TOLD

__all__ = [
    "CLEAR",
    "CalibrationFacts",
    "NoiseParameter",
    "Parameter",
    "ParameterSet",
    "SearchStarts",
    "SensorParameter",
]

CLEAR = 1.92
"""Fall of the log-likelihood that is clear at 95 % for one unknown: half the quantile of chi-square."""


class SearchStarts(Record):
    """What became of the starts of a calibration.

    Attributes
    ----------
    tried, followed : int
        Starts that were simulated, and those that were followed to the end.
    agreeing, rivals : int
        Of these, those that arrived at the best place, and those that fit nearly as well elsewhere.
    """

    tried: int
    followed: int
    agreeing: int
    rivals: int


class CalibrationFacts(Record):
    """How the calibration ended.

    Attributes
    ----------
    cost : float
        Mean squared residual in units of sensor noise.
    evaluations : int
        Batches of simulations.
    converged, starts_agree : bool
        Whether it has arrived, and whether no other parameters fit nearly as well.
    starts : SearchStarts
        What became of the starts.
    independent_errors : float
        Number of independent errors that tell as much as the residuals.
    first_state : dict of str to float
        How many times as much of every particulate component the record begins with as the steady state has.
    """

    cost: float
    evaluations: int
    converged: bool
    starts_agree: bool
    starts: SearchStarts
    independent_errors: float
    first_state: dict[str, float] = Field(default_factory=dict)


class Parameter(Record):
    """One parameter of f.

    Attributes
    ----------
    name, unit : str
        Its name and unit.
    value, default : float
        What the run used, and the default of its table [unit].
    lower, upper : float or None
        Bounds of its calibration [unit].
    source : str or None
        Source of the default.
    calibrated, at_bound : bool
        Whether it was calibrated, and ended at a bound.
    std_error, profile_low, profile_high : float or None
        Standard error, and ends of the profile-likelihood interval [unit].
    profile_open : str or None
        Where that runs into a bound: ``none``, ``lower``, ``upper`` or ``both``.
    profile_checked : bool or None
        Whether simulations confirmed its ends.
    information : float or None
        Share of the variance of the prior that the data have taken away [-].
    """

    name: str
    value: float
    default: float
    lower: float | None = None
    upper: float | None = None
    unit: str
    source: str | None = None
    calibrated: bool = False
    at_bound: bool = False
    std_error: float | None = None
    profile_low: float | None = None
    profile_high: float | None = None
    profile_open: str | None = None
    profile_checked: bool | None = None
    information: float | None = None

    @property
    def determined(self) -> bool:
        """Whether the data tell more of it than the default and the bounds do."""
        return self.profile_open != "both" and (self.information is None or self.information >= TOLD)


class SensorParameter(Record):
    """Bias, lag or dead time (``delay``) of a sensor.

    Attributes
    ----------
    value, low, high : float
        Median and range over seeds [unit].
    unit : str
        Its unit.
    learnt : bool
        Whether it was learnt or given.
    profile_low, profile_high : float or None
        Ends of the 95 % interval of a bias or dead time that was found beside the parameters of f [unit].
    """

    value: float
    low: float
    high: float
    unit: str
    learnt: bool
    profile_low: float | None = None
    profile_high: float | None = None


class NoiseParameter(Record):
    """Noise of states that a calibration by likelihood has estimated, for the square root of a day.

    Attributes
    ----------
    unit : str
        Unit of the values; "-" for a share of the state.
    stated, value : float
        What the config says, and the estimate.
    low, high : float
        Ends of its 95 % interval.
    at_bound : bool
        Whether the search stopped at a bound.
    lost : float or None
        By how much the log-likelihood falls without it; None where nothing was compared.
    """

    unit: str
    stated: float
    value: float
    low: float
    high: float
    at_bound: bool
    lost: float | None = None


class ParameterSet(Record):
    """``parameters.json``.

    Attributes
    ----------
    parameters : list of Parameter
        All parameters of f.
    correlations : dict of str to dict of str to float or None
        Correlation of each pair that was calibrated [-].
    sensors : dict of str to dict of str to SensorParameter
        Bias, lag and delay of the sensors, by column.
    process_noise : dict of str to NoiseParameter
        Noise of states that was estimated, by the name in the config.
    """

    parameters: list[Parameter]
    correlations: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    sensors: dict[str, dict[str, SensorParameter]] = Field(default_factory=dict)
    process_noise: dict[str, NoiseParameter] = Field(default_factory=dict)

    @property
    def most_missed(self) -> str | None:
        """Name of the noise that the measurements need most.

        None where nothing was compared, where the log-likelihood falls by less than `CLEAR` without it, or where
        another noise is missed as much but for that.
        """
        lost = {name: n.lost for name, n in self.process_noise.items() if n.lost is not None}
        if len(lost) < max(2, len(self.process_noise)):
            return None
        second, first = sorted(lost, key=lost.__getitem__)[-2:]
        return first if lost[first] - max(lost[second], 0.0) > CLEAR else None
