"""Life-cycle records over HTTP: what happened to a twin since it was engineered, and entries people add."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from lineshaft.kernel.clock import from_us, now_us, to_us
from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.model.record import Account, Entry, Happening, Phase
from lineshaft.twins.service import Repository

Caller = Annotated[Who, Depends(caller)]


class EntryOut(BaseModel):
    """One thing that happened."""

    happening: Happening
    at: datetime
    by: str
    text: str
    party: str
    until: datetime | None
    was: str
    now: str
    fact: str

    @classmethod
    def of(cls, entry: Entry) -> EntryOut:
        names = ("by", "text", "party", "was", "now", "fact")
        until = None if entry.until_us is None else from_us(entry.until_us)
        said = {name: getattr(entry, name) for name in names}
        return cls(happening=entry.kind, at=from_us(entry.at_us), until=until, **said)


class AccountOut(BaseModel):
    """A record: what it comes down to, and entries, the newest first; `next` is `before` of the page of older ones."""

    phase: Phase
    owner: str
    place: str
    count: int
    operating_hours: float | None
    entries: list[EntryOut]
    next: int | None

    @classmethod
    def of(cls, account: Account) -> AccountOut:
        life = account.life
        return cls(
            phase=life.phase,
            owner=life.owner,
            place=life.place,
            count=life.entries,
            operating_hours=account.operating_hours,
            entries=[EntryOut.of(entry) for entry in account.entries],
            next=account.after,
        )


class NewEntry(BaseModel):
    """An entry to add. `at` is when it happened, by default now; `key` adds what is sent twice once."""

    twin: str
    happening: Happening
    text: str = ""
    party: str = ""
    at: AwareDatetime | None = None
    until: AwareDatetime | None = None
    key: str = ""


def router(repository: Repository) -> APIRouter:
    """The routes of records, below /api/v1."""
    api = APIRouter(prefix="/twins/record", tags=["twins"])

    @api.get("")
    async def record(
        who: Caller,
        twin: str,
        before: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> AccountOut:
        """The life-cycle record of a twin, by plant path or by the id of its shell."""
        return AccountOut.of(await repository.records.of(who, twin, before=before, limit=limit))

    @api.post("", status_code=201)
    async def add(who: Caller, body: NewEntry) -> EntryOut:
        """Add an entry; 409 once the twin was scrapped, or when the key was sent with another entry."""
        entry = Entry(
            fact="",
            kind=body.happening,
            at_us=now_us() if body.at is None else to_us(body.at),
            by="",
            text=body.text,
            party=body.party,
            until_us=None if body.until is None else to_us(body.until),
        )
        return EntryOut.of(await repository.records.add(who, body.twin, entry, key=body.key))

    return api
