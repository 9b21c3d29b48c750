"""Values that change often: many writers share a transaction, and none of them touches a document.

    write_values ──▶ waiting ──▶ one transaction: upsert, index, a line of the feed for each write, audit
                                 ▲ while it syncs, the next ones gather

A write that is wrong or not allowed fails alone; those that shared its transaction do not notice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from posixpath import commonpath
from typing import TypeAlias

import orjson

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins.errors import Sealed
from lineshaft.twins.metamodel.errors import BadValue, NoElement
from lineshaft.twins.metamodel.paths import place_of
from lineshaft.twins.metamodel.values import lexical
from lineshaft.twins.model.record import RECORD
from lineshaft.twins.model.repository import Kind, Verb
from lineshaft.twins.store import feed, hot, records
from lineshaft.twins.store.feed import Line
from lineshaft.twins.store.hot import Target

from .desk import Denied, Desk, missing
from .sight import Sight

WRITE = "twins.values.write"
MOST = 1_000
"""Values of one transaction."""
TYPES_KEPT = 500_000
_NAMED = 20
Along: TypeAlias = Callable[[Transaction], Awaitable[None]]
"""What is done in the same transaction."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    who: Who
    id: str
    values: Mapping[str, str | None]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    target: Target | None = None


class Values:
    """Writes hot values."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._types: dict[tuple[int, str], tuple[int, str | None]] = {}
        """Of elements by (document, path): the version of the document they were looked up in, and their type."""

    async def write(self, who: Who, id_: str, values: Mapping[str, str | None]) -> None:
        """Returns once all values of this write are on disk; when one is wrong, none is written."""
        if not values:
            return
        waiting = _Waiting(who=await self._desk.guard.current(who), id=id_, values=dict(values))
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            await waiting.done
        except Denied as denied:
            await self._desk.guard.require(who, denied.role, denied.place, denied.action)
            raise

    async def write_along(self, who: Who, id_: str, values: Mapping[str, str | None], along: Along) -> None:
        """The same in a transaction of its own, in which something else is done too: both, or neither."""
        async with self._desk.writing(who) as (tx, now):
            waiting = _Waiting(who=now, id=id_, values=dict(values))
            types = await self._look_up(tx, [waiting])
            _check(waiting, Sight(now.sees()), types)
            assert waiting.target is not None
            _open(waiting, await records.scrapped(tx, [waiting.target.place]))
            await self._write(tx, [waiting], types)
            await along(tx)

    async def _run(self) -> None:
        while self._waiting:
            some = self._take()
            try:
                await self._commit(some)
            except Exception as error:
                _settle(some, error)
            except BaseException:
                _settle(some, asyncio.CancelledError())
                raise

    def _take(self) -> list[_Waiting]:
        some: list[_Waiting] = []
        size = 0
        while self._waiting and (not some or size + len(self._waiting[0].values) <= MOST):
            waiting = self._waiting.popleft()
            if not waiting.done.done():  # else its sender gave up
                some.append(waiting)
                size += len(waiting.values)
        return some

    async def _commit(self, some: Sequence[_Waiting]) -> None:
        async with self._desk.db.begin() as tx:
            await feed.lock(tx)
            types = await self._look_up(tx, some)
            sights = {who: Sight(who.sees()) for who in {waiting.who for waiting in some}}
            gone = await records.scrapped(tx, {one.target.place for one in some if one.target is not None})
            good = [waiting for waiting in some if _fits(waiting, sights[waiting.who], types, gone)]
            if good:
                await self._write(tx, good, types)
        _settle(some, None)

    async def _look_up(self, tx: Transaction, some: Sequence[_Waiting]) -> dict[tuple[int, str], str | None]:
        found = await hot.targets(tx, int(Kind.SUBMODEL), {waiting.id for waiting in some})
        types: dict[tuple[int, str], str | None] = {}
        unknown: dict[tuple[int, str], int] = {}
        for waiting in some:
            target = waiting.target = found.get(waiting.id)
            if target is None:
                continue
            for path in waiting.values:
                key, version = (target.number, path), target.version
                kept = self._types.get(key)
                if kept is not None and kept[0] == version:
                    types[key] = kept[1]
                else:
                    unknown[key] = version
        for key, type_ in (await hot.types(tx, unknown)).items() if unknown else ():
            types[key] = type_
            self._types[key] = (unknown[key], type_)
        if len(self._types) > TYPES_KEPT:
            self._types.clear()
        return types

    async def _write(
        self, tx: Transaction, good: Sequence[_Waiting], types: Mapping[tuple[int, str], str | None]
    ) -> None:
        now = now_us()
        seqs = await feed.append(tx, now, [_line(waiting) for waiting in good])
        values: dict[tuple[int, str], tuple[str | None, str, int]] = {}
        for waiting, seq in zip(good, seqs, strict=True):
            assert waiting.target is not None
            for path, value in waiting.values.items():
                key = (waiting.target.number, path)
                values[key] = (value, types[key] or "", seq)
        await hot.put(tx, now, values)
        await self._audit(tx, good)

    async def _audit(self, tx: Transaction, good: Sequence[_Waiting]) -> None:
        """One row for each writer: the feed names every value."""
        for who in {waiting.who.id: waiting.who for waiting in good}.values():
            mine = [waiting for waiting in good if waiting.who.id == who.id]
            ids = list(dict.fromkeys(waiting.id for waiting in mine))
            told = {"submodels": ids[:_NAMED], "values": sum(len(waiting.values) for waiting in mine)}
            subject = ids[0] if len(ids) == 1 else f"{len(ids)} submodels"
            await self._desk.guard.record(who, WRITE, subject, after=told, path=_common(mine), tx=tx)


def _settle(some: Sequence[_Waiting], error: BaseException | None) -> None:
    for waiting in some:
        if waiting.done.done():
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)


def _fits(waiting: _Waiting, sight: Sight, types: Mapping[tuple[int, str], str | None], gone: Set[PlantPath]) -> bool:
    """Whether a write may be done; else its writer is told why."""
    try:
        _check(waiting, sight, types)
        _open(waiting, gone)
    except (PlatformError, Denied) as error:
        waiting.done.set_exception(error)
        return False
    return True


def _open(waiting: _Waiting, gone: Set[PlantPath]) -> None:
    """Refuse values of what was scrapped, and of life-cycle records."""
    target = waiting.target
    assert target is not None
    records.check_alive(target.place, gone)
    if target.semantic == RECORD:
        raise Sealed(f"The life-cycle record {waiting.id[:200]} is only ever added to.")


def _check(waiting: _Waiting, sight: Sight, types: Mapping[tuple[int, str], str | None]) -> None:
    target, who = waiting.target, waiting.who
    if target is None:
        missing(Kind.SUBMODEL, waiting.id)
    whole = sight.whole(target.place)
    if not whole and not sight.partly(target.place):
        missing(Kind.SUBMODEL, waiting.id)
    for path, value in waiting.values.items():
        place = f"{target.place}/{place_of(path)}"
        key = (target.number, path)
        if key not in types or not (whole or sight.whole(place)):
            raise NoElement(f"There is no element at {path[:200]!r}.")
        if not who.may(Role.OPERATOR, place):
            raise Denied(Role.OPERATOR, place, WRITE)
        type_ = types[key]
        if type_ is None:
            raise BadValue(path, "only the value of a property can be written by itself")
        if value is not None:
            lexical(type_, value, path)


def _line(waiting: _Waiting) -> Line:
    target = waiting.target
    assert target is not None
    return Line(
        kind=Kind.SUBMODEL,
        document=target.number,
        id=waiting.id,
        place=target.place,
        verb=Verb.VALUES,
        version=target.version,
        by=waiting.who.name,
        body=orjson.dumps(dict(waiting.values)),
    )


def _common(some: Sequence[_Waiting]) -> str:
    """The part of the plant that holds all of them: what the first and the last in the order of places share."""
    places = {f"{waiting.target.place}/" for waiting in some if waiting.target is not None}
    return commonpath((min(places), max(places)))
