"""Resident memory of `lineshaft demo` in all its processes, device fakes included.

    python bench/memory.py [--quick] [--minutes 10]

The figure is the sum of RSS, which counts shared pages in every process; PSS, which counts them once, stands beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from lineshaft.kernel.processes import living_pid
from report import figure, table


def family(run: Path) -> dict[str, psutil.Process]:
    """The demo's processes by name."""
    found = {file.stem: living_pid(run, file.stem) for file in run.glob("*.pid")}
    return {name: psutil.Process(pid) for name, pid in found.items() if pid is not None}


def main(minutes: float) -> None:
    with tempfile.TemporaryDirectory(prefix="lineshaft-") as folder:
        data = Path(folder) / "data"
        argv = [sys.executable, "-m", "lineshaft.cli", "demo", "--data", str(data), "--port", "0"]
        started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            began = time.monotonic()
            while not (data / "run" / "ready.txt").exists():
                time.sleep(0.1)
                assert time.monotonic() - began < 60, "the demo did not start"
            ready_s = time.monotonic() - began
            time.sleep(minutes * 60)
            rows, rss, pss = [], 0.0, 0.0
            for name, process in sorted(family(data / "run").items()):
                memory = process.memory_full_info()
                rows.append((name, memory.rss / 1e6, memory.pss / 1e6))
                rss, pss = rss + memory.rss / 1e6, pss + memory.pss / 1e6
            rows.append(("all", rss, pss))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(started.pid, signal.SIGTERM)
            started.wait(30)
    method = f"`lineshaft demo` after {minutes:g} minutes; ready {ready_s:.1f} s after its start"
    table("Memory of the demo", ("process", "RSS MB", "PSS MB"), rows, method=method)
    figure("rss_mb", rss, "MB")
    figure("ready_s", ready_s, "s")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--minutes", type=float, default=10)
    told = words.parse_args()
    main(0.25 if told.quick else told.minutes)
