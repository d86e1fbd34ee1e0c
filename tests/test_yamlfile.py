"""The strict YAML reader: YAML 1.2 scalars, line numbers, and everything it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.yamlfile import MAX_BYTES, load_yaml, parse_yaml

TEXT = """\
# a comment
a: 1e-3
b: {c: 010, d: NO, e: 12:30}
list:
  - x: 1
    y: "2"
  - .5
stamp: 2021-05-05 11:57:00
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1e3", 1e3),
        ("-2", -2),
        (".5", 0.5),
        ("010", 10),
        ("0x10", "0x10"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("", None),
        ("2021-05-05", "2021-05-05"),
        ("'1'", "1"),
        ('"?"', "?"),
        ("1/14", "1/14"),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    found = parse_yaml(f"a: {text}\n", "f.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text():
    assert list(parse_yaml("{1: a, NO: b, true: c, null: d}", "f").data) == ["1", "NO", "true", "null"]


def test_lines_of_keys_and_of_what_is_missing():
    document = parse_yaml(TEXT, "f.yaml")
    assert document.line("a") == 2
    assert document.line("b", "d") == 3
    assert document.line("list", 0, "y") == 6
    assert document.line("list", 1) == 7
    assert document.line("b", "missing") == 3
    assert document.line("stamp") == 8
    assert document.where("list", 1) == "f.yaml:7 (list.1)"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3", 3, "given twice"),
        ("a: {b: 1, b: 2}", 1, "given twice"),
        ("a: 1\nb: &x 1", 2, "anchor"),
        ("a: &x [1]\nb: *x", 1, "anchor"),
        ("a: *x", 1, "alias"),
        ("a: !!python/object/apply:os.system [true]", 1, "tag"),
        ("a: !!str 1", 1, "tag"),
        ("a: .inf", 1, "not finite"),
        ("a: .nan", 1, "not finite"),
        ("a: 1e999", 1, "not finite"),
        ("a: 1\nb: " + "9" * 60, 2, "digits"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a:\n\t- 1", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: " + "[" * 500, 1, "too deep"),
        ("? {a: 1}\n: 2", 1, "key"),
        ("- 1", 1, "top level"),
        ("", 1, "top level"),
        ("a: \x00", 1, "not valid YAML"),
    ],
)
def test_refused(text, line, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_yaml(text, "f.yaml")
    assert (caught.value.where or "").startswith(f"f.yaml:{line}") or "\x00" in text


def test_alias_bomb_is_refused_at_its_first_anchor(tmp_path):
    lines = ['a0: &a0 ["x"]'] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="anchor"):
        load_yaml(path)


def test_large_file_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" * (MAX_BYTES // 5 + 1))
    with pytest.raises(InputError, match="too large"):
        load_yaml(path)


def test_missing_file_offers_a_near_name(tmp_path):
    (tmp_path / "quickstart.yaml").write_text("a: 1")
    with pytest.raises(InputError, match="does not exist") as caught:
        load_yaml(tmp_path / "quickstrat.yaml")
    assert "quickstart.yaml" in (caught.value.fix or "")


def test_directory_and_wrong_encoding(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_yaml(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8") as caught:
        load_yaml(path)
    assert caught.value.where == f"{path}:2"


def test_byte_order_mark_is_dropped(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    document = load_yaml(path)
    assert document.data == {"a": 1}
    assert document.path == Path(path)
