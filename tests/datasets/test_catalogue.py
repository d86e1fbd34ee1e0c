"""The shipped catalogue: what it says is true as far as this machine can tell, and what comes with it works."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import asm_hybrid as ah
from asm_hybrid.cli import app
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.datasets.catalogue import find_set, load_catalogue, set_lines, template_text
from asm_hybrid.datasets.download import git_blob
from asm_hybrid.errors import InputError

CATALOGUE = load_catalogue()
SHARED = Path(__file__).parents[3] / "shared" / "data"
COPIES = {
    ("bsm1-influent", "Inf_dry.txt"): "bsm/bsm1_asm1_Inf_dry.txt",
    ("bsm1-influent", "Inf_rain.txt"): "bsm/bsm1_asm1_Inf_rain.txt",
    ("bsm1-influent", "Inf_strm.txt"): "bsm/bsm1_asm1_Inf_strm.txt",
    ("bsm2-influent", "dyninfluent_bsm2.csv"): "bsm/dyninfluent_bsm2_609d.csv.gz",
    ("dhi-modelskill", "wwt_models.csv"): "dhi/wwt_models.csv",
}


def content(name, file):
    path = SHARED / COPIES[name, file]
    if not path.exists():
        pytest.skip("there is no copy of the file on this machine")
    raw = path.read_bytes()
    return gzip.decompress(raw).replace(b"\r\n", b"\n") if path.suffix == ".gz" else raw  # as git keeps it


@pytest.mark.parametrize("key", COPIES, ids="/".join)
def test_checksums_are_those_of_copies_at_hand(key):
    name, file = key
    entry = next(f for f in find_set(name, CATALOGUE).files if f.name == file)
    raw = content(*key)
    assert (len(raw), hashlib.sha256(raw).hexdigest()) == (entry.size, entry.sha256)


def test_how_git_names_a_file(tmp_path):
    (tmp_path / "empty").touch()
    assert git_blob(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize("one", CATALOGUE.sets, ids=lambda one: one.name)
def test_addresses_cannot_change_unseen(one):
    for file in one.files:
        assert file.url is None or file.url.startswith("https://")
        if "githubusercontent" in str(file.url):
            assert re.search(r"/[0-9a-f]{40}/", file.url)
            assert file.sha256 or file.git_blob
    assert one.licence.name == "not verified" or one.licence.redistribution != "unverified"
    assert "None" not in "\n".join(set_lines(one))


def templates():
    return [(one.name, name) for one in CATALOGUE.sets for name in one.templates]


@pytest.mark.parametrize(("name", "template"), templates())
def test_column_maps_are_as_the_schema_says(name, template):
    one = find_set(name, CATALOGUE)
    found = yaml.safe_load(template_text(one, template))
    files = {file.name for file in one.files}
    if "data" not in found:
        assert found["influent"]["file"] in files
        return
    for source in found["data"]["sources"].values():
        assert SourceSection.model_validate(source).file in files


def test_the_scenarios_run(tmp_path):
    (tmp_path / "Inf_dry.txt").write_bytes(content("bsm1-influent", "Inf_dry.txt"))
    text = template_text(find_set("bsm1-influent", CATALOGUE), "dry.yaml")
    (tmp_path / "dry.yaml").write_text(text.replace("scenarios:", "days: 0.2\nscenarios:"))
    assert len(ah.simulate("bsm1", tmp_path / "dry.yaml").series)


def test_the_column_map_of_measurements_reads_the_file():
    header = content("dhi-modelskill", "wwt_models.csv").decode().partition("\n")[0].split(",")
    found = yaml.safe_load(template_text(find_set("dhi-modelskill", CATALOGUE), "data.yaml"))
    source = found["data"]["sources"]["reactor"]
    assert sorted([source["time"]["column"], *source["columns"]]) == sorted(h.strip() for h in header)


def test_the_list():
    told = CliRunner().invoke(app, ["data", "list"])
    assert told.exit_code == 0
    assert all(one.name in told.output for one in CATALOGUE.sets)
    assert ah.list_data()["name"].tolist() == [one.name for one in CATALOGUE.sets]


def test_all_about_one():
    told = CliRunner().invoke(app, ["data", "list", "agtrup"]).output
    assert "DOI: https://doi.org/10.17632/34rpmsxc4z.1" in told
    assert "licence: CC BY-NC 3.0; to some uses only" in told


def test_a_name_that_is_none():
    with pytest.raises(
        InputError, match=r"(?s)no data set 'bsm-influent'.*did you mean 'bsm2-influent' or 'bsm1-influent'"
    ):
        ah.get_data("bsm-influent")


def test_what_comes_with_the_program_needs_no_download(tmp_path):
    found = ah.get_data("quickstart", tmp_path / "q")
    assert not found.files
    assert any("asm-hybrid init" in line for line in found.said)


ENTRY = "{name: a, title: t, kind: k, variables: [v], fit: other, licence: {name: l, redistribution: allowed}, use: u"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("}", "has no address"),
        (", files: [{name: a.csv}]}", "has no address"),
        (", files: [{name: ../a.csv, url: 'https://x/y'}]}", "without '/'"),
        (", files: [{name: a.csv, url: 'ftp://x/y'}]}", "begins with https://"),
        (", files: [{name: a.csv, url: 'https://x/y', sha256: abc}]}", "sha256"),
        (", files: [{name: a.csv, url: 'https://x/y', mendeley: {dataset: abcdefghij, version: 1}}]}", "both"),
        (", by_hand: b}, " + ENTRY + ", by_hand: b}", "two sets are named 'a'"),
    ],
)
def test_entries_that_cannot_be(rest, words):
    with pytest.raises(InputError, match=words):
        load_catalogue(yaml.safe_load(f"sets: [{ENTRY}{rest}]"))
