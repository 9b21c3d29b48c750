"""Any one process may be killed; what it kept goes on, and it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from lineshaft.kernel.keeper import command, write_plan
from lineshaft.kernel.processes import Keeper, Program, living_pid

SLEEPER = (sys.executable, "-c", "import time\nwhile True: time.sleep(1)")
WORKER = (
    sys.executable,
    "-c",
    "import asyncio,sys,pathlib\nfrom lineshaft.kernel.keeper import guard_keeper\n"
    "asyncio.run(guard_keeper(pathlib.Path(sys.argv[1])))",
)


async def until(condition, within_s: float = 8.0):
    """Wait for a condition and return its truthy value."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while loop.time() < end:
        if found := condition():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("did not happen in time")


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    await keeper.start(Program(name="sleeper", argv=SLEEPER))
    first = keeper.pid("sleeper")
    os.kill(first, signal.SIGKILL)
    second = await until(lambda: (pid := living_pid(tmp_path, "sleeper")) and pid != first and pid)
    await keeper.stop()
    assert second != first
    assert living_pid(tmp_path, "sleeper") is None


async def test_a_second_keeper_adopts_what_runs(tmp_path: Path) -> None:
    one, two = Keeper(tmp_path), Keeper(tmp_path)
    await one.start(Program(name="sleeper", argv=SLEEPER))
    one.leave()
    await two.start(Program(name="sleeper", argv=SLEEPER))
    assert two.pid("sleeper") == one.pid("sleeper")
    await two.stop()
    await until(lambda: living_pid(tmp_path, "sleeper") is None)


async def test_a_killed_keeper_is_replaced_and_its_programs_are_not_restarted(tmp_path: Path) -> None:
    write_plan(tmp_path, [Program(name="sleeper", argv=SLEEPER), Program(name="worker", argv=(*WORKER, str(tmp_path)))])
    process = subprocess.Popen(command(tmp_path))
    await until(lambda: living_pid(tmp_path, "worker"))
    before = {name: living_pid(tmp_path, name) for name in ("sleeper", "worker")}
    process.kill()
    process.wait()
    replacement = await until(lambda: living_pid(tmp_path, "keeper"), 10)
    await asyncio.sleep(0.3)
    assert {name: living_pid(tmp_path, name) for name in ("sleeper", "worker")} == before
    os.kill(replacement, signal.SIGTERM)
    await until(lambda: living_pid(tmp_path, "sleeper") is None and living_pid(tmp_path, "keeper") is None, 15)


async def test_a_reused_pid_is_not_taken_for_the_program(tmp_path: Path) -> None:
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()} 12345.0")
    assert living_pid(tmp_path, "sleeper") is None
