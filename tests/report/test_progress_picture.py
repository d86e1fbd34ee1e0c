"""The picture of a run while it trains."""

import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.report import progress_picture
from asm_hybrid.report.progress_picture import PICTURE, ProgressPicture
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import Silent
from asm_hybrid.training.watching import Glimpse

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def glimpse(tmp_path_factory):
    """Return what is seen of a run whose f is always 2 and whose hybrid is the number of the knot."""
    config = load_config(write_case(tmp_path_factory.mktemp("case"), CONFIG))
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    knots = torch.arange(len(dataset.times), dtype=torch.float64)
    f = torch.full((len(knots), 2), 2.0, dtype=torch.float64)
    return Glimpse(dataset, dataset.blocks, Grid(dataset.interval, 1), f, knots[:, None].expand(-1, 2))


def test_a_glimpse_shows_models_at_the_measurements_and_nothing_of_the_test_block(glimpse):
    frame = glimpse.frame("f", "n")
    assert set(frame["variable"]) == {"NH4", "NO3"}
    end = pd.Timestamp(glimpse.dataset.to_stamp(glimpse.blocks["validate"][1]))
    assert frame["time"].max() <= end
    assert set(glimpse.shown) == {"train", "validate"}
    assert np.allclose(frame["f"], 2.0)
    begin = pd.Timestamp(glimpse.dataset.to_stamp(0.0))
    knots = (frame["time"] - begin) / pd.Timedelta(days=glimpse.grid.interval)
    assert np.allclose(frame["n"], knots)
    assert "n" not in Glimpse(glimpse.dataset, glimpse.blocks, glimpse.grid, glimpse.f).frame("f", "n")


def test_a_picture_is_drawn_now_and_then_and_at_the_end(glimpse, tmp_path, monkeypatch):
    now, drawn, said = [0.0], [], []

    class Told(Silent):
        def say(self, text):
            said.append(text)

    def draw(seen):
        drawn.append(seen)
        return PNG + bytes([len(drawn)])

    monkeypatch.setattr(progress_picture, "draw", draw)
    picture = ProgressPicture(lambda: now[0])
    picture.begin(tmp_path, Told())
    assert said == [f"picture, refreshed while it trains: {tmp_path / PICTURE}"]
    looks = [Glimpse(glimpse.dataset, glimpse.blocks, glimpse.grid, glimpse.f) for _ in range(4)]
    for look in looks[:3]:
        picture.see(look)
        picture._thread.join()
        now[0] += 3.0
    assert drawn == [looks[0], looks[2]]  # the second came three seconds after the first
    picture.see(looks[3])
    picture.end()
    assert drawn == [looks[0], looks[2], looks[3]]
    assert (tmp_path / PICTURE).read_bytes() == PNG + b"\x03"


def test_a_notebook_shows_the_picture_and_refreshes_it(glimpse, tmp_path, monkeypatch):
    shown = []

    class Handle:
        def update(self, image):
            shown.append(("again", image))

    def display(image, display_id):
        shown.append(("first", image))
        return Handle()

    module = types.SimpleNamespace(
        get_ipython=lambda: object(), display=types.SimpleNamespace(display=display, Image=bytes)
    )
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setattr(progress_picture, "draw", lambda seen: PNG)
    now = [0.0]
    picture = ProgressPicture(lambda: now[0])
    picture.begin(tmp_path, Silent())
    for _ in range(2):
        picture.see(glimpse)
        picture._thread.join()
        now[0] += 60.0
    picture.end()
    assert shown == [("first", PNG), ("again", PNG)]


def test_a_run_leaves_its_picture(tmp_path):
    torch.set_num_threads(1)
    text = CONFIG.replace("seeds: [1, 2]", "seeds: [1]").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    result = ah.run(write_case(tmp_path, text), tmp_path / "run", plot=True)
    assert (Path(result.folder) / PICTURE).read_bytes().startswith(PNG)
    ah.load_run(result.folder).scores  # noqa: B018 - the manifest holds


def test_a_generic_ode_is_not_drawn(tmp_path):
    config = Path(__file__).parents[2] / "configs" / "spiral.yaml"
    with pytest.raises(InputError, match="not drawn while it is trained"):
        ah.run(config, tmp_path / "run", plot=True)
