"""Noise of the states of a plant: what makes its equations stochastic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ProcessNoise"]


@dataclass(frozen=True)
class ProcessNoise:
    """Diffusion of states: dX = f dt + (absolute + relative · X) dW, with independent Wiener processes, after Itô [1]_.

    Attributes
    ----------
    absolute : ndarray, shape (row, component)
        Diffusion that does not depend on the state [g m⁻³ d^-½].
    relative : ndarray, shape (row, component)
        Diffusion that is proportional to the state [d^-½]. It fades as a concentration falls to zero.

    References
    ----------
    .. [1] N. R. Kristensen, H. Madsen, S. B. Jørgensen (2004), "Parameter estimation in stochastic grey-box models",
       Automatica 40, 225-237, https://doi.org/10.1016/j.automatica.2003.10.001.
    """

    absolute: np.ndarray
    relative: np.ndarray

    @property
    def noisy(self) -> np.ndarray:
        """Which entries of a state have noise, ``(row, component)``."""
        return np.asarray((self.absolute > 0) | (self.relative > 0))

    def diffusion(self, X: Any) -> Any:
        """Return the diffusion of states.

        Parameters
        ----------
        X : ndarray or Tensor, shape (…, row, component)
            States [g/m³].

        Returns
        -------
        ndarray or Tensor, shape (…, row, component)
            [g m⁻³ d^-½], an array of the kind, type and device of X. Below zero, X counts as zero.
        """
        if isinstance(X, np.ndarray):
            return self.absolute + self.relative * np.maximum(X, 0.0)
        return X.new_tensor(self.absolute) + X.new_tensor(self.relative) * X.clamp(min=0.0)
