"""Scenarios: what would happen if the inputs changed."""

from asm_hybrid.scenario.definition import ScenarioFile, load_scenario
from asm_hybrid.scenario.simulate import ScenarioResult, simulate

__all__ = ["ScenarioFile", "ScenarioResult", "load_scenario", "simulate"]
