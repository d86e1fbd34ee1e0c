"""Files written whole or not at all, and their manifest."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asm_hybrid import artefacts, manifest
from asm_hybrid.artefacts import (
    csv_text,
    make_folder,
    read_json,
    restored,
    restored_text,
    user_path,
    write_bytes_atomic,
    write_csv_atomic,
    write_json_atomic,
    write_text_atomic,
)
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import (
    MANIFEST,
    REPLACING,
    finish_replacing,
    read_manifest,
    replace_files,
    sha256_file,
    verified_files,
    verify_manifest,
    write_manifest,
)
from asm_hybrid.staging import staged_folder


def test_digest(tmp_path: Path) -> None:
    path = write_bytes_atomic(tmp_path / "a", b"x" * 300_000)
    assert sha256_file(path) == hashlib.sha256(b"x" * 300_000).hexdigest()


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    assert write_text_atomic(tmp_path / "a", "m³\n").read_bytes() == b"m\xc2\xb3\n"


def test_mode_follows_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert write_text_atomic(tmp_path / "a", "").stat().st_mode == plain.stat().st_mode


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_text_atomic(tmp_path / "a", "old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="No space left") as caught:
        write_text_atomic(path, "new")
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_text_atomic(tmp_path / "no" / "a", "")


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json_atomic(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_json_takes_scalars_of_numpy(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "a.json", {"near": np.float64(0.5) < 1.0, "count": np.int64(3)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"near": True, "count": 3}


def test_json_refuses_what_it_has_no_word_for(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        write_json_atomic(tmp_path / "a.json", {"x": {1}})
    assert not list(tmp_path.iterdir())


def test_manifest_covers_every_finished_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_text_atomic(tmp_path / "sub" / "b", "1")
    write_text_atomic(tmp_path / "a", "2")
    (tmp_path / f".c.123{artefacts.TEMPORARY}").write_text("")
    assert list(write_manifest(tmp_path)) == ["a", "sub/b"]
    assert verify_manifest(tmp_path) == write_manifest(tmp_path)


def test_changed_and_lost_files_are_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_text_atomic(tmp_path / name, name)
    write_manifest(tmp_path)
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").unlink()
    with pytest.raises(InputError, match=r"a was changed.*b is missing"):
        verify_manifest(tmp_path)
    assert verify_manifest(tmp_path, ["c"])
    with pytest.raises(InputError, match="d is not in"):
        verify_manifest(tmp_path, ["d"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a manifest and files of an earlier version."""
    for name in ("a", "b", "damaged"):
        write_text_atomic(tmp_path / name, "old")
    write_manifest(tmp_path)
    (tmp_path / "damaged").write_text("x")
    return tmp_path


NEW = {"b": b"new", "c": b"new"}


def test_files_are_replaced_with_their_manifest_and_no_other_is_taken_for_whole(folder: Path) -> None:
    replace_files(folder, NEW)
    assert {p.name: p.read_text() for p in folder.iterdir() if p.name != MANIFEST} == {
        "a": "old", "b": "new", "c": "new", "damaged": "x"
    }  # fmt: skip
    verify_manifest(folder, ["a", "b", "c"])
    with pytest.raises(InputError, match="damaged was changed"):
        verify_manifest(folder)


class Killed(BaseException):
    """Stands for a kill, in which nothing is cleaned up."""


@pytest.mark.parametrize("call", range(1, 9))
def test_a_kill_while_files_are_replaced_leaves_the_old_ones_or_what_is_ended_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    calls = {"left": call}

    def counted(function):
        def called(*args, **kwargs):
            calls["left"] -= 1
            if calls["left"] == 0:
                raise Killed
            return function(*args, **kwargs)

        return called

    with monkeypatch.context() as patch:
        patch.setattr(manifest.shutil, "rmtree", lambda *args, **kwargs: None)
        patch.setattr(os, "replace", counted(os.replace))
        patch.setattr(Path, "rmdir", counted(Path.rmdir))
        patch.setattr(Path, "unlink", lambda *args, **kwargs: None)
        with contextlib.suppress(Killed):
            replace_files(folder, NEW)
        assert (calls["left"] <= 0) == (call < 9)
    begun = (folder / REPLACING).is_dir()
    assert begun == (call > 4)
    if begun and call < 8:
        with pytest.raises(InputError, match="asm-hybrid diagnose"):
            verify_manifest(folder, ["a", "b", "c"])
    if call % 2:
        finish_replacing(folder)
    else:  # as the next call does
        replace_files(folder, {"a": b"old"})
    assert (folder / "b").read_text() == ("new" if begun else "old")
    assert "damaged" in verify_manifest(folder, ["a", "b", *(["c"] if begun else [])])
    assert sorted(p.name for p in folder.iterdir()) == sorted(["a", "b", *(["c"] * begun), "damaged", MANIFEST])


