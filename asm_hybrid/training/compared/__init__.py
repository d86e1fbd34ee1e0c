"""The models that are compared, one a file; a file that is added here stands in every table, score and figure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from asm_hybrid.registry import discover
from asm_hybrid.training.compared_model import ComparedModel
from asm_hybrid.training.fitted import FittedModel

__all__ = ["compared_models", "model_of", "own_model"]


@cache
def compared_models() -> Mapping[str, ComparedModel]:
    """Return all models by name, in their order; each module of this folder offers one as ``MODEL``."""
    return discover(__name__, "MODEL", ComparedModel)  # type: ignore[type-abstract]  # it only asks isinstance


def own_model(mode: str) -> ComparedModel:
    """Return the model that the runs of a mode are about.

    Parameters
    ----------
    mode : str
        The mode, as in ``model.mode`` of a config.

    Returns
    -------
    ComparedModel
    """
    return next(model for model in compared_models().values() if model.mode == mode)


def model_of(fitted: FittedModel) -> ComparedModel:
    """Return the model that a run stands for: that of its mode, or recalibrated f as long as a hybrid has no n.

    Parameters
    ----------
    fitted : FittedModel
        What the run has learnt.

    Returns
    -------
    ComparedModel
    """
    own = own_model(fitted.config.model.mode)
    return own if own.is_in(fitted) else own_model("mechanistic")
