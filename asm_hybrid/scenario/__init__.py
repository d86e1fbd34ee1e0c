"""Scenarios: what would happen if the inputs changed, and how well a plant does."""

from asm_hybrid.scenario.definition import ScenarioFile, load_scenario
from asm_hybrid.scenario.kpi import Indicator, evaluate
from asm_hybrid.scenario.kpi_factors import Factors, evaluate_factors
from asm_hybrid.scenario.kpi_plot import plot_effluents, plot_indicators
from asm_hybrid.scenario.kpi_series import PlantSeries, Stream, TankSeries, cut_window
from asm_hybrid.scenario.simulate import ScenarioResult, simulate

__all__ = [
    "Factors",
    "Indicator",
    "PlantSeries",
    "ScenarioFile",
    "ScenarioResult",
    "Stream",
    "TankSeries",
    "cut_window",
    "evaluate",
    "evaluate_factors",
    "load_scenario",
    "plot_effluents",
    "plot_indicators",
    "simulate",
]
