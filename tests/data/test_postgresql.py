"""Sources from a real server of PostgreSQL, which a test starts on this machine where it is installed."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.errors import InputError

psycopg = pytest.importorskip("psycopg")
SECRET = "s3cret:/p@ss%word"


def programs():
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


@pytest.fixture(scope="module")
def server():
    """Return the port of a server with the database and the user ``plant``."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    as_user = {}
    if os.getuid() == 0:  # it refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL refuses to run as root, and there is no user 'postgres'")
        as_user = {"user": account.pw_uid, "group": account.pw_gid}
    with TemporaryDirectory(prefix="postgresql-") as place:  # nobody but their owner may enter the folders of pytest
        folder = Path(place)
        if as_user:
            os.chown(folder, as_user["user"], as_user["group"])
        yield from serving(folder, as_user)


def serving(folder, as_user):
    """Yield the port of a server in a folder, as long as it runs."""
    words = folder / "password"
    words.write_text(SECRET)
    words.chmod(0o644)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_user}
    begin = [
        programs() / "initdb",
        "-D",
        data,
        "-U",
        "plant",
        "-A",
        "scram-sha-256",
        f"--pwfile={words}",
        "-N",
        "-E",
        "UTF8",
    ]
    subprocess.run(begin, check=True, **quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen(
        [programs() / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"], **quiet
    )
    try:
        for _ in range(1200):
            try:
                connect(port).close()
                break
            except psycopg.OperationalError:
                assert running.poll() is None, "the server has ended"
                time.sleep(0.1)
        yield port
    finally:
        running.terminate()
        running.wait()


def connect(port):
    return psycopg.connect(
        host="127.0.0.1", port=port, user="plant", password=SECRET, dbname="postgres", autocommit=True
    )


@pytest.fixture
def plant(record, server, monkeypatch):
    """Put the series of a record onto the server, and its config on a query."""
    with connect(server) as connection:
        connection.execute("DROP TABLE IF EXISTS plant")
        connection.execute("DROP SEQUENCE IF EXISTS numbers")
        connection.execute("CREATE SEQUENCE numbers")
        connection.execute(
            'CREATE TABLE plant (time timestamptz, flow numeric(9, 3), "NH4_in" double precision, "DO" real,'
            ' "NH4" text)'
        )
        with connection.cursor().copy("COPY plant FROM STDIN") as copy:
            for time_, *values in record.frame.itertuples(index=False):
                copy.write_row((f"{time_}+00:00", *values))
    monkeypatch.setenv("PLANT_PASSWORD", SECRET)
    record.wide = record.read()
    record.replace("file: plant.csv", "sql: {url: 'URL', query: 'QUERY'}")
    record.port = server
    return ask(record)


def ask(
    record,
    query="SELECT * FROM plant ORDER BY time",
    url="postgresql://plant:${PLANT_PASSWORD}@127.0.0.1:PORT/postgres",
    more="",
):
    record.asked = record.text.replace("QUERY", query.replace("'", "''")).replace(
        "URL", url.replace("PORT", str(record.port))
    )
    record.asked = record.asked.replace("}\n      time:", f"{more}}}\n      time:")
    return record


def read(record):
    before, record.text = record.text, record.asked
    try:
        return record.read()
    finally:
        record.text = before


def refused(record, *words):
    with pytest.raises(InputError) as caught:
        read(record)
    for word in words:
        assert word in str(caught.value)
    assert SECRET not in str(caught.value)


def test_reads_as_the_file_does(plant):
    found = read(plant)
    np.testing.assert_allclose(found.inputs, plant.wide.inputs, rtol=1e-6)  # one column keeps six digits
    np.testing.assert_array_equal(found.observations[0].values, plant.wide.observations[0].values)
    assert found.origin == pd.Timestamp("2021-06-01", tz="UTC")


def test_per_cent_and_colons_stand_for_themselves(plant):
    query = """SELECT time, flow, "NH4_in", "DO", CASE WHEN 'a:b' LIKE '%:b' THEN "NH4" END AS "NH4" FROM plant"""
    query += " ORDER BY time"
    np.testing.assert_array_equal(read(ask(plant, query)).observations[0].values, plant.wide.observations[0].values)


def test_nothing_is_changed(plant):
    refused(ask(plant, "SELECT *, nextval('numbers') FROM plant"), "refuses the query", "read-only transaction")


def test_a_table_that_is_not_there(plant):
    refused(ask(plant, "SELECT * FROM plants"), "refuses the query", 'relation "plants" does not exist')


def test_a_wrong_password(plant, monkeypatch):
    monkeypatch.setenv("PLANT_PASSWORD", "another")
    refused(plant, "cannot be reached", "password authentication failed")


def test_a_query_that_takes_too_long_is_cancelled(plant):
    refused(ask(plant, "SELECT pg_sleep(60) AS time", more=", timeout: 0.5 s"), "has not answered within 0.5 s")
    with connect(plant.port) as connection:
        for _ in range(100):
            (left,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' "
                "AND pid <> pg_backend_pid()"
            ).fetchone()
            if not left:
                break
            time.sleep(0.05)
    assert left == 0
