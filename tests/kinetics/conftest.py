"""Tables for the kinetics tests."""

from __future__ import annotations

import pytest
from kinetics_tools import LAWS, SWITCHES

from asm_hybrid.kinetics import available_tables, compile_table, load_table, parse_table


@pytest.fixture(scope="session")
def switches():
    return parse_table(SWITCHES, "switches.yaml")


@pytest.fixture(scope="session")
def laws():
    return parse_table(LAWS, "laws.yaml")


@pytest.fixture(scope="session")
def asm1():
    return load_table("asm1")


@pytest.fixture(scope="session")
def tables(switches, laws):
    return {name: load_table(name) for name in available_tables()} | {"switches": switches, "laws": laws}


@pytest.fixture(params=[*available_tables(), "switches", "laws"])
def table(request, tables):
    return tables[request.param]


@pytest.fixture
def kinetics(table):
    return compile_table(table)
