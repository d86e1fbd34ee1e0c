"""The export formats beside the bundle: what each writes, how one is chosen, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from test_bundle import PARAMETERS, SUMMARY

from asm_hybrid.artefacts import write_json_atomic
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.export import available_formats, export_run
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import write_manifest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "kinetics.yaml").write_text(load_table("asm1").text, encoding="utf-8")
    write_json_atomic(folder / "parameters.json", PARAMETERS | {"parameters": PARAMETERS["parameters"][:1]})
    write_json_atomic(folder / "summary.json", SUMMARY)
    write_manifest(folder)
    return folder


def test_the_fitted_table_needs_no_other_file(run: Path, tmp_path: Path) -> None:
    found = export_run(run, "kinetics")
    assert found == tmp_path / "run-kinetics.yaml"
    alone = found.rename(tmp_path / "alone.yaml")
    (run / "kinetics.yaml").unlink()
    (mu_A,) = (p for p in load_table(alone).parameters if p.name == "mu_A")
    assert (mu_A.default, mu_A.source) == (0.61, "run plant")
    assert len(load_table(alone).parameters) == len(load_table("asm1").parameters)


def test_the_workbook_stands_alone(run: Path, tmp_path: Path) -> None:
    book = CalamineWorkbook.from_path(export_run(run, "parameters", tmp_path / "p.xlsx"))
    assert book.get_sheet_by_name("Parameters").to_python()[1][:2] == ["mu_A", 0.61]


def test_an_unknown_format_is_refused_with_the_nearest(run: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'bundle'"):
        export_run(run, "bundel")


@pytest.mark.parametrize("name", ["parameters", "kinetics"])
def test_nothing_is_written_over_a_file(run: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "mine"
    target.write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="a file of that name exists"):
        export_run(run, name, target)
    assert target.read_text(encoding="utf-8") == "keep"


@pytest.mark.parametrize("name", ["parameters", "kinetics"])
def test_a_changed_file_is_refused(run: Path, tmp_path: Path, name: str) -> None:
    with (run / "parameters.json").open("a", encoding="utf-8") as stream:
        stream.write(" ")
    with pytest.raises(InputError, match=r"parameters\.json"):
        export_run(run, name)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_help_has_a_line_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert next(iter(available_formats())) == "bundle"
    for format_ in available_formats().values():
        assert f"{format_.name}: {format_.summary}" in out
