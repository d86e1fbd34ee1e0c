"""What the user writes, read with line numbers (schema), and what is made of it for a kinetics table (builders)."""

from asm_hybrid.config.accepted import corrected_config
from asm_hybrid.config.builders.columns import observed_targets
from asm_hybrid.config.builders.correction_values import candidate_files, correction_values, input_groups
from asm_hybrid.config.builders.influent_split import build_fractionation
from asm_hybrid.config.builders.kinetics_table import load_kinetics
from asm_hybrid.config.builders.loop_parameters import with_loop_parameters
from asm_hybrid.config.builders.noise import build_process_noise
from asm_hybrid.config.builders.noise_search import searched_noises
from asm_hybrid.config.builders.parameter_values import calibration_bounds, parameter_values
from asm_hybrid.config.builders.plant_layout import build_layout, input_keys
from asm_hybrid.config.load import layout_text, load_config, load_plant, load_plant_or_config
from asm_hybrid.config.messages import input_error
from asm_hybrid.config.schema.config import Config, json_schema
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.config.template import write_example, write_template
from asm_hybrid.paths import available_layouts

__all__ = [
    "Config",
    "PlantFile",
    "Section",
    "available_layouts",
    "build_fractionation",
    "build_layout",
    "build_process_noise",
    "calibration_bounds",
    "candidate_files",
    "corrected_config",
    "correction_values",
    "input_error",
    "input_groups",
    "input_keys",
    "json_schema",
    "layout_text",
    "load_config",
    "load_kinetics",
    "load_plant",
    "load_plant_or_config",
    "observed_targets",
    "parameter_values",
    "refuse",
    "searched_noises",
    "with_loop_parameters",
    "write_example",
    "write_template",
]
