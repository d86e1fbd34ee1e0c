"""Exporting a run: how formats and targets are chosen, what is refused, and that everything is written, or nothing."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from test_bundle import PARAMETERS, SUMMARY

from asm_hybrid.artefacts import write_json_atomic
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.export import Format, available_formats, export_run
from asm_hybrid.export.format import Source
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import verify_manifest, write_manifest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "kinetics.yaml").write_text(load_table("asm1").text, encoding="utf-8")
    for name in ("weights.safetensors", "inputs.csv"):
        (folder / name).write_text(name, encoding="utf-8")
    (folder / "config.yaml").write_text("name: plant\n", encoding="utf-8")
    write_json_atomic(folder / "parameters.json", PARAMETERS | {"parameters": PARAMETERS["parameters"][:1]})
    write_json_atomic(folder / "summary.json", SUMMARY)
    write_manifest(folder)
    return folder


Write = Callable[[Source, Path], list[str]]


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Callable[[Write], None]:
    """Give a function that adds a format ``pair`` of two files, written by a function of the test."""

    def add(write: Write) -> None:
        formats: Mapping[str, Format] = available_formats()
        one = Format("pair", 99, "two files", ("-one.txt", "-two.txt"), write, "look at {path}")
        monkeypatch.setattr(
            "asm_hybrid.export.exporting.available_formats", lambda: MappingProxyType({**formats, "pair": one})
        )

    return add


def _write_pair(source: Source, stem: Path) -> list[str]:
    for ending in ("-one.txt", "-two.txt"):
        stem.with_name(stem.name + ending).write_text(source.run.name, encoding="utf-8")
    return ["both are short"]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_fitted_table_needs_no_other_file(run: Path, tmp_path: Path) -> None:
    (found,) = export_run(run, "kinetics").paths["kinetics"]
    assert found == tmp_path / "run-kinetics.yaml"
    alone = found.rename(tmp_path / "alone.yaml")
    (run / "kinetics.yaml").unlink()
    (mu_A,) = (p for p in load_table(alone).parameters if p.name == "mu_A")
    assert (mu_A.default, mu_A.source) == (0.61, "run plant")
    assert len(load_table(alone).parameters) == len(load_table("asm1").parameters)


def test_every_format_says_how_to_open_what_it_writes() -> None:
    for format_ in available_formats().values():
        assert format_.opens.format(path="X")
        assert format_.endings
        assert all(ending.startswith("-") for ending in format_.endings)
    endings = [ending for format_ in available_formats().values() for ending in format_.endings]
    assert len({*endings}) == len(endings)


def test_several_formats_are_written_beside_the_run(run: Path, tmp_path: Path, pair: Callable[[Write], None]) -> None:
    pair(_write_pair)
    found = export_run(run, ["pair", "bundle"])
    assert found.paths == {
        "pair": (tmp_path / "run-one.txt", tmp_path / "run-two.txt"),
        "bundle": (tmp_path / "run-bundle", tmp_path / "run-bundle.zip"),
    }
    assert names(tmp_path) == ["run", "run-bundle", "run-bundle.zip", "run-one.txt", "run-two.txt"]
    assert found.notes == ["pair: both are short"]
    lines = found.text.splitlines()
    assert lines[0] == f"pair: {tmp_path / 'run-one.txt'} (3 B)"
    assert re.fullmatch(rf"bundle: {re.escape(str(tmp_path / 'run-bundle'))} \(9 files, [\d.]+ kB\)", lines[2])
    assert lines[4:6] == ["pair: both are short", f"pair: look at {tmp_path / 'run-one.txt'}"]
    assert str(tmp_path / "run-bundle") in lines[6]


@pytest.mark.parametrize(
    ("formats", "out", "written"),
    [
        ("bundle", "mine", ["mine"]),
        ("bundle", "mine.v2", ["mine.v2"]),
        ("bundle", "mine.zip", ["mine.zip"]),
        ("bundle", "deep/er/mine.ZIP", ["deep/er/mine.ZIP"]),
        ("kinetics", "mine.yml", ["mine.yml"]),
        ("kinetics", "mine", ["mine/run-kinetics.yaml"]),
        ("kinetics", "full", ["full/run-kinetics.yaml"]),
        ("pair", "mine", ["mine/run-one.txt", "mine/run-two.txt"]),
        (["kinetics", "pair"], "full", ["full/run-kinetics.yaml", "full/run-one.txt", "full/run-two.txt"]),
        (["kinetics", "pair"], "a/b.c", ["a/b.c/run-kinetics.yaml", "a/b.c/run-one.txt", "a/b.c/run-two.txt"]),
    ],
)
def test_out_names_the_file_or_the_folder_that_takes_all(
    run: Path, tmp_path: Path, pair: Callable[[Write], None], formats: str | list[str], out: str, written: list[str]
) -> None:
    pair(_write_pair)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep", encoding="utf-8")
    found = export_run(run, formats, tmp_path / out)
    assert [p.relative_to(tmp_path).as_posix() for paths in found.paths.values() for p in paths] == written
    assert all((tmp_path / name).exists() for name in written)
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "keep"
    assert not [p for p in tmp_path.rglob(".*")]


def test_one_name_for_two_files_is_refused(run: Path, tmp_path: Path, pair: Callable[[Write], None]) -> None:
    pair(_write_pair)
    with pytest.raises(InputError, match="this names one file, and 2 are to be written"):
        export_run(run, "pair", tmp_path / "mine.txt")
    for format_, name in (("bundle", "mine.xlsx"), ("kinetics", "mine.fmu"), ("pair", "mine.zip")):
        with pytest.raises(InputError, match=f"file of the format .*, and not of '{format_}'"):
            export_run(run, format_, tmp_path / name)
    with pytest.raises(InputError, match="this names one file, and 3 are to be written"):
        export_run(run, ["kinetics", "bundle"], tmp_path / "mine.zip")
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ("bundel", "did you mean 'bundle'"),
        (["kinetics", "fmi"], "'fmi' is not known"),
        (["kinetics", "kinetics"], "'kinetics' is given twice"),
        ([], "no export format is given"),
    ],
)
def test_formats_that_cannot_be_chosen_are_refused(
    run: Path, tmp_path: Path, formats: str | list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        export_run(run, formats)
    assert names(tmp_path) == ["run"]


def test_nothing_is_written_over_what_is_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "run-kinetics.yaml").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match=r"a file of that name exists[^$]*--force"):
        export_run(run, ["bundle", "kinetics"])
    assert (tmp_path / "run-kinetics.yaml").read_text(encoding="utf-8") == "keep"
    assert names(tmp_path) == ["run", "run-kinetics.yaml"]


def test_force_replaces_exports_of_every_kind(run: Path, tmp_path: Path) -> None:
    first = export_run(run, ["bundle", "kinetics"])
    write_json_atomic(run / "summary.json", SUMMARY | {"name": "other"})
    write_manifest(run)
    assert export_run(run, ["bundle", "kinetics"], force=True) == first
    verify_manifest(tmp_path / "run-bundle")
    for name in ("run-kinetics.yaml", "run-bundle/kinetics-fitted.yaml"):
        assert "run 'other'" in (tmp_path / name).read_text(encoding="utf-8")
    assert names(tmp_path) == ["run", "run-bundle", "run-bundle.zip", "run-kinetics.yaml"]


def test_force_spares_a_folder_that_holds_anything_else(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "run-2")
    (other / "report.html").write_text("a report", encoding="utf-8")
    export_run(run, "bundle", tmp_path / "kept")
    (tmp_path / "kept" / "predictions").mkdir()
    for folder, found in ((other, "report.html"), (tmp_path / "kept", "predictions")):
        before = content(folder)
        with pytest.raises(InputError, match=f"the folder holds {found}, which this export does not write"):
            export_run(run, "bundle", folder, force=True)
        assert content(folder) == before
    assert names(tmp_path) == ["kept", "run", "run-2"]


@pytest.mark.parametrize("kind", ["folder", "full folder", "link", "pipe"])
def test_force_spares_what_is_no_file(run: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "run-kinetics.yaml"
    if kind == "link":
        target.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.mkdir()
    if kind == "full folder":
        (target / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="expected: the name of a file to write"):
        export_run(run, "kinetics", force=True)
    assert names(tmp_path) == ["run", "run-kinetics.yaml"]
    (tmp_path / "run-bundle").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="expected: the name of a folder to write"):
        export_run(run, "bundle", force=True)


@pytest.mark.parametrize("formats", ["bundle", "kinetics", ["bundle", "kinetics"]])
@pytest.mark.parametrize("below", ["", "exports", "exports/x"])
@pytest.mark.parametrize("force", [False, True])
def test_a_target_in_the_run_is_refused(
    run: Path, tmp_path: Path, formats: str | list[str], below: str, force: bool
) -> None:
    before = content(run)
    (tmp_path / "way").symlink_to(run)
    for folder in (run, tmp_path / "way"):
        with pytest.raises(InputError, match=r"the target is the run, or lies in it|this names one file"):
            export_run(run, formats, folder / below, force=force)
    assert content(run) == before


@pytest.mark.parametrize("name", ["parameters.json", "inputs.csv"])
def test_a_changed_file_is_refused(run: Path, tmp_path: Path, name: str) -> None:
    with (run / name).open("a", encoding="utf-8") as stream:
        stream.write(" ")
    with pytest.raises(InputError, match=re.escape(name)):
        export_run(run, "kinetics")
    assert names(tmp_path) == ["run"]


def test_an_unfinished_run_is_refused_with_how_to_end_it(run: Path, tmp_path: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "checkpoint").mkdir()
    with pytest.raises(InputError, match="train --resume"):
        export_run(run, ["kinetics", "bundle"])
    assert names(tmp_path) == ["run"]


def test_a_format_that_cannot_hold_the_run_stops_the_others(
    run: Path, tmp_path: Path, pair: Callable[[Write], None]
) -> None:
    export_run(run, "kinetics")
    before = content(tmp_path)

    def refuse(source: Source, stem: Path) -> list[str]:
        _write_pair(source, stem)
        raise InputError("two files cannot hold it", fix="export it as kinetics")

    pair(refuse)
    with pytest.raises(InputError, match="two files cannot hold it"):
        export_run(run, ["kinetics", "pair", "bundle"], force=True)
    with pytest.raises(InputError, match="two files cannot hold it"):
        export_run(run, ["pair"], tmp_path / "deep" / "er")
    assert content(tmp_path) == before


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_everything_as_it_was(
    run: Path, tmp_path: Path, pair: Callable[[Write], None], error: BaseException
) -> None:
    export_run(run, ["kinetics", "bundle"])
    before = content(tmp_path)

    def fail(source: Source, stem: Path) -> list[str]:
        _write_pair(source, stem)
        raise error

    pair(fail)
    with pytest.raises((InputError, KeyboardInterrupt)) as raised:
        export_run(run, ["kinetics", "bundle", "pair"], force=True)
    if isinstance(error, OSError):
        assert re.match(rf"{re.escape(str(tmp_path / 'run-one.txt'))}: .*No space left on device", str(raised.value))
    assert content(tmp_path) == before


@pytest.mark.parametrize("out", ["new", "new/deep"])
def test_a_folder_that_cannot_be_written_is_named(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    named = tmp_path / ("new" if "/" in out else "")
    with pytest.raises(InputError, match=f"^{re.escape(str(named))}: the folder cannot be written: Read-only"):
        export_run(run, "bundle", tmp_path / out)
    monkeypatch.undo()
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("moves", range(1, 7))
def test_a_failure_while_moving_puts_the_old_exports_back(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: Callable[[Write], None], moves: int
) -> None:
    """The disk fails at each of the moves: files one, the folder of the bundle two, one of them that of the old one."""
    pair(_write_pair)
    export_run(run, ["kinetics", "bundle"])
    before = content(tmp_path)
    write_json_atomic(run / "summary.json", SUMMARY | {"name": "other"})
    write_manifest(run)
    before |= {f"run/{name}": text for name, text in content(run).items()}
    plain, left = os.replace, [moves]

    def replace(old: Path, new: Path) -> None:
        left[0] -= Path(new).parent == tmp_path or Path(new).name.startswith("old-")
        if left[0] == 0:
            left[0] -= 1
            raise OSError(errno.EROFS, "Read-only file system")
        plain(old, new)

    monkeypatch.setattr("asm_hybrid.export.exporting.os.replace", replace)
    with pytest.raises(InputError, match="Read-only file system"):
        export_run(run, ["kinetics", "bundle", "pair"], force=True)
    monkeypatch.undo()
    assert content(tmp_path) == before


def test_help_has_a_line_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert next(iter(available_formats())) == "bundle"
    for format_ in available_formats().values():
        assert f"{format_.name}: {format_.summary}" in out
        assert all(f"RUN{ending}" in out for ending in format_.endings)


def test_the_command_takes_several_formats(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", str(run), "-f", "kinetics", "--format", "bundle", "--out", str(tmp_path / "out")]
    for more in ([], ["--force"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, *more])
        assert not ended.value.code
        out = capsys.readouterr().out
        assert names(tmp_path / "out") == ["run-bundle", "run-bundle.zip", "run-kinetics.yaml"]
        assert all(str(path) in out for path in (tmp_path / "out").iterdir())
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err


def test_a_format_is_told_nothing_of_targets(run: Path, tmp_path: Path, pair: Callable[[Write], None]) -> None:
    """Its folder is empty and its own, and the name that it writes under is that of the run."""
    seen = []

    def look(source: Source, stem: Path) -> list[str]:
        seen.append((stem.name, names(stem.parent)))
        return _write_pair(source, stem)

    pair(look)
    export_run(run, ["kinetics", "pair"], tmp_path / "elsewhere")
    assert seen == [("run", [])]


def test_what_appears_while_a_format_is_written_is_spared(
    run: Path, tmp_path: Path, pair: Callable[[Write], None]
) -> None:
    def slow(source: Source, stem: Path) -> list[str]:
        (tmp_path / "run-two.txt").write_text("keep", encoding="utf-8")
        return _write_pair(source, stem)

    pair(slow)
    with pytest.raises(InputError, match=r"run-two\.txt: a file of that name exists"):
        export_run(run, ["kinetics", "pair"])
    assert names(tmp_path) == ["run", "run-two.txt"]
    assert (tmp_path / "run-two.txt").read_text(encoding="utf-8") == "keep"


@pytest.mark.parametrize("out", ["x" * 300, "a\0b", "~nobody-of-that-name/x", "way/x", "file/x"])
@pytest.mark.parametrize("formats", ["bundle", "kinetics", ["bundle", "kinetics"]])
def test_a_target_that_cannot_be_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formats: str | list[str], out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "way").symlink_to("way")
    (tmp_path / "file").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError):
        export_run(run, formats, out)
    assert names(tmp_path) == ["file", "run", "way"]


def test_a_folder_in_the_way_is_refused_with_a_place_in_it(run: Path, tmp_path: Path) -> None:
    """A folder of the user's, that is; an earlier export is to stay as it is."""
    export_run(run, "kinetics", tmp_path / "exports")
    with pytest.raises(InputError, match=rf"such as {re.escape(str(tmp_path / 'exports' / 'run-bundle'))}"):
        export_run(run, "bundle", tmp_path / "exports")
    export_run(run)
    with pytest.raises(InputError, match=r"--force, or give another one with --out$"):
        export_run(run)
