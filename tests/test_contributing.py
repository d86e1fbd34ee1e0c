"""What CONTRIBUTING.md and docs/extending.md promise: a part is one new file, and nothing else is told of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_plant import CONFIG, write_case

ROOT = Path(__file__).parents[1]
IMPORTS = {
    "PLACEMENT": "from asm_hybrid.hybrid.placement import Placement",
    "MODEL": "import numpy as np\nfrom asm_hybrid.training.compared_model import ComparedModel, OpenLoop",
    "FORM": "from asm_hybrid.explanations.laws.form import Constant, LawForm",
    "FORMAT": "from asm_hybrid.artefacts import write_text_atomic\n"
    "from asm_hybrid.export.format import Format, as_written, read_tables",
}
FOLDERS = {
    "PLACEMENT": "hybrid/placements",
    "MODEL": "training/compared",
    "FORM": "explanations/laws/forms",
    "FORMAT": "export/formats",
}
SESSION = """\
import json
from pathlib import Path

import asm_hybrid
from asm_hybrid.export import export_run
from asm_hybrid.explanations.laws.law import law_forms
from asm_hybrid.kinetics import load_table
from asm_hybrid.units import conversion
from asm_hybrid.workflow import run_training

if __name__ == "__main__":
    run_training(Path("config.yaml"), Path("run"))
    export_run(Path("run"), "verdict", Path("out"))
    slow = {parameter.name: parameter.default for parameter in load_table("asm1_slow").parameters}
    seen = [asm_hybrid.__file__, conversion("hogshead/d", "m3/d")[0], slow["mu_A"], law_forms()["steele"].title]
    Path("seen.json").write_text(json.dumps(seen), encoding="utf-8")
"""


def _examples() -> dict[str, str]:
    """Return the examples of the page by what they offer."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return {re.findall(r"^([A-Z]+) = ", block, re.MULTILINE)[-1]: block for block in blocks}


def test_the_page_has_an_example_of_each_kind() -> None:
    assert set(_examples()) == set(FOLDERS)


@pytest.mark.slow
def test_each_example_works_as_one_new_file(tmp_path: Path) -> None:
    package = tmp_path / "asm_hybrid"
    shutil.copytree(ROOT / "asm_hybrid", package, ignore=shutil.ignore_patterns("__pycache__"))
    for offer, block in _examples().items():
        file = package / FOLDERS[offer] / "of_the_page.py"
        file.write_text(f"{IMPORTS[offer]}\n\n\n{block}", encoding="utf-8")
    (package / "kinetics/tables/asm1_slow.yaml").write_text(
        "name: asm1_slow\nextends: asm1\ntitle: ASM1 with slow nitrifiers\nparameters: {mu_A: {default: 0.4}}\n",
        encoding="utf-8",
    )
    units = package / "units.py"
    heading = "_OWN = {\n"
    text = units.read_text(encoding="utf-8")
    assert text.count(heading) == 1
    units.write_text(text.replace(heading, f'{heading}    "hogshead": "63 gallon",\n'), encoding="utf-8")
    write_case(tmp_path, CONFIG)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.replace("network: {", "network: {placement: uptake, "), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SESSION], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    file, factor, slow, title = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert Path(file).parent == package
    assert (factor, slow, title) == (pytest.approx(0.238480942392), 0.4, "Steele's optimum")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["placements"] == ["uptake"]
    assert "Training median" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    header = (tmp_path / "run" / "predictions.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "median" in header
    written = list(tmp_path.rglob("*-verdict.txt"))
    assert [path.read_text(encoding="utf-8") for path in written] == [summary["verdict"]["sentence"] + "\n"]
