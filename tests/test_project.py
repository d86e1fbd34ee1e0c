"""The files of the project agree with each other: versions, checks, forms, links, addresses."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "data/README.md", "benchmarks/README.md")]
"""Documents outside of the site, whose build looks after the links of its own."""
FORM_ITEMS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def _addresses() -> Any:
    """Return the script that puts the addresses in, as a module."""
    spec = importlib.util.spec_from_file_location("public_addresses", ROOT / ".github" / "public_addresses.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_versions_of_python_are_the_same_everywhere() -> None:
    project, workflow = _project(), _yaml(".github/workflows/ci.yml")
    lowest, above = re.findall(r"3\.(\d+)", project["requires-python"])
    versions = [f"3.{minor}" for minor in range(int(lowest), int(above))]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert named == versions
    assert matrix["python"] == versions
    assert {"windows-latest", "macos-latest"} < set(matrix["os"])
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    single = {step["with"]["python-version"] for step in steps if "python-version" in step.get("with", {})}
    assert single - {"${{ matrix.python }}"} <= set(versions)
    lowest_job = next(step for step in workflow["jobs"]["lowest"]["steps"] if "python-version" in step.get("with", {}))
    assert lowest_job["with"]["python-version"] == versions[0]


def test_every_job_of_the_hosted_checks_ends_and_runs_something() -> None:
    workflow = _yaml(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 180
        assert any("run" in step for step in job["steps"])
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "secrets." not in text
    scripts = re.findall(r"python (\S+\.py)|run: (\.\S+)$", text, re.MULTILINE)
    assert scripts
    assert all((ROOT / (a or b)).is_file() for a, b in scripts)


def test_what_pre_commit_runs_the_checks_run_too() -> None:
    hooks = [hook for repo in _yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert all(hook["language"] == "system" for hook in hooks)
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for hook in hooks:
        assert re.search(rf"^{hook['entry'].replace(' --fix', '')}\b", checks, re.MULTILINE), hook["entry"]
    extra = " ".join(_project()["optional-dependencies"]["test"])
    assert all(tool in extra for tool in ("ruff", "mypy", "import-linter"))


def test_the_citation_has_what_its_format_asks_for() -> None:
    citation, project = _yaml("CITATION.cff"), _project()
    assert {"cff-version", "message", "title", "authors", "version", "license", "type"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["title"] == project["name"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert [a["name"] for a in citation["authors"]] == [a["name"] for a in project["authors"]]
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert all({"family-names", "given-names"} <= set(author) for author in reference["authors"])
        assert re.fullmatch(r"10\.\d{4,9}/\S+", reference.get("doi", "10.0000/x"))


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")))
def test_the_forms_of_issues_have_what_their_format_asks_for(name: str) -> None:
    form = _yaml(f".github/ISSUE_TEMPLATE/{name}")
    if name == "config.yml":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "body", "labels", "title"}
    ids = [item["id"] for item in form["body"] if item["type"] != "markdown"]
    assert ids
    assert len(ids) == len(set(ids))
    for item in form["body"]:
        assert item["type"] in FORM_ITEMS
        assert ("value" if item["type"] == "markdown" else "label") in item["attributes"]


def _anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a document, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"src=\"([^\"]+)\"", text)
    for target in targets:
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), target


def test_addresses_are_put_into_what_a_package_index_shows(tmp_path: Path) -> None:
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    _addresses().main("https://host.test/owner/name", "v1.2.3", tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"src=\"([^\"]+)\"", text)
    assert targets
    assert all(target.startswith(("https://", "#")) for target in targets)
    before = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"https://host\.test/owner/name/(?:blob|raw)/v1\.2\.3/([^)\s\"#]+)", text)
    assert all((ROOT / name).exists() for name in named)
    assert len(re.findall(r"\]\(", before)) == len(re.findall(r"\]\(", text))
    urls = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert urls["Source"] == "https://host.test/owner/name"
    assert _project()["urls"].items() < urls.items()


@pytest.mark.parametrize("address", ["host.test/owner/name", "https://host.test/owner/name/", "http://a b"])
def test_what_is_no_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is no address such as"):
        _addresses().main(address, "v1", tmp_path)


def test_every_file_of_the_package_goes_into_the_wheel() -> None:
    """Package data are told by patterns: a folder that is in none would be missing in every installation."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]["asm_hybrid"]
    package = ROOT / "asm_hybrid"
    listed = {path for pattern in patterns for path in package.glob(pattern) if path.is_file()}
    data = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert data
    assert data <= listed, sorted(str(path) for path in data - listed)
