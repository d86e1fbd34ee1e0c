"""A study on a disk that runs full: a clear error, a whole journal, and it goes on once there is room.

The journal lies on a file system that holds about half of the outcomes: one in memory where this may mount one (root on
Linux), otherwise a limit on the size of files stands for it. Then there is room, and the study goes on to the same
outcomes, to the bit, as without a journal.

    python benchmarks/reliability/full_disk.py --count 60 --seed 1

The last line is JSON; the exit code is 1 where something is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bsm1_cases import draw_cases, open_bsm1, same

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Pool, run_cases


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Make a folder hold so many bytes; give how that was done, and what makes room."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if mounted:
        try:
            yield "file system", lambda: subprocess.run(["mount", "-o", "remount,size=100%", str(folder)], check=True)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        import resource

        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield "limit on files", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=60, help="cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=2.0, help="that a case simulates")
    parser.add_argument("--workers", type=int, default=2, help="processes that evaluate cases")
    given = parser.parse_args()
    began = time.perf_counter()
    cases, evaluate = draw_cases(given.count, given.seed), partial(open_bsm1, given.days)

    def study(journal: Path | None, workers: int) -> list[Outcome]:
        return run_cases(evaluate, cases, journal, fingerprint="bsm1", pool=Pool(workers))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serial = study(folder / "whole", 1)
        size = (folder / "whole").stat().st_size // 2
        (folder / "disk").mkdir()
        journal, said = folder / "disk" / "journal", ""
        with small_disk(folder / "disk", size) as (how, make_room):
            try:
                study(journal, given.workers)
            except InputError as error:
                said = str(error)
            content = journal.read_bytes()
            kept = content.count(b"\n") - 1
            make_room()
            again = study(journal, given.workers)
            rows = journal.read_bytes().count(b"\n") - 1
    result = {
        "cases": given.count,
        "by": how,
        "error": said.replace(str(folder), ""),
        "kept": kept,
        "whole": content.endswith(b"\n"),
        "equal": same(serial, again),
        "rows": rows,
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result))
    told = "cannot be written" in said and "--resume" in said
    return 0 if told and result["whole"] and result["equal"] and 0 < kept < rows == given.count else 1


if __name__ == "__main__":
    sys.exit(main())
