"""A plant file with one key left out or of another type is a plant, or one message: never a traceback."""

import copy
import random

import pytest
import yaml

from asm_hybrid.config import available_layouts, build_layout, layout_text, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant

OTHERS = (None, "", "some text", "nan m3", -1, 0, 1e300, True, [], [1, "a"], {}, {"a": 1}, "0 d")
SHARE = 0.1
"""Of the other values that is tried in one run of the test."""
EVERYTHING = """\
name: everything
extends: mle
description: all sections in one file
model: {kinetics: asm1, parameters: {mu_H: 5.0}}
plant:
  primary: {volume: 600 m3, sludge: 0.01, f_corr: 0.6, f_X: 0.8, smoothing: 2 h}
  tanks:
    anoxic: {to: {aerobic_1: 0.9, buffer: 0.1}}
    aerobic_1: {air: {flow: null}}
    buffer: {volume: 200 m3, decant: {flow: 400 m3/d, solids: 0.5}, to: aerobic_2}
  influent:
    composition: {S_I: null, S_S: null, X_I: null, X_S: null, X_BH: null, S_ND: null, X_ND: null,
                  COD: 400, TKN: 45 mg N/L}
    fractionation: {type: settled}
  recycles: {internal: {flow: null}}
  wastage: {flow: null}
  control:
    nitrate: {measure: anoxic.S_NO, move: [recycle.internal], setpoint: 1, gain: 900, integral_time: 1 h, high: 30000,
              sensor: {response: 10 min, order: 3, high: 20, noise: 0.1}}
    air: {type: on_off, measure: aerobic_1.S_NH, move: aerobic_1.air, on: 20000, switch_on: 3, switch_off: 1}
  cycles:
    pumps: {phases: [{duration: 2 h, set: {wastage: 200}}, {name: rest, duration: 4 h, until: buffer.volume > 250 m3}]}
"""


def paths(node, before=()):
    """Yield the path of every key and of every entry of a list."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*before, key)
        yield from paths(value, (*before, key))


def changed(content, path, change):
    """Return the content with one entry left out, or with another value."""
    content = copy.deepcopy(content)
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    if change == "left out":
        del parent[path[-1]]
    else:
        parent[path[-1]] = change
    return content


def understood(file):
    """Read a plant as `check` does, as far as its equations."""
    plant = load_plant(file)
    table = load_kinetics(plant)
    return Plant(table, build_layout(plant, table)).maps


def test_a_plant_with_all_sections_is_understood(tmp_path):
    (tmp_path / "plant.yaml").write_text(EVERYTHING)
    understood(tmp_path / "plant.yaml")


@pytest.mark.parametrize("name", [*available_layouts(), "everything"])
def test_one_wrong_key_is_one_message(name, tmp_path):
    draw, file, found = random.Random(7), tmp_path / "plant.yaml", {}
    content = yaml.safe_load(EVERYTHING if name == "everything" else layout_text(name))
    for path in paths(content):
        for change in ("left out", *(value for value in OTHERS if draw.random() < SHARE)):
            file.write_text(yaml.safe_dump(changed(content, path, change), sort_keys=False))
            try:
                understood(file)
            except InputError:
                continue
            except Exception as error:  # what this test looks for
                found[".".join(map(str, path)), repr(change)] = f"{type(error).__name__}: {error}"
    assert found == {}
