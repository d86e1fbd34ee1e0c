"""Signals that ask for an end, and processes that end with the one that began them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asm_hybrid.cli import main
from asm_hybrid.parallel.side_processes import side_processes
from asm_hybrid.stopping import STOPS, stopped_by_signals


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C does what it does in a process of its own, whatever other tests, or what began them, made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_taken_as_ctrl_c_and_no_longer_afterwards(number: signal.Signals) -> None:
    before = [signal.getsignal(n) for n in STOPS]
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        signal.raise_signal(number)
    assert [signal.getsignal(n) for n in STOPS] == before


@pytest.mark.parametrize("again", STOPS)
def test_a_second_signal_does_not_end_the_cleaning_up_after_the_first(
    again: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def clean_up_after_both() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(again)
            done.append("cleaned up")

    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        clean_up_after_both()
    assert done == ["cleaned up"]
    monkeypatch.setattr("asm_hybrid.stopping.PATIENCE", 0.0)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        clean_up_after_both()
    assert done == ["cleaned up"]  # of one that takes too long the next one is the end


def test_what_fails_since_a_signal_came_is_its_end() -> None:
    def fails() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("the integrator was called off") from None

    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        fails()


def test_a_signal_that_came_in_a_destructor_is_not_lost() -> None:
    class Thing:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def goes_on() -> None:
        thing = Thing()
        del thing
        time.sleep(10)

    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        goes_on()


def test_a_signal_that_is_to_be_ignored_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_command_that_is_ended_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("asm_hybrid.config.json_schema", lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as ended:
        main(["schema"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def _linger(path: Path) -> None:
    path.write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def test_side_processes_end_with_what_fails_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "number"

    def stopped() -> None:
        with side_processes(1) as pool:
            pool.submit(_linger, path)
            while not path.exists() or not path.read_text(encoding="utf-8"):
                time.sleep(0.05)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text(encoding="utf-8")), 0)
