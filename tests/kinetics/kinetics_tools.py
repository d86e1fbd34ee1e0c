"""A NumPy namespace, a small table and parameter draws for the kinetics tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def _nonnegative(X):
    columns = np.moveaxis(X, -1, 0) if isinstance(X, np.ndarray) else X
    return [np.maximum(x, 0.0) for x in columns]


def _columns(X):
    return np.moveaxis(X, -1, 0)


NUMPY = SimpleNamespace(
    maximum=np.maximum,
    minimum=np.minimum,
    exp=np.exp,
    log=np.log,
    where=np.where,
    held=np.asarray,
    unrecorded=np.asarray,
    columns=_columns,
    nonnegative=_nonnegative,
)

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


# What a law of one's own may be made of: a collapse with temperature, a constant that follows the load, the scarcer of
# two substrates, substrate inhibition, an optimum, a hinge of a concentration, an exponential of one.
LAWS = """\
name: laws
continuity: {materials: []}
components:
  S_A: {unit: g N/m3, phase: soluble}
  S_B: {unit: g N/m3, phase: soluble}
  X_M: {unit: g COD/m3, phase: particulate}
parameters:
  mu: {default: 1.5, unit: 1/d, T_ref: 20, theta: 1.07, bounds: [0.1, 5], source: none}
  K: {default: 1, unit: g N/m3, bounds: [0.1, 5], source: none}
  K_I: {default: 30, unit: g N/m3, bounds: [0, 50], source: none}
  T_c: {default: 22, unit: degC, bounds: [15, 30], source: none}
  w: {default: 1.5, unit: K, bounds: [0.5, 5], source: none}
  s: {default: 4, unit: "-", bounds: [0.5, 9], source: none}
  K_S: {default: 3, unit: g N/m3, bounds: [1, 5], source: none}
  Q_c: {default: 9000, unit: m3/d, bounds: [1000, 20000], source: none}
  L_c: {default: 5e4, unit: g N/d, bounds: [1e3, 1e6], source: none}
processes:
  collapse:
    rate: mu * monod(S_A, K + S_A**2 / K_S) / (1 + exp((T - T_c) / w)) * X_M
    stoichiometry: {X_M: 1}
  scarce:
    rate: mu * min(monod(S_A, K), monod(S_B, K), 0.9 * inhibition(S_A, K_I)) * max(0, 1 - max(0, T - T_c) / w) * X_M
    stoichiometry: {X_M: 1}
  loaded:
    rate: mu * (1 + max(0, (load.S_A + load.TN - L_c) / L_c)) * max(S_A - S_B, S_B - K) * X_M / K
    stoichiometry: {X_M: 1}
  quotient:
    rate: mu * S_A * X_M / max(S_B, K)
    stoichiometry: {X_M: 1}
  steep:
    rate: mu * X_M * max(S_A, S_B) / K / (1 + exp(s * (S_B - S_A) / K))
    stoichiometry: {X_M: 1}
  flow:
    rate: mu * X_M * exp(-Q_in / Q_c)
    stoichiometry: {X_M: -1}
composites:
  TN: {unit: g N/m3, weights: {S_A: 1, S_B: 2}}
"""
RANGES = {
    "T": (-2.0, 35.0),
    "Q_in": (0.0, 5e4),
    "load.S_A": (0.0, 1e6),
    "load.TN": (0.0, 1e6),
    "here.aerated": (0.0, 1.0),
}
"""Values that inputs of the plant are drawn from."""


def defaults(table):
    """Return the default parameters, and behind them the inputs that rates read, in the middle of their range."""
    return [p.default for p in table.parameters] + [sum(RANGES[i]) / 2 for i in table.input_names]


def random_parameters(table, rng, shape=()):
    """Draw parameters within their bounds, and inputs: floats, or arrays of a shape."""
    bounds = [p.bounds for p in table.parameters] + [RANGES[i] for i in table.input_names]
    return [rng.uniform(*b, size=shape or None) for b in bounds]
