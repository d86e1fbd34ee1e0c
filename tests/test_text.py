import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.text import printable, same_name, unusable_character
from asm_hybrid.yamlfile import parse_yaml


@pytest.mark.parametrize(
    ("one", "other"),
    [("é", "e\u0301"), ("m³", "m3"), ("µS", "μS"), (" a\u00a0 b\n", "a b"), ("a\u200bb", "ab"), ("a\x07", "a")],
)
def test_names_that_look_alike(one, other):
    assert same_name(one) == same_name(other)


@pytest.mark.parametrize(("one", "other"), [("NH4", "nh4"), ("NO2", "NO3"), ("a b", "ab"), ("m3", "m2")])
def test_names_that_differ(one, other):
    assert same_name(one) != same_name(other)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\ufffe", "\u202e", "\u2067"])
def test_characters_that_no_report_can_show(character):
    assert unusable_character(f"a{character}b") == f"U+{ord(character):04X}"
    assert printable(f"a{character}b") == "ab"


def test_lines_are_for_texts_not_for_names():
    assert unusable_character("two\nlines\tand é 水") is None
    assert unusable_character("two\nlines", one_line=True) == "U+000A"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name: "a\\ab"', "the text 'a\\x07b' holds the character U+0007"),
        ('"tank\\e[31m": 1', "the key"),
        ('"two\\nlines": 1', "U+000A"),
        ('tanks: {"a\\0": 1}', "U+0000"),
        ("a: \ud800", "not valid YAML"),
    ],
)
def test_yaml_with_such_characters(text, words):
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "x.yaml")
    assert words in str(caught.value)
    assert "x.yaml" in str(caught.value)


def test_descriptions_of_several_lines():
    assert parse_yaml('description: "two\\nlines\\tand more"', "x.yaml").data["description"] == "two\nlines\tand more"
