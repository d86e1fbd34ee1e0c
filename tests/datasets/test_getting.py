"""Downloads of data sets, from a server on this machine that does what servers do wrong."""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import threading
import time
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from asm_hybrid import data_terminal
from asm_hybrid.artefacts import WritingError
from asm_hybrid.cli import app
from asm_hybrid.datasets import download, getting
from asm_hybrid.datasets.catalogue import find_set, load_catalogue
from asm_hybrid.datasets.getting import get_set
from asm_hybrid.errors import InputError
from asm_hybrid.yamlfile import load_yaml

CONTENT = b"time,flow\n" + b"".join(b"%d,%d\n" % (i, 7 * i) for i in range(20_000))
SHA = hashlib.sha256(CONTENT).hexdigest()
BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


class _Server(BaseHTTPRequestHandler):
    """Gives away ``/whole``; other paths fail, each in its way."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        name = self.path.strip("/").partition("?")[0]
        if name.isdigit():
            self.send_error(int(name))
            return
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
            return
        content = self.content(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if name == "silent":
            time.sleep(1.5)
        half = name == "breaks" or (name == "breaks-once" and self.asked.count(self.path) == 1)
        with contextlib.suppress(OSError):
            self.wfile.write(content[: len(content) // 2] if half else content)

    def content(self, name):
        if name == "changed":
            return CONTENT[:-2] + b"0\n"
        if name == "page":
            return b"\n<!DOCTYPE html><title>Log in</title>"
        if name == "empty":
            return b""
        if name == "zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("inner.csv", CONTENT)
            return packed.getvalue()
        if name == "list":
            port = self.server.server_port
            details = {"download_url": f"http://127.0.0.1:{port}/whole", "size": len(CONTENT), "sha256_hash": SHA}
            return json.dumps([{"filename": "plant.csv", "content_details": details}]).encode()
        return CONTENT

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def server():
    serving = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _asked():
    _Server.asked.clear()


def data_set(server, path="whole", *, licence="allowed", more="", file=""):
    """Return a set of one file."""
    url = "" if path is None else f"url: {server}/{path}, "
    text = f"""\
sets:
  - name: plant
    title: A plant
    kind: full-scale plant
    variables: [flow]
    fit: other
    licence: {{name: Some terms, redistribution: {licence}, link: "https://example.org/terms"}}
    files: [{{name: plant.csv, {url}{file}}}]
    use: asm-hybrid data check FILE
    {more}
