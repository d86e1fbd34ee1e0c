"""A NumPy namespace, a small table and parameter draws for the kinetics tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def _nonnegative(X):
    columns = np.moveaxis(X, -1, 0) if isinstance(X, np.ndarray) else X
    return [np.maximum(x, 0.0) for x in columns]


NUMPY = SimpleNamespace(maximum=np.maximum, nonnegative=_nonnegative)

# Two switching functions of expressions, as ASM2d has them, a constant rate and a power.
SWITCHES = """\
name: switches
continuity: {materials: []}
components:
  X_PAO: {unit: g COD/m3, phase: particulate}
  X_PP: {unit: g P/m3, phase: particulate}
  S_O: {unit: g O2/m3, phase: soluble}
parameters:
  q: {default: 1.5, unit: 1/d, bounds: [0.1, 5], source: none}
  K_MAX: {default: 0.34, unit: g P/(g COD), bounds: [0.1, 0.5], source: none}
  K_IPP: {default: 0.02, unit: g P/(g COD), bounds: [0.001, 0.1], source: none}
  K_O: {default: 0.2, unit: g O2/m3, bounds: [0, 1], source: none}
  feed: {default: 3, unit: g P/(m3 d), bounds: [0, 5], source: none}
  k2: {default: 1e-3, unit: m3/(g P d), bounds: [0, 5], source: none}
processes:
  storage:
    rate: q * monod(K_MAX - ratio(X_PP, X_PAO), K_IPP) * monod(S_O, K_O) * X_PAO
    stoichiometry: {X_PAO: 1}
  constant: {rate: feed, stoichiometry: {X_PP: 1}}
  second: {rate: k2 * X_PP**2, stoichiometry: {X_PP: -1}}
"""


def defaults(table):
    """Return the default parameters."""
    return [p.default for p in table.parameters]


def random_parameters(table, rng, shape=()):
    """Draw parameters within their bounds: floats, or arrays of a shape."""
    return [rng.uniform(*p.bounds, size=shape or None) for p in table.parameters]
