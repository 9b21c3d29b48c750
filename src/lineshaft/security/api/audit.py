"""The audit log over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from lineshaft.kernel.http import Slice, caller, pack_cursor
from lineshaft.security.model import AuditFilter, Outcome, Role, Who
from lineshaft.security.service import Guard
from lineshaft.security.service.ledger import as_csv

from .shapes import AuditShape, key_in

Caller = Annotated[Who, Depends(caller)]


class VerdictShape(BaseModel):
    """What checking the chain found."""

    intact: bool
    rows: int
    broken_at: int | None
    reason: str


def wanted(
    actor: str = "",
    action: str = "",
    subject: str = "",
    text: str = "",
    outcome: Outcome | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> AuditFilter:
    """Which rows: by actor, beginning of the action, subject (and what lies below), any text, outcome, time."""
    return AuditFilter(
        actor=actor,
        action=action,
        subject=subject,
        text=text,
        outcome=outcome,
        start=_aware(start),
        end=_aware(end),
    )


Wanted = Annotated[AuditFilter, Depends(wanted)]


def router(guard: Guard) -> APIRouter:
    """Read, export and check the log; there is no way to change it."""
    api = APIRouter()

    @api.get("/audit")
    async def audit(
        who: Caller, rows: Wanted, cursor: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Slice[AuditShape]:
        """Who did what, newest first."""
        last = key_in(cursor)
        before = int(last) if last.isdecimal() else None
        found = await guard.entries(who, rows, before=before, limit=limit)
        more = pack_cursor(found[-1].seq) if len(found) == limit else None
        return Slice(items=[AuditShape.of(entry) for entry in found], next=more)

    @api.get("/audit.csv", response_class=StreamingResponse)
    async def audit_csv(who: Caller, rows: Wanted) -> StreamingResponse:
        """The same rows as a file, however many."""
        await guard.entries(who, rows, limit=1)  # refuses before the first byte is sent
        return StreamingResponse(
            as_csv(guard.every_entry(who, rows)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="audit.csv"'},
        )

    @api.get("/audit/verify")
    async def verify(who: Caller) -> VerdictShape:
        """Whether the whole log is as it was written."""
        await guard.require(who, Role.ADMIN, "", "security.audit.verify")
        found = await guard.verify()
        return VerdictShape(intact=found.intact, rows=found.rows, broken_at=found.broken_at, reason=found.reason)

    return api


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
