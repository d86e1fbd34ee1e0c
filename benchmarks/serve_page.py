"""Time the local page: from the click on Run to the plot, and to the first page; and measure its memory.

Run ``python benchmarks/serve_page.py`` from the repository root; it needs Chromium and chromedriver. The last line of
the output is JSON.

A program serves BSM1. A headless Chromium opens its page, changes the aeration of the last tank and clicks *Run*, again
and again with another value. The time ends when the chart of the effluent holds the new curve; it is taken in the
browser, at the first frame in which the curve is there. The base case is kept between runs, as it is for people. Each
scenario is new.

Memory is the resident memory of the program and all of its processes: while the plants are at hand, and after the
process that holds them has ended, because nothing was asked of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from serve_tools import Person, serving, start_chromium

CLICK_TO_PLOT, FIRST_PAGE, IDLE_MB = 3.0, 2.0, 300.0
"""What is wanted at most [s, s, MB]."""
LABEL = "kLa of tank_5 [1/d]"
MEASURE = """
const done = arguments[arguments.length - 1], began = performance.now();
const last = () => {
  const box = document.querySelector('.ah-charts .nicegui-echart');
  const chart = box && getElement(+box.id.slice(1)).chart;
  const series = chart ? chart.getOption().series : [];
  return series.length > 1 ? JSON.stringify(series[1].data.slice(-1)) : '';
};
const before = last();
[...document.querySelectorAll('.ah-bar button')][0].click();
const look = () => last() !== before && last() !== '' ? done((performance.now() - began) / 1000)
  : requestAnimationFrame(look);
look();
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--idle", type=float, default=200.0, help="time to wait until the process of the plants ends [s]"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with serving("bsm1", folder=Path(folder)) as served:
            started = time.perf_counter() - began
            person = Person(start_chromium(), Path(folder))
            began = time.perf_counter()
            person.goes(served.page("/plant"))
            person.sees("flow sheet and scenarios")
            first = time.perf_counter() - began
            person.one("[data-place]")
            drawn = time.perf_counter() - began
            person.sees("Simulated:")
            person.driver.set_script_timeout(60)
            times = []
            for i in range(options.rounds):
                person.types(LABEL, f"{100 + i}")
                person.sees("press Run")
                times.append(float(person.driver.execute_async_script(MEASURE)))
                person.sees("base case and 1 scenario")
                print(f"click to plot: {times[-1]:.2f} s", flush=True)
            warm = memory(served.process.pid)
            person.driver.quit()
            time.sleep(options.idle)
            idle = memory(served.process.pid)
    found = {
        "click_to_plot_median_s": round(statistics.median(times), 2),
        "click_to_plot_worst_s": round(max(times), 2),
        "rounds": len(times),
        "first_page_s": round(first, 2),
        "flow_sheet_s": round(drawn, 2),
        "start_s": round(started, 2),
        "memory_warm_MB": round(warm),
        "memory_idle_MB": round(idle),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))
    met = found["click_to_plot_median_s"] < CLICK_TO_PLOT and first < FIRST_PAGE and idle < IDLE_MB
    return 0 if met else 1


def memory(pid: int) -> float:
    """Return the resident memory of a process and of all that it started [MB]."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    own, size = {pid}, -1
    while len(own) != size:
        size = len(own)
        own |= {child for child, parent, _ in rows if parent in own}
    return sum(rss for child, _, rss in rows if child in own) / 1024


if __name__ == "__main__":
    sys.exit(main())
