"""Hybrid differential equations for wastewater treatment plants: ``dX/dt = f(X; p) + n(X; w)``.

A script or a notebook needs nothing deeper than this: ``import asm_hybrid as ah``. Importing it loads nothing; what a
name needs, torch included, is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asm_hybrid.api import (
        check,
        diagnose,
        distill,
        forecast,
        load_config,
        load_plant,
        load_run,
        predict,
        propose_data,
        resume,
        run,
        simulate,
    )
    from asm_hybrid.config import available_layouts
    from asm_hybrid.data.bsm import read_bsm_influent
    from asm_hybrid.data.generator import generate_influent
    from asm_hybrid.data.patterns import InfluentSettings, RainEvent, RandomRain
    from asm_hybrid.datasets.getting import FetchedSet
    from asm_hybrid.datasets.sets import get_data, list_data
    from asm_hybrid.equations.result import EquationResult
    from asm_hybrid.errors import InputError, SimulationError
    from asm_hybrid.export import Exported
    from asm_hybrid.export.distilled import Distilled
    from asm_hybrid.kinetics import available_tables, load_table
    from asm_hybrid.notebook.check_result import CheckResult
    from asm_hybrid.notebook.new_data_result import Forecast, Prediction
    from asm_hybrid.notebook.optimisation_result import Optimisation
    from asm_hybrid.notebook.run_result import RunResult
    from asm_hybrid.notebook.simulation_result import Simulation
    from asm_hybrid.notebook.sweep_result import Sweep
    from asm_hybrid.solver.changes import Event
    from asm_hybrid.solver.layer import ODELayer
    from asm_hybrid.solver.solve import AdjointWarning, StiffnessWarning, solve
    from asm_hybrid.study_api import optimise, resume_sweep, sweep
    from asm_hybrid.training import FittedModel, load_model, read_inputs

_HOMES = {
    "api": (
        "check",
        "diagnose",
        "distill",
        "forecast",
        "load_config",
        "load_plant",
        "load_run",
        "predict",
        "propose_data",
        "resume",
        "run",
        "simulate",
    ),
    "config": ("available_layouts",),
    "data.bsm": ("read_bsm_influent",),
    "datasets.getting": ("FetchedSet",),
    "datasets.sets": ("get_data", "list_data"),
    "data.generator": ("generate_influent",),
    "data.patterns": ("InfluentSettings", "RainEvent", "RandomRain"),
    "equations.result": ("EquationResult",),
    "errors": ("InputError", "SimulationError"),
    "export": ("Exported",),
    "export.distilled": ("Distilled",),
    "kinetics": ("available_tables", "load_table"),
    "notebook.check_result": ("CheckResult",),
    "notebook.new_data_result": ("Forecast", "Prediction"),
    "notebook.optimisation_result": ("Optimisation",),
    "notebook.run_result": ("RunResult",),
    "notebook.simulation_result": ("Simulation",),
    "notebook.sweep_result": ("Sweep",),
    "solver.changes": ("Event",),
    "solver.layer": ("ODELayer",),
    "solver.solve": ("AdjointWarning", "StiffnessWarning", "solve"),
    "study_api": ("optimise", "resume_sweep", "sweep"),
    "training": ("FittedModel", "load_model", "read_inputs"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AdjointWarning",
    "CheckResult",
    "Distilled",
    "EquationResult",
    "Event",
    "Exported",
    "FetchedSet",
    "FittedModel",
    "Forecast",
    "InfluentSettings",
    "InputError",
    "ODELayer",
    "Optimisation",
    "Prediction",
    "RainEvent",
    "RandomRain",
    "RunResult",
    "Simulation",
    "SimulationError",
    "StiffnessWarning",
    "Sweep",
    "__version__",
    "available_layouts",
    "available_tables",
    "check",
    "diagnose",
    "distill",
    "forecast",
    "generate_influent",
    "get_data",
    "list_data",
    "load_config",
    "load_model",
    "load_plant",
    "load_run",
    "load_table",
    "optimise",
    "predict",
    "propose_data",
    "read_bsm_influent",
    "read_inputs",
    "resume",
    "resume_sweep",
    "run",
    "simulate",
    "solve",
    "sweep",
]

__version__ = version("asm-hybrid")


def __getattr__(name: str) -> Any:
    """Load a public name, and what it needs, at its first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
