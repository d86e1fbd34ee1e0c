"""A run whose series come from a database: its folder keeps what was read, and no secret."""

import json
import shutil
import sqlite3

import pandas as pd
import pytest
import torch
import yaml
from small_plant import COLLOCATION_STEPS, CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.config import load_config
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import sha256_file, verify_manifest
from asm_hybrid.training import collocation
from asm_hybrid.training.resume import check_resumable, write_origin
from asm_hybrid.workflow import run_training

ANSWER = "answers/1-online.parquet"
TEXT = CONFIG.replace("mode: hybrid", "mode: mechanistic").replace(
    "file: plant.csv", 'sql: {url: "${SMALL_PLANT_DB}", query: SELECT * FROM plant ORDER BY time}'
)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Return the folder with the database, and the run."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("sql")
    write_case(base)
    with sqlite3.connect(base / "secret-name.db") as connection:
        pd.read_csv(base / "plant.csv").to_sql("plant", connection, index=False)
    connection.close()
    (base / "plant.csv").unlink()
    (base / "config.yaml").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collocation, "STEPS", COLLOCATION_STEPS)
        patch.setenv("SMALL_PLANT_DB", f"sqlite:///{base}/secret-name.db")
        run_training(base / "config.yaml", base / "run")
    return base


@pytest.fixture
def run(case, tmp_path, monkeypatch):
    """Return a copy of the run, where neither database nor variable is."""
    monkeypatch.delenv("SMALL_PLANT_DB", raising=False)
    shutil.copytree(case / "run", tmp_path / "run")
    return tmp_path / "run"


def test_the_folder_keeps_what_was_read(run):
    verify_manifest(run)
    source = load_config(run / "config.yaml").data.sources["online"]
    assert source.file == ANSWER
    assert source.sql.url == "${SMALL_PLANT_DB}"
    (file,) = json.loads((run / "data.json").read_text())["files"]
    assert file["sha256"] == sha256_file(run / ANSWER)
    assert file["rows"] == 241


def test_no_file_of_the_folder_holds_what_the_variable_held(run):
    names = [path.name for path in run.rglob("*") if path.is_file() and b"secret-name" in path.read_bytes()]
    assert names == []


def test_the_run_is_opened_without_the_database(run):
    opened = ah.load_run(run)
    assert len(opened.predictions)
    assert not ah.check(run / "config.yaml").errors


def test_resuming_notices_another_answer(run):
    write_origin(run)
    assert check_resumable(run) == []
    (run / ANSWER).write_bytes((run / ANSWER).read_bytes() + b"x")
    with pytest.raises(InputError, match=f"changed: {ANSWER}"):
        check_resumable(run)


@pytest.mark.parametrize("kind", ["file", "query"])
def test_new_data(run, case, kind):
    with sqlite3.connect(case / "secret-name.db") as connection:
        later = pd.read_sql("SELECT * FROM plant", connection)
        later["time"] = (pd.to_datetime(later["time"]) + pd.Timedelta(days=5)).dt.strftime("%Y-%m-%d %H:%M")
        later.to_csv(run.parent / "later.csv", index=False)
        later.to_sql("later", connection, index=False, if_exists="replace")
    connection.close()
    data = run.parent / "later.csv"
    if kind == "query":
        data = {"data": yaml.safe_load(TEXT.replace("${SMALL_PLANT_DB}", f"sqlite:///{case}/secret-name.db"))["data"]}
        data["data"]["sources"]["online"]["sql"]["query"] = "SELECT * FROM later"
    found = ah.predict(run, data)
    counts = [score["n"] for row in found.facts["variables"].values() for score in row["scores"].values()]
    assert counts
    assert min(counts) > 100
