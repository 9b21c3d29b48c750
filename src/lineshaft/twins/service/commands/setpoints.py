"""Takes what people want properties to be, checks it, and keeps it until machines have acknowledged it.

Everything that can be known to be wrong is refused at once, with nothing stored; the rest is sent by `Delivery`.
A desire that is not acknowledged before it expires is never written later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from lineshaft.edge import Edge
from lineshaft.kernel.clock import now_us, to_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NotSettable, NoTwin, Outdated
from lineshaft.twins.events import DesireMade
from lineshaft.twins.model import Point, Twin
from lineshaft.twins.model.desire import Desire, Patience, Settable, Stage, meant, told
from lineshaft.twins.model.state import PointState
from lineshaft.twins.service.twins import Twins
from lineshaft.twins.settings import TwinsSettings
from lineshaft.twins.submodels.units import read_in

from .interlocks import Interlocks

DESIRE = "twins.desire"
LONGEST = timedelta(days=7)
_CATCHING_UP_US = 5_000_000
"""So long after an acknowledgement the machine may not have told the value it took by itself."""
_LOOK_S = 0.05
_TRIES = 10
"""How often somebody may be faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A value for a property: in its own unit, or in the one named."""

    value: Value
    unit: str = ""
    seen: int | None = None
    """The number of the desire the caller saw, 0 for none; None lets the newest win."""


Wanted: TypeAlias = tuple[Point, Value, int | None]
"""A property, the value it should have, and the number of the desire the caller saw."""


class Setpoints:
    """Desired values of a plant's properties, one for each series."""

    def __init__(
        self, db: Database, guard: Guard, twins: Twins, edge: Edge, interlocks: Interlocks, settings: TwinsSettings
    ) -> None:
        self._db = db
        self._guard = guard
        self._twins = twins
        self._edge = edge
        self._interlocks = interlocks
        self._settings = settings
        self.asked = asyncio.Event()
        """Set when there is something new to send."""

    def patience(self, acknowledge: timedelta | None = None, expires: timedelta | None = None) -> Patience:
        """How long a desire waits, with the plant's settings for what is not said."""
        expires = expires or timedelta(seconds=self._settings.desire_expires_s)
        acknowledge = acknowledge or min(timedelta(seconds=self._settings.acknowledge_s), expires)
        if not timedelta() < acknowledge <= expires <= LONGEST:
            raise Invalid(
                f"A desire that is late after {acknowledge} and expires after {expires} cannot be.",
                hint=f"Both are above 0, the first is not above the second, and nothing waits longer than {LONGEST}.",
            )
        return Patience(acknowledge=acknowledge, expires=expires)

    async def list_(self, who: Who, path: str, *, twin: Twin | None = None) -> list[Settable]:
        """The properties of a twin that can be set or have a desire, with what they are and should be."""
        twin = twin or await self._twins.get(who, path)
        state = await self._twins.now.state(who, twin.path, twin=twin)
        now = {p.point.property.name: p for p in state.points}
        async with self._db.read() as tx:
            found = await store.find_desires(tx, [p.series for p in twin.points])
        wanted = {series: one for series, one in found.items() if _stands(one)}
        return [
            Settable(
                point=p, desire=wanted.get(p.series), reported=_reported(now[p.property.name], wanted.get(p.series))
            )
            for p in twin.points
            if p.property.writable or p.series in wanted
        ]

    async def desire(
        self, who: Who, path: str, wishes: Mapping[str, Wish], *, patience: Patience | None = None
    ) -> list[Settable]:
        """Want properties of a twin to have values: all are kept and sent, or none.

        The newest desire of a property wins; give `seen` to be told when somebody was faster (Outdated).
        """
        for name in wishes:
            await self._guard.require(who, Role.OPERATOR, PlantPath.parse(f"{path}/{name}"), DESIRE)
        twin = await self._twins.get(who, path)
        async with self._audited(who, twin.path, wishes):
            wanted = [(_point(twin, name), wish) for name, wish in wishes.items()]
            await self._want(who, wanted, patience or self.patience())
        return await self.list_(who, path, twin=twin)

    async def prepare(self, who: Who, series: str, value: Value) -> Wanted:
        """Check what a series should be, whatever shows it, so that `keep` only has to write it down."""
        wish = Wish(value=value)
        async with self._audited(who, series, {series: wish}):
            point = await self._reading(series)
            return point, await self._checked(who, point, wish), None

    async def keep(self, tx: Transaction, who: Who, wanted: Sequence[Wanted]) -> None:
        """Want what was prepared, in the caller's transaction; `told` goes on once that is through."""
        await self._keep(tx, who, wanted, self.patience())

    async def told(self, wanted: Sequence[Wanted], *, within_s: float) -> Stage:
        """How far what is kept has come after a time; refusals of machines are raised."""
        self.asked.set()
        return await self._until_settled([point.series for point, _, _ in wanted], within_s)

    async def _reading(self, series: str) -> Point:
        point = await self._interlocks.point_of(PlantPath(series))
        if point is None:
            raise NotSettable(f"{series} is read from a machine, and no twin says that it can be set.")
        return point

    async def _until_settled(self, series: Sequence[str], within_s: float) -> Stage:
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            async with self._db.read() as tx:
                found = (await store.find_desires(tx, series)).values()
            stages = {one.stage for one in found}
            if Stage.PENDING not in stages or loop.time() >= until:
                break
            await asyncio.sleep(_LOOK_S)
        for one in found:
            if one.stage in (Stage.REFUSED, Stage.TIMED_OUT, Stage.WITHDRAWN):
                raise NotSettable(f"{one.path} was not set: {one.message}", hint="Look at the machine.")
        return Stage.PENDING if Stage.PENDING in stages else Stage.ACKNOWLEDGED

    @asynccontextmanager
    async def _audited(self, who: Who, place: str, wishes: Mapping[str, Wish]) -> AsyncIterator[None]:
        """Let a refusal inside be in the audit log."""
        try:
            yield
        except PlatformError as error:
            said = {"asked": {name: wish.value for name, wish in wishes.items()}, "refused": error.message}
            await self._guard.record(who, DESIRE, place, after=said)
            raise

    async def _want(self, who: Who, wanted: Sequence[tuple[Point, Wish]], patience: Patience) -> None:
        values = [(point, await self._checked(who, point, wish), wish.seen) for point, wish in wanted]
        async with self._db.begin() as tx:
            await self._keep(tx, who, values, patience)
        self.asked.set()

    async def withdraw(self, who: Who, path: str) -> None:
        """No longer want anything of a property; what a machine has taken it keeps."""
        _, point = await self.find(who, path)
        await self._may(who, point)
        async with self._db.begin() as tx:
            old = await self._replace(tx, point, lambda old: _withdrawn(path, old))
            await self._guard.record(who, "twins.desire.withdraw", point.path, before=told(old), tx=tx)

    async def settled(self, who: Who, path: str, names: Collection[str], *, within_s: float) -> list[Settable]:
        """Wait until desires of a twin are no longer pending, at most for a time; then all as they are."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            found = await self.list_(who, path)
            wanted = [one.desire for one in found if one.point.property.name in names]
            if not any(one and one.stage is Stage.PENDING for one in wanted) or loop.time() >= until:
                return found
            await asyncio.sleep(_LOOK_S)

    async def find(self, who: Who, path: str) -> tuple[Twin, Point]:
        """The property at a path and its twin."""
        place = PlantPath.parse(path)
        twin = await self._twins.get(who, place.parent or place)
        return twin, _point(twin, place.name)

    # ---- inside ----

    async def _checked(self, who: Who, point: Point, wish: Wish) -> Value:
        """The value as the machine takes it, once everything that can be checked without it is in order."""
        prop = point.property
        await self._may(who, point)
        if not prop.writable:
            raise NotSettable(f"{point.path} is measured and cannot be set.")
        value = wish.value
        if wish.unit and wish.unit != prop.unit:
            if isinstance(value, bool | str):
                raise Invalid(f"{value!r} is no number and has no unit.", hint="Leave the unit out.")
            value = read_in(value, wish.unit, prop.unit)
        value = meant(prop, point.path, value)
        await self._edge.check_write(who, point.series, value)
        return value

    async def _may(self, who: Who, point: Point) -> None:
        for place in {point.path, point.series}:
            await self._guard.require(who, Role.OPERATOR, place, DESIRE)

    async def _keep(self, tx: Transaction, who: Who, values: Sequence[Wanted], patience: Patience) -> None:
        for point, value, seen in sorted(values, key=lambda one: one[0].series):  # as everybody locks them
            await self._put(tx, _new(who, point, value, patience), point, seen)

    async def _put(self, tx: Transaction, asked: Desire, point: Point, seen: int | None) -> None:
        def after(old: Desire | None) -> Desire:
            _check_seen(point, old, seen)
            return replace(asked, number=(old.number if old else 0) + 1)

        old = await self._replace(tx, point, after)
        new = after(old)
        before = told(old) if _stands(old) else None
        await self._guard.record(new.by, DESIRE, new.path, before=before, after=told(new), tx=tx)
        await tx.announce(
            DesireMade(path=new.path, series=new.series, number=new.number, value=new.shown, by=new.by.name)
        )

    async def _replace(self, tx: Transaction, point: Point, after: Callable[[Desire | None], Desire]) -> Desire | None:
        """Put what comes after the desire of a series, which is given back; somebody faster is looked at again."""
        for _ in range(_TRIES):
            old = (await store.find_desires(tx, [point.series])).get(point.series)
            if await store.put_desire(tx, after(old), after=old.number if old else 0):
                return old
        raise Outdated(f"Others keep changing what is desired of {point.path}.", hint="Try again.")


def _new(who: Who, point: Point, value: Value, patience: Patience) -> Desire:
    now = now_us()
    shown = point.property.label(value)
    assert shown is not None
    return Desire(
        series=point.series,
        path=point.path,
        number=1,
        value=value,
        shown=shown,
        by=who,
        asked_us=now,
        alarm_us=now + patience.acknowledge // timedelta(microseconds=1),
        expires_us=now + patience.expires // timedelta(microseconds=1),
        stage_us=now,
    )


def _withdrawn(path: str, old: Desire | None) -> Desire:
    if old is None or not _stands(old):
        raise NoTwin(f"Nothing is desired of {path}.", hint="Look at what is desired of the twin.")
    return replace(old, number=old.number + 1, stage=Stage.WITHDRAWN, stage_us=now_us(), message="It was withdrawn.")


def _reported(state: PointState, desire: Desire | None) -> Value | None:
    """What the machine says; right after an acknowledgement that is what was read back, not what it told before."""
    if desire is None or desire.stage is not Stage.ACKNOWLEDGED or now_us() - desire.stage_us > _CATCHING_UP_US:
        return state.value
    before = state.ts is None or to_us(state.ts) < desire.stage_us
    return desire.reported if before else state.value


def _stands(desire: Desire | None) -> bool:
    return desire is not None and desire.stage is not Stage.WITHDRAWN


def _point(twin: Twin, name: str) -> Point:
    point = twin.find(name)
    if point is None:
        settable = ", ".join(p.property.name for p in twin.points if p.property.writable) or "none"
        raise NoTwin(f"{twin.path} has no property {name!r}.", hint=f"It can be set: {settable}.")
    return point


def _check_seen(point: Point, old: Desire | None, seen: int | None) -> None:
    standing = old if _stands(old) else None
    number = standing.number if standing else 0
    if seen is None or seen == number:
        return
    by = f", desired to be {standing.shown!r} by {standing.by.name}" if standing else ""
    raise Outdated(f"{point.path} is at desire {number} by now{by}; you saw {seen}.", current=number, yours=seen)
