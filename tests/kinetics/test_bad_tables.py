"""Tables that break a rule: one message with file and line. Hostile tables: refused, nothing executed."""

from __future__ import annotations

import pytest
import sympy
from kinetics_tools import SWITCHES

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import compile_table, load_table, parse_table
from asm_hybrid.kinetics.expression import parse_expression
from asm_hybrid.kinetics.read import TABLES

ASM1 = (TABLES / "asm1.yaml").read_text(encoding="utf-8")
GROWTH = "mu_H * monod(S_S, K_S) * monod(S_O, K_OH) * X_BH"


def refused(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_table(text, "table.yaml")
    assert (caught.value.where or "").startswith("table.yaml:"), caught.value
    assert caught.value.expected
    return caught.value


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("oxygen: S_O\n", "oxygen: S_O2\n", "not a component"),
        ("mu_H * monod(S_S", "mu_h * monod(S_S", "'mu_h' is not known"),
        ("* X_BA\n", "* X_CO2\n", "'X_CO2' is not known"),
        ("monod(S_NH, K_NH)", "monod(S_NH)", "has 1 argument in"),
        ("monod(S_NH, K_NH)", "modon(S_NH, K_NH)", "'modon' is not known"),
        ("monod(S_NH, K_NH)", "S_NH/(K_NH + S_NH)", "which may be zero"),
        ("monod(S_NH, K_NH)", "monod(S_NH, K_OA)", "is in g N/m3 and 'K_OA' in g O2/m3"),
        ("b_H * X_BH", "X_BH", "the rate is in g COD/m3;"),
        ("rate: b_A * X_BA", "rate: b_A", "the rate is in 1/d"),
        ("default: 6.0, unit: 1/d", "default: 6.0, unit: 1/h", "not made of g, m3, mol and d"),
        ("default: 6.0, unit: 1/d", "default: 6.0, unit: 1/foo", "not known"),
        ("default: 6.0, unit: 1/d", "default: 60.0, unit: 1/d", "outside its bounds"),
        ("default: 6.0, unit: 1/d", "default: six, unit: 1/d", "not a number"),
        ("bounds: [1.0, 13.0]", "bounds: [13.0, 1.0]", "the bounds are"),
        ("bounds: [1.0, 13.0]", "bounds: 13", "stands here"),
        ("T_ref: 20, theta: 1.0717735, bounds: [1.0", "theta: 1.0717735, bounds: [1.0", "theta and T_ref"),
        ("theta: 1.0717735, bounds: [1.0", "theta: 10, bounds: [1.0", "theta is 10"),
        ('source: henze1987, note: "6.0', 'sauce: henze1987, note: "6.0', "'sauce' is not known"),
        ('source: henze1987, note: "6.0', 'note: "6.0', "'source' is missing"),
        ('phase: soluble, symbol: "S_I"', 'phase: dissolved, symbol: "S_I"', "the phase is"),
        (
            "composition: {N: 1, charge: 1/14}",
            "composition: {N: 1, chrage: 1/14}",
            "'chrage' is not conserved",
        ),
        ("composition: {N: 1, charge: 1/14}", "composition: {charge: 1/14}", "counts N"),
        ("composition: {N: 1, charge: 1/14}", "composition: {N: S_NO, charge: 1/14}", "is a component"),
        ('{S_S: -1/Y_H, X_BH: 1, S_O: "?"', '{S_S: -1/Y_H, X_BH: 1, S_O2: "?"', "'S_O2' is not a component"),
        ('X_BH: 1, S_O: "?"', "X_BH: 1, S_O: -0.5", "makes COD of nothing"),
        ('X_BH: 1, S_O: "?"', "X_BH: 1, S_O: 1/0", "division by zero"),
        ('X_BH: 1, S_O: "?"', 'X_BH: "?", S_O: "?", S_ND: "?"', "does not determine"),
        ("{S_S: 1, X_S: -1}", "{S_S: 1, X_S: -1, S_I: [1]}", "not an expression"),
        ("{S_S: 1, X_S: -1}", "S_S", "a mapping|stands here"),
        ("materials: [COD, N, charge]", "materials: [COD, N, P, charge]", "no component holds P"),
        ("materials: [COD, N, charge]", "materials: COD", "stands here"),
        ("tolerance: 0}", "tolerance: 5}", "the tolerance is"),
        ("  K_S:   {", "  S_S:   {", "is taken"),
        ("  K_S:   {", "  lambda:   {", "cannot be a name"),
        ("  K_S:   {", "  monod:   {", "cannot be a name"),
        ("  K_S:   {", "  _K:   {", "cannot be a name"),
        ("  K_S:   {", "  'K; import os':   {", "cannot be a name"),
        ("  K_S:   {", "  Kß:   {", "cannot be a name"),
        ("name: asm1", "name: a b", "cannot be a name"),
        ("name: asm1", "name: 1", "not a text"),
        ("  TSS:  {", "  S_S:  {", "is taken"),
        ("weights: {S_I: 1, S_S: 1}", "weights: {S_I: 1, S_X: 1}", "'S_X' is not a component"),
        ("unit: mol/m3, phase", "unit: mol/d, phase", "the unit is mol/d"),
        ("processes:", "proceses:", "'proceses' is not known"),
    ],
)
def test_broken_rule(old, new, words):
    assert old in ASM1
    text = ASM1.replace(old, new, 1)
    error = refused(text, words)
    found = int(error.where.split(":")[1].split(" ")[0])
    # The message points to the changed line, or to the entry that encloses it.
    assert abs(found - line_of(ASM1, old)) <= 4 or "is taken" in words, error


