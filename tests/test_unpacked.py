"""Zips of runs: unpacked once a process, checked, and gone at its end; whatever is wrong with one is one message."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from asm_hybrid import unpacked
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.unpacked import is_zip, named, refuse_zip, run_folder, source_of

FILES = {"config.yaml": b"name: plant\n", "weights.safetensors": bytes(range(256)) * 9, "courses/a.csv": b"time\n"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_manifest(folder)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files, which is the test's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(run: Path, below: str = "") -> Path:
    """Zip a folder, as a user does."""
    path = run.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for file in sorted(run.rglob("*")):
            book.write(file, below + file.relative_to(run).as_posix())
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("below", ["", "./", "run/", "runs/2024/run/"])
def test_a_zip_is_unpacked_once_and_stays_as_long_as_it_is_the_same(run: Path, temporary: Path, below: str) -> None:
    path = zipped(run, below)
    folder = run_folder(path)
    assert content(folder) == content(run)
    assert folder.name == "run"
    assert folder.is_relative_to(temporary)
    assert not stat.S_IMODE(folder.parent.stat().st_mode) & 0o077
    assert run_folder(str(path)) == folder
    assert source_of(folder) == path
    assert named(f"{folder / 'config.yaml'}: no") == f"{path / 'config.yaml'}: no"
    shutil.rmtree(folder)  # who cleans the temporary files does no harm
    assert content(run_folder(path)) == content(run)
    (run / "config.yaml").write_text("name: other\n", encoding="utf-8")
    write_manifest(run)
    assert content(run_folder(zipped(run, below))) == content(run)
    with pytest.raises(InputError, match=r"run\.zip: the run is a zip[^$]*unpack it yourself"):
        refuse_zip(run_folder(path))


def test_a_folder_stays_as_it_is_named(run: Path, tmp_path: Path) -> None:
    for path in (run, run.rename(tmp_path / "run.zip"), tmp_path / "nowhere.zip", Path("~"), Path("a\0b.zip")):
        assert run_folder(path) == path == source_of(path)
        assert not is_zip(path)
        refuse_zip(path)
    with pytest.raises(InputError, match="this is a int"):
        run_folder(3)  # type: ignore[arg-type]


def test_what_the_manifest_does_not_name_stays_in_the_zip(run: Path) -> None:
    path = zipped(run, "run/")
    with zipfile.ZipFile(path, "a") as book:
        for name in ("__MACOSX/run/manifest.json", "__MACOSX/manifest.json", "run/.DS_Store", "run/x/manifest.json"):
            book.writestr(name, "x")
    assert content(run_folder(path)) == content(run)


def test_a_zip_is_known_by_its_content_too(run: Path, tmp_path: Path) -> None:
    path = zipped(run).rename(tmp_path / "run.zip.1")
    assert content(run_folder(path)) == content(run)


def test_a_file_that_the_zip_lacks_is_missing_as_in_a_folder(run: Path) -> None:
    (run / "courses" / "a.csv").unlink()
    assert content(run_folder(zipped(run))) == content(run)


def _entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (kind | 0o644) << 16
    return entry


def _added(*entries: zipfile.ZipInfo) -> Callable[[Path, Path], None]:
    def spoil(path: Path, _: Path) -> None:
        with zipfile.ZipFile(path, "a") as book:
            for entry in entries:
                book.writestr(entry, "x")

    return spoil


def _changed_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path, Path], None]:
    def spoil(path: Path, _: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return spoil


def _again(change: Callable[[Path], object]) -> Callable[[Path, Path], None]:
    """Change the folder, and zip it anew, its manifest as it was."""

    def spoil(_: Path, run: Path) -> None:
        change(run)
        zipped(run)

    return spoil


def _encrypted(content: bytes) -> bytes:
    """Set the bit of encryption in the list at the end of the zip, and before the files."""
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        parts = content.split(mark)
        content = mark.join([parts[0], *(p[: at - 4] + bytes([p[at - 4] | 1]) + p[at - 3 :] for p in parts[1:])])
    return content


def _deflate64(content: bytes) -> bytes:
    parts = content.split(b"PK\x01\x02")
    return b"PK\x01\x02".join([parts[0], *(p[:6] + b"\x09" + p[7:] for p in parts[1:])])


SPOILT = {
    "empty": (_changed_bytes(lambda _: b""), "the zip cannot be read"),
    "no zip": (_changed_bytes(lambda _: b"<html>not found</html>"), "the zip cannot be read"),
    "cut off": (_changed_bytes(lambda c: c[: len(c) // 2]), "the zip cannot be read"),
    "end lost": (_changed_bytes(lambda c: c[:-4]), "the zip cannot be read"),
    "begin lost": (_changed_bytes(lambda c: c[40:]), "the zip (cannot be read|holds no)|cannot be read"),
    "damaged": (_changed_bytes(lambda c: c[:45] + bytes([c[45] ^ 1]) + c[46:]), "the zip cannot be read"),
    "encrypted": (_changed_bytes(_encrypted), "is encrypted"),
    "deflate64": (_changed_bytes(_deflate64), "the zip cannot be read .*compression"),
    "above": (_added(_entry("../evil")), "'../evil', which lies outside"),
    "hidden above": (_added(_entry("a/../../evil")), "which lies outside"),
    "absolute": (_added(_entry("/etc/evil")), "which lies outside"),
    "drive": (_added(_entry("C:evil")), "which lies outside"),
    "backslash": (_added(_entry("..\\evil")), "which lies outside"),
    "link": (_added(_entry("link", stat.S_IFLNK)), "'link' in the zip is a link"),
    "pipe": (_added(_entry("pipe", stat.S_IFIFO)), "is a link, or no file"),
    "twice": (_added(_entry("config.yaml")), "holds 'config.yaml' twice"),
    "twice but for case": (_added(_entry("Config.yaml")), "holds 'Config.yaml' twice"),
    "twice in disguise": (_added(_entry("./config.yaml")), "twice"),
    "changed": (_again(lambda r: (r / "config.yaml").write_text("x")), r"config\.yaml was changed"),
    "no manifest": (_again(lambda r: (r / "manifest.json").unlink()), r"holds no manifest\.json, and so no run"),
    "no JSON": (_again(lambda r: (r / "manifest.json").write_text("{")), "cannot be read"),
    "manifest outside": (_again(lambda r: (r / "manifest.json").write_text('{"../x": "0"}')), "outside the folder"),
}


@pytest.mark.parametrize("case", SPOILT)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_cannot_be_used_is_refused_and_leaves_nothing(
    run: Path, tmp_path: Path, temporary: Path, case: str
) -> None:
    path = zipped(run)
    spoil, message = SPOILT[case]
    spoil(path, run)
    for _ in range(2):
        with pytest.raises(InputError, match=message) as raised:
            run_folder(path)
        assert raised.value.where == str(path)
        assert raised.value.expected
        assert raised.value.fix
        assert str(temporary) not in str(raised.value)
    assert not list(temporary.iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.zip", "temporary"]


def test_an_unfinished_run_is_refused_with_how_to_end_it(run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "checkpoint").mkdir()
    (run / "checkpoint" / "origin.json").write_text("{}")
    with pytest.raises(InputError, match="end the run with `asm-hybrid train --resume`"):
        run_folder(zipped(run))


def test_two_runs_in_a_zip_are_refused(run: Path) -> None:
    path = zipped(run, "one/")
    with zipfile.ZipFile(path, "a") as book:
        book.write(run / "manifest.json", "two/manifest.json")
    with pytest.raises(InputError, match=r"the zip holds 2 runs \(one, two\)"):
        run_folder(path)


def test_a_zip_that_unpacks_to_too_much_is_refused(run: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb: 5 MB of zeros in a few kB, for a limit of 4 MB; and a manifest, and a count of files, beyond theirs."""
    (run / "zeros").write_bytes(bytes(5_000_000))
    write_manifest(run)
    path = zipped(run)
    assert path.stat().st_size < 10_000
    for name, limit, message in (
        ("MAX_BYTES", 4_000_000, "the zip unpacks to 5 MB"),
        ("MAX_MANIFEST", 10, "the zip unpacks to"),
        ("MAX_ENTRIES", 4, "the zip holds [56] files"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(unpacked, name, limit)
            with pytest.raises(InputError, match=message):
                run_folder(path)
    assert not list(temporary.iterdir())
    assert content(run_folder(path)) == content(run)


def test_a_file_larger_than_the_zip_tells_does_not_fill_the_disk(run: Path, temporary: Path) -> None:
    (run / "zeros").write_bytes(bytes(5_000_000))
    write_manifest(run)
    path = zipped(run)
    path.write_bytes(path.read_bytes().replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(InputError, match="the zip cannot be read"):
        run_folder(path)
    assert not list(temporary.iterdir())


def test_a_full_disk_is_told_with_the_folder_that_is_full(
    run: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(run)

    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    for target in ("tempfile.mkdtemp", "pathlib.Path.mkdir"):
        with monkeypatch.context() as patched:
            patched.setattr(target, full)
            with pytest.raises(InputError, match=r"run\.zip: the zip cannot be unpacked: No space[^$]*TMPDIR"):
                run_folder(path)
    assert not list(temporary.iterdir())


def test_what_was_unpacked_is_gone_when_the_process_ends_and_not_before(run: Path, temporary: Path) -> None:
    script = """
import os, sys
from asm_hybrid.unpacked import run_folder
folder = run_folder(sys.argv[1])
if os.fork() == 0:
    sys.exit()
os.wait()
print((folder / "config.yaml").read_text().strip(), len(os.listdir(os.environ["TMPDIR"])))
"""
    command = [sys.executable, "-c", script, str(zipped(run))]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)})
        for _ in range(2)
    ]
    for one in both:
        out, _ = one.communicate()
        assert one.returncode == 0
        assert out.startswith("name: plant ")
    assert not list(temporary.iterdir())
