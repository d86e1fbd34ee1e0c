"""The models that are compared, one a file; a file that is added here stands in every table, score and figure."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from asm_hybrid.training.compared_model import ComparedModel
from asm_hybrid.training.fitted import FittedModel

__all__ = ["compared_models", "model_of", "own_model"]


@cache
def compared_models() -> dict[str, ComparedModel]:
    """Return all models by name, in their order; each module of this folder offers one as ``MODEL``."""
    found = [import_module(f"{__name__}.{module.name}").MODEL for module in iter_modules(__path__)]
    return {model.name: model for model in sorted(found, key=lambda model: model.order)}


def own_model(mode: str) -> ComparedModel:
    """Return the model that the runs of a mode are about."""
    return next(model for model in compared_models().values() if model.mode == mode)


def model_of(fitted: FittedModel) -> ComparedModel:
    """Return the model that a run stands for: that of its mode, or recalibrated f as long as a hybrid has no n."""
    own = own_model(fitted.config.model.mode)
    return own if own.is_in(fitted) else own_model("mechanistic")
