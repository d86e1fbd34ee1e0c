"""The mechanistic part f: tanks, flows, settlers, aeration and control over a table of reactions."""

from asm_hybrid.plant.aeration import Aeration, AirLaw, oxygen_saturation
from asm_hybrid.plant.control import PI, Controller, Lag, OnOff, Sensor
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.inputs import CLOCK, InputSpec, PlantInputs
from asm_hybrid.plant.layout import Layout, Recycle, Tank
from asm_hybrid.plant.namespace import ArrayNamespace, casadi_namespace, torch_namespace
from asm_hybrid.plant.offgas import OffGas, emission, is_offgas, offgas_of, offgas_targets, target_unit
from asm_hybrid.plant.outlets import effluent, primary_sludge, waste
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.plant.rate_arguments import rate_arguments
from asm_hybrid.plant.recorded import recorded
from asm_hybrid.plant.settler import IdealSettler, TakacsSettler
from asm_hybrid.plant.settler_slopes import layer_slopes, other_slopes
from asm_hybrid.plant.switches import switch_distances, switch_names, switched_values

__all__ = [
    "CLOCK",
    "PI",
    "Aeration",
    "AirLaw",
    "ArrayNamespace",
    "Controller",
    "Forcing",
    "IdealSettler",
    "InputSpec",
    "Lag",
    "Layout",
    "OffGas",
    "OnOff",
    "Plant",
    "PlantInputs",
    "PrimaryClarifier",
    "ProcessNoise",
    "Recycle",
    "Sensor",
    "TakacsSettler",
    "Tank",
    "casadi_namespace",
    "effluent",
    "emission",
    "is_offgas",
    "layer_slopes",
    "offgas_of",
    "offgas_targets",
    "other_slopes",
    "oxygen_saturation",
    "primary_sludge",
    "rate_arguments",
    "recorded",
    "switch_distances",
    "switch_names",
    "switched_values",
    "target_unit",
    "torch_namespace",
    "waste",
]
