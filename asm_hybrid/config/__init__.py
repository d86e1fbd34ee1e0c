"""What the user writes: the config's schema, loading with line numbers, JSON schema, and a template."""

from asm_hybrid.config.base import Section, refuse
from asm_hybrid.config.load import available_layouts, layout_text, load_config, load_plant, load_plant_or_config
from asm_hybrid.config.messages import input_error
from asm_hybrid.config.plantfile import PlantFile
from asm_hybrid.config.schema import Config, json_schema
from asm_hybrid.config.targets import observed_targets
from asm_hybrid.config.template import write_template

__all__ = [
    "Config",
    "PlantFile",
    "Section",
    "available_layouts",
    "input_error",
    "json_schema",
    "layout_text",
    "load_config",
    "load_plant",
    "load_plant_or_config",
    "observed_targets",
    "refuse",
    "write_template",
]
