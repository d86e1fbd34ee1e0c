import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from asm_hybrid.config import (
    Config,
    build_layout,
    json_schema,
    load_config,
    load_kinetics,
    write_example,
    write_template,
)
from asm_hybrid.errors import InputError
from asm_hybrid.jobs import PlantJob, open_job

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


def test_quantities_are_converted_to_internal_units(case):
    config = case.load()
    assert config.plant.recycles["internal"].flow == pytest.approx(2400.0, rel=1e-14)
    assert config.plant.tanks["anoxic"].volume == 1000.0
    assert config.plant.temperature == 15.0
    assert config.data.interval == pytest.approx(1 / 24, rel=1e-14)
    assert config.training.warmup == 0.25


def test_defaults_are_converted_too(case):
    training = case.load().training
    assert training.step == pytest.approx(5 / 1440, rel=1e-14)
    assert training.window == pytest.approx(0.5, rel=1e-14)
    assert training.seeds == (1, 2, 3)


def test_config_is_frozen(case):
    config = case.load()
    with pytest.raises(ValidationError):
        config.training.batch = 3


def test_numbers_in_scientific_notation_are_numbers(case):
    config = case.replace("training:\n", "training:\n  learning_rate: 1e-3\n").load()
    assert config.training.learning_rate == 0.001


def test_a_written_config_loads_to_the_same_values(case, tmp_path):
    case.replace("calibrate: [mu_A]", "calibrate: {mu_A: [0.3, 1.5], K_NH: table}")
    case.replace("name: case", "name: case\ndescription: \"yes: 1e-3, 'quoted' # no comment\"")
    config = case.load()
    elsewhere = tmp_path / "run"
    elsewhere.mkdir()
    for directory in (None, elsewhere):
        written = elsewhere / "config.yaml"
        written.write_text(config.to_yaml(directory), encoding="utf-8")
        again = load_config(written)
        assert again.model.calibrate == {"mu_A": (0.3, 1.5), "K_NH": None}
        source = again.data.sources["online"].file
        assert again.resolve(source).resolve() == (tmp_path / "plant.csv").resolve()
        same = {"data": {"sources": {"online": {"file"}}}}
        assert again.model_dump(exclude=same) == config.model_dump(exclude=same)


def test_paths_of_a_written_config_are_relative_to_its_folder(case, tmp_path):
    text = case.load().to_yaml(tmp_path / "runs" / "one")
    assert 'file: "../../plant.csv"' in text
    assert str(tmp_path) not in text


def test_a_table_given_by_path_is_found_from_the_config(case, tmp_path):
    config = case.replace("kinetics: asm1", "kinetics: tables/mine.yaml").load()
    assert config.kinetics == tmp_path / "tables" / "mine.yaml"
    assert 'kinetics: "../tables/mine.yaml"' in config.to_yaml(tmp_path / "run")


def test_source_text_is_the_text_of_the_user(case):
    config = case.load()
    assert config.source_text == case.text
    assert config.source_path == case.path


def test_where_names_file_line_and_key(case):
    where = case.load().where("plant", "recycles", "internal", "flow")
    assert where == f"{case.path}:{case.line('internal:')} (plant.recycles.internal.flow)"


def test_schema_documents_every_key():
    schema = json_schema()
    json.dumps(schema)

    def undocumented(model, trail):
        for name, entry in model.get("properties", {}).items():
            target = schema["$defs"].get(entry.get("$ref", "").rpartition("/")[2], {})
            if not (entry.get("description") or target.get("description")):
                yield f"{trail}.{name}"

    lacking = [x for name, model in [("", schema), *schema["$defs"].items()] for x in undocumented(model, name)]
    assert lacking == []
    assert set(schema["required"]) == {"name", "plant", "data"}
    assert "as" in schema["$defs"]["ColumnSection"]["properties"]
    assert "from" in schema["$defs"]["RecycleSection"]["properties"]


def test_template_is_a_valid_config(tmp_path):
    path = write_template(tmp_path / "new")
    config = load_config(path)
    layout = build_layout(config, load_kinetics(config))
    assert layout.tank_names == ("anoxic", "aerobic")
    assert layout.imposed == (("aerobic", "S_O"),)


def test_template_does_not_overwrite(tmp_path):
    path = write_template(tmp_path)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        write_template(tmp_path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_template_refuses_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="folder"):
        write_template(tmp_path / "taken")


def test_the_example_is_the_quickstart_with_its_data_beside_it(tmp_path):
    path = write_example(tmp_path / "new")
    assert {p.name for p in path.parent.iterdir()} == {"config.yaml", "plant.csv"}
    assert (path.parent / "plant.csv").read_bytes() == (ROOT / "data" / "quickstart" / "plant.csv").read_bytes()
    original = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8") == original.replace("file: ../data/quickstart/plant.csv", "file: plant.csv")
    (source,) = load_config(path).data.sources.values()
    assert source.file == "plant.csv"


def test_the_example_does_not_overwrite_data(tmp_path):
    (tmp_path / "plant.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"plant\.csv: the file exists already"):
        write_example(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["plant.csv"]


@pytest.mark.slow
def test_a_wheel_holds_the_example(tmp_path):
    pytest.importorskip("setuptools")
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    code = "import asm_hybrid.config as c; print(c.__file__); c.write_example('new')"
    settings = os.environ | {"PYTHONPATH": str(tmp_path / "lib")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=settings, check=True, capture_output=True)
    assert str(tmp_path) in done.stdout.decode()
    assert (tmp_path / "new" / "plant.csv").stat().st_size == (ROOT / "data/quickstart/plant.csv").stat().st_size


@pytest.mark.parametrize(
    "path", [p for p in sorted(CONFIGS.glob("*.yaml")) if isinstance(open_job(p), PlantJob)], ids=lambda p: p.name
)
def test_shipped_configs_have_a_layout(path):
    config = load_config(path)
    assert isinstance(config, Config)
    layout = build_layout(config, load_kinetics(config))
    assert layout.tanks
