"""The documents: the session of the notebook page runs, and no document reaches deeper than the public names."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import asm_hybrid as ah

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FACES = ("ah", "asm_hybrid")
"""Names under which documents import the library."""


def _blocks(path: Path) -> list[str]:
    """Return the blocks of Python of a document."""
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_session_of_the_notebook_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    for block in _blocks(ROOT / "docs" / "notebook.md"):
        exec(compile(block, "docs/notebook.md", "exec"), space)
    assert {p.name for p in tmp_path.iterdir()} == {"plant.csv", "run", "fitted.yaml"}
    result, load = space["result"], space["load"]
    assert isinstance(result, ah.RunResult)
    assert isinstance(load, ah.Simulation)
    scores = result.scores["rmse"]
    assert scores["test", "NH4", "recalibrated"] < scores["test", "NH4", "mechanistic"]
    assert load.series.loc["load", "aerobic.S_NH"].mean() > load.series.loc["base", "aerobic.S_NH"].mean()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_needs_nothing_deeper_than_the_public_names(path: Path) -> None:
    for block in _blocks(path):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "asm_hybrid":
                assert node.module == "asm_hybrid"
                assert {alias.name for alias in node.names} <= set(ah.__all__)
            elif isinstance(node, ast.Import):
                assert not [alias.name for alias in node.names if alias.name.startswith("asm_hybrid.")]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in FACES:
                assert node.attr in ah.__all__


def test_the_page_on_other_equations_runs_from_top_to_bottom() -> None:
    space: dict[str, Any] = {}
    for block in _blocks(ROOT / "docs" / "ode.md"):
        exec(compile(block, "docs/ode.md", "exec"), space)
    assert space["landing"].event_time.item() == pytest.approx((20 / 9.81) ** 0.5, abs=1e-6)
    assert space["bounces"].events[0].after[1].item() == pytest.approx(0.8 * (20 * 9.81) ** 0.5, abs=1e-5)
    assert space["solution"].states.shape == (11, 200, 1)