def test_near_names_are_offered():
    error = refused(ASM1.replace("mu_H * monod(S_S", "mu_h * monod(S_S", 1), "not known")
    assert "mu_H" in error.fix
    error = refused(ASM1.replace("phase: soluble", "phse: soluble", 1), "not known")
    assert "phase" in error.fix


def test_a_rounded_coefficient_passes_within_the_stated_tolerance():
    old, new = 'S_NO: "?", S_NH: -i_XB, S_ALK: "?"', 'S_NO: -(1 - Y_H)/(2.86*Y_H), S_NH: -i_XB, S_ALK: "?"'
    assert old in ASM1
    text = ASM1.replace(old, new, 1)
    refused(text, "makes N of nothing")
    table = parse_table(text.replace("tolerance: 0}", "tolerance: 2e-3}"), "table.yaml")
    assert table.tolerance == 2e-3


def test_unknown_table_and_missing_file(tmp_path):
    with pytest.raises(InputError, match="no kinetics table") as caught:
        load_table("asm11")
    assert "asm1" in caught.value.fix
    with pytest.raises(InputError, match="does not exist"):
        load_table(tmp_path / "mine.yaml")


def test_a_users_own_table_is_loaded_from_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(ASM1.replace("name: asm1", "name: mine"), encoding="utf-8")
    assert load_table(path).name == load_table(str(path)).name == "mine"


