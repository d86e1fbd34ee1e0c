"""Sources from databases: one query, read only, whose answer is read like a file."""

import datetime
import logging
import re
import socket
import sqlite3
import threading
import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import load_config
from asm_hybrid.data import answers, limits
from asm_hybrid.data.answer_columns import AnswerColumn, parquet_of
from asm_hybrid.data.censoring import BELOW
from asm_hybrid.data.database import find_database
from asm_hybrid.data.statement import check_select
from asm_hybrid.errors import InputError

QUERY = "SELECT * FROM plant ORDER BY time"
SECRET = "s3cret/p@ss"


def database(record, query=QUERY, url="sqlite:///plant.db", more="", dtype=None):
    """Put the series of a record into a database, and its config on a query."""
    path = record.folder / "plant.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        record.frame.to_sql("plant", connection, index=False, dtype=dtype)
    connection.close()
    record.replace("file: plant.csv", f'sql: {{url: "{url}", query: "{query}"{more}}}')
    return record


def execute(record, *statements):
    with sqlite3.connect(record.folder / "plant.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def rows(record):
    connection = sqlite3.connect(record.folder / "plant.db")
    (count,) = connection.execute("SELECT count(*) FROM plant").fetchone()
    connection.close()
    return count


def refused(record, *words):
    with pytest.raises(InputError) as caught:
        record.read()
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


def test_reads_as_the_file_does(record):
    wide = record.read()
    found = database(record).read()
    np.testing.assert_array_equal(found.inputs, wide.inputs)
    np.testing.assert_array_equal(found.observations[0].values, wide.observations[0].values)
    assert found.fingerprint[0]["file"] == "the query of online"
    assert "source online: the query of online, 96 rows" in record.check().lines


def test_long_tables(record):
    wide = record.read()
    record.frame = record.frame.melt(id_vars="time", var_name="tag", value_name="value")
    database(record, query="SELECT tag, time, value FROM plant ORDER BY time")
    record.replace("      time: {column", "      long: {tag: tag, value: value}\n      time: {column")
    np.testing.assert_array_equal(record.read().inputs, wide.inputs)


def test_a_loaded_config_asks_once(record):
    config = load_config(database(record).write())
    first = answers.answer_of(config, "online")
    execute(record, "DELETE FROM plant WHERE flow > 450")
    assert answers.answer_of(config.model_copy(update={"name": "other"}), "online") is first
    assert answers.answer_of(load_config(record.write()), "online") != first


def test_the_same_rows_give_the_same_file(record):
    path = database(record).write()
    assert answers.answer_of(load_config(path), "online") == answers.answer_of(load_config(path), "online")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM plant", "does not select and begins with 'DELETE'"),
        ("drop table plant", "does not select and begins with 'DROP'"),
        ("SELECT * FROM plant; DELETE FROM plant", "several statements"),
        ("SELECT * FROM plant DELETE FROM plant", "the word DELETE"),
        ("WITH gone AS (DELETE FROM plant RETURNING *) SELECT * FROM gone", "the word DELETE"),
        ("SELECT * INTO copy FROM plant", "the word INTO"),
        ("-- SELECT\nDELETE FROM plant", "begins with 'DELETE'"),
        ("/* SELECT */ UPDATE plant SET flow = 0", "begins with 'UPDATE'"),
        ("SELECT E'\\'', 1; DELETE FROM plant; SELECT '", "a backslash before a quote"),
        ("SELECT 1 /* /* */ ' */ ; COMMIT; DELETE FROM plant --'", "holds a '/*'"),
        ("SELECT 1 /*! INTO OUTFILE 'x' */", "holds a '/*'"),
        ("SELECT 5--1 INTO OUTFILE 'x'", "holds a '--'"),
        ("--DELETE\nSELECT 1", "holds a '--'"),
        ("'SELECT'", "does not select"),
        ("  ", "does not select"),
    ],
)
def test_what_could_change_something_is_refused(query, words):
    with pytest.raises(InputError, match=re.escape(words)):
        check_select(query, "here")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a FROM b",
        "select a from b ;",
        "(SELECT 1) UNION (SELECT 2)",
        "-- the plant's; update it\nSELECT a FROM b",
        "/* DELETE; */ WITH c AS (SELECT 1) SELECT * FROM c -- end;",
        "SELECT 'it''s; DELETE' AS x, \"set\", [into], `drop` FROM b WHERE updated > 1 LIMIT 5 OFFSET 3",
        "SELECT $$;DROP$$, replace(a, ',', '.') FROM b",
        "VALUES (1)",
    ],
)
def test_what_selects_is_taken(query):
    check_select(query, "here")


