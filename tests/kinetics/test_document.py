"""The documentation of a table comes from the table: every format holds what the table holds, and nothing else."""

from __future__ import annotations

import ast
import json
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
import sympy

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import available_tables, load_table, parse_table
from asm_hybrid.kinetics.document import FORMATS, check_text, document_table, format_of, gujer_text, table_record
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.nodes import Fraction
from asm_hybrid.kinetics.document.references import BIBLIOGRAPHY, cited, parse_bibliography
from asm_hybrid.kinetics.document.symbols import name_symbol, parse_symbol
from asm_hybrid.kinetics.document.words import number

VOID = {"meta", "link", "br", "hr", "img"}

HOSTILE = r"""
name: hostile
title: "a <u> & \\bfseries title | with $dollars$"
description: "<script>alert(1)</script> \\input{/etc/passwd} 50 % & #1 a_b ^ ~ {x} \"q\" μ ≤ 3 °C *bold* `code` [x](y)"
source: "own & <i>work</i>, 100 %"
continuity: {materials: [M_x], tolerance: 0.01}
components:
  S_A: {unit: g/m3, phase: soluble, symbol: "\\input{x}", composition: {M_x: 1}, description: "</td><img src=x>"}
  S_B: {unit: g/m3, phase: soluble, symbol: "S_{\\mathrm{B}}^{+}", composition: {M_x: 1}}
parameters:
  k_max: {default: 0.1234567891, unit: 1/d, T_ref: -5, theta: 1.07177346, bounds: [1e-9, 12345678.5], source: "a|b_c",
          note: "<u>&"}
  feed: {default: 0.5, unit: "-", bounds: [0, 1], source: henze1987}
processes:
  turn: {rate: k_max * S_A, stoichiometry: {S_A: -1, S_B: "?"}, description: "x_y <> \\end{document}"}
composites:
  SUM: {unit: g/m3, weights: {S_A: 2*feed, S_B: -1}, description: "& % $"}
"""

EXPRESSIONS = r"""
name: forms
continuity: {materials: []}
components:
  S_S: {unit: g/m3, phase: soluble}
  X_S: {unit: g/m3, phase: particulate}
parameters:
  mu_H: {default: 1, unit: 1/d, bounds: [0.1, 2], source: none}
  K_S: {default: 1, unit: g/m3, bounds: [0.1, 2], source: none}
  Y: {default: 0.5, unit: "-", bounds: [0.1, 0.9], source: none}
processes:
  only:
    rate: RATE
    stoichiometry: {S_S: COEFFICIENT}
"""


@pytest.fixture(scope="module")
def hostile():
    return parse_table(HOSTILE, "hostile.yaml")


@pytest.fixture(params=[*available_tables(), "hostile", "switches"])
def every_table(request):
    name = request.param
    return request.getfixturevalue(name) if name in ("hostile", "switches") else load_table(name)


def forms(rate="mu_H * S_S", coefficient="1"):
    """Return rate and coefficient of a table as LaTeX."""
    table = parse_table(EXPRESSIONS.replace("RATE", rate).replace("COEFFICIENT", coefficient), "forms.yaml")
    maths, process = Maths(table), table.processes[0]
    return maths.expression(process.rate).latex(), maths.expression(process.stoichiometry["S_S"]).latex()


