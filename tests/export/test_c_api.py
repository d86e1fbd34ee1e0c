"""The functions of exported models in C: failures, states that are saved, and what the compilers say."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from c_toys import COMPILER, STRICT, Library, Model, TimeTable, Toy

from asm_hybrid.export.c_sources import assemble_sources, example_sources, read_template, with_prefix

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler here")

TOY = Toy(  # two tanks, one of them switched on and off, with a growth that ends in infinity if the input is large
    ["u0 + p0*x1 - x0 + u1*x0**2", "3*x2 - x1", "0*x2"],
    [1.0, 0.5, 1.0],
    inputs=[0.0, 0.0],
    parameters=[1.0],
    events=["x2*(2 - x1) + (1 - x2)*(x1 - 1)"],
    after=[{2: "1 - x2"}],
    table=TimeTable(ends=(0.3, 1.0), values=(1.0, 2.0)),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return TOY.compiled(tmp_path_factory.mktemp("toy"))


def test_a_saved_state_gives_the_same_bits_again(library: Library) -> None:
    with Model.of(TOY, library) as m, Model.of(TOY, library) as other:
        m.tolerance(1e-5)
        m.step(0.777)
        m.slope[1] = 1e-3
        kept = m.save()
        first = [m.step(t) for t in (0.9, 1.0, 4.2)]
        assert m.restore(kept) == 0
        second = [m.step(t) for t in (0.9, 1.0, 4.2)]
        assert other.restore(kept) == 0
        third = [other.step(t) for t in (0.9, 1.0, 4.2)]
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, third)
        assert m.save() == other.save()


def test_bytes_that_are_no_state_are_refused(library: Library, tmp_path: Path) -> None:
    with Model.of(TOY, library) as m:
        m.step(0.5)
        kept = m.save()
        changed = bytearray(kept)
        changed[len(kept) // 2] ^= 1
        for bad in (kept[:-1], kept + b"0", bytes(changed), bytes(len(kept))):
            assert m.restore(bad) != 0
            assert "saved state" in m.message
            assert m.save() == kept
        similar = replace(TOY, parameters=[2.0])
        with Model.of(similar, similar.compiled(tmp_path)) as other:
            assert other.restore(kept) != 0


def test_two_models_share_nothing(library: Library) -> None:
    with Model.of(TOY, library) as alone:
        expected = [alone.step(t) for t in (0.5, 2.0)]
    with Model.of(TOY, library) as one, Model.of(TOY, library) as two:
        two.p[0], two.u[1] = 3.0, 0.01
        found = []
        for t in (0.5, 2.0):
            two.step(t + 0.1)
            found.append(one.step(t))
        np.testing.assert_array_equal(found, expected)
        assert two.x[0] != one.x[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("x", "the state x0 is not a finite number"),
        ("u", "the input u0 is not a finite number"),
        ("slope", "the slope of the input u0 is not a finite number"),
        ("p", "the parameter p0 is not a finite number"),
    ],
)
def test_what_is_not_finite_is_refused(library: Library, where: str, message: str, value: float) -> None:
    with Model.of(TOY, library) as m:
        getattr(m, where)[0] = value
        kept = m.save()
        out = (ctypes.c_double * 3)()
        calls = [lambda: m.try_step(0.1)]
        calls += [lambda name=name: getattr(m.calls, f"ah_{name}")(m.handle, out) for name in ("derivative", "events")]
        for call in [*calls, lambda: m.calls.ah_switch(m.handle, None)]:
            assert call() != 0
            assert message in m.message
        assert m.save() == kept


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.4])
def test_a_step_goes_forward_to_a_time(library: Library, value: float) -> None:
    with Model.of(TOY, library) as m:
        m.step(0.5)
        kept = m.save()
        assert m.try_step(value) != 0
        assert "cannot go from 0.5 d" in m.message
        assert m.save() == kept
        assert m.try_step(0.5) == 0


@pytest.mark.parametrize("value", [np.nan, 0.0, -1e-6, 0.5, 1e-20])
def test_a_tolerance_is_in_its_range(library: Library, value: float) -> None:
    with Model.of(TOY, library) as m:
        kept = m.save()
        assert m.calls.ah_set_tolerance(m.handle, ctypes.c_double(value)) != 0
        assert "from 1e-13 to 1e-1" in m.message
        assert m.save() == kept


def test_a_member_that_there_is_not_is_refused(library: Library) -> None:
    with Model.of(TOY, library) as m:
        assert m.calls.ah_set_member(m.handle, 0) == 0
        for member in (-1, 1):
            assert m.calls.ah_set_member(m.handle, member) != 0
            assert "there is no seed" in m.message
        assert m.calls.ah_member(m.handle) == 0


@pytest.mark.parametrize("growth", [1.0, 1e6, 1e300, -1e300])
def test_a_solution_that_ends_in_infinity_is_a_failure(library: Library, growth: float) -> None:
    with Model.of(TOY, library) as m:
        m.step(0.1)
        m.x[0], m.u[1] = 5.0 if growth > 0 else -5.0, growth
        kept = m.save()
        assert m.try_step(5.0) != 0
        assert "no step from" in m.message or "not finite" in m.message or "not a finite" in m.message
        assert m.save() == kept
        m.u[1] = 0.0
        assert m.try_step(5.0) == 0


def test_a_reset_model_is_a_new_one(library: Library) -> None:
    with Model.of(TOY, library) as m, Model.of(TOY, library) as new:
        m.tolerance(1e-3)
        m.step(1.7)
        m.calls.ah_reset(m.handle)
        assert m.save() == new.save()


def test_switches_without_end_are_a_failure(tmp_path: Path) -> None:
    toy = Toy(["1.0", "0*x1"], [0.0, 1.0], events=["x1*(0.5 - x0)", "(1 - x1)*(0.5 - x0)"], after=[{1: "0"}, {1: "1"}])
    with Model.of(toy, toy.compiled(tmp_path)) as m:
        m.step(0.4)
        kept = m.save()
        assert m.try_step(0.6) != 0
        assert "switches follow each other without end at 0.5 d" in m.message
        assert m.save() == kept


def test_steps_without_end_are_a_failure(tmp_path: Path) -> None:
    ball = Toy(["x1", "-9.81"], [1.0, 0.0], events=["x0"], after=[{0: "0", 1: "-0.5*x1"}])
    with Model.of(ball, ball.compiled(tmp_path)) as m:
        first = (2.0 / 9.81) ** 0.5
        m.step(first * (1.0 - 1e-9))
        assert m.x[1] < 0.0
        m.step(first * (1.0 + 1e-9))
        assert m.x[1] > 0.0
        m.step(1.9 * first)
        assert m.x[0] == pytest.approx(9.81 * first**2 * (0.5 * 0.9 - 0.405), rel=1e-6)
        assert m.try_step(10.0) != 0
        assert "switches follow each other ever faster" in m.message


MAIN = """
#include "model.h"
#include <math.h>
#include <stdlib.h>
int main(void)
{
    int k, failed = 0;
    for (k = 0; k < 20; k++) {
        ah_model *m = ah_new(), *other = ah_new();
        void *kept = malloc(ah_saved(m));
        double z[3];
        failed |= ah_step(m, 0.9 + k) || ah_step(other, 0.1);
        ah_save(m, kept);
        failed |= ah_restore(other, kept, ah_saved(m)) || ah_step(other, 30.0);
        failed |= ah_derivative(other, z) || ah_events(other, z) || ah_switch(other, NULL) || ah_output(other, z);
        ah_state(m)[0] = NAN;
        failed |= !ah_step(m, 40.0) || ah_message(m)[0] == 0;
        ah_state(m)[0] = 5.0;
        ah_input(m)[1] = 1e300;
        failed |= !ah_step(m, 40.0);
        ah_reset(m);
        failed |= ah_step(m, 1.0);
        ah_free(m);
        ah_free(other);
        free(kept);
    }
    return failed;
}
"""


def built(folder: Path, *flags: str) -> Path:
    TOY.write(folder)
    (folder / "main.c").write_text(MAIN, encoding="utf-8")
    sources = [str(folder / "main.c"), str(folder / "model.c")]
    done = subprocess.run(
        [str(COMPILER), *STRICT, *flags, "-o", str(folder / "main"), *sources, "-lm"], capture_output=True, text=True
    )
    if done.returncode and "cannot find" in done.stderr:
        pytest.skip("the compiler's sanitizers are not installed")
    assert not done.returncode, done.stderr
    return folder / "main"


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    program = built(tmp_path, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_valgrind_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    command = ["valgrind", "--error-exitcode=9", "--leak-check=full", "--quiet", str(built(tmp_path, "-O1", "-g"))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="the package ziglang is not installed")
@pytest.mark.parametrize("target", ["x86_64-linux-gnu.2.17", "x86_64-windows-gnu"])
def test_clang_has_no_warning_either(tmp_path: Path, target: str) -> None:
    TOY.write(tmp_path)
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        "-target",
        target,
        *STRICT,
        "-O2",
        "-c",
        "model.c",
        "-o",
        "model.o",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_exported_names_take_another_prefix() -> None:
    for text in assemble_sources(TOY.text()).values():
        renamed = with_prefix(text, "tilburg")
        assert not re.search(r"\b(ah|AH)_", renamed)
        assert len(re.findall(r"\b(?:tilburg|TILBURG)_", renamed)) == len(re.findall(r"\b(?:ah|AH)_", text))


def test_names_of_the_user_are_no_exported_names() -> None:
    groups = {"state": [Variable("ah_1.S_S", "g COD/m3", "", 1.0)], "input": [], "output": [], "parameter": []}
    texts = example_sources("ah_run", groups, ["ah_1.S_S"], "tilburg")
    assert '{"ah_1.S_S [g COD/m3]"}' in texts["main.c"]
    assert "0  ah_1.S_S  g COD/m3" in texts["README.txt"]
    for text in texts.values():
        assert "tilburg_new" in text
        assert {name for name in re.findall(r"\b(?:ah|AH)_\w+", text)} == {"ah_run", "ah_1"}
    assert with_prefix('puts("ah_1.S_S \\" ah_2"); ah_new();', "x") == 'puts("ah_1.S_S \\" ah_2"); x_new();'


def test_only_what_the_header_declares_is_exported(tmp_path: Path) -> None:
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    TOY.write(tmp_path)
    subprocess.run([str(COMPILER), *STRICT, "-c", "model.c"], cwd=tmp_path, check=True)
    listed = subprocess.run(["nm", "-g", "--defined-only", "model.o"], cwd=tmp_path, capture_output=True, text=True)
    declared = set(re.findall(r"\b(ah_\w+)\(", read_template("model.h"))) - {"ah_time(m)"}
    assert {line.split()[-1] for line in listed.stdout.splitlines()} == declared


def test_the_model_holds_nothing_that_changes_outside_its_instances(tmp_path: Path) -> None:
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    TOY.write(tmp_path)
    subprocess.run([str(COMPILER), *STRICT, "-fno-pie", "-c", "model.c"], cwd=tmp_path, check=True)
    listed = subprocess.run(["nm", "model.o"], cwd=tmp_path, capture_output=True, text=True).stdout.splitlines()
    assert [line for line in listed if line.split()[-2] in "BbDdCc"] == []
    assert any(line.split()[-2] == "T" for line in listed)


@dataclass(frozen=True)
class Variable:
    name: str
    unit: str
    description: str
    start: float


def test_the_example_prints_a_day(tmp_path: Path) -> None:
    groups = {
        "state": [Variable(f"x{i}", "g COD/m3", "", v) for i, v in enumerate(TOY.start)],
        "input": [Variable("u0", "m3/d", "from the time table", 0.0)],
        "output": [Variable("tank.S_S", "g COD/m3", "substrate", 1.0)],
        "parameter": [],
    }
    TOY.write(tmp_path)
    for name, text in example_sources("toy", groups, ["tank.S_S"]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [str(COMPILER), *STRICT, "main.c", "model.c", "-o", "day", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([str(tmp_path / "day")], capture_output=True, text=True, check=True).stdout.splitlines()
    assert printed[0].split() == ["day", "tank.S_S", "[g", "COD/m3]"]
    table = np.array([line.split() for line in printed[1:]], dtype=float)
    np.testing.assert_allclose(table[:, 0], np.arange(97) / 96, atol=6e-6)
    with Model.of(TOY, Library.of(tmp_path)) as m:
        np.testing.assert_allclose(table[:, 1], [2.0 * m.step(k / 96)[0] for k in range(97)], rtol=1e-5)
    readme = (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert "ah_state: 3 values" in readme
    assert "0  tank.S_S  g COD/m3    substrate" in readme


@pytest.mark.parametrize("shown", [[], ["tank.S_O"]])
def test_an_example_shows_outputs_that_there_are(shown: list[str]) -> None:
    with pytest.raises(ValueError, match="nothing to show"):
        example_sources("toy", {"state": [], "output": [Variable("tank.S_S", "g COD/m3", "", 1.0)]}, shown)


def test_parts_that_do_not_fit_are_refused() -> None:
    text = TOY.text()
    for bad in (replace(text, nominal=[1.0]), replace(text, nominal=[1.0, 0.0, 1.0])):
        with pytest.raises(ValueError, match="nominal"):
            assemble_sources(bad)
