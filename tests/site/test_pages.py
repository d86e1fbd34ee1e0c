"""Every block of code on the pages that teach runs, and prints what the page shows."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pages
import pytest
from pages import DATA, NOT_RUN, PageError, blocks, front_matter, make_folder, page_name

PAGES = pages.pages()
BASH = pytest.mark.skipif(sys.platform == "win32", reason="the commands of pages are those of bash")


@BASH
@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path)], ids=page_name)
def test_the_blocks_of_a_page_run_and_print_what_it_shows(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    make_folder(tmp_path)
    for need in front_matter(path).get("needs", []):
        assert need == "quickstart", f"{page_name(path)} needs {need}; only quickstart is at hand"
        shutil.copytree(request.getfixturevalue(need), tmp_path / "runs" / need)
    pages.run(path, tmp_path)


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_every_block_has_a_meaning(path: Path) -> None:
    """A block that nothing runs or compares would go stale in silence."""
    for block in blocks(path):
        if block.kind == "console":
            first = block.text.splitlines()[0]
            assert (page_name(path), first) in NOT_RUN, f"{block.place}: why is it not run? Say so in NOT_RUN"
        else:
            assert block.kind in ("bash", "python", "text", *DATA), f"{block.place}: kind {block.kind!r}"
            assert block.kind in DATA or not block.title, f"{block.place}: only {DATA} are written as files"


def test_what_is_not_run_exists() -> None:
    shown = {(page_name(p), b.text.splitlines()[0]) for p in PAGES for b in blocks(p) if b.kind == "console"}
    assert set(NOT_RUN) <= shown


def made(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a page below a root of its own."""
    monkeypatch.setattr(pages, "ROOT", folder)
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


GOOD = """\
---
needs: []
---
# A page

```yaml title="sub/a.yaml"
a: 1
b: 2
```

=== "Linux"

    ```bash
    cat sub/a.yaml | \\
      sort -r
    echo done
    ```

```text
b: …
…
done
```

```bash
echo wrong; exit 2  # exit code 2
```

```yaml
b: 2
```

```python
from pathlib import Path
n = len(Path("sub/a.yaml").read_text())
```

```python
print("characters:", n)
```

```text
characters: 10
```
"""


@BASH
def test_a_page_that_is_true_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, GOOD, monkeypatch)
    assert front_matter(path) == {"needs": []}
    assert [b.kind for b in blocks(path)] == ["yaml", "bash", "text", "bash", "yaml", "python", "python", "text"]
    pages.run(path, tmp_path)


@BASH
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("b: …\n", "b: 3\n", "page.md:20: not in the output"),
        ("b: …\n…\ndone", "done\nb: …", "page.md:21: not in the output"),
        ("  # exit code 2", "", "page.md:26: the exit code is 2, and should be 0"),
        ("    echo done", "    false", "page.md:16: failed"),
        ("```yaml\nb: 2", "```yaml\nb: 3", "page.md:30: an excerpt that stands in no yaml file"),
        ('sub/a.yaml").read', 'sub/c.yaml").read', 'page.md", line 35'),
        ("characters: 10", "characters: 9", "page.md:43: not in the output"),
        ("```python\nprint", "```pyhton\nprint", "page.md:39: a block of kind 'pyhton' has no meaning"),
        ("characters: 10\n```", "characters: 10", "page.md:42: the block does not end"),
        ('title="sub/a.yaml"', 'title="../a.yaml"', "page.md:7: ../a.yaml is not a file below"),
    ],
)
def test_a_page_that_is_not_true_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    path = made(tmp_path, GOOD.replace(old, new, 1), monkeypatch)
    with pytest.raises(PageError) as caught:
        pages.run(path, tmp_path)
    assert told in str(caught.value)