"""
    return find_set("plant", load_catalogue(load_yaml_text(text)))


def load_yaml_text(text):
    from asm_hybrid.yamlfile import parse_yaml

    return parse_yaml(text, "catalogue").data


def known():
    return f"size: {len(CONTENT)}, sha256: {SHA}"


def names(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else None


def refused(one, folder, *words, **more):
    with pytest.raises(InputError) as caught:
        get_set(one, folder, **more)
    for word in words:
        assert word in str(caught.value)


def test_a_file_is_downloaded_and_checked(server, tmp_path):
    found = get_set(data_set(server, file=known()), tmp_path / "plant")
    assert found.complete
    assert found.files == {"plant.csv": SHA}
    assert (tmp_path / "plant" / "plant.csv").read_bytes() == CONTENT
    assert names(tmp_path / "plant") == ["SOURCE.yaml", "plant.csv"]
    note = load_yaml(tmp_path / "plant" / "SOURCE.yaml").data
    assert note["licence"]["name"] == "Some terms"
    assert note["files"] == [
        {"name": "plant.csv", "url": f"{server}/whole", "sha256": SHA, "compared_with": f"SHA-256 {SHA}"}
    ]
    assert found.said[0] == "plant.csv: downloaded, and has the SHA-256 of the catalogue"
    assert found.said[-1] == f"use: asm-hybrid data check {tmp_path / 'plant' / 'plant.csv'}"


def test_it_is_not_downloaded_a_second_time(server, tmp_path):
    one = data_set(server, file=known())
    get_set(one, tmp_path)
    assert get_set(one, tmp_path).said[0] == "plant.csv: is there already, and has the SHA-256 of the catalogue"
    assert _Server.asked == ["/whole"]


def test_another_file_of_that_name_stays(server, tmp_path):
    (tmp_path / "plant.csv").write_text("mine")
    refused(data_set(server, file=known()), tmp_path, "4 bytes", "nothing is overwritten")
    assert (tmp_path / "plant.csv").read_text() == "mine"
    assert _Server.asked == []


def test_the_name_that_git_gives(server, tmp_path):
    found = get_set(data_set(server, file=f"git_blob: {BLOB}"), tmp_path)
    assert found.said[0] == "plant.csv: downloaded, and is the file of that commit, by its git blob"
    other = data_set(server, "changed", file=f"git_blob: {BLOB}")
    refused(other, tmp_path / "b", "git would name the file", f"should name it {BLOB}")


def test_a_checksum_that_nobody_knows_is_told_and_not_compared(server, tmp_path):
    found = get_set(data_set(server), tmp_path)
    assert found.said[0] == f"plant.csv: downloaded; its checksum is not known, and was not compared: SHA-256 {SHA}"


def test_a_list_of_mendeley(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MENDELEY", server + "/list?{dataset}&version={version}")
    one = data_set(server, None, file="mendeley: {dataset: abcdefghij, version: 2}")
    found = get_set(one, tmp_path)
    assert found.said[0] == f"plant.csv: downloaded, and has the SHA-256 that Mendeley Data states, {SHA}"
    assert _Server.asked == ["/list?abcdefghij&version=2", "/whole"]
    assert names(tmp_path) == ["SOURCE.yaml", "plant.csv"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("page", ["something else than a list of files"]),
        ("404", ["answers 404 Not Found"]),
        ("breaks", ["the list of files broke off"]),
    ],
)
def test_no_list_of_mendeley(server, tmp_path, monkeypatch, answer, words):
    monkeypatch.setattr(download, "MENDELEY", f"{server}/{answer}")
    refused(data_set(server, None, file="mendeley: {dataset: abcdefghij, version: 2}"), tmp_path / "plant", *words)
    assert names(tmp_path / "plant") is None


def test_a_list_of_mendeley_without_the_file(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MENDELEY", f"{server}/list")
    one = data_set(server, None, file="mendeley: {dataset: abcdefghij, version: 2}")
    other = one.model_copy(update={"files": (one.files[0].model_copy(update={"name": "other.csv"}),)})
    refused(other, tmp_path, "lists no file 'other.csv', but plant.csv")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("404", ["answers 404 Not Found: the file is no longer there"]),
        ("403", ["answers 403 Forbidden: it does not give the file away"]),
        ("503", ["answers 503 Service Unavailable: the server is out of order; try again later"]),
        ("breaks", ["the download broke off 3 times", "nothing is left half-written"]),
        ("changed", [f"should have {SHA}", "damaged on its way, or was changed where it is published"]),
    ],
)
def test_downloads_that_fail_leave_nothing(server, tmp_path, path, words):
    refused(data_set(server, path, file=known()), tmp_path / "plant", f"{server}/{path}", *words)
    assert names(tmp_path / "plant") is None


@pytest.mark.parametrize(("path", "words"), [("page", "this is a page of the web"), ("empty", "the file is empty")])
def test_files_of_unknown_checksum_that_are_none(server, tmp_path, path, words):
    refused(data_set(server, path), tmp_path / "plant", words)
    assert names(tmp_path / "plant") is None


def test_another_size(server, tmp_path):
    refused(data_set(server, file="size: 5"), tmp_path / "plant", f"has {len(CONTENT)} bytes, and should have 5")


def test_a_download_that_breaks_off_is_begun_anew(server, tmp_path):
    get_set(data_set(server, "breaks-once", file=known()), tmp_path)
    assert _Server.asked == ["/breaks-once"] * 2


def test_an_address_that_has_moved(server, tmp_path):
    assert get_set(data_set(server, "moved", file=known()), tmp_path).complete


def test_a_server_that_goes_silent(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    refused(data_set(server, "silent", file=known()), tmp_path / "plant", "for 0.2 s")
    assert names(tmp_path / "plant") is None


def test_a_machine_without_a_network(tmp_path):
    one = data_set("https://no-such-host.invalid")
    refused(one, tmp_path / "plant", "no-such-host.invalid cannot be reached", "check the network", "by a browser")
    assert names(tmp_path / "plant") is None


def test_a_disk_without_room(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(100, 90, 10))
    refused(data_set(server, file=known()), tmp_path / "plant", "the disk has 0.01 kB of room", "takes")
    assert _Server.asked == []
    assert names(tmp_path / "plant") is None


def test_a_disk_that_gets_full(server, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no device that is always full")
    with pytest.raises(WritingError, match="No space left on device"):
        download._fetch(f"{server}/whole", download.Path("/dev/full"), None)


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "plant").write_text("a file")
    with pytest.raises(InputError, match="plant"):
        get_set(data_set(server, file=known()), tmp_path / "plant")
    assert (tmp_path / "plant").read_text() == "a file"


def test_a_download_that_is_interrupted_leaves_nothing(server, tmp_path):
    def interrupt(come, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get_set(data_set(server, file=known()), tmp_path / "plant", progress=lambda name: interrupt)
    assert names(tmp_path / "plant") is None
    get_set(data_set(server, file=known()), tmp_path / "plant")


def test_progress_is_told(server, tmp_path):
    told = []
    get_set(data_set(server, file=known()), tmp_path, progress=lambda name: lambda *where: told.append(where))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [come for come, _ in told] == sorted(come for come, _ in told)


def test_members_of_an_archive(server, tmp_path):
    one = data_set(server, "zip", file="members: [inner.csv]")
    assert "inner.csv: unpacked" in get_set(one, tmp_path).said
    assert (tmp_path / "inner.csv").read_bytes() == CONTENT
    (tmp_path / "inner.csv").write_text("mine")
    said = get_set(one, tmp_path).said
    assert "inner.csv: unpacked" not in said
    assert "inner.csv: is there already, and is not the file of the archive; it stays" in said
    assert (tmp_path / "inner.csv").read_text() == "mine"


@pytest.mark.parametrize("text", ["my own words\n", "name: another\n"])
def test_a_note_of_something_else_stays(server, tmp_path, text):
    (tmp_path / "SOURCE.yaml").write_text(text)
    with pytest.raises(InputError, match="holds another"):
        get_set(data_set(server), tmp_path)
    assert names(tmp_path) == ["SOURCE.yaml"]
    assert (tmp_path / "SOURCE.yaml").read_text() == text


@pytest.mark.parametrize(
    ("path", "member", "words"),
    [("zip", "other.csv", "no item named 'other.csv'"), ("whole", "inner.csv", "not a zip file")],
)
def test_archives_that_cannot_be_unpacked(server, tmp_path, path, member, words):
    refused(data_set(server, path, file=f"members: [{member}]"), tmp_path, "cannot be unpacked", words)
    assert names(tmp_path) == ["plant.csv"]


def test_an_archive_that_unpacks_without_end(server, tmp_path, monkeypatch):
    monkeypatch.setattr(getting, "MAX_MEMBER", 1000)
    refused(data_set(server, "zip", file="members: [inner.csv]"), tmp_path, "unpacks to more than")
    assert names(tmp_path) == ["plant.csv"]


@pytest.mark.parametrize("licence", ["restricted", "forbidden", "unverified"])
def test_terms_are_asked_for(server, tmp_path, licence):
    one = data_set(server, licence=licence, file=known())
    shown = []
    refused(one, tmp_path / "plant", "have not been accepted", "https://example.org/terms", "--accept-licence")
    refused(one, tmp_path / "plant", "have not been accepted", accept=shown.append)
    assert _Server.asked == []
    assert shown[0].startswith("licence: Some terms")
    assert get_set(one, tmp_path / "plant", accept=lambda terms: True).complete
    assert get_set(one, tmp_path / "plant").complete  # nothing is downloaded: nothing is asked


def test_what_has_to_be_got_by_hand(server, tmp_path):
    one = data_set(server, None, licence="unverified", more="by_hand: Log in, and put it into FOLDER.", file=known())
    found = get_set(one, tmp_path / "plant")
    assert not found.complete
    assert f"Log in, and put it into {tmp_path / 'plant'}." in found.said
    assert found.said[0].startswith("licence: Some terms")
    assert names(tmp_path / "plant") is None
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "plant.csv").write_bytes(CONTENT[:-1])
    refused(one, tmp_path / "plant", "bytes, and should have")
    (tmp_path / "plant" / "plant.csv").write_bytes(CONTENT)
    assert (
        get_set(one, tmp_path / "plant").said[0] == "plant.csv: is there already, and has the SHA-256 of the catalogue"
    )


# --- the command


@pytest.fixture
def command(server, monkeypatch):
    catalogue = load_catalogue().model_copy(update={"sets": (data_set(server, licence="restricted", file=known()),)})
    monkeypatch.setattr(data_terminal, "load_catalogue", lambda: catalogue)

    def run(*words):
        return CliRunner().invoke(app, ["data", *map(str, words)])

    return run


def test_the_command_asks_by_an_option_where_nobody_can_answer(command, tmp_path):
    told = command("get", "plant", "--out", tmp_path / "plant")
    assert isinstance(told.exception, InputError)
    assert "Some terms" in told.output
    told = command("get", "plant", "--out", tmp_path / "plant", "--accept-licence")
    assert told.exit_code == 0
    assert re.search(r"folder: .*plant\n$", told.output)
    assert (tmp_path / "plant" / "plant.csv").read_bytes() == CONTENT
