"""Coefficients of Rosenbrock methods, as plain Python floats.

References
----------
.. [1] J. Rang, L. Angermann (2005), "New Rosenbrock W-methods of order 3 for partial differential algebraic equations
   of index 1", BIT Numerical Mathematics 45, 761-787, https://doi.org/10.1007/s10543-005-0035-y, Table 4.1 (ROS34PW2).
.. [2] E. Hairer, G. Wanner (1996), "Solving Ordinary Differential Equations II", second edition, Springer, section IV.7
   and the program RODAS that belongs to it (Rodas4).
.. [3] G. Steinebach (2023), "Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
   Differential Equations package", BIT Numerical Mathematics 63, 27, https://doi.org/10.1007/s10543-023-00967-x
   (Rodas5P; coefficients as in the author's contribution to OrdinaryDiffEq.jl).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["METHODS", "RODAS4", "RODAS5P", "ROS34PW2", "RosenbrockTableau"]


@dataclass(frozen=True)
class RosenbrockTableau:
    """Coefficients of a Rosenbrock method, ready for the form without matrix products.

    Attributes
    ----------
    name : str
        Its name.
    gamma : float
        Diagonal coefficient.
    alpha : tuple of float
        Stage times.
    a, c : tuple of tuple of float
        Coefficients of the transformed stages in the argument of f and on the right side.
    m : tuple of float
        Weights of the transformed stages.
    order : int
        Order; with an arbitrary matrix in the place of the Jacobian where `any_matrix` is true.
    any_matrix : bool
        Whether it is a W-method. The others need the exact Jacobian at the begin of every step, and the slope of f in
        time.
    d : tuple of float
        Weights of the slope in time, by stage.
    e : tuple of float
        Weights of the stages in the difference from the embedded solution, which is of one order less.
    dense : tuple of tuple of float
        Weights of the stages within a step, as coefficients of the powers of the place in it, from the first power on.
        Empty where the method has no dense output.
    """

    name: str
    gamma: float
    alpha: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    m: tuple[float, ...]
    order: int
    any_matrix: bool = True
    d: tuple[float, ...] = ()
    e: tuple[float, ...] = ()
    dense: tuple[tuple[float, ...], ...] = ()

    def within(self, where: Any) -> tuple[Any, ...]:
        """Return the weights of the stages at a place within a step, from zero at its begin to one at its end."""
        powers = [where ** (k + 1) for k in range(len(self.dense))]
        columns = zip(*self.dense, strict=True)
        return tuple(sum(p * w for p, w in zip(powers, column, strict=True)) for column in columns)

    @staticmethod
    def from_published(
        name: str, alpha: np.ndarray, gamma: np.ndarray, b: np.ndarray, embedded: np.ndarray, order: int
    ) -> RosenbrockTableau:
        """Transform the published coefficients of a W-method (Hairer and Wanner 1996, section IV.7) to plain floats.

        Its dense output is derived here: the weights at a place θ within a step meet the conditions of a W-method of
        order two there, ``Σ b_i = θ``, ``Σ b_i α_i = θ²/2`` and ``Σ b_i γ_i = 0``, and the first of order three,
        ``Σ b_i α_i² = θ³/3``. With four stages they are determined, and at θ = 1 they are those of the method, if that
        is of order three. Its error is of the order of that of the steps, the third power of the step.

        Parameters
        ----------
        name : str
            Its name.
        alpha, gamma : ndarray, shape (stage, stage)
            Coefficients α_ij (strictly lower) and γ_ij (lower).
        b, embedded : ndarray, shape (stage,)
            Weights, and those of the embedded solution.
        order : int
            Stated order.
        """
        inverse = np.linalg.inv(gamma)
        a = alpha @ inverse
        c = np.diag(1.0 / np.diag(gamma)) - inverse
        nodes = alpha.sum(axis=1)
        conditions = np.array([np.ones(4), nodes, gamma.sum(axis=1), nodes**2])
        columns = np.linalg.inv(conditions).T @ inverse
        dense = [columns[0], columns[1] / 2.0, columns[3] / 3.0]
        return RosenbrockTableau(
            name=name,
            gamma=float(gamma[0, 0]),
            alpha=tuple(float(v) for v in nodes),
            a=tuple(tuple(float(v) for v in row[:i]) for i, row in enumerate(a)),
            c=tuple(tuple(float(v) for v in row[:i]) for i, row in enumerate(c)),
            m=tuple(float(v) for v in b @ inverse),
            order=order,
            e=tuple(float(v) for v in (b - embedded) @ inverse),
            dense=tuple(tuple(float(v) for v in row) for row in dense),
        )


_G = 4.3586652150845900e-01
ROS34PW2 = RosenbrockTableau.from_published(
    "ROS34PW2",
    alpha=np.array(
        [
            [0.0, 0.0, 0.0, 0.0],
            [8.7173304301691801e-01, 0.0, 0.0, 0.0],
            [8.4457060015369423e-01, -1.1299064236484185e-01, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]
    ),
    gamma=np.array(
        [
            [_G, 0.0, 0.0, 0.0],
            [-8.7173304301691801e-01, _G, 0.0, 0.0],
            [-9.0338057013044082e-01, 5.4180672388095326e-02, _G, 0.0],
            [2.4212380706095346e-01, -1.2232505839045147e00, 5.4526025533510214e-01, _G],
        ]
    ),
    b=np.array([2.4212380706095346e-01, -1.2232505839045147e00, 1.5452602553351020e00, _G]),
    embedded=np.array([3.7810903145819369e-01, -9.6042292212423178e-02, 5.0e-01, 2.1793326075422950e-01]),
    order=3,
)


def _stiffly_accurate(
    name: str,
    order: int,
    gamma: float,
    alpha: Sequence[float],
    d: Sequence[float],
    a: Sequence[Sequence[float]],
    c: Sequence[Sequence[float]],
    bend: Sequence[Sequence[float]] = (),
) -> RosenbrockTableau:
    """Return a method of the Rodas family from its transformed coefficients.

    The last stages repeat the row before with ones, the solution is the argument of the last stage and this stage, and
    the embedded solution is that argument. Within a step, at a place θ, the solution is
    ``x + θ (x_1 - x) + (θ - θ²) Σ bend_1 k + (θ² - θ³) Σ bend_2 k``, with x_1 the state at its end.
    """
    rows = [tuple(row) for row in a]
    while len(rows) < len(alpha):
        rows.append((*rows[-1], 1.0))
    m = (*rows[-1], 1.0)
    dense: list[tuple[float, ...]] = []
    if bend:
        one, two = ([*row, *[0.0] * (len(m) - len(row))] for row in bend)
        dense = [
            tuple(v + o for v, o in zip(m, one, strict=True)),
            tuple(t - o for o, t in zip(one, two, strict=True)),
            tuple(-t for t in two),
        ]
    return RosenbrockTableau(
        name=name,
        gamma=gamma,
        alpha=tuple(alpha),
        a=tuple(rows),
        c=tuple(tuple(row) for row in c),
        m=m,
        order=order,
        any_matrix=False,
        d=tuple(d),
        e=(*[0.0] * (len(m) - 1), 1.0),
        dense=tuple(dense),
    )


RODAS4 = _stiffly_accurate(
    "Rodas4",
    order=4,
    gamma=0.25,
    alpha=[0.0, 0.386, 0.21, 0.63, 1.0, 1.0],
    d=[0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0],
    a=[
        [],
        [1.544],
        [0.9466785280815826, 0.2557011698983284],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895],
    ],
    c=[
        [],
        [-5.6688],
        [-2.430093356833875, -0.2063599157091915],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616],
        [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
    ],
    bend=[
        [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662],
        [-0.6762803392806898, 6.087714651678606, 16.43084320892478, 24.76722511418386, -6.594389125716872],
    ],
)
RODAS5P = _stiffly_accurate(
    "Rodas5P",
    order=5,
    gamma=0.21193756319429014,
    alpha=[0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0],
    d=[
        0.21193756319429014,
        -0.42387512638858027,
        -0.3384627126235924,
        1.8046452872882734,
        2.325825639765069,
        0.0,
        0.0,
        0.0,
    ],
    a=[
        [],
        [3.0],
        [2.849394379747939, 0.45842242204463923],
        [-6.954028509809101, 2.489845061869568, -10.358996098473584],
        [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
        [-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946],
    ],
    c=[
        [],
        [-14.155112264123755],
        [-17.97296035885952, -2.859693295451294],
        [147.12150275711716, -1.41221402718213, 71.68940251302358],
        [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
        [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
        [
            30.91273214028599,
            -3.1208243349937974,
            77.79954646070892,
            34.28646028294783,
            -19.097331116725623,
            -28.087943162872662,
        ],
        [
            37.80277123390563,
            -3.2571969029072276,
            112.26918849496327,
            66.9347231244047,
            -40.06618937091002,
            -54.66780262877968,
            -9.48861652309627,
        ],
    ],
)
METHODS = {tableau.name.lower(): tableau for tableau in (ROS34PW2, RODAS4, RODAS5P)}
"""The methods by name."""
