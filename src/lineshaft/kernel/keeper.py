"""The first process of `lineshaft run`: keeps the others alive and does nothing else.

    python -m lineshaft.kernel.keeper <run folder>

What to keep stands in `<run folder>/plan.json`, written by `lineshaft run` after the configuration
was found right. The keeper imports almost nothing, so it stays small. If it is killed, the worker
starts a new one, which adopts everything that runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from .errors import Conflict
from .log import configure, get_log
from .processes import Keeper, Program, gone, living_pid, note_self

log = get_log("kernel")
_REPLACES = "LINESHAFT_REPLACES_KEEPER"
"""Set for a keeper that takes over: nobody waits at its terminal."""
_PATIENCE_S = 1.0
"""How long a worker waits for somebody else (systemd) to start a new keeper."""


def write_plan(run_folder: Path, programs: Sequence[Program]) -> None:
    """Say what the keeper shall keep, in starting order."""
    run_folder.mkdir(parents=True, exist_ok=True)
    (run_folder / "ready.txt").unlink(missing_ok=True)
    plan = [
        {
            "name": p.name,
            "argv": p.argv,
            "env": dict(p.env),
            "output": str(p.output) if p.output else None,
            "stop_within_s": p.stop_within_s,
        }
        for p in programs
    ]
    temporary = run_folder / ".plan.json"
    temporary.write_text(json.dumps(plan))
    temporary.replace(run_folder / "plan.json")


def require_free(run_folder: Path) -> None:
    """Conflict when a keeper works on this folder; asked before anything of the running one is overwritten."""
    other = living_pid(run_folder, "keeper")
    if other not in (None, os.getpid()):
        raise Conflict(
            f"Lineshaft already runs on this data folder (process {other}).", hint="Stop it first, with Ctrl-C or kill."
        )


def clear(run_folder: Path, *, within_s: float = 15.0) -> None:
    """End what a killed keeper left behind, so that a new plan begins with new processes."""
    left = [psutil.Process(pid) for f in run_folder.glob("*.pid") if (pid := living_pid(run_folder, f.stem))]
    for process in left:
        process.terminate()
    _, alive = psutil.wait_procs(left, timeout=within_s)
    for process in alive:
        process.kill()


def command(run_folder: Path) -> list[str]:
    """How a keeper of this folder is started."""
    return [sys.executable, "-m", "lineshaft.kernel.keeper", str(run_folder)]


async def keep(run_folder: Path) -> None:
    """Run the plan until SIGTERM or SIGINT; prints `ready.txt` once it appears."""
    other = living_pid(run_folder, "keeper")
    if other not in (None, os.getpid()):
        raise SystemExit(f"Lineshaft already runs on this data folder (process {other}); stop it first.")
    note_self(run_folder, "keeper")
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, enough.set)
    keeper = Keeper(run_folder)
    for entry in json.loads((run_folder / "plan.json").read_text()):
        output = Path(entry["output"]) if entry["output"] else None
        await keeper.start(Program(**{**entry, "argv": tuple(entry["argv"]), "output": output}))
    announcing = asyncio.create_task(_announce(run_folder / "ready.txt"))
    if _REPLACES in os.environ:
        announcing.cancel()
    await enough.wait()
    announcing.cancel()
    await keeper.stop()
    (run_folder / "keeper.pid").unlink(missing_ok=True)


async def _announce(ready: Path) -> None:
    while not ready.exists():
        await asyncio.sleep(0.1)
    sys.stdout.write(ready.read_text())
    sys.stdout.flush()


async def guard_keeper(run_folder: Path) -> None:
    """In the worker: when the keeper was killed, start a new one that adopts us all."""
    while True:
        pid = living_pid(run_folder, "keeper")
        if pid is not None:
            await gone(pid)
            if not (run_folder / "keeper.pid").exists():
                return  # it ended on purpose and is ending us as well
        await asyncio.sleep(_PATIENCE_S)
        if living_pid(run_folder, "keeper") is None:
            log.warning("the keeper is gone; starting a new one")
            environment = {**os.environ, _REPLACES: "1"}
            subprocess.Popen(command(run_folder), start_new_session=True, stdin=subprocess.DEVNULL, env=environment)
            await asyncio.sleep(2)


if __name__ == "__main__":
    configure()
    asyncio.run(keep(Path(sys.argv[1])))
