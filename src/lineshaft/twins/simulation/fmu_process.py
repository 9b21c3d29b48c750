"""The process in which an FMU runs: columns in on stdin, columns out on stdout, as npz.

python -m lineshaft.twins.simulation.fmu_process FILE MEMORY_MB OUTPUT,OUTPUT
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
from typing import Any

import numpy as np


def main(file: str, memory_mb: str, outputs: str) -> None:
    """Simulate once."""
    bound = int(memory_mb) << 20
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = os.dup(1)
    os.dup2(2, 1)  # what the FMU prints must not get into the answer
    from fmpy import simulate_fmu

    with np.load(io.BytesIO(sys.stdin.buffer.read())) as question:
        t = question["t"]
        inputs = {name[3:]: question[name] for name in question.files if name.startswith("in:")}
        values = {name[4:]: float(question[name]) for name in question.files if name.startswith("set:")}
    wanted = outputs.split(",") if outputs else []
    signals = np.zeros(len(t), dtype=[("time", "f8"), *((name, "f8") for name in inputs)])
    signals["time"] = t
    for name, column in inputs.items():
        signals[name] = column
    step = float(np.diff(t).min())
    result = simulate_fmu(
        file,
        start_time=float(t[0]),
        stop_time=float(t[-1]),
        output_interval=step,
        start_values=values,
        input=signals if inputs else None,
        output=wanted,
    )
    at = np.clip(np.searchsorted(result["time"], t - step / 2), 0, len(result) - 1)
    body = io.BytesIO()
    columns: dict[str, Any] = {name: result[name][at].astype(np.float64) for name in wanted}
    np.savez(body, **columns)
    with os.fdopen(answer, "wb") as out:
        out.write(body.getvalue())


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main(*sys.argv[1:4])