def test_the_database_itself_is_opened_for_reading(record, monkeypatch):
    monkeypatch.setattr(answers, "check_select", lambda query, where: None)
    refused(database(record, query="DELETE FROM plant"), "attempt to write a readonly database")
    assert rows(record) == 96


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM plants", ["refuses the query", "no such table: plants", "sql.query"]),
        ("SELECT tiem FROM plant", ["refuses the query", "no such column: tiem"]),
        ("SELECT * FROM plant WHERE flow < 0", ["the query has no row for an answer"]),
        (
            "SELECT time, flow AS Q, NH4_in, DO, NH4 FROM plant",
            ["the query of online has no column 'flow'", "of the answer"],
        ),
        ("SELECT *, flow AS flow FROM plant", ["2 columns named 'flow'", "by AS in the query"]),
        (
            "SELECT time, flow, NH4_in, DO, x'00ff' AS NH4 FROM plant",
            ["the column 'NH4' of the answer holds bytes", "CAST"],
        ),
        ("SELECT * FROM plant ORDER BY NH4", ["the query of online, column time", "time goes back", "ORDER BY"]),
        ("SELECT * FROM plant UNION ALL SELECT * FROM plant WHERE flow = 400 ORDER BY 1", ["stands more than once"]),
    ],
)
def test_queries_that_give_no_series(record, query, words):
    refused(database(record, query=query), *words)


def test_text_numbers_and_limits_of_detection(record):
    record.frame["NH4"] = record.frame["NH4"].astype(object)
    record.frame.loc[3, "NH4"], record.frame.loc[4, "NH4"] = "<0,5", "1,25"
    record.replace("file: plant.csv", 'decimal: ","\n      file: plant.csv')
    found = database(record, dtype={"NH4": "NUMERIC"}).read()
    values = found.observations[0]
    assert (values.values[3], values.values[4], values.censored[3]) == (0.5, 1.25, BELOW)
    assert values.values[5] == pytest.approx(3 + np.sin(1))


def test_missing_file_and_other_files(record):
    refused(database(record, url="sqlite:///plnt.db"), "plnt.db does not exist", "did you mean 'plant.db'")
    assert not (record.folder / "plnt.db").exists()


def test_a_file_that_is_no_database(record):
    database(record)
    (record.folder / "plant.db").write_bytes(b"time,flow\n" * 500)
    refused(record, "file is not a database")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sql: {url: sqlite:///plant.db, query: ''}", ["the query is empty"]),
        ("sql: {url: sqlite:///plant.db}", ["'query'"]),
        ("sql: {url: plant.db, query: SELECT 1}", ["no form that SQLAlchemy knows"]),
        ('sql: {url: "sqlite:///${plant.db", query: SELECT 1}', ["'$' that names no variable"]),
        ("sheet: x", ["neither 'file' nor 'sql'"]),
        (
            'sql: {url: "postgresql://reader:hunter2@host/db", query: SELECT 1}',
            ["holds a password", "${PLANT_PASSWORD}"],
        ),
        ('sql: {url: "postgresql://host/db?password=hunter2", query: SELECT 1}', ["holds a password"]),
        (
            'sql: {url: "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2", query: SELECT 1}',
            ["holds a password"],
        ),
        ('sql: {url: "postgresql://u:${A}hunter2@host/db", query: SELECT 1}', ["holds a password"]),
    ],
)
def test_sections_that_cannot_be(record, source, words):
    message = refused(record.replace("file: plant.csv", source), *words)
    assert "hunter2" not in message


def test_addresses_without_a_secret_are_taken(record):
    for url in (
        "postgresql://reader:${PLANT_PASSWORD}@host:5432/db?sslmode=require&sslkey=/home/x/key.pem",
        "postgresql://reader@host/db",
        "${PLANT_DB}",
        "mysql+pymysql://${WHO}:${WHAT}@host/db",
    ):
        record.text = record.text.replace("file: plant.csv", f'sql: {{url: "{url}", query: SELECT 1}}')
        assert record.config().data.sources["online"].sql.url == url
        record.text = record.text.replace(f'sql: {{url: "{url}", query: SELECT 1}}', "file: plant.csv")


def test_a_variable_that_is_not_set(record, monkeypatch):
    monkeypatch.delenv("NO_SUCH_PLANT", raising=False)
    refused(
        database(record, url="sqlite:///${NO_SUCH_PLANT}"), "variable NO_SUCH_PLANT of the url is not set", "export"
    )


@pytest.mark.parametrize("url", ["${PLANT_DB}", "sqlite:///${PLANT_PATH}"])
def test_an_address_in_variables(record, monkeypatch, url):
    monkeypatch.setenv("PLANT_DB", f"sqlite:///{record.folder}/plant.db")
    monkeypatch.setenv("PLANT_PATH", f"{record.folder}/plant.db")
    database(record, url=url).read()
    assert url in record.config().to_yaml(record.folder / "run")


def test_the_resolved_config_reads_from_another_folder(record):
    inputs = database(record).read().inputs
    other = record.folder / "deep" / "run"
    other.mkdir(parents=True)
    (other / "config.yaml").write_text(record.config().to_yaml(other))
    assert "sqlite:///../../plant.db" in (other / "config.yaml").read_text()
    record.text = (other / "config.yaml").read_text()
    record.folder = other
    np.testing.assert_array_equal(record.read().inputs, inputs)


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_server_that_is_not_there_and_no_secret_in_what_is_said(record, monkeypatch, caplog):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PLANT_PASSWORD", SECRET)
    url = f"postgresql://reader:${{PLANT_PASSWORD}}@127.0.0.1:{closed_port()}/historian"
    with caplog.at_level(logging.DEBUG):
        message = refused(database(record, url=url), "cannot be reached", "sql.url")
    for text in (message, caplog.text, record.config().to_yaml()):
        assert SECRET not in text
        assert "s3cret" not in text


