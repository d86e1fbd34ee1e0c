"""What the rates of a table are worked out from in a plant."""

from __future__ import annotations

from collections.abc import Sequence

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.constants import Constants
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.learnt import Learnt
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["rate_arguments"]


def rate_arguments(
    constants: Constants,
    X: Array,
    forcing: Forcing[Array],
    xp: ArrayNamespace[Array],
    n: Learnt[Array] | None = None,
) -> Sequence[Array]:
    """Return what `Kinetics.rates` and its slopes take behind the state.

    Parameters
    ----------
    constants : Constants
        Of the plant.
    X : array, shape (…, tank, component)
        Effective states of the tanks.
    forcing : Forcing
        At the same time.
    xp : ArrayNamespace
        Array operations.
    n : Learnt, optional
        May change the parameters.

    Returns
    -------
    sequence of array
        Parameters, inputs of the plant that the rates read, and what they read of their tank; each broadcasts against
        ``(…, tank)``.
    """
    found = (*xp.entries(forcing.parameters), *(xp.constant(values, X) for values in constants.here))
    return found if n is None else n.adjusted(found, X, forcing.seen)
