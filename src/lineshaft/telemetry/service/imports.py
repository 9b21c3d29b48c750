"""Imports files of samples in the background: looked through first, then written block by block.

A file is kept in the data folder until it is done, so that a restarted process goes on by itself.
Blocks that were written before are written again: the same samples, which the store keeps once. Nothing is
written of a file when one of its paths lies outside what its owner may write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.kernel.clock import MICROS, now
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import backoff, in_thread
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry.errors import NoJob, TooLarge, TooManyBadRows
from lineshaft.telemetry.files import Block, Layout, read_blocks, survey
from lineshaft.telemetry.model import Job, JobState
from lineshaft.telemetry.store.jobs import MOST_TROUBLES, Jobs

from .intake import Intake

log = get_log("telemetry")
ROWS_PER_MESSAGE = 5_000
LOOK_EVERY_S = 2.0
IDLE_US = 30 * MICROS
"""Whoever works on an import says so more often than this; after it somebody else takes over."""
MOST_BAD = 10_000
"""Bad rows after which an import is given up: the file is something else."""


@dataclass(slots=True)
class _Progress:
    """An import while it runs."""

    job: Job

    def add(self, block: Block) -> None:
        job = self.job
        room = MOST_TROUBLES - len(job.troubles)
        self.job = replace(
            job,
            rows=job.rows + block.rows,
            written=job.written + len(block.batch),
            bad=job.bad + len(block.bad),
            troubles=(*job.troubles, *block.bad[:room]),
        )


class Imports:
    """Files to be imported, and how far they are; `run` is the worker."""

    def __init__(self, db: Database, guard: Guard, intake: Intake, *, folder: Path, most_mb: int = 4096) -> None:
        self._db = db
        self._guard = guard
        self._intake = intake
        self._jobs = Jobs(db)
        self._folder = folder
        self._most = most_mb << 20
        self._wake = asyncio.Event()

    async def start(self, who: Who, name: str, body: AsyncIterator[bytes], layout: Layout) -> Job:
        """Take a CSV or Parquet file and return the job that imports it.

        Raises Forbidden when `who` may write nowhere, TooLarge when the file is; then nothing is kept.
        """
        if not any(grant.role >= Role.ENGINEER for grant in who.grants):
            await self._guard.require(who, Role.ENGINEER, "", "telemetry.import")
        job = Job(id=new_id(), name=name[:200] or "import", created_at=now())
        file = self._folder / job.id
        try:
            await self._keep(file, body)
            encoded = msgspec.json.encode(who).decode(), msgspec.json.encode(layout).decode()
            async with self._db.begin() as tx:
                await self._jobs.add(tx, job, owner_id=who.id, who=encoded[0], file=str(file), layout=encoded[1])
                await self._guard.record(
                    who, "telemetry.import", f"import:{job.id}", after={"name": name}, path="", tx=tx
                )
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        self._wake.set()
        return job

    async def get(self, who: Who, job_id: str) -> Job:
        """How far an import is; one's own, or any for administrators."""
        found = await self._jobs.find(job_id)
        if found is None or not (found[1] == who.id or self._guard.allowed(who, Role.ADMIN, "")):
            raise NoJob(f"There is no import {job_id!r}.", hint="See the list of imports.")
        return found[0]

    async def list_(self, who: Who, *, before: str = "", limit: int = 50) -> list[Job]:
        """One's own imports, newest first; all for administrators. `before` is the last id had."""
        everything = self._guard.allowed(who, Role.ADMIN, "")
        return await self._jobs.list_(owner_id="" if everything else who.id, before=before, limit=limit)

    async def cancel(self, who: Who, job_id: str) -> Job:
        """Stop an import; what was written stays."""
        job = await self.get(who, job_id)
        async with self._db.begin() as tx:
            if await self._jobs.cancel(tx, job_id):
                await self._guard.record(who, "telemetry.import.cancel", f"import:{job_id}", path="", tx=tx)
        await in_thread((self._folder / job.id).unlink, missing_ok=True)
        return await self.get(who, job.id)

    async def run(self) -> None:
        """Work on what waits, one file after the other, for ever."""
        while True:
            for row in await self._jobs.unfinished():
                if await in_thread(Path(row["file"]).exists) and await self._jobs.claim(row["id"], idle_us=IDLE_US):
                    await self._work(row)
            self._wake.clear()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _keep(self, file: Path, body: AsyncIterator[bytes]) -> None:
        await in_thread(self._folder.mkdir, parents=True, exist_ok=True)
        size = 0
        with await in_thread(file.open, "wb") as kept:
            async for piece in body:
                size += len(piece)
                if size > self._most:
                    raise TooLarge(
                        f"The file is larger than {self._most >> 20} MB.",
                        hint="Send it in parts, or raise telemetry.import_most_mb.",
                    )
                await in_thread(kept.write, piece)

    async def _work(self, row: Any) -> None:
        who = msgspec.json.decode(row["who"], type=Who)
        layout = msgspec.json.decode(row["layout"], type=Layout)
        found = await self._jobs.find(row["id"])
        if found is None:
            return
        progress = _Progress(replace(found[0], state=JobState.RUNNING, rows=0, written=0, bad=0, troubles=()))
        try:
            await self._import(who, Path(row["file"]), layout, progress)
            ended = replace(progress.job, state=JobState.DONE)
        except PlatformError as error:
            ended = replace(progress.job, state=JobState.FAILED, message=str(error))
        except Exception as error:
            message = f"The import stopped at row {progress.job.rows:,}: {type(error).__name__}: {error}."
            ended = replace(progress.job, state=JobState.FAILED, message=message)
        await self._jobs.note(ended)
        await in_thread(Path(row["file"]).unlink, missing_ok=True)
        log.info("an import ended", name=ended.name, state=ended.state.value, written=ended.written, bad=ended.bad)

    async def _import(self, who: Who, file: Path, layout: Layout, progress: _Progress) -> None:
        sheet = await in_thread(survey, file, layout)
        who = await self._guard.current(who)
        await self._intake.permit(who, sheet.paths)
        progress.job = replace(progress.job, total=sheet.rows)
        blocks = read_blocks(file, layout)
        number = 0
        while (block := await in_thread(next, blocks, None)) is not None:
            await self._write(who, block, f"{progress.job.id}:{number}", progress)
            number += 1
            progress.add(block)
            if not await self._jobs.note(progress.job):
                return
            if progress.job.bad > MOST_BAD:
                raise TooManyBadRows(
                    f"More than {MOST_BAD:,} rows are no samples; the rest of the file was not imported.",
                    hint="Look at the first bad rows and at how the columns were understood.",
                )

    async def _write(self, who: Who, block: Block, msg_id: str, progress: _Progress) -> None:
        """Write one block, waiting as long as the bus is away or full."""
        attempt = 0
        while len(block.batch):
            try:
                await self._intake.write(who, block.batch, rows=ROWS_PER_MESSAGE, msg_id=msg_id)
                return
            except Unavailable as error:
                attempt += 1
                if not await self._jobs.note(replace(progress.job, message=f"Waiting: {error}")):
                    return
                await asyncio.sleep(backoff(attempt, most_s=10))
