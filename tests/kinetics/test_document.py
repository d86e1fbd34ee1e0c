"""The documentation of a table comes from the table."""

from __future__ import annotations

from asm_hybrid.kinetics import available_tables, gujer_text, load_table


def test_shipped_tables():
    assert {"asm1", "asm1_bsm", "lotka_volterra"} <= set(available_tables())


def test_every_component_process_parameter_and_composite_is_shown(table):
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
