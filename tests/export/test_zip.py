"""A bundle as one zip: the same bytes again and again, and named wherever a run is named."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

import asm_hybrid as ah
from asm_hybrid.cli import main
from asm_hybrid.export import export_run


@pytest.fixture(scope="module")
def bundle(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the zip of the bundle of the small run; its folder lies beside it."""
    folder = tmp_path_factory.mktemp("bundle")
    return export_run(small_run, "bundle", folder / "plant.zip").paths["bundle"][0]


@pytest.fixture(scope="module")
def whole(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder itself as a zip, as a user makes it."""
    place = tmp_path_factory.mktemp("whole") / "mine"
    return Path(shutil.make_archive(str(place), "zip", small_run.parent, small_run.name))


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Run a command; return its exit code, and what it printed."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0, printed.out, printed.err


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_the_zip_holds_the_files_of_the_folder_and_nothing_of_when_and_where(small_run: Path, tmp_path: Path) -> None:
    folder, first = export_run(small_run, "bundle", tmp_path / "a").paths["bundle"][0], tmp_path / "run-bundle.zip"
    export_run(small_run, "bundle", first)
    again = export_run(folder, "bundle", tmp_path / "again.zip").paths["bundle"][0]
    of_zip = export_run(first, "bundle", tmp_path / "of_zip.zip").paths["bundle"][0]
    assert first.read_bytes() == again.read_bytes() == of_zip.read_bytes()
    with zipfile.ZipFile(first) as book:
        assert {name: book.read(name) for name in book.namelist()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_zip_is_loaded_like_the_run(small_run: Path, bundle: Path, whole: Path) -> None:
    inputs = ah.read_inputs(small_run)
    expected = ah.load_model(small_run).predict(inputs)
    for path in (bundle, str(bundle), whole):
        assert ah.read_inputs(path).equals(inputs)
        assert ah.load_model(path).predict(inputs).equals(expected)
        assert ah.load_run(path).scores.equals(ah.load_run(small_run).scores)
    assert ah.load_run(whole).predictions.equals(ah.load_run(small_run).predictions)


def test_a_zip_is_simulated_and_predicts_where_it_is_said(
    small_run: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, before = small_run.parent / "plant.csv", names(bundle.parent)
    out = tmp_path / "out"
    for words in (["simulate", bundle], ["predict", bundle, "--data", data]):
        code, _, err = call(capsys, *words)
        assert code == 2
        assert err.startswith(f"error: {bundle}: the run is a zip, into which nothing is written")
        assert "--out" in err
        code, _, err = call(capsys, *words, "--out", out / str(words[0]))
        assert code == 0, err
    texts = [p.read_bytes() for p in out.rglob("*") if p.is_file()]
    assert any(str(bundle).encode() in text for text in texts)
    assert not [text for text in texts if b"asm-hybrid-run-" in text]
    folder = tmp_path / "folder"
    assert call(capsys, "simulate", small_run, "--out", folder)[0] == 0
    assert (folder / "base" / "series.csv").read_bytes() == (out / "simulate" / "base" / "series.csv").read_bytes()
    assert ah.simulate(bundle).series.equals(ah.simulate(small_run).series)
    assert names(bundle.parent) == before


def test_the_zip_of_a_whole_run_forecasts_and_is_compared(
    small_run: Path, bundle: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["forecast", whole, "--data", small_run.parent / "plant.csv", "--horizon", "2h"]
    assert "the run is a zip" in call(capsys, *words)[2]
    code, _, err = call(capsys, *words, "--out", tmp_path / "forecast")
    assert code == 0, err
    code, out, err = call(capsys, "compare", small_run, whole)
    assert code == 0, err
    assert "mine" in out
    code, _, err = call(capsys, "compare", small_run, bundle)
    assert code == 2
    assert err.startswith(f"error: {bundle}: predictions.csv is not in manifest.json")


def test_nothing_is_diagnosed_or_trained_within_a_zip(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["diagnose", whole], ["train", "--resume", whole], ["distill", whole]):
        code, _, err = call(capsys, *words)
        assert code == 2
        assert err.startswith(f"error: {whole}: the run is a zip, into which nothing is written")


def test_a_zip_is_exported_beside_itself(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(shutil.copy(bundle, tmp_path / "plant.zip"))
    code, out, err = call(capsys, "export", path, "-f", "kinetics")
    assert code == 0, err
    assert str(tmp_path / "plant-kinetics.yaml") in out
    assert "the target is the run" in call(capsys, "export", path, "--out", path, "--force")[2]
    assert names(tmp_path) == ["plant-kinetics.yaml", "plant.zip"]


def test_a_run_starts_from_a_zip(small_run: Path, bundle: Path) -> None:
    from asm_hybrid.config import load_config
    from asm_hybrid.training.warm_start import earlier_run

    config = load_config(small_run / "config.yaml")
    model = ah.load_model(small_run)
    training = config.training.model_copy(update={"start_from": str(bundle)})
    found = earlier_run(config.model_copy(update={"training": training}), model.plant)
    assert found is not None
    assert (found.parameters == model.parameters).all()


def test_no_zip_and_a_damaged_one_are_refused_by_every_command(
    small_run: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(bundle.read_bytes()[:1000])
    data = small_run.parent / "plant.csv"
    for words in (["simulate"], ["predict", "--data", data], ["export"], ["compare", small_run], ["diagnose"]):
        code, _, err = call(capsys, words[0], damaged, *words[1:])
        assert code == 2
        assert err.startswith(f"error: {damaged}: the zip cannot be read")
        assert call(capsys, words[0], tmp_path / "none.zip", *words[1:])[0] == 2
    assert names(tmp_path) == ["damaged.zip"]
