"""What a run leaves behind, to be compared with another."""

from __future__ import annotations

import json
from pathlib import Path

from asm_hybrid.export import export_run

TIMES = ("created", "seconds")


def content(run: Path) -> dict[str, bytes]:
    """Return every file of a run, times and dates left out."""
    found = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = path.relative_to(run).as_posix()
        if name in ("environment.json", "manifest.json", "report.html"):
            continue
        found[name] = path.read_bytes()
        if name == "summary.json":
            values = json.loads(found[name])
            found[name] = json.dumps({k: v for k, v in values.items() if k not in TIMES}).encode()
    return found


def bundle_of(run: Path, out: Path) -> Path:
    """Export a run as the folder of a bundle, and return it."""
    (bundle,) = export_run(run, "bundle", out).paths["bundle"]
    assert bundle == out
    return bundle