class Page(HTMLParser):
    """Checks that tags are balanced, and collects text, cells, tags and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts, self.addresses, self.rows = [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def balanced(latex):
    """Check braces and environments of a LaTeX document."""
    bare = re.sub(r"\\[{}\\]", "", latex)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    stack = []
    for kind, name in re.findall(r"(?<!\\)\\(begin|end)\{(\w+)\}", latex):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert len(re.findall(r"(?<!\\)\$", latex)) % 2 == 0
    assert latex.count(r"\left(") == latex.count(r"\right)")


def test_shipped_tables():
    assert {"asm1", "asm1_bsm", "lotka_volterra"} <= set(available_tables())


def test_text_shows_every_component_process_parameter_and_composite(table):
    text = gujer_text(table)
    for name in (*table.component_names, *table.parameter_names, *table.process_names, *table.composites):
        assert name in text
    for process in table.processes:
        for coefficient in process.stoichiometry.values():
            assert str(coefficient) in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_matrix_puts_a_coefficient_where_it_belongs():
    lines = gujer_text(load_table("asm1")).splitlines()
    header = next(line for line in lines if line.split()[:2] == ["(1)", "(2)"])
    row = next(line for line in lines if line.split()[:1] == ["X_P"])
    assert row.split() == ["X_P", "f_P", "f_P"]
    assert [row.index("f_P"), row.rindex("f_P")] == [header.index("(4)"), header.index("(5)")]


def test_text_has_no_square_brackets_that_a_console_takes_for_markup():
    for name in available_tables():
        assert "[" not in gujer_text(load_table(name))


@pytest.mark.parametrize("form", ["markdown", "html", "latex", "json"])
def test_every_format_shows_every_number_of_every_table(every_table, form):
    text = document_table(every_table, form)
    numbers = {float(n) for n in re.findall(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)}
    for p in every_table.parameters:
        expected = {p.default, *p.bounds} | (set() if p.theta is None else {p.theta, abs(p.T_ref)})
        assert expected <= numbers, p.name
    assert not text.endswith("\n")


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_every_rate_and_coefficient_is_in_the_document_as_mathematics(every_table, form):
    text, maths = document_table(every_table, form), Maths(every_table)
    for process in every_table.processes:
        assert maths.expression(process.rate).latex() in text
        for coefficient in process.stoichiometry.values():
            node = maths.expression(coefficient)
            assert node.latex() in text or node.width() > 75
    for c in every_table.components:
        assert f"${maths.symbol(c.name).latex()}$" in text


def test_the_json_round_trips(every_table):
    record = json.loads(document_table(every_table, "json"))
    assert record == table_record(every_table)
    assert [p["default"] for p in record["parameters"]] == [p.default for p in every_table.parameters]
    assert [tuple(p["bounds"]) for p in record["parameters"]] == [p.bounds for p in every_table.parameters]
    assert [p["theta"] for p in record["parameters"]] == [p.theta for p in every_table.parameters]
    for process, entry in zip(every_table.processes, record["processes"], strict=True):
        assert entry["rate"] == process.rate.text
        assert entry["stoichiometry"] == {name: e.text for name, e in process.stoichiometry.items()}
        assert set(entry["solved"]) == process.solved
    assert set(record) == {
        "format_version", "name", "title", "description", "source", "oxygen", "continuity", "components", "parameters",
        "processes", "composites", "equilibrium", "gases", "inputs", "references",
    }  # fmt: skip


def test_a_table_can_be_written_again_from_its_json():
    record = table_record(load_table("asm1"))
    data = {key: record[key] for key in ("name", "oxygen", "continuity")}
    for section in ("components", "parameters", "processes", "composites"):
        entries = {}
        for entry in record[section]:
            keep = {k: v for k, v in entry.items() if k != "name" and v not in (None, "")}
            if section == "processes":
                del keep["unit"], keep["solved"]
            entries[entry["name"]] = keep
        data[section] = entries
    again = parse_table(json.dumps(data), "again.yaml")
    original = load_table("asm1")
    assert [p.rate.value for p in again.processes] == [p.rate.value for p in original.processes]
    for a, b in zip(again.processes, original.processes, strict=True):
        assert list(a.stoichiometry) == list(b.stoichiometry)
        for name, coefficient in a.stoichiometry.items():
            assert sympy.cancel(coefficient.value - b.stoichiometry[name].value) == 0


def test_the_page_is_balanced_asks_for_nothing_and_its_mathematics_is_well_formed(every_table):
    text = document_table(every_table, "html")
    page = Page(text)
    assert text.isascii()
    assert not set(page.tags) & {"script", "img", "iframe", "object", "i", "u"}
    assert all(a == "data:," or a.startswith(("#", "https://doi.org/")) for a in page.addresses)
    assert "url(" not in text
    assert "@import" not in text
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= ids
    formulae = re.findall(r"<math>.*?</math>", text)
    assert len(formulae) > 3 * len(every_table.processes)
    for formula in formulae:
        arity = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3}
        for element in ElementTree.fromstring(formula).iter():
            assert element.tag in {"math", "mrow", "mi", "mn", "mo", "mspace", *arity}
            assert len(element) == arity.get(element.tag, len(element))


def test_the_page_puts_a_coefficient_where_it_belongs():
    table = load_table("asm1")
    rows = Page(document_table(table, "html")).rows
    symbols, units = rows[0], rows[1]
    assert symbols[1:-1] == [
        "SI",
        "SS",
        "XI",
        "XS",
        "XB,H",
        "XB,A",
        "XP",
        "SO",
        "SNO",
        "SNH",
        "SND",
        "XND",
        "SALK",
        "SN2",
    ]
    assert units[:-1] == [c.unit.replace("m3", "m³") for c in table.components]
    decay = next(row for row in rows if row[0].endswith("decay heterotrophs"))
    cells = dict(zip(table.component_names, decay[1:-1], strict=True))
    assert {name: text for name, text in cells.items() if text} == {
        "X_S": "1−fP", "X_BH": "−1", "X_P": "fP", "X_ND": "iXB−fPiXP",
    }  # fmt: skip
    mu = next(row for row in rows if len(row) > 1 and row[1] == "mu_H")
    assert mu[:4] == ["μH", "mu_H", "6", "1/d"]
    assert mu[4] == "1.0717735T−20"
    assert mu[5] == "1 to 13"
    assert mu[-1] == "[1] 6.0 at 20 degC, 3.0 at 10 degC"


def test_solved_coefficients_are_marked():
    table = load_table("asm1")
    solved = sum(len(p.solved) for p in table.processes)
    assert document_table(table, "html").count('<td class="solved"') == solved
    matrix = document_table(table, "markdown").split("## Rates")[0]
    assert matrix.count("\\*") == solved + 1
    assert document_table(table, "latex").count("{}^{*}$") == solved


def test_the_page_escapes_what_a_stranger_wrote(hostile):
    text = document_table(hostile, "html")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    words = "".join(Page(text).texts)
    for part in (hostile.title, hostile.description, hostile.source, "</td><img src=x>", "<u>&", "a|b_c"):
        assert part in words


def test_markdown_escapes_what_a_stranger_wrote(hostile):
    text = document_table(hostile, "markdown")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert r"a\|b\_c" in text
    assert r"\[x\](y)" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(columns) == 1


def test_latex_is_balanced(every_table):
    text = document_table(every_table, "latex")
    balanced(text)
    for rows in re.findall(r"\\begin\{longtable\}.*?\\end\{longtable\}", text, re.DOTALL):
        counts = {len(re.findall(r"(?<!\\)&", line)) for line in rows.splitlines() if line.endswith(r" \\")}
        assert len(counts) == 1
    for key in re.findall(r"\\cite\{(\w+)\}", text):
        assert rf"\bibitem{{{key}}}" in text


def test_latex_escapes_what_a_stranger_wrote(hostile):
    text = document_table(hostile, "latex")
    assert r"\input" not in text
    assert r"\textbackslash{}input\{/etc/passwd\} 50 \% \& \#1 a\_b" in text
    assert text.count(r"\end{document}") == 1
    assert r"\ensuremath{\mu}" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", [*available_tables(), "hostile"])
def test_latex_compiles(request, tmp_path, name):
    table = request.getfixturevalue("hostile") if name == "hostile" else load_table(name)
    (tmp_path / "table.tex").write_text(document_table(table, "latex"), encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    ("rate", "latex"),
    [
        ("mu_H * monod(S_S, K_S) * X_S", r"\mu_H \cdot \frac{S_S}{K_S + S_S} \cdot X_S"),
        ("mu_H * inhibition(S_S, K_S) * X_S", r"\mu_H \cdot \frac{K_S}{K_S + S_S} \cdot X_S"),
        ("mu_H * ratio(X_S * S_S, X_S + S_S)", r"\mu_H \cdot \frac{X_S S_S}{X_S + S_S}"),
        ("mu_H * monod(K_S - S_S, K_S) * X_S", r"\mu_H \cdot \frac{K_S - S_S}{K_S + K_S - S_S} \cdot X_S"),
        ("mu_H * monod(-S_S + X_S, K_S) * X_S", r"\mu_H \cdot \frac{X_S - S_S}{K_S + X_S - S_S} \cdot X_S"),
        ("mu_H * (S_S - (X_S - K_S))", r"\mu_H \cdot (S_S - (X_S - K_S))"),
        ("mu_H * S_S**2 / K_S", r"\frac{\mu_H S_S^2}{K_S}"),
        ("mu_H * (S_S + X_S)**2 / K_S", r"\frac{\mu_H \cdot (S_S + X_S)^2}{K_S}"),
        (
            "mu_H * (monod(S_S, K_S) + Y) * X_S",
            r"\mu_H \cdot \left(\frac{S_S}{K_S + S_S} + Y\right) \cdot X_S",
        ),
    ],
)
def test_rates_are_written_as_fractions(rate, latex):
    assert forms(rate=rate)[0] == latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("-1/Y", r"-\frac{1}{Y}"),
        ("-(1 - Y)/(2.86*Y)", r"-\frac{1 - Y}{2.86 Y}"),
        ("-Y + 1", "1 - Y"),
        ("-Y - 1", "-Y - 1"),
        ("1 - -Y", "1 + Y"),
        ("2*(1 - Y)", "2 (1 - Y)"),
        ("-(1 - Y)", "-(1 - Y)"),
        ("1/Y/2", r"\frac{1}{Y \cdot 2}"),
        ("1/(Y - 1)/2", r"\frac{1}{(Y - 1) \cdot 2}"),
        ("-64/14", r"-\frac{64}{14}"),
        ("1e-5*Y", r"1 \cdot 10^{-5} \cdot Y"),
        ("0.001*Y", "0.001 Y"),
        ("(-Y)**2", "(-Y)^2"),
        ("-Y**2", "-Y^2"),
    ],
)
def test_coefficients_keep_the_form_of_the_table(text, latex):
    assert forms(coefficient=f'"{text}"')[1] == latex


def evaluated(node, values):
    """Evaluate the LaTeX of an expression of single-letter names, by translating it to Python."""
    text = node.latex()
    fraction = re.compile(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}")
    while fraction.search(text):
        text = fraction.sub(r"((\1)/(\2))", text)
    text = text.replace(r"\cdot", "*").replace(r"\left", "").replace(r"\right", "")
    text = re.sub(r"\^(\d)", r"**\1", re.sub(r"\^\{(-?\d+)\}", r"**(\1)", text))
    names = sorted(values, key=len, reverse=True)
    for i, name in enumerate(names):
        text = text.replace(name, f"@{i}@")
    text = re.sub(r"@(\d+)@", lambda m: f"({values[names[int(m[1])]]!r})", text)
    text = re.sub(r"([)\d])\s+(?=[(\d])", r"\1*", text)
    return eval(compile(ast.parse(text.strip(), mode="eval"), "latex", "eval"))


@pytest.mark.parametrize("name", available_tables())
def test_the_latex_of_every_coefficient_has_its_value(name):
    table = load_table(name)
    maths, values = Maths(table), {p.name: p.default for p in table.parameters}
    symbols = {maths.symbol(n).latex(): v for n, v in values.items()}
    checked = 0
    for process in table.processes:
        for coefficient in process.stoichiometry.values():
            free = {s: values[str(s)] for s in coefficient.value.free_symbols}
            expected = float(coefficient.value.subs(free))
            assert math.isclose(
                evaluated(maths.expression(coefficient), symbols), expected, rel_tol=1e-9, abs_tol=1e-12
            )
            checked += 1
    assert checked >= 4


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("mu_H", r"\mu_H"), ("K_OH", "K_{OH}"), ("K_NH4", "K_{NH_4}"), ("k2", "k_2"), ("feed", r"\mathrm{feed}"),
        ("Y_STO_O2", "Y_{STO,O_2}"), ("alpha", r"\alpha"), ("i_N2O", "i_{N_2O}"), ("X_", "X"), ("K_1", "K_1"),
        ("SRT20", r"\mathrm{SRT20}"), ("eta_beta", r"\eta_{\beta}"),
    ],
)  # fmt: skip
def test_names_have_symbols(name, latex):
    assert name_symbol(name).latex() == latex


@pytest.mark.parametrize("text", ["X_{B,H}", "S_{N_2}", r"\mu_{max}", "S_{NH_4^+}", "x", r"\alpha", "S_O^*", "S_O'"])
def test_symbols_of_a_table_are_kept(text):
    symbol = parse_symbol(text)
    assert symbol is not None
    assert symbol.latex() == text


@pytest.mark.parametrize(
    "text",
    [
        r"\input{x}",
        "X_{",
        "X}",
        "$x$",
        "<b>",
        "x_y_z",
        "",
        "  ",
        "X_",
        "a" * 100,
        r"\mathrm",
        "{" * 40 + "x" + "}" * 39,
    ],
)
def test_other_symbols_are_refused(text):
    assert parse_symbol(text) is None


def test_a_refused_symbol_gives_way_to_the_name(hostile):
    assert Maths(hostile).symbol("S_A").latex() == "S_A"
    assert Maths(hostile).symbol("S_B").latex() == "S_B^+"


def test_equal_weights_share_their_brackets():
    table = load_table("asm1")
    node = Maths(table).weighted(table.composites["TSS"].weights)
    assert node.latex() == r"i_{TSS} \cdot (X_I + X_S + X_{B,H} + X_{B,A} + X_P)"
    holds = {c.name: Maths(table).holds(c.composition).latex() for c in table.components}
    assert holds["S_O"] == r"-\mathrm{COD}"
    assert holds["S_NO"] == r"\mathrm{N} - \frac{64}{14} \cdot \mathrm{COD} - \frac{1}{14} \cdot \mathrm{charge}"


@pytest.mark.parametrize("value", [6.0, 0.2, 1.0717735, 1e-9, 12345678.5, 0.1234567891, 5e20, 0.0])
def test_numbers_read_back_as_themselves(value):
    assert float(number(value)) == value
    assert not number(value).endswith(".0")


def test_references_are_those_that_the_table_names():
    table = load_table("asm1")
    references = cited(table)
    assert list(references) == ["henze1987", "alex2018", "hoover1952"]
    text = references["hoover1952"].text
    assert text.startswith("Hoover, S. R. and Porges, N. (1952). Assimilation of Dairy Wastes")
    assert text.endswith("Sewage and Industrial Wastes 24, 306–312.")
    html = "".join(Page(document_table(table, "html")).texts)
    assert text in html


def test_every_entry_of_the_bibliography_is_read_whole():
    raw = BIBLIOGRAPHY.read_text(encoding="utf-8")
    references = parse_bibliography(raw)
    assert len(references) == raw.count("\n@") + raw.startswith("@")
    for reference in references.values():
        assert not set(reference.text) & set("{}\\~")
        assert re.search(r"\(\d{4}\)", reference.text), reference.key


def test_a_bibliography_with_accents_quotes_and_links_is_read():
    references = parse_bibliography(
        r"""@article{a, author = {M{\"u}ller, J. and Tak\'{a}cs, I. and {\O}rsted, H.}, year = 1991,
          title = "The {ASM} of A \& B", journal = {Water~Research}, volume = {3}, number = {4}, pages = {1--2},
          doi = {10.1/x_y}}
        @misc{b, title = {X}, url = {https://example.org/a_b}}"""
    )
    assert references["a"].text == (
        "Müller, J., Takács, I. and Ørsted, H. (1991). The ASM of A & B. Water Research 3(4), 1–2."
    )
    assert references["a"].link == "https://doi.org/10.1/x_y"
    assert references["b"].link == "https://example.org/a_b"


def test_a_fraction_is_as_wide_as_its_wider_half():
    a, b = name_symbol("K_S"), name_symbol("X")
    assert Fraction(a, b).width() == Fraction(b, a).width() > a.width()


def test_the_format_follows_the_file(tmp_path):
    endings = {"a.html": "html", "a.MD": "markdown", "a.tex": "latex", "a.json": "json", "a.txt": "text", "a": "text"}
    assert {name: format_of(tmp_path / name) for name in endings} == endings
    assert set(endings.values()) == set(FORMATS)
    with pytest.raises(InputError, match="'htlm' is not known") as caught:
        document_table(load_table("asm1"), "htlm")
    assert "'html'" in (caught.value.fix or "")


def test_the_check_reports_the_imbalance_that_the_reader_measured():
    text = check_text(load_table("asm1_bsm"))
    line = next(line for line in text.splitlines() if line.split()[:1] == ["COD"])
    # O2 and nitrate of nitrification at the lower bound of Y_A: (64/14 - 4.57)/0.07
    assert f"{(64 / 14 - 4.57) / 0.07:.3g}" in line
    assert "aerobic_growth_autotrophs" in line
    assert "at most 0.021" in text


def test_the_check_names_what_is_solved_and_what_is_not_used(hostile):
    text = check_text(hostile)
    assert "turn, S_B = 1" in text
    assert "parameters:" not in text
    unused = HOSTILE.replace("S_A: 2*feed", "S_A: 2")
    assert "  parameters: feed" in check_text(parse_table(unused, "unused.yaml"))
    assert "components that no process changes: S_I, X_I" in check_text(load_table("asm1"))
    for process in load_table("asm1").processes:
        assert re.search(rf"  {process.name} +{re.escape(process.unit)}\n", check_text(load_table("asm1")))
