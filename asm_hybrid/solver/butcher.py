"""Coefficients of explicit Runge-Kutta methods, as plain Python floats.

References
----------
.. [1] J. R. Dormand, P. J. Prince (1980), "A family of embedded Runge-Kutta formulae", Journal of Computational and
   Applied Mathematics 6, 19-26, https://doi.org/10.1016/0771-050X(80)90013-3 (dopri5).
.. [2] L. F. Shampine (1986), "Some practical Runge-Kutta formulas", Mathematics of Computation 46, 135-150,
   https://doi.org/10.1090/S0025-5718-1986-0815836-3 (the embedded formula and the middle of a step of dopri5).
.. [3] P. J. Prince, J. R. Dormand (1981), "High order embedded Runge-Kutta formulae", Journal of Computational and
   Applied Mathematics 7, 67-75, https://doi.org/10.1016/0771-050X(81)90010-3 (dopri8).
.. [4] P. Bogacki, L. F. Shampine (1989), "A 3(2) pair of Runge-Kutta formulas", Applied Mathematics Letters 2, 321-325,
   https://doi.org/10.1016/0893-9659(89)90079-7 (bosh3).
.. [5] E. Hairer, S. P. Nørsett, G. Wanner (1993), "Solving Ordinary Differential Equations I", second edition,
   Springer, section II.1 (heun2, heun3, the 3/8 rule behind rk4) and II.4 (Fehlberg's pair of order two, fehlberg2).
.. [6] Ch. Tsitouras (2011), "Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption",
   Computers & Mathematics with Applications 62, 770-775, https://doi.org/10.1016/j.camwa.2011.06.002 (tsit5, and the
   middle of its step).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ADAPTIVE", "FIXED", "TABLEAUS", "ButcherTableau"]


@dataclass(frozen=True)
class ButcherTableau:
    """Coefficients of an explicit Runge-Kutta method.

    Attributes
    ----------
    name : str
        Its name.
    order : int
        Order of the solution that is carried on.
    c : tuple of float
        Stage times, in units of the step.
    a : tuple of tuple of float
        Weights of the earlier stages in the argument of each stage.
    b : tuple of float
        Weights of the stages in the step.
    e : tuple of float
        Weights of the stages in the difference from the embedded solution; empty where there is none.
    middle : tuple of float
        Weights of the stages at the middle of the step, from which its interpolation follows; empty where there are
        none of the method's order.
    interpolates : bool
        Whether the polynomial through the ends of a step, and its middle where there is one, is as good as the step.
    """

    name: str
    order: int
    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    e: tuple[float, ...] = ()
    middle: tuple[float, ...] = ()
    interpolates: bool = False

    @property
    def last_is_first(self) -> bool:
        """Whether the last stage is the slope at the end of the step, and so the first stage of the next."""
        return self.b[-1] == 0.0 and self.a[-1] == self.b[:-1] and self.c[-1] == 1.0


def _difference(b: tuple[float, ...], embedded: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(own - other for own, other in zip(b, embedded, strict=True))


_DOPRI5_B = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0)
_DOPRI5 = ButcherTableau(
    "dopri5",
    5,
    (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        _DOPRI5_B[:-1],
    ),
    _DOPRI5_B,
    _difference(_DOPRI5_B, (1951 / 21600, 0.0, 22642 / 50085, 451 / 720, -12231 / 42400, 649 / 6300, 1 / 60)),
    (
        6025192743 / 30085553152 / 2,
        0.0,
        51252292925 / 65400821598 / 2,
        -2691868925 / 45128329728 / 2,
        187940372067 / 1594534317056 / 2,
        -1776094331 / 19743644256 / 2,
        11237099 / 235043384 / 2,
    ),
    interpolates=True,
)

_TSIT5_B = (
    0.09646076681806523,
    0.01,
    0.4798896504144996,
    1.379008574103742,
    -3.290069515436081,
    2.324710524099774,
    0.0,
)
_TSIT5 = ButcherTableau(
    "tsit5",
    5,
    (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0),
    (
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        _TSIT5_B[:-1],
    ),
    _TSIT5_B,
    (
        -0.0017800110522257714,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        0.015151515151515152,
    ),
    (
        0.10741235230100377,
        0.01135625,
        0.39560903056045305,
        -0.34475214352593553,
        1.3161853649581645,
        -1.0170608542936508,
        0.031249999999999993,
    ),
    interpolates=True,
)

_DOPRI8_B = (
    *(14005451 / 335480064, 0.0, 0.0, 0.0, 0.0, -59238493 / 1068277825, 181606767 / 758867731),
    *(561292985 / 797845732, -1041891430 / 1371343529, 760417239 / 1151165299, 118820643 / 751138087),
    *(-528747749 / 2220607170, 1 / 4, 0.0),
)
_DOPRI8 = ButcherTableau(
    "dopri8",
    8,
    (
        *(0.0, 1 / 18, 1 / 12, 1 / 8, 5 / 16, 3 / 8, 59 / 400, 93 / 200, 5490023248 / 9719169821, 13 / 20),
        *(1201146811 / 1299019798, 1.0, 1.0, 1.0),
    ),
    (
        (),
        (1 / 18,),
        (1 / 48, 1 / 16),
        (1 / 32, 0.0, 3 / 32),
        (5 / 16, 0.0, -75 / 64, 75 / 64),
        (3 / 80, 0.0, 0.0, 3 / 16, 3 / 20),
        (29443841 / 614563906, 0.0, 0.0, 77736538 / 692538347, -28693883 / 1125000000, 23124283 / 1800000000),
        (
            *(16016141 / 946692911, 0.0, 0.0, 61564180 / 158732637, 22789713 / 633445777),
            *(545815736 / 2771057229, -180193667 / 1043307555),
        ),
        (
            *(39632708 / 573591083, 0.0, 0.0, -433636366 / 683701615, -421739975 / 2616292301),
            *(100302831 / 723423059, 790204164 / 839813087, 800635310 / 3783071287),
        ),
        (
            *(246121993 / 1340847787, 0.0, 0.0, -37695042795 / 15268766246, -309121744 / 1061227803),
            *(-12992083 / 490766935, 6005943493 / 2108947869, 393006217 / 1396673457, 123872331 / 1001029789),
        ),
        (
            *(-1028468189 / 846180014, 0.0, 0.0, 8478235783 / 508512852, 1311729495 / 1432422823),
            *(-10304129995 / 1701304382, -48777925059 / 3047939560, 15336726248 / 1032824649),
            *(-45442868181 / 3398467696, 3065993473 / 597172653),
        ),
        (
            *(185892177 / 718116043, 0.0, 0.0, -3185094517 / 667107341, -477755414 / 1098053517),
            *(-703635378 / 230739211, 5731566787 / 1027545527, 5232866602 / 850066563, -4093664535 / 808688257),
            *(3962137247 / 1805957418, 65686358 / 487910083),
        ),
        (
            *(403863854 / 491063109, 0.0, 0.0, -5068492393 / 434740067, -411421997 / 543043805),
            *(652783627 / 914296604, 11173962825 / 925320556, -13158990841 / 6184727034),
            *(3936647629 / 1978049680, -160528059 / 685178525, 248638103 / 1413531060, 0.0),
        ),
        _DOPRI8_B[:-1],
    ),
    _DOPRI8_B,
    _difference(
        _DOPRI8_B,
        (
            *(13451932 / 455176623, 0.0, 0.0, 0.0, 0.0, -808719846 / 976000145, 1757004468 / 5645159321),
            *(656045339 / 265891186, -3867574721 / 1518517206, 465885868 / 322736535, 53011238 / 667516719),
            *(2 / 45, 0.0, 0.0),
        ),
    ),
)

_BOSH3_B = (2 / 9, 1 / 3, 4 / 9, 0.0)
_BOSH3 = ButcherTableau(
    "bosh3",
    3,
    (0.0, 1 / 2, 3 / 4, 1.0),
    ((), (1 / 2,), (0.0, 3 / 4), _BOSH3_B[:-1]),
    _BOSH3_B,
    _difference(_BOSH3_B, (7 / 24, 1 / 4, 1 / 3, 1 / 8)),
    interpolates=True,
)

_HEUN = ButcherTableau("adaptive_heun", 2, (0.0, 1.0), ((), (1.0,)), (1 / 2, 1 / 2), (1 / 2, -1 / 2), interpolates=True)

_FEHLBERG2 = ButcherTableau(
    "fehlberg2",
    2,
    (0.0, 1 / 2, 1.0),
    ((), (1 / 2,), (1 / 256, 255 / 256)),
    (1 / 512, 255 / 256, 1 / 512),
    (-1 / 512, 0.0, 1 / 512),
    interpolates=True,
)

ADAPTIVE = {tableau.name: tableau for tableau in (_DOPRI5, _DOPRI8, _TSIT5, _BOSH3, _HEUN, _FEHLBERG2)}
"""Explicit methods that choose their steps, by name."""

FIXED = {
    tableau.name: tableau
    for tableau in (
        ButcherTableau("euler", 1, (0.0,), ((),), (1.0,)),
        ButcherTableau("midpoint", 2, (0.0, 1 / 2), ((), (1 / 2,)), (0.0, 1.0)),
        ButcherTableau("heun2", 2, (0.0, 1.0), ((), (1.0,)), (1 / 2, 1 / 2)),
        ButcherTableau("heun3", 3, (0.0, 1 / 3, 2 / 3), ((), (1 / 3,), (0.0, 2 / 3)), (1 / 4, 0.0, 3 / 4)),
        ButcherTableau(
            "rk4",
            4,
            (0.0, 1 / 3, 2 / 3, 1.0),
            ((), (1 / 3,), (-1 / 3, 1.0), (1.0, -1.0, 1.0)),
            (1 / 8, 3 / 8, 3 / 8, 1 / 8),
        ),
    )
}
"""Explicit methods with fixed steps, by name."""

TABLEAUS = ADAPTIVE | FIXED
"""All explicit methods by name."""
