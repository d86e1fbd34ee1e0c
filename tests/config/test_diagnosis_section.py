"""The section ``diagnosis``: types, files of candidates, and what the config of a run folder keeps of it."""

import pytest

from asm_hybrid.config import candidate_files, load_config
from asm_hybrid.errors import InputError

SECTION = "diagnosis: {leave_out: [influent.COD, sensors], candidates: [more/own.yaml], accept: true}\n"


def test_defaults_let_explanations_compete_and_accept_nothing(case):
    found = case.load().diagnosis
    assert found.explain
    assert not found.accept
    assert found.leave_out == found.candidates == ()


def test_candidates_are_files_seen_from_the_config_and_from_the_run_folder(case):
    case.text += SECTION
    config = case.load()
    with pytest.raises(InputError, match=r"own\.yaml' does not exist") as caught:
        candidate_files(config)
    assert f"case.yaml:{case.line('diagnosis')} (diagnosis.candidates.0)" in str(caught.value)
    own = case.path.parent / "more" / "own.yaml"
    own.parent.mkdir()
    own.touch()
    assert candidate_files(config) == (own,)
    run = case.path.parent / "runs" / "one"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(config.to_yaml(run), encoding="utf-8")
    kept = load_config(run / "config.yaml")
    assert kept.diagnosis.leave_out == ("influent.COD", "sensors")
    assert [path.resolve() for path in candidate_files(kept)] == [own.resolve()]


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("explain: 1", "explain", "true or false"),
        ("leave_out: influent.COD", "leave_out", "a list"),
        ("candidates: [1]", "candidates.0", "text"),
        ("acept: true", "acept", "accept"),
    ],
)
def test_what_is_no_such_key_or_value_is_refused_with_its_line(case, line, key, expected):
    case.text += f"diagnosis:\n  {line}\n"
    with pytest.raises(InputError) as caught:
        case.load()
    assert f"case.yaml:{case.line(line)} (diagnosis.{key})" in str(caught.value)
    assert expected in str(caught.value)
