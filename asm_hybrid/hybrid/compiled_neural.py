"""The pure neural ODE as a CasADi function of numbers: what `NeuralODE` is in torch."""

from __future__ import annotations

from collections.abc import Callable

import casadi
import numpy as np

from asm_hybrid.hybrid.neural import TIME_SCALE, NeuralODE
from asm_hybrid.hybrid.open_term import flat_weights, open_network
from asm_hybrid.hybrid.symbolic import member_weights
from asm_hybrid.plant.namespace import Matrix

__all__ = ["neural_derivative", "neural_values"]


def neural_derivative(ode: NeuralODE) -> Matrix:
    """Write the derivative of a neural ODE as a function, for one member.

    Parameters
    ----------
    ode : NeuralODE
        The model.

    Returns
    -------
    casadi.Function
        From state ``(variable,)``, inputs ``(input,)`` and values ``(value,)``, see `neural_values`, to dz/dt [unit/d].
    """
    variables, driven = len(ode.z_mean), len(ode.u_mean)
    network = open_network(ode.network.network, member_weights(ode.network, 0), 1)
    sizes = [variables, variables, driven, driven, network.numel_in(1)]
    z, u, values = (casadi.MX.sym("v", size) for size in (variables, driven, sum(sizes)))
    z_mean, z_std, u_mean, u_std, weights = casadi.vertsplit(values, np.cumsum([0, *sizes]).tolist())
    read = casadi.vertcat((z - z_mean) / z_std, ((u - u_mean) / u_std)[ode.read])
    return casadi.Function("derivative", [z, u, values], [network(read.T, weights) * z_std / TIME_SCALE])


def neural_values(ode: NeuralODE) -> Callable[[int], np.ndarray]:
    """Return what `neural_derivative` takes as values, as the model has them now.

    Parameters
    ----------
    ode : NeuralODE
        The model.

    Returns
    -------
    callable
        From a member to its values, ``(value,)``.
    """
    scales = [np.asarray(s.detach().cpu()) for s in (ode.z_mean, ode.z_std, ode.u_mean, ode.u_std)]
    members = [
        np.concatenate([*scales, flat_weights(member_weights(ode.network, m))]) for m in range(ode.network.members)
    ]
    return lambda member: members[member]
