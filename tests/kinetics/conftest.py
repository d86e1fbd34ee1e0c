"""Tables for the kinetics tests."""

from __future__ import annotations

import pytest
from kinetics_tools import SWITCHES

from asm_hybrid.kinetics import compile_table, load_table, parse_table


@pytest.fixture(scope="session")
def switches():
    return parse_table(SWITCHES, "switches.yaml")


@pytest.fixture(scope="session")
def asm1():
    return load_table("asm1")


@pytest.fixture(scope="session")
def tables(asm1, switches):
    return {"asm1": asm1, "lotka_volterra": load_table("lotka_volterra"), "switches": switches}


@pytest.fixture(params=["asm1", "lotka_volterra", "switches"])
def table(request, tables):
    return tables[request.param]


@pytest.fixture
def kinetics(table):
    return compile_table(table)
