"""Starting from what another run has learnt."""

from __future__ import annotations

from asm_hybrid.config import Config
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.plant import Plant
from asm_hybrid.training.fitted import FittedModel, load_model
from asm_hybrid.training.from_config import term_specs
from asm_hybrid.unpacked import is_zip

__all__ = ["earlier_run"]


def earlier_run(config: Config, plant: Plant) -> FittedModel | None:
    """Return the run that a config starts from, or None when it names none.

    Parameters
    ----------
    config : Config
        The config of the new run.
    plant : Plant
        Its plant.

    Returns
    -------
    FittedModel or None
        With parameters of the same table; its n, if it has one and the new run is a hybrid, has the same settings.

    Raises
    ------
    InputError
        When there is no such run, or it cannot be started from.
    """
    if config.training.start_from is None:
        return None
    folder, where = config.resolve(config.training.start_from), config.where("training", "start_from")
    if not (folder.is_dir() or is_zip(folder)):
        raise InputError(
            f"there is no folder and no zip {str(folder)!r}",
            where=where,
            expected="a run folder or an exported bundle, relative to the config",
        )
    model = load_model(folder)
    for what, theirs, ours in (
        ("parameters", model.plant.table.parameter_names, plant.table.parameter_names),
        ("components", model.plant.table.component_names, plant.table.component_names),
        ("tanks", model.plant.layout.tank_names, plant.layout.tank_names),
    ):
        if tuple(theirs) != tuple(ours):
            other = ", ".join(sorted(set(theirs) ^ set(ours))) or "their order"
            raise InputError(
                f"the run {str(folder)!r} has other {what} ({other})",
                where=where,
                expected="a run of the same tanks and kinetics",
                fix="start from another run, or remove start_from",
            )
    if model.term is not None and config.model.mode == "hybrid":
        theirs_n, ours_n = (term_specs(c, plant.table) for c in (model.config, config))
        _check_terms(theirs_n, ours_n, str(folder), where)
    return model


def _check_terms(theirs: tuple[TermSpec, ...], ours: tuple[TermSpec, ...], folder: str, where: str) -> None:
    placements: list[dict[str, object]] = [
        {"network.placement": tuple(spec.placement for spec in specs)} for specs in (theirs, ours)
    ]
    pairs = [(placements[0], placements[1])]
    pairs += [(_settings(a), _settings(b)) for a, b in zip(theirs, ours, strict=False)]
    differ = ((key, a.get(key), b.get(key)) for a, b in pairs for key in a | b if a.get(key) != b.get(key))
    found = next(differ, None)
    if found is not None:
        key, one, other = found
        raise InputError(
            f"n of the run {folder!r} has other settings: {key} is {_shown(one)} there and {_shown(other)} here",
            where=where,
            expected="the same network section and seeds, so that its weights fit",
            fix=f"set {key} as it is there, or start from a run without n (mode: mechanistic)",
        )


def _settings(spec: TermSpec) -> dict[str, object]:
    """Return the settings of n by the keys of a config that give them."""
    key = PLACEMENTS[spec.placement].target_key
    return {
        "network.inputs": spec.inputs,
        f"network.{key}" if key else "data.sources": spec.targets,
        "network.type": spec.network,
        **{f"network.{name}": value for name, value in spec.options.items()},
        "network.hidden": spec.hidden,
        "network.activation": spec.activation,
        "training.seeds": spec.seeds,
    }


def _shown(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)
