"""The journal: each row whole or absent, every number to the bit, damage told by row."""

import math
import struct
import sys

import numpy as np
import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.locking import locked
from asm_hybrid.parallel import Outcome, Pool, Progress, run_cases
from asm_hybrid.parallel.rows import case_digest, decode, encode

ODD = (0.1, -0.0, 5e-324, math.inf, -math.inf, struct.unpack(">d", bytes.fromhex("fff8000000000abc"))[0])
"""Numbers that texts of numbers tend to lose: signs of zero and NaN, what NaN carries, the smallest of all."""


def bits(outcome):
    figures = {name: struct.pack(">d", value) for name, value in outcome.figures.items()}
    series = {name: (v.dtype, v.shape, v.tobytes()) for name, v in outcome.series.items()}
    return outcome.case, figures, series, outcome.notes, outcome.error


def all_bits(outcomes):
    return [bits(outcome) for outcome in outcomes]


def evaluate(number, case):
    if case["x"] == 2.0:
        raise InputError("no such plant", where="plant.yaml", fix="write another")
    series = {"effluent.NH4": np.array([*ODD, case["x"]])}
    return Outcome(number, {"EQI": case["x"] / 3, "odd": ODD[number % len(ODD)]}, series, ("a note\nof µ",))


class Counted:
    """Opens the evaluation, and counts what is evaluated."""

    def __init__(self, inner=evaluate):
        self.inner, self.numbers = inner, []

    def __call__(self):
        def counted(number, case):
            self.numbers.append(number)
            return self.inner(number, case)

        return counted


CASES = [{"x": float(i), "word": "ä"} for i in range(4)]
SERIAL = Pool(workers=1)


def run(journal, cases=CASES, opened=None, fingerprint="f", progress=None):
    opened = opened or Counted()
    return run_cases(opened, cases, journal, fingerprint=fingerprint, pool=SERIAL, progress=progress)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a journal with all cases, as bytes, and their outcomes."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    return run(path), path.read_bytes()


def test_an_outcome_comes_back_to_the_bit():
    series = {"a": np.array(ODD), "none": np.array([]), "wide": np.arange(6.0)[::2], "narrow": np.float32([0.1])}
    outcome = Outcome(3, dict(zip("abcdef", ODD, strict=True)), series, ("ä\n\0", ""), "why\n  fix: µ", 0.25)
    found = decode(3, encode(outcome))
    assert bits(found)[1:2] + bits(found)[3:] == bits(outcome)[1:2] + bits(outcome)[3:]
    assert found.seconds == 0.25
    for name, values in outcome.series.items():
        assert found.series[name].dtype == np.float64
        assert found.series[name].flags.writeable
        assert found.series[name].tobytes() == values.astype(np.float64).tobytes()


def test_a_case_is_known_by_its_values_in_any_order():
    assert case_digest({"a": 1.0, "b": "x"}) == case_digest({"b": "x", "a": 1})
    others = [{"a": 1.0}, {"a": "1.0"}, {"a": 1.0, "b": "y"}, {"a": np.nextafter(1.0, 2.0)}, {"b": 1.0}, {"a": -0.0}]
    assert len({case_digest(case) for case in others}) == len(others)


def test_a_journal_goes_on_where_it_stopped(tmp_path):
    journal, first, second = tmp_path / "journal", Counted(), Counted()
    run(journal, CASES[:2], first)
    outcomes = run(journal, CASES, second)
    assert first.numbers == [0, 1]
    assert second.numbers == [2, 3]
    assert all_bits(outcomes) == all_bits(run(None))
    assert outcomes[2].error == "plant.yaml: no such plant\n  fix: write another"
    assert [p.name for p in tmp_path.iterdir()] == ["journal"]


def test_progress_counts_what_was_there_before(tmp_path):
    told: list[Progress] = []
    run(tmp_path / "journal", CASES[:3])
    run(tmp_path / "journal", progress=told.append)
    assert [(p.done, p.failed, p.total) for p in told] == [(3, 1, 4), (4, 1, 4)]
    assert (told[0].rate, told[0].left) == (0.0, math.inf)
    assert told[1].rate > 0
    assert told[1].left == 0.0


def test_what_the_machine_could_not_do_is_tried_again(tmp_path):
    def poor(number, case):
        raise MemoryError("no room")

    first = run(tmp_path / "journal", opened=Counted(poor))
    assert all("MemoryError: no room (test_journal.py, line" in outcome.error for outcome in first)
    again = Counted()
    assert all_bits(run(tmp_path / "journal", opened=again)) == all_bits(run(None))
    assert again.numbers == [0, 1, 2, 3]


