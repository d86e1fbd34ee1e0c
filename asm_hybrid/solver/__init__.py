"""Time integration of batched, stiff models."""

from asm_hybrid.solver.explicit import integrate_explicit
from asm_hybrid.solver.rosenbrock import ROS34PW2, RosenbrockTableau, Solution, StiffSystem, integrate
from asm_hybrid.solver.steady import steady_state

__all__ = [
    "ROS34PW2",
    "RosenbrockTableau",
    "Solution",
    "StiffSystem",
    "integrate",
    "integrate_explicit",
    "steady_state",
]
