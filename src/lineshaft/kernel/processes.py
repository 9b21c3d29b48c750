"""Keeps child processes alive, and lets somebody else take over when the keeper itself dies.

Every child has a pid file in `<data>/run/`. A keeper that starts finds living children there and
adopts them instead of starting a second copy; it watches them through pid descriptors, which works
for processes that are not its own children. So `kill -9` of any one process, the keeper included,
leaves the others running and is mended within a second or two.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .errors import Unavailable
from .log import get_log
from .tasks import backoff

log = get_log("kernel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A child process: what to run and where it writes what it prints."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    """Its output is appended here; None shows it on our terminal."""
    stop_within_s: float = 10.0


class Keeper:
    """Runs programs, restarts those that end, stops them in reverse order."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._programs: list[Program] = []
        self._pids: dict[str, int] = {}
        self._owned: set[int] = set()
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def start(self, program: Program, *, ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start a program, or adopt the one that runs already, and wait until it is ready."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._programs.append(program)
        pid = living_pid(self._folder, program.name)
        if pid is None:
            self._spawn(program)
        else:
            log.info("adopted a running process", process=program.name, pid=pid)
            self._pids[program.name] = pid
        self._watchers[program.name] = asyncio.create_task(self._watch(program), name=f"watch {program.name}")
        if ready is not None:
            await ready()

    def pid(self, name: str) -> int | None:
        return self._pids.get(name)

    async def stop(self) -> None:
        """Ask every program to end, last started first; kill what does not listen."""
        self._stopping = True
        for program in reversed(self._programs):
            watcher = self._watchers.pop(program.name, None)
            if watcher is not None:
                watcher.cancel()
            await self._end(program)
        self._programs.clear()

    def leave(self) -> None:
        """Stop watching but let the programs run on."""
        self._stopping = True
        for watcher in self._watchers.values():
            watcher.cancel()

    def _spawn(self, program: Program) -> None:
        files: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        if program.output:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            files += [(os.POSIX_SPAWN_OPEN, 1, str(program.output), flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
        try:
            pid = os.posix_spawn(
                program.argv[0], program.argv, {**os.environ, **program.env}, file_actions=files, setsid=True
            )
        except OSError as error:
            raise Unavailable(
                f"{program.name} cannot be started: {error}.", hint=f"Is {program.argv[0]} installed and executable?"
            ) from error
        self._pids[program.name] = pid
        self._owned.add(pid)
        _write_pid(self._folder, program.name, pid)

    def _reap(self, pid: int) -> int | None:
        """The exit code of a child of ours that has ended; None for an adopted process."""
        if pid not in self._owned:
            return None
        self._owned.discard(pid)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    async def _watch(self, program: Program) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            pid = self._pids[program.name]
            await gone(pid)
            code = self._reap(pid)
            if self._stopping:
                return
            attempt = 0 if loop.time() - began > 10 else attempt + 1
            pause = 0.0 if attempt == 0 else backoff(attempt, first_s=0.1, most_s=5)
            log.warning(
                "a process ended and is started again",
                process=program.name,
                pid=pid,
                exit=code,
                pause_s=round(pause, 2),
            )
            await asyncio.sleep(pause)
            self._spawn(program)

    async def _end(self, program: Program) -> None:
        pid = self._pids.pop(program.name, None)
        if pid is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, number)
                await asyncio.wait_for(gone(pid), program.stop_within_s)
                break
            except ProcessLookupError:
                break
            except TimeoutError:
                log.warning("a process does not stop and is killed", process=program.name, pid=pid)
        self._reap(pid)
        (self._folder / f"{program.name}.pid").unlink(missing_ok=True)


async def gone(pid: int) -> None:
    """Return when the process has ended, whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def living_pid(folder: Path, name: str) -> int | None:
    """The pid of a running program by its pid file; None when it is gone or the number was reused."""
    try:
        pid, started = (folder / f"{name}.pid").read_text().split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < 0.5
        return int(pid) if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _write_pid(folder: Path, name: str, pid: int) -> None:
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    temporary = folder / f".{name}.pid"
    temporary.write_text(f"{pid} {started}")
    temporary.replace(folder / f"{name}.pid")


def note_self(folder: Path, name: str) -> None:
    """Write this process's own pid file, so that others can find and adopt it."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_pid(folder, name, os.getpid())
