"""What is in an FMU: description, sources, binaries; and what is said where they cannot be made."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import fmpy
import pytest
from fmpy.validation import validate_fmu
from fmu_tools import exported_by_dll, unpacked
from fmu_toy import DAY, TOY, exact, plain_toy

from asm_hybrid.errors import InputError
from asm_hybrid.export.described import Variable
from asm_hybrid.export.fmi import archive, binaries
from asm_hybrid.export.fmi.names import structured_names
from asm_hybrid.export.fmi.unit_definitions import UnitDefinition, define_unit

HERE = Path(__file__).parent
TYPES = Path(archive.__file__).parents[1] / "c"
WINE = Path("/usr/lib/wine/wine64")
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
needs_zig = pytest.mark.skipif(find_spec("ziglang") is None, reason="needs the package ziglang")


def declared(version: int) -> set[str]:
    """Return the functions of the standard, from their declarations."""
    return set(re.findall(rf"FMI{version}\((fmi\w+)\)", (TYPES / f"fmi{version}_types.h").read_text(encoding="utf-8")))


@pytest.mark.parametrize(("version", "functions"), [(2, 44), (3, 75)])
def test_the_library_offers_the_functions_of_the_standard_and_nothing_else(toy_fmus, version, functions):
    library = ctypes.CDLL(str(toy_fmus[version].library("linux")))
    assert len(declared(version)) == functions
    assert all(hasattr(library, name) for name in declared(version))
    assert not hasattr(library, "ah_new")


@needs_zig
@pytest.mark.parametrize("version", [2, 3])
def test_the_windows_library_exports_the_functions_of_the_standard(toy_fmus, version):
    assert exported_by_dll(toy_fmus[version].library("win").read_bytes()) == declared(version)


@needs_zig
@pytest.mark.slow
@pytest.mark.skipif(not WINE.exists(), reason="needs wine")
def test_the_windows_libraries_run(toy_fmus, tmp_path):
    there = {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
    answer = tmp_path / "answer"  # a file: what wine starts in the background would keep a pipe open
    try:
        for version, made in toy_fmus.items():
            host = tmp_path / f"run{version}.exe"
            zig = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", f"-DFMI={version}"]
            include = f"-I{made.folder / 'sources'}"
            subprocess.run([*zig, include, str(HERE / "fmu_run.c"), "-o", str(host)], check=True)
            with answer.open("w") as stream:
                command = [str(WINE), str(host), str(made.library("win")), made.token]
                done = subprocess.run(command, env={**there, "HOME": str(tmp_path)}, stdout=stream, stderr=stream)
            assert done.returncode == 0, answer.read_text()
            assert float(answer.read_text().splitlines()[-1]) == pytest.approx(exact([1.0])[0], abs=1e-6)
    finally:
        subprocess.run([str(WINE.with_name("wineserver64")), "-k"], env=there, check=False)


@needs_compiler
@pytest.mark.parametrize("version", [2, 3])
def test_the_sources_compile_without_a_warning_and_bear_any_calls(toy_fmus, tmp_path, version):
    made, program = toy_fmus[version], tmp_path / "monkey"
    sources = [str(made.folder / "sources" / name) for name in (f"fmi{version}.c", "model.c")]
    strict = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", f"-DFMI={version}"]
    checks = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [*strict, *checks, f"-I{made.folder / 'sources'}", str(HERE / "fmu_monkey.c"), *sources]
    subprocess.run([*command, "-o", str(program), "-lm"], check=True)
    done = subprocess.run([str(program), made.token], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    good, _, discarded, bad = map(int, done.stdout.split())
    assert good > 20_000
    assert bad > 20_000
    assert discarded > 0


@needs_compiler
@pytest.mark.parametrize("version", [2, 3])
def test_declarations_are_those_of_the_headers_of_fmpy(toy_fmus, tmp_path, version):
    headers = Path(fmpy.__file__).parent / "c-code"
    ours = (toy_fmus[version].folder / "sources" / f"fmi{version}_types.h").read_text(encoding="utf-8")
    start = ours.index("/* both kinds */")  # the declarations of functions, behind the types and macros
    both = tmp_path / "both.c"
    both.write_text(
        f'#include "fmi{version}Functions.h"\n#define FMI{version}(name) name\n#define FMI{version}_EXPORT\n'
        + ours[start : ours.rindex("#endif")],
        encoding="utf-8",
    )
    subprocess.run(["gcc", "-std=c99", "-Werror", f"-I{headers}", "-fsyntax-only", str(both)], check=True)
    both.write_text(both.read_text().replace("size_t n,", "int n,", 1))
    changed = subprocess.run(["gcc", "-std=c99", f"-I{headers}", "-fsyntax-only", str(both)], capture_output=True)
    assert b"conflicting types" in changed.stderr


def test_a_model_with_nothing_but_a_state_is_an_fmu_too(tmp_path):
    archives, _ = archive.make_fmus(plain_toy())
    for version, content in archives.items():
        path = tmp_path / f"plain{version}.fmu"
        path.write_bytes(content)
        assert validate_fmu(str(path)) == []
        for kind in ("CoSimulation", "ModelExchange"):
            found = fmpy.simulate_fmu(
                str(path), fmi_type=kind, stop_time=DAY, output_interval=DAY / 4, relative_tolerance=1e-8
            )
            assert found["x"][-1] == pytest.approx(0.36787944117144233, rel=1e-5)


def test_the_same_model_makes_the_same_bytes(toy_fmus):
    archives, notes = archive.make_fmus(TOY)
    assert archives == {version: made.path.read_bytes() for version, made in toy_fmus.items()}
    assert notes == [] or find_spec("ziglang") is None


def test_another_model_has_another_token(monkeypatch):
    monkeypatch.setattr(archive, "find_compilers", dict)

    def token(model):
        text = unpacked(archive.make_fmus(model)[0][2])["modelDescription.xml"].decode()
        return re.search(r'guid="([^"]+)"', text)[1]

    changed = {**TOY.sources, "model.c": TOY.sources["model.c"].replace("m->p[0] = 2.0", "m->p[0] = 2.5")}
    tokens = [token(m) for m in (TOY, TOY, replace(TOY, text="other"), replace(TOY, sources=changed))]
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3


def test_without_a_compiler_there_are_sources_alone_and_a_note(monkeypatch):
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)
    archives, notes = archive.make_fmus(TOY)
    assert len(notes) == 1
    assert "sources alone, no binaries, as no C compiler was found" in notes[0]
    files = unpacked(archives[3])
    assert not [name for name in files if name.startswith("binaries/")]
    assert {"sources/buildDescription.xml", "sources/fmi3.c", "sources/model.c", "documentation/index.html"} <= set(
        files
    )


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="the local compiler is tried on Linux")
def test_a_local_compiler_builds_for_its_own_platform(monkeypatch):
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    archives, notes = archive.make_fmus(plain_toy())
    assert "binaries for linux64 alone, as the compiler found here makes no others" in notes[0]
    assert "binaries/linux64/plain.so" in unpacked(archives[2])


@needs_compiler
def test_an_error_of_the_compiler_is_shown():
    broken = replace(TOY, sources={**TOY.sources, "model.c": "#error this is broken\n"})
    with pytest.raises(InputError, match="this is broken") as caught:
        archive.make_fmus(broken)
    assert "asm-hybrid[fmu]" in str(caught.value)


def test_a_compiler_that_cannot_be_run_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "find_compilers", lambda: {binaries.TARGETS[0]: (str(tmp_path / "cc"),)})
    with pytest.raises(InputError, match="the C compiler cannot be run"):
        archive.make_fmus(TOY)


def test_what_xml_cannot_hold_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "find_compilers", dict)
    odd = 'a "quoted" <tag> & a\x00\x1b\n\ud800 line'
    states = (Variable("time", "degC", odd, 5.0, 0.0, 6.0, 4.0), *TOY.states[1:])
    content = archive.make_fmus(replace(TOY, name=odd, text=odd, states=states))[0]
    for version in (2, 3):
        path = tmp_path / f"{version}.fmu"
        path.write_bytes(content[version])
        assert validate_fmu(str(path)) == []


def test_names_become_those_of_the_standard():
    given = ["tank 1.S_NH", "tank_1.S_NH", "Belüftung.S_O", "2.Stufe.S", "好.S", "time", "x-y", "pH", "member"]
    assert structured_names(given) == [
        "tank_1.S_NH", "tank_1.S_NH_2", "Beluftung.S_O", "_2.Stufe.S", "u597D.S", "time_2", "x_y", "pH", "member_2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "per_second", "expected"),
    [
        ("-", False, None),
        ("%", False, UnitDefinition("%", (), 0.01, 0.0)),
        ("g COD/m3", False, UnitDefinition("g COD/m3", (("kg", 1), ("m", -3)), 1e-3, 0.0)),
        ("m3/d", False, UnitDefinition("m3/d", (("m", 3), ("s", -1)), 1 / 86400, 0.0)),
        ("degC", False, UnitDefinition("degC", (("K", 1),), 1.0, 273.15)),
        ("kWh/d", False, UnitDefinition("kWh/d", (("kg", 1), ("m", 2), ("s", -3)), 3.6e6 / 86400, 0.0)),
        ("degC", True, UnitDefinition("degC/s", (("s", -1), ("K", 1)), 1.0, 0.0)),
        ("g N/m3", True, UnitDefinition("(g N/m3)/s", (("kg", 1), ("m", -3), ("s", -1)), 1e-3, 0.0)),
        ("-", True, UnitDefinition("1/s", (("s", -1),), 1.0, 0.0)),
    ],
)
def test_units_are_defined_by_base_units(text, per_second, expected):
    found = define_unit(text, per_second=per_second)
    if expected is None:
        assert found is None
    else:
        assert found == replace(expected, factor=pytest.approx(expected.factor, rel=1e-12))


def test_the_licence_in_an_fmu_is_that_of_the_package():
    root = Path(__file__).parents[2] / "LICENSE"
    assert (TYPES / "license.txt").read_text(encoding="utf-8") == root.read_text(encoding="utf-8")