@pytest.mark.parametrize("content", ["[1]", '{"a": 1}', "{", '{"../a": "x"}', '{"/a": "x"}', '{"C:a": "x"}'])
def test_unusable_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest"):
        read_manifest(tmp_path)


FORMULAS = ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+A1", "-A1+2", "\t=1", "\uff1d1", "'=1", "''@a"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run(text: str) -> None:
    frame = pd.DataFrame({text: [1.5, 2.5], "variable": [text, "NH4"], "unit": ["-", "g/m3"]})
    written = csv_text(frame)
    cells = pd.read_csv(io.StringIO(written))
    assert [cells.columns[0], cells["variable"][0]] == [f"'{text}", f"'{text}"]
    read = restored(cells)
    assert list(read.columns) == [text, "variable", "unit"]
    assert read["variable"].tolist() == [text, "NH4"]
    assert read["unit"].tolist() == ["-", "g/m3"]


def test_a_column_of_texts_without_any_stays_one() -> None:
    cells = pd.read_csv(io.StringIO("finding,value\n,1.5\n,2.5\n"), dtype={"finding": "str"})
    assert restored(cells).dtypes.tolist() == cells.dtypes.tolist()


def test_a_line_break_before_a_formula() -> None:
    assert csv_text(pd.DataFrame({"a": ["\r=1"]})) == "a\n'\r=1\n"


@pytest.mark.parametrize("text", ["-", "+", "-3.5", "+1e5", "-inf", "NH4", "'quoted'", "a=1", "", "2021-06-01"])
def test_text_that_is_harmless(text: str) -> None:
    frame = pd.DataFrame({"a": [text, "b"], "n": [-1.5, 2.0]})
    assert csv_text(frame) == frame.to_csv(index=False, lineterminator="\n")
    assert restored_text(text) == text


def test_tables_of_numbers_are_written_as_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2021-06-01", periods=2, tz="UTC"),
            "a": [-1 / 3, np.nan],
            "b": [-5, 7],
            "c": [None, "x"],
            "d": [True, False],
        },
        index=[4, 4],
    )
    written = write_csv_atomic(tmp_path / "a.csv", frame, "%.6g").read_text(encoding="utf-8")
    assert written == frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def test_headers_given_twice_stay(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2]], columns=["=a", "=a"])
    assert csv_text(frame) == "'=a,'=a\n1,2\n"


def test_a_home_folder_that_is_not_known() -> None:
    with pytest.raises(InputError, match="write the whole path"):
        user_path("~no-such-user/plant.csv")


KILLED = """
import os, signal, sys
from pathlib import Path
from asm_hybrid import artefacts, staging
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
path = Path(sys.argv[2])
if sys.argv[1] == "file":
    artefacts.write_text_atomic(path, "new")
with staging.staged_folder(path) as folder:
    artefacts.write_text_atomic(folder / "a", "new")
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_call_removes_what_a_killed_one_left(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "x"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, kind, str(target)], check=False)
        assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 1
    if kind == "file":
        write_text_atomic(target, "new")
    else:
        with staged_folder(target) as folder:
            write_text_atomic(folder / "a", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_staged_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "x"

    def fail() -> None:
        with staged_folder(target) as folder:
            write_text_atomic(folder / "a", "1")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not list(tmp_path.iterdir())
    with staged_folder(target) as folder:
        write_text_atomic(folder / "a", "1")
        with pytest.raises(InputError, match=str(os.getpid())), staged_folder(target):
            pass
        assert not target.exists()
    assert [p.name for p in target.iterdir()] == ["a"]
    assert [p.name for p in target.parent.iterdir()] == ["x"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="folder cannot be written"):
        make_folder(tmp_path / "file" / "x")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "1",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"a": ' + "[" * 100_000,
        "\udcff",
    ],
)
def test_json_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"a\.json"):
        read_json(path)
    path.unlink()
    for make in (lambda: None, path.mkdir):
        make()
        with pytest.raises(InputError, match=r"a\.json"):
            read_json(path)


def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "manifest.json", {"x" * 5000: ""})
    with pytest.raises(InputError, match="xxx"):
        verify_manifest(tmp_path)


def test_a_file_that_may_be_there_is_refused_where_the_manifest_does_not_name_it(folder: Path) -> None:
    assert verified_files(folder, ["a", "c"]) == ["a"]
    (folder / "c").write_text("new")
    with pytest.raises(InputError, match=r"c is not in manifest\.json"):
        verified_files(folder, ["a", "c"])
    with pytest.raises(InputError, match="damaged was changed"):
        verified_files(folder, ["damaged"])
