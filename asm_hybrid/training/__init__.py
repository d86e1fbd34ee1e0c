"""Calibration, fitting, baselines, and the run folder."""

from asm_hybrid.training.fitted import MODEL_FILES, FittedModel, load_model
from asm_hybrid.training.model_inputs import read_inputs
from asm_hybrid.training.progress import Progress, Silent
from asm_hybrid.training.resume import find_config
from asm_hybrid.training.run import Outcome, discard_checkpoints, train
from asm_hybrid.training.simulation_models import PlantModel, start_state, without_gradients
from asm_hybrid.training.trained_range import (
    Departure,
    course_departures,
    departures_text,
    input_departures,
    reading_departures,
    unvaried_texts,
)

__all__ = [
    "MODEL_FILES",
    "Departure",
    "FittedModel",
    "Outcome",
    "PlantModel",
    "Progress",
    "Silent",
    "course_departures",
    "departures_text",
    "discard_checkpoints",
    "find_config",
    "input_departures",
    "load_model",
    "read_inputs",
    "reading_departures",
    "start_state",
    "train",
    "unvaried_texts",
    "without_gradients",
]
