"""Ctrl-C while CasADi integrates."""

from __future__ import annotations

import contextlib
import os
import signal

import casadi
import numpy as np
import pytest

from asm_hybrid.solver.interrupts import interruptible


def interrupted_as_casadi_has_it() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError('CVode returned "CV_RHSFUNC_FAIL"') from None


def test_an_interrupt_that_became_a_failure_is_an_interrupt_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        interrupted_as_casadi_has_it()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_was_lost_is_raised() -> None:
    def lost() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), interruptible():
        lost()


def test_a_failure_without_an_interrupt_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="CV_RHSFUNC_FAIL"), interruptible():
        raise RuntimeError("CV_RHSFUNC_FAIL")


class Interrupting(casadi.Callback):
    """A right-hand side during which somebody presses Ctrl-C."""

    def __init__(self) -> None:
        casadi.Callback.__init__(self)
        self.calls = 0
        self.construct("f", {"enable_fd": True})

    def get_n_in(self) -> int:
        return 1

    def eval(self, arg: list[casadi.DM]) -> list[casadi.DM]:
        self.calls += 1
        if self.calls == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return [-arg[0]]


def test_an_integrator_of_casadi_is_ended() -> None:
    f, x = Interrupting(), casadi.MX.sym("x")
    integrator = casadi.integrator("i", "cvodes", {"x": x, "ode": f(x)}, 0.0, 1.0)
    with pytest.raises(KeyboardInterrupt), interruptible():
        np.array(integrator(x0=1.0)["xf"])
    assert f.calls >= 5
