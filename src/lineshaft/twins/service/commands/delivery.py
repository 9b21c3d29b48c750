"""Sends desires to machines until they acknowledge, say no, or the desire expires.

    due ─▶ claim ─▶ still allowed? ─▶ write through edge ─▶ read back ─▶ acknowledged, or look again later
                                        away: again, later    no: refused

A desire is claimed with a lease, so several processes may deliver; what a killed one had begun is taken up when its
lease ends, and then the machine is asked first whether it has the value already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from lineshaft.edge import CannotAsk, Edge, NoTag
from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, PlatformError, Timeout, Unavailable
from lineshaft.kernel.terms import Grade, Value
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import store
from lineshaft.twins.errors import NoTwin
from lineshaft.twins.events import DesireOverdue, DesireSettled
from lineshaft.twins.model.desire import Desire, Stage
from lineshaft.twins.model.live import same
from lineshaft.twins.model.types import Property
from lineshaft.twins.service.twins import Twins

LEASE_S = 25.0
"""Longer than a write may take."""
LOOK_S = 0.5
"""How often to look whether a machine that took a value reports it."""
SLOWEST_S = 10.0
MOST = 50
OF_ONE_MACHINE = 4
"""At once: others must not wait for a machine that is silent."""
_LOOKED_AT = 1_000
_GONE = "The property is no longer there."


class Delivery:
    """Sends desires; whoever runs it calls `due` and `deliver`."""

    def __init__(self, db: Database, guard: Guard, twins: Twins, edge: Edge) -> None:
        self._db = db
        self._guard = guard
        self._twins = twins
        self._edge = edge

    async def due(self, busy: Mapping[str, int] = MappingProxyType({})) -> list[Desire]:
        """Claim what should be sent or looked at now, a few of each machine; `busy` are those under way already."""
        now = now_us()
        async with self._db.read() as tx:
            found = _some_of_each(await store.due_desires(tx, now, _LOOKED_AT), busy)
        if not found:
            return []
        tried = [one if one.sent_us else replace(one, attempts=one.attempts + 1) for one in found]
        async with self._db.begin() as tx:
            return [one for one in tried if await store.claim(tx, one, now, now + int(LEASE_S * MICROS))]

    async def wait_s(self) -> float:
        """How long until something is due, at most a second."""
        async with self._db.read() as tx:
            due = await store.next_due(tx)
        return 1.0 if due is None else min(1.0, max(0.02, (due - now_us()) / MICROS))

    async def hurry(self, place: str) -> None:
        """A machine is back: look at once at what waits for it."""
        async with self._db.begin() as tx:
            await store.hurry(tx, place, now_us())

    async def alarm(self) -> None:
        """Tell of desires whose acknowledgement is late, once each."""
        now = now_us()
        async with self._db.read() as tx:
            late = await store.overdue_desires(tx, now)
        for desire in late:
            async with self._db.begin() as tx:
                if await store.mark_overdue(tx, desire):
                    await tx.announce(
                        DesireOverdue(
                            path=desire.path,
                            series=desire.series,
                            number=desire.number,
                            value=desire.shown,
                            by=desire.by.name,
                            message=desire.message,
                        )
                    )

    async def deliver(self, desire: Desire) -> None:
        """Do what is due for a claimed desire, and keep what became of it."""
        if desire.expires_us <= now_us():
            await self._settle(desire, Stage.TIMED_OUT, desire.message or "The machine did not acknowledge it in time.")
            return
        try:
            prop = await self._property(desire)
            after = await (self._look(desire, prop) if desire.sent_us else self._send(desire, prop))
        except (Unavailable, Timeout, NoTag) as error:
            await self._again(replace(desire, message=error.message))
        except PlatformError as error:
            await self._settle(desire, Stage.REFUSED, error.message)
        else:
            await self._took(after)

    # ---- one attempt ----

    async def _property(self, desire: Desire) -> Property:
        """The property as it is now: it may have been taken away, or have another type."""
        twin = await self._twins.find(PLATFORM, desire.path.parent or desire.path)
        point = twin.find(desire.path.name) if twin else None
        if point is None or point.series != desire.series:
            raise NoTwin(_GONE)
        return point.property

    async def _send(self, desire: Desire, prop: Property) -> Desire:
        """Write it; a desire tried before may have arrived, so the machine is asked first."""
        who = await self._guard.lasting(desire.by)
        if who is None:
            raise Forbidden(f"{desire.by.name} may no longer sign in.", hint="Somebody else has to set it.")
        if desire.attempts > 1 and same(reported := await self._ask(desire, prop), desire.shown):
            return replace(desire, reported=reported, sent_us=now_us())
        result = await self._edge.write(who, desire.series, desire.value)
        confirmed = result.applied and result.read_back is not None
        return replace(
            desire,
            reported=desire.shown if confirmed else prop.label(result.read_back),
            sent_us=now_us(),
            message="" if result.applied else result.message,
        )

    async def _look(self, desire: Desire, prop: Property) -> Desire:
        """It was taken: does the machine report it by now?"""
        try:
            return replace(desire, reported=await self._ask(desire, prop))
        except (Timeout, Unavailable):
            return desire

    async def _ask(self, desire: Desire, prop: Property) -> Value | None:
        """What the machine says now; of one that cannot be asked, what it told last, when that is good."""
        try:
            return prop.label((await self._edge.read(PLATFORM, desire.series, within_s=2.0)).value)
        except CannotAsk:
            known = await self._twins.now.newest(desire.series)
            good = known is not None and known.quality.grade is Grade.GOOD
            return prop.label(known.value) if known is not None and good else None

    # ---- what became of it ----

    async def _took(self, desire: Desire) -> None:
        if same(desire.reported, desire.shown):
            await self._settle(replace(desire, message=""), Stage.ACKNOWLEDGED, "")
            return
        says = f"The machine took it and reports {desire.reported!r}."
        waits = "The machine took it and has not reported it."
        async with self._db.begin() as tx:
            message = waits if desire.reported is None else says
            await store.release(tx, replace(desire, message=message), self._next(desire, LOOK_S))

    async def _again(self, desire: Desire) -> None:
        pause = min(SLOWEST_S, 0.5 * 2 ** min(desire.attempts, 6))
        async with self._db.begin() as tx:
            await store.release(tx, desire, self._next(desire, pause))

    def _next(self, desire: Desire, pause_s: float) -> int:
        """When to look again: after a pause, but not after it has expired."""
        return min(now_us() + int(pause_s * MICROS), desire.expires_us)

    async def _settle(self, desire: Desire, stage: Stage, message: str) -> None:
        now = now_us()
        settled = replace(desire, stage=stage, stage_us=now, message=message)
        async with self._db.begin() as tx:
            if not await store.release(tx, settled, now):
                return
            said = {"number": desire.number, "value": desire.shown, "stage": stage.value, "message": message}
            await self._guard.record(desire.by, "twins.desire.settle", desire.path, after=said, tx=tx)
            await tx.announce(
                DesireSettled(
                    path=desire.path,
                    series=desire.series,
                    number=desire.number,
                    value=desire.shown,
                    stage=stage.value,
                    reported=desire.reported,
                    by=desire.by.name,
                    message=message,
                )
            )


def machine_of(desire: Desire) -> str:
    """Whose turn it is: desires of one machine wait for each other."""
    return str(desire.path.parent or desire.path)


def _some_of_each(found: Iterable[Desire], busy: Mapping[str, int]) -> list[Desire]:
    taken, some = Counter(busy), list[Desire]()
    for desire in found:
        machine = machine_of(desire)
        if taken[machine] < OF_ONE_MACHINE and len(some) < MOST:
            taken[machine] += 1
            some.append(desire)
    return some
