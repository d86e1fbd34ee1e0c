"""The browser opens a few files of a run, and nothing else of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from asm_hybrid.serve.run_files import ALONE, file_address, readable_file


def test_the_report_of_a_run_may_be_opened(small_run: Path) -> None:
    assert readable_file(str(small_run), "report.html") == small_run / "report.html"
    assert file_address(small_run, "report.html").startswith("/run-file?folder=")
    assert ALONE.startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "../run/report.html", "../../etc/passwd", "/etc/passwd", "report.html\0", "", ".", "plot.svg"],
)
def test_no_other_file_of_it_may(small_run: Path, name: str) -> None:
    assert readable_file(str(small_run), name) is None


def test_no_file_of_a_folder_that_holds_no_run(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("a page", encoding="utf-8")
    assert readable_file(str(tmp_path), "report.html") is None
    assert readable_file(f"{small_run}\0", "report.html") is None
    assert readable_file("", "report.html") is None


def test_no_file_that_a_link_leads_to(tmp_path: Path) -> None:
    run, secret = tmp_path / "run", tmp_path / "secret.html"
    run.mkdir()
    (run / "config.yaml").touch()
    secret.write_text("nobody's business", encoding="utf-8")
    (run / "report.html").symlink_to(secret)
    assert readable_file(str(run), "report.html") is None
