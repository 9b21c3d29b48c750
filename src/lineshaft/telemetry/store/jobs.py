"""Remembers files that are imported, or were, in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.db import METADATA, Database, Transaction
from lineshaft.telemetry.model import Job, JobState, RowTrouble

IMPORTS = sa.Table(
    "telemetry_imports",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner_id", sa.String(80), nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("bad", sa.BigInteger, nullable=False),
    sa.Column("troubles", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("beat_us", sa.BigInteger, nullable=False),
    sa.Column("ended_us", sa.BigInteger),
)
_OPEN = (JobState.WAITING.value, JobState.RUNNING.value)
MOST_TROUBLES = 100


class Jobs:
    """The table of imports."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Transaction, job: Job, *, owner_id: str, who: str, file: str, layout: str) -> None:
        """Write down a new import, as part of a transaction."""
        values = {**_row(job), "owner_id": owner_id, "who": who, "file": file, "layout": layout}
        await tx.execute(sa.insert(IMPORTS).values(id=job.id, **values, created_us=now_us(), beat_us=0))

    async def find(self, job_id: str) -> tuple[Job, str] | None:
        """An import and the id of its owner."""
        async with self._db.read() as tx:
            row = await tx.first(sa.select(IMPORTS).where(IMPORTS.c.id == job_id))
        return (_job(row), row["owner_id"]) if row else None

    async def list_(self, *, owner_id: str = "", before: str = "", limit: int = 50) -> list[Job]:
        """Imports, newest first; of one owner unless empty."""
        wanted = sa.select(IMPORTS).order_by(IMPORTS.c.id.desc()).limit(limit)
        if owner_id:
            wanted = wanted.where(IMPORTS.c.owner_id == owner_id)
        if before:
            wanted = wanted.where(IMPORTS.c.id < before)
        async with self._db.read() as tx:
            return [_job(row) for row in await tx.all(wanted)]

    async def unfinished(self) -> Sequence[sa.RowMapping]:
        """The rows of imports that wait or run, oldest first."""
        async with self._db.read() as tx:
            return await tx.all(sa.select(IMPORTS).where(IMPORTS.c.state.in_(_OPEN)).order_by(IMPORTS.c.id))

    async def claim(self, job_id: str, *, idle_us: int) -> bool:
        """Take an import on, unless somebody else showed signs of life lately."""
        stale = now_us() - idle_us
        wanted = sa.and_(IMPORTS.c.id == job_id, IMPORTS.c.state.in_(_OPEN), IMPORTS.c.beat_us < stale)
        async with self._db.begin() as tx:
            done = await tx.execute(
                sa.update(IMPORTS).where(wanted).values(beat_us=now_us(), state=JobState.RUNNING.value)
            )
        return done.rowcount == 1

    async def note(self, job: Job) -> bool:
        """Write progress down; False when the import was cancelled meanwhile, which then stands."""
        async with self._db.begin() as tx:
            done = await tx.execute(
                sa.update(IMPORTS)
                .where(IMPORTS.c.id == job.id, IMPORTS.c.state != JobState.CANCELLED.value)
                .values(**_row(job), beat_us=now_us(), ended_us=None if job.state.is_open else now_us())
            )
        return done.rowcount == 1

    async def cancel(self, tx: Transaction, job_id: str) -> bool:
        """Mark an import that has not ended as cancelled."""
        wanted = sa.and_(IMPORTS.c.id == job_id, IMPORTS.c.state.in_(_OPEN))
        done = await tx.execute(
            sa.update(IMPORTS).where(wanted).values(state=JobState.CANCELLED.value, ended_us=now_us())
        )
        return done.rowcount == 1


def _row(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "state": job.state.value,
        "rows": job.rows,
        "total": job.total,
        "written": job.written,
        "bad": job.bad,
        "troubles": msgspec.json.encode(job.troubles).decode(),
        "message": job.message,
    }


def _job(row: sa.RowMapping) -> Job:
    return Job(
        id=row["id"],
        name=row["name"],
        state=JobState(row["state"]),
        rows=row["rows"],
        total=row["total"],
        written=row["written"],
        bad=row["bad"],
        troubles=msgspec.json.decode(row["troubles"], type=tuple[RowTrouble, ...]),
        message=row["message"],
        created_at=from_us(row["created_us"]),
        ended_at=None if row["ended_us"] is None else from_us(row["ended_us"]),
    )
