"""Mutants of the bytes of a file, and of the parts of an archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from grid_mutations import Random

__all__ = ["BYTE_MUTANTS", "archive_changed", "member_changed"]


def bytes_flipped(rng: Random, data: bytes) -> bytes:
    """Return the bytes with one to eight bits flipped."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def bytes_cut(rng: Random, data: bytes) -> bytes:
    """Return the bytes without their end."""
    return data[: int(rng.integers(len(data)))]


def bytes_moved(rng: Random, data: bytes) -> bytes:
    """Return the bytes with a slice doubled, removed, or put elsewhere."""
    a, b = sorted(int(v) for v in rng.integers(len(data), size=2))
    b = min(b, a + 200)
    kind, at = int(rng.integers(3)), int(rng.integers(len(data)))
    if kind == 0:
        return data[:b] + data[a:]
    rest = data[:a] + data[b:]
    return rest if kind == 1 else rest[:at] + data[a:b] + rest[at:]


def bytes_inserted(rng: Random, data: bytes) -> bytes:
    """Return the bytes with something inserted that parsers dislike."""
    pieces = [
        b"\x00",
        b"\xff\xfe",
        b'"',
        b"\x07",
        b"\r",
        "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
        b"\x80",
        b"\n\n",
        b"\t",
    ]
    pieces += [b"&a [*a]", b"!!python/object", b"{", b"1e999", b"9" * 400, b";", b"'", b": ", b"<<: ", b"%"]
    at = int(rng.integers(len(data)))
    return data[:at] + pieces[int(rng.integers(len(pieces)))] + data[at:]


BYTE_MUTANTS: tuple[Callable[[Random, bytes], bytes], ...] = (bytes_flipped, bytes_cut, bytes_moved, bytes_inserted)


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return {name: source.read(name) for name in source.namelist()}


def _packed(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return file.getvalue()


def member_changed(rng: Random, data: bytes) -> bytes:
    """Return a workbook with one of its members changed, and packed again as a sound archive."""
    members = _members(data)
    names = list(members)
    chosen = names[int(rng.integers(len(names)))]
    mutate = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
    members[chosen] = b"" if rng.random() < 0.1 or not members[chosen] else mutate(rng, members[chosen])
    return _packed(members)


def archive_changed(rng: Random, data: bytes) -> bytes:
    """Return a workbook whose archive has more or fewer members, larger ones, or sizes that are not true."""
    members, kind = _members(data), int(rng.integers(5))
    if kind == 0:
        del members[list(members)[int(rng.integers(len(members)))]]
    elif kind == 1:
        members["../../../tmp/climbs.xml"] = b"<a/>"
    elif kind == 2:
        name = "xl/worksheets/sheet1.xml"
        members[name] = members[name].replace(b"<sheetData>", b"<sheetData>" + b" " * 60_000_000)
    elif kind == 3:
        members = {name.upper() if rng.random() < 0.3 else name: content for name, content in members.items()}
    packed = bytearray(_packed(members))
    if kind == 4:  # the sizes in the list of members
        at = packed.find(b"PK\x01\x02")
        for k in range(at + 20, at + 28):
            packed[k] = int(rng.integers(256))
    return bytes(packed)