HOSTILE = [
    "__import__('os').system('touch HACKED')",
    "().__class__.__bases__[0].__subclasses__()",
    "X_BH.__class__",
    "X_BH[0]",
    "(lambda: 1)()",
    "[x for x in (1, 2)]",
    "f'{X_BH}'",
    "'text'",
    "b'x' * 9",
    "X_BH if S_S else X_I",
    "X_BH and S_S",
    "X_BH < S_S",
    "X_BH := 1",
    "exec('1')",
    "monod(*X_BH)",
    "monod(S_S, K=K_S)",
    "monod(S_S, K_S)(1, 2)",
    "eval",
    "print(1, 2)",
    "X_BH @ S_S",
    "X_BH // S_S",
    "X_BH % S_S",
    "X_BH << 9",
    "~X_BH",
    "not X_BH",
    "True",
    "None",
    "...",
    "1j",
    "nan",
    "1e999",
    "1e-200 * X_BH",
    "9**9**9**9",
    "((2**4)**4)**4",
    "X_BH**1000",
    "X_BH**0.5",
    "X_BH**S_S",
    "X_BH**-1",
    "2**X_BH",
    "await X_BH",
    "yield X_BH",
    "X_BH; S_S",
    "X_BH\nimport os",
    "X_BH #",
    "",
    "(",
    "X_BH" + " + X_BH" * 900,
    "(" * 900 + "X_BH" + ")" * 900,
    "-" * 1500 + "X_BH",
    "+".join(["1"] * 60000),
    "X_BH\x00",
    "𝕏_BH",
    "1(2)",
    "1if 1else 2",
    "*".join(["1e29"] * 30),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expression(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    symbols = {n: sympy.Symbol(n, nonnegative=True) for n in ("X_BH", "S_S", "X_I", "K_S")}
    if text == "X_BH #":  # a comment is no expression, and no harm
        assert parse_expression(text, symbols, "t:1", frozenset({"K_S"})).value == symbols["X_BH"]
        return
    with pytest.raises(InputError) as caught:
        parse_expression(text, symbols, "t:1", frozenset({"K_S"}))
    assert str(caught.value).startswith("t:1: ")
    assert len(str(caught.value)) < 600
    assert not list(tmp_path.iterdir())


ATTACK = "__import__('pathlib').Path('HACKED').touch()"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (GROWTH, ATTACK),
        ("-1/Y_H", f'"{ATTACK}"'),
        ("N: i_XB", f'N: "{ATTACK}"'),
        ("X_I: i_TSS", f'X_I: "{ATTACK}"'),
        ("unit: 1/d", f'unit: "{ATTACK}"'),
        ("name: asm1", f'name: "{ATTACK}"'),
        ("  mu_H:", f'  "{ATTACK}":'),
    ],
    ids=["rate", "coefficient", "composition", "weight", "unit", "name", "parameter"],
)
def test_nothing_in_a_table_is_executed(old, new, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert old in ASM1
    refused(ASM1.replace(old, new, 1), ".")
    assert not list(tmp_path.iterdir())


def test_words_of_a_table_do_not_reach_the_generated_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = 'title: \'"""; print(1) #\''
    table = parse_table(ASM1.replace("title: Activated Sludge Model No. 1", words), "table.yaml")
    assert "print" not in compile_table(table).source


def test_a_coefficient_of_a_million_terms_is_checked_without_multiplying_it_out(monkeypatch):
    expand, terms = sympy.Expr.expand, []

    def counted(self, *arguments, **options):
        found = expand(self, *arguments, **options)
        terms.append(len(sympy.Add.make_args(found)))
        return found

    monkeypatch.setattr(sympy.Expr, "expand", counted)
    names = [
        "mu_H",
        "K_S",
        "K_OH",
        "K_NO",
        "b_H",
        "eta_g",
        "eta_h",
        "k_h",
        "K_X",
        "mu_A",
        "K_NH",
        "K_OA",
        "b_A",
    ]
    huge = f"({' + '.join(names)})**4 / ({' + '.join(names)} + 1)**4"
    refused(ASM1.replace("{S_S: 1, X_S: -1}", f"{{S_S: 1, X_S: -1, X_I: {huge}}}"), "makes COD of nothing")
    opened = ASM1.replace("{S_S: 1, X_S: -1}", f'{{S_S: "?", X_S: -1, X_I: {huge}}}')
    assert parse_table(opened, "table.yaml").processes[6].solved == {"S_S"}
    assert max(terms, default=0) < 1000


def test_generated_code_has_no_builtins(switches):
    functions = compile_table(switches).rates.__globals__
    assert functions["__builtins__"] == {}
    assert not any(module in functions for module in ("os", "sys"))


def test_a_table_of_many_entries_is_refused():
    rows = "\n".join(f"  c{i}: {{unit: g/m3, phase: soluble}}" for i in range(300))
    text = SWITCHES.replace("  S_O:", rows + "\n  S_O:")
    refused(text, "entries")


CONVERTED = """\
name: respiration
oxygen: S_O
continuity: {materials: [COD], tolerance: 0}
components:
  S_O: {unit: g O2/m3, phase: soluble, composition: {COD: -1}}
  X_A: {unit: g COD/m3, phase: particulate, composition: {COD: 1}}
parameters:
  b: {default: 0.2, unit: UNIT, bounds: [0.1, 0.5], source: none}
processes:
  respiration: {rate: b * X_A, stoichiometry: {X_A: -1, S_O: OXYGEN}}
"""


def test_a_rate_has_the_unit_of_the_component_that_is_given():
    """One g COD takes 1 g O2: continuity may convert, a coefficient without a unit may not."""
    table = parse_table(CONVERTED.replace("UNIT", "1/d").replace("OXYGEN", '"?"'), "table.yaml")
    assert table.processes[0].unit == "g COD/(m3 d)"
    assert table.processes[0].stoichiometry["S_O"].value == -1
    refused(CONVERTED.replace("UNIT", "1/d").replace("OXYGEN", "-1"), "S_O, whose coefficient is 1 or -1, needs g O2")
    refused(CONVERTED.replace("UNIT", "g O2/(g COD d)").replace("OXYGEN", '"?"'), "X_A, whose .* needs g COD")
    # Where no other coefficient is 1 or -1, that of continuity is checked.
    other = CONVERTED.replace("g COD/m3", "g TSS/m3").replace("{COD: 1}", "{COD: 1/2}").replace("X_A: -1", "X_A: -2")
    refused(other.replace("UNIT", "1/d").replace("OXYGEN", '"?"'), "S_O, whose .* needs g O2")