def test_a_fault_of_the_program_is_told_with_its_place(tmp_path):
    def faulty(number, case):
        return Outcome(number, {"x": struct.unpack(">d", b"short")[0]})

    opened = Counted(faulty)
    for outcome in (run(tmp_path / "journal", opened=opened) + run(tmp_path / "journal", opened=opened))[:2]:
        assert outcome.error.startswith("a fault of asm-hybrid, not of your input: error: unpack requires")
        assert "(test_journal.py, line" in outcome.error
    assert opened.numbers == [0, 1, 2, 3]


def test_a_journal_that_is_cut_anywhere_gives_the_same_or_is_refused(tmp_path, written):
    outcomes, content = written
    head = content.index(b"\n") + 1
    last = content.rindex(b"\n", 0, -1) + 1
    journal = tmp_path / "journal"
    for size in [*range(0, head, 9), *range(head, last, 97), *range(last, len(content), 41), len(content) - 1]:
        journal.write_bytes(content[:size])
        if size < head:
            with pytest.raises(InputError, match=r"no journal, or its first line is damaged"):
                run(journal)
        else:
            assert all_bits(run(journal)) == all_bits(outcomes)
            assert journal.read_bytes().count(b"\n") == len(CASES) + 1


def test_a_flipped_bit_is_refused_by_its_row(tmp_path, written):
    _, content = written
    journal, rng = tmp_path / "journal", np.random.default_rng(1)
    for _ in range(60):
        place, bit = int(rng.integers(len(content) - 1)), int(rng.integers(8))
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        journal.write_bytes(flipped)
        row = content[:place].count(b"\n") + 1
        with pytest.raises(InputError) as caught:
            run(journal)
        assert str(journal) in str(caught.value)
        assert ("first line" if row == 1 else f"row {row} ") in str(caught.value)


def test_a_damaged_row_can_be_taken_out(tmp_path, written):
    outcomes, content = written
    journal, lines = tmp_path / "journal", content.splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], lines[2].replace(b"EQI", b"OCI"), *lines[3:]]))
    with pytest.raises(InputError, match=r"row 3 of the journal is damaged[^$]*delete line 3 of it"):
        run(journal)
    journal.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    opened = Counted()
    assert all_bits(run(journal, opened=opened)) == all_bits(outcomes)
    assert opened.numbers == [1]


def test_what_a_power_cut_left_without_content_is_cut(tmp_path, written):
    outcomes, content = written
    journal = tmp_path / "journal"
    last = content.rindex(b"\n", 0, -1) + 1
    for tail in (bytes(4096), content[last : last + 40] + bytes(100) + content[last + 140 :]):
        journal.write_bytes(content[:last] + tail)
        assert all_bits(run(journal)) == all_bits(outcomes)
        assert b"\0" not in journal.read_bytes()


@pytest.mark.parametrize(
    ("cases", "fingerprint", "match"),
    [
        (CASES, "g", "that of another study"),
        ([*CASES[:2], {"x": 2.5, "word": "ä"}, CASES[3]], "f", "row 4 .*does not have: case 2 "),
        (CASES[:3], "f", "row 5 .*does not have: case 3 "),
    ],
)
def test_a_journal_of_something_else_is_refused(tmp_path, written, cases, fingerprint, match):
    journal = tmp_path / "journal"
    journal.write_bytes(written[1])
    with pytest.raises(InputError, match=match):
        run(journal, cases, fingerprint=fingerprint)
    assert journal.read_bytes() == written[1]


def test_a_case_that_stands_twice_is_refused(tmp_path, written):
    journal = tmp_path / "journal"
    lines = written[1].splitlines(keepends=True)
    journal.write_bytes(written[1] + lines[1])
    with pytest.raises(InputError, match="row 6 of the journal is damaged: case 0 stands in it twice"):
        run(journal)


def test_two_processes_do_not_share_a_journal(tmp_path):
    journal = tmp_path / "journal"

    def rival(number, case):
        with pytest.raises(InputError, match="is writing it"):
            run(journal)
        return evaluate(number, case)

    assert all_bits(run(journal, opened=Counted(rival))) == all_bits(run(None))
    with locked(tmp_path / ".journal.lock", journal), pytest.raises(InputError, match="is writing it"):
        run(journal)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_full_disk_is_told_and_the_study_goes_on(tmp_path, written):
    import resource

    journal, before = tmp_path / "journal", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(written[1]) * 2 // 3, before[1]))
    try:
        with pytest.raises(InputError, match=r"cannot be written: File too large[^$]*then go on with --resume"):
            run(journal)
        left = journal.read_bytes()
        assert left.endswith(b"\n")
        assert 1 < left.count(b"\n") < 5
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert all_bits(run(journal)) == all_bits(written[0])
    assert journal.read_bytes().startswith(left)