def test_a_password_that_breaks_the_address_is_not_shown_in_part(record, monkeypatch):
    monkeypatch.setenv("PLANT_DB", "postgresql://reader:s3cret/p@ss@host/historian")
    message = refused(database(record, url="${PLANT_DB}"), "holds an '@'", "%40")
    assert "s3cret" not in message
    assert "ss@" not in message


def test_secrets_are_hidden_as_drivers_tell_them(record, monkeypatch):
    monkeypatch.setenv("PLANT_DB", "postgresql://reader:s3cret%2Fp%40ss@host/historian")
    database(record, url="${PLANT_DB}")
    assert find_database(record.config(), "online").hidden(f"no entry for {SECRET}") == "no entry for ***"


def test_a_server_that_does_not_answer(record, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PLANT_PASSWORD", SECRET)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://reader:${{PLANT_PASSWORD}}@127.0.0.1:{silent.getsockname()[1]}/historian"
        refused(database(record, url=url, more=", timeout: 0.2 s"), "has not answered within 0.2 s", "timeout")


def test_a_query_that_takes_too_long_is_stopped(record):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS time FROM n"
    before = threading.active_count()
    refused(database(record, query=endless, more=", timeout: 0.2 s"), "has not answered within 0.2 s")
    for _ in range(200):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before  # the driver was told to stop


def test_more_than_memory_should_hold(record, monkeypatch):
    monkeypatch.setattr(limits, "MAX_CELLS", 100)
    refused(database(record), "the table has more than", "the query of online")
    monkeypatch.undo()
    monkeypatch.setattr(answers, "MAX_MEMORY", 1000)
    refused(record, "the series are larger than", "the query of online")


def test_a_dialect_or_driver_that_is_not_there(record):
    refused(database(record, url="postgrseql://host/db"), "does not know the database", "postgrseql")
    record.text = record.text.replace("postgrseql://host/db", "oracle+cx_oracle://host/db")
    refused(record, "the driver of the database, cx_Oracle, is not installed")


def column(*parts, decimal="."):
    found = AnswerColumn("x", decimal)
    for part in parts:
        found.take(part, "here")
    return found.whole("here").to_pylist()


UTC = datetime.UTC
WINTER = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([[1, None], [2.5]], [1.0, None, 2.5]),
        ([[Decimal("1.10"), 2]], [1.1, 2.0]),
        ([[2**70]], [float(2**70)]),
        ([["a"], [1], [None]], ["a", "1", None]),
        ([["1.5", 2.5]], ["1.5", "2.5"]),
        ([[True, None]], [True, None]),
        (
            [[datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 3, 4)]],
            [datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 3, 4)],
        ),
        ([[datetime.time(12, 30)]], ["12:30:00"]),
        ([[None]], [None]),
    ],
)
def test_cells_of_drivers(parts, found):
    assert column(*parts) == found


def test_stamps_with_offsets_are_of_one_instant():
    stamp = datetime.datetime(2024, 1, 2, 1, tzinfo=WINTER)
    assert column([stamp]) == [datetime.datetime(2024, 1, 2, tzinfo=UTC)]


def test_numbers_beside_text_have_its_decimal_sign():
    assert column(["1,5", 2.25], [3.5], decimal=",") == ["1,5", "2,25", "3,5"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([[datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 2, tzinfo=UTC)]], "carry an offset"),
        ([[datetime.datetime(2024, 1, 2)], [datetime.datetime(2024, 1, 2, tzinfo=UTC)]], "carry an offset"),
        ([[datetime.datetime(2024, 1, 2), "x"]], "holds datetime, str"),
        ([[1.0], [True]], "holds bool, double"),
        ([[b"x"]], "holds bytes"),
    ],
)
def test_cells_that_are_no_series(parts, words):
    with pytest.raises(InputError, match=words):
        column(*parts)


def test_stamps_of_a_driver_read_as_those_of_parquet(record):
    """SQLite has no times: a driver that has them gives columns of times, with or without an offset."""
    wide = record.read()
    config = record.config()
    for zone in (None, WINTER):
        columns = []
        for header in record.frame:
            cells = record.frame[header].tolist()
            if header == "time":
                cells = [stamp.to_pydatetime() for stamp in pd.to_datetime(record.frame["time"])]
                cells = cells if zone is None else [c.replace(tzinfo=UTC).astimezone(zone) for c in cells]
            columns.append(AnswerColumn(header, "."))
            columns[-1].take(cells, "here")
        record.file = record.folder / "plant.parquet"
        record.file.write_bytes(parquet_of(columns, "here"))
        record.text = record.text.replace("plant.csv", "plant.parquet")
        np.testing.assert_array_equal(record.read().inputs, wide.inputs)
    assert config.data.sources["online"].time.zone == "UTC"
