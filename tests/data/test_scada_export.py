"""The export of the own-plant tutorial is what its script makes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_export_is_what_its_script_makes(tmp_path):
    made = tmp_path / "export.csv"
    subprocess.run([sys.executable, ROOT / "data" / "scada" / "make_scada.py", "--out", made], check=True)
    lines, wanted = (
        [line.split(";") for line in path.read_bytes().decode("cp1252").split("\r\n")]
        for path in (made, ROOT / "docs" / "tutorials" / "scada-export.csv")
    )
    assert [len(line) for line in lines] == [len(line) for line in wanted]
    for line, cells in zip(lines, wanted, strict=True):
        for cell, other in zip(line, cells, strict=True):
            # solvers differ in the last digit from version to version
            assert cell == other or float(cell.replace(",", ".")) == pytest.approx(
                float(other.replace(",", ".")), rel=0.02, abs=0.02
            )
