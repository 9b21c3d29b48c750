"""Stores every sample that is on the bus, in order, once, and forgets it on the bus afterwards.

    read ──▶ gather ──▶ store ──▶ note the place          tend: purge what is stored, watch the lag
    (loop)   (thread)   (thread)

The steps overlap. New series are written down and announced before their first rows. The place is noted
after the rows are on disk, so whatever is cut off is simply done again: the same rows with the same
`seq`, of which the table keeps one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from lineshaft.edge import SAMPLES_STREAM
from lineshaft.kernel.bus import Bus, Message, StreamSpec
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import Threads
from lineshaft.telemetry.errors import StoreFull, StreamChanged
from lineshaft.telemetry.health import RecorderHealth, Work
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.positions import Place, create_tables, find_place, note_place
from lineshaft.telemetry.store.schema import SAMPLES
from lineshaft.telemetry.store.series import SeriesBook

from .gathering import Gathered, Gatherer, Unread
from .troubles import Troubles

log = get_log("telemetry")
UNREAD = StreamSpec(
    name="UNREAD",
    subjects=("lineshaft.unread.>",),
    max_bytes=64 * 1024 * 1024,
    max_age_s=30 * 86_400,
    keep_newest=True,
)
_MOST_MESSAGES = 2_000
_MOST_ASIDE = 1_000_000
_NOTE_EVERY_S = 1.0
_TEND_EVERY_S = 2.0
_BEHIND_S = 10.0
_RATE_OVER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Every row with a `seq` up to this is stored, and so is everything that was sent before `until_s`."""

    seq: int = 0
    until_s: float = 0.0


class Recorder:
    """The one reader of the samples stream that writes to the store."""

    def __init__(
        self,
        bus: Bus,
        engine: Engine,
        series: SeriesBook,
        settings: TelemetrySettings,
        *,
        lack_of_room: Callable[[], str] = lambda: "",
        kept_from: Callable[[str], int] | None = None,
    ) -> None:
        """`lack_of_room` says why nothing may be stored, `kept_from` the time (µs) since when a path is kept."""
        self._bus = bus
        self._engine = engine
        self._series = series
        self._settings = settings
        self._threads = Threads("recorder", 2)
        self._lack_of_room = lack_of_room
        self._kept_from = kept_from
        self._health = RecorderHealth()
        self._troubles = Troubles()
        self._place = Place(name=SAMPLES_STREAM, created="", base=0, seq=0)
        self._noted_at = 0.0
        self._read_through = 0
        self._sent_ns = 0
        self._progress = Progress()
        self._totals: deque[tuple[float, int]] = deque()
        self._passed: deque[tuple[float, int]] = deque()
        """When everything up to which message was stored; what lies far enough back is purged."""

    def health(self) -> RecorderHealth:
        """How it is now."""
        health = self._health
        behind = health.state is Work.STORING and health.lag_s > _BEHIND_S
        return replace(
            health,
            state=Work.CATCHING_UP if behind else health.state,
            series=len(self._series),
            troubles=self._troubles.all(),
        )

    def progress(self) -> Progress:
        """How far the store is known to be complete; goes on while nothing comes."""
        return self._progress

    async def run(self) -> None:
        """Store what comes, until cancelled; raises when something is wrong that waiting does not mend."""
        await self._patiently(self._open)
        messages: asyncio.Queue[list[Message]] = asyncio.Queue(1)
        gathered: asyncio.Queue[Gathered] = asyncio.Queue(1)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(messages))
                group.create_task(self._gather(messages, gathered))
                group.create_task(self._store(gathered))
                group.create_task(self._tend())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    # ---- the pipeline ----

    async def _open(self) -> None:
        await self._threads.run(create_tables, self._engine)
        await self._bus.ensure_stream(UNREAD)
        await self._series.load()
        state = await self._bus.stream_state(SAMPLES_STREAM)
        self._place = await self._threads.run(
            find_place, self._engine, SAMPLES_STREAM, created=state["created"], last_message=state["last_seq"]
        )
        self._passed.clear()
        self._read_through = self._place.message
        self._tell(stored_seq=self._place.seq)
        gone = state["first_seq"] - 1 - self._place.message
        if gone > 0 and self._place.message:
            log.error("messages left the bus before they were stored", messages=gone)
            self._tell(missed=self._health.missed + gone)

    async def _read(self, out: asyncio.Queue[list[Message]]) -> None:
        most = max(1, min(_MOST_MESSAGES, self._settings.flush_rows // 1_000))
        start, linger_s = self._place.message + 1, self._settings.flush_s
        async for batch in self._bus.read(SAMPLES_STREAM, start_seq=start, most=most, linger_s=linger_s):
            if batch:
                self._read_through = batch[-1].seq
                await out.put(batch)
            elif self._read_through <= self._place.message and self._place.seq == self._health.stored_seq:
                self._progress = Progress(seq=self._place.seq, until_s=now_us() / 1e6)

    async def _gather(self, messages: asyncio.Queue[list[Message]], out: asyncio.Queue[Gathered]) -> None:
        gatherer = Gatherer(self._series.unknown, self._kept_from)
        while True:
            batch = await messages.get()
            await out.put(await self._threads.run(gatherer.gather, batch, base=self._place.base))

    async def _store(self, gathered: asyncio.Queue[Gathered]) -> None:
        while True:
            try:
                async with asyncio.timeout(_NOTE_EVERY_S):
                    some = await gathered.get()
            except TimeoutError:
                await self._note()
                continue
            await self._patiently(lambda some=some: self._store_one(some))  # type: ignore[misc]
            self._passed_by(some)
            await self._note()

    async def _store_one(self, some: Gathered) -> None:
        for unread in some.unread:
            await self._put_aside(unread)
        if some.new:
            await self._series.add(some.new)
        if some.units:
            await self._series.learn(some.units)
        if some.rows.num_rows:
            await self._threads.run(self._engine.insert, SAMPLES, some.rows)

    async def _put_aside(self, unread: Unread) -> None:
        """Name the sender, and keep what nobody could read where people can look at it."""
        message = unread.message
        self._troubles.note(message.subject, unread.why, at_s=_loop_s())
        if unread.whole:
            subject = message.subject.replace("lineshaft.", "lineshaft.unread.", 1)
            msg_id = f"{self._place.created}:{message.seq}"
            await self._bus.publish(subject, message.data[:_MOST_ASIDE], msg_id=msg_id)

    def _passed_by(self, some: Gathered) -> None:
        at_s = _loop_s()
        self._place = self._place.at(some.through)
        self._sent_ns = some.sent_ns
        self._passed.append((at_s, some.through))
        health = self._health
        self._tell(
            stored_samples=health.stored_samples + some.rows.num_rows,
            unread=health.unread + sum(unread.whole for unread in some.unread),
            too_old=health.too_old + some.too_old,
        )

    async def _note(self) -> None:
        """Write the place down, once a second is enough: what is stored twice counts once."""
        place, until_s = self._place, self._sent_ns / 1e9
        if place.seq > self._health.stored_seq and _loop_s() - self._noted_at >= _NOTE_EVERY_S:
            await self._patiently(lambda: self._threads.run(note_place, self._engine, place))
            self._noted_at = _loop_s()
            self._progress = Progress(seq=place.seq, until_s=until_s)
            self._tell(stored_seq=place.seq)

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until it works; says once why it waits while the disk is full or an engine away."""
        pause_s = 0.2
        while True:
            try:
                lack = self._lack_of_room()
                if lack:
                    raise StoreFull(lack)
                await work()
            except Unavailable as error:
                self._waits(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2.0, pause_s * 2)
                continue
            if self._health.error:
                log.info("samples are stored again")
            self._tell(state=Work.STORING, error="")
            return

    def _waits(self, error: Unavailable) -> None:
        if not self._health.error:
            log.error("samples wait on the bus", why=str(error))
        self._tell(state=Work.FULL if isinstance(error, StoreFull) else Work.WAITING, error=str(error))

    # ---- the stream ----

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(_TEND_EVERY_S)
            try:
                await self._tend_once()
            except Unavailable as error:  # the bus says itself when it is away; a full disk can refuse to forget
                log.debug("the stream of samples cannot be tended", why=str(error))

    async def _tend_once(self) -> None:
        state = await self._bus.stream_state(SAMPLES_STREAM)
        if not self._place.created.startswith(state["created"]) or state["last_seq"] < self._place.message:
            raise StreamChanged("The stream of samples was made anew; reading it from its beginning.")
        self._look_at(state["last_seq"])
        await self._purge(state["first_seq"], state["messages"], state["bytes"])

    def _look_at(self, last_message: int) -> None:
        at_s = _loop_s()
        self._totals.append((at_s, self._health.stored_samples))
        while at_s - self._totals[0][0] > _RATE_OVER_S:
            self._totals.popleft()
        since_s, before = self._totals[0]
        lag = max(0, last_message - self._place.message)
        self._tell(
            rate=(self._health.stored_samples - before) / (at_s - since_s) if at_s > since_s else 0.0,
            lag_messages=lag,
            lag_s=max(0.0, now_us() / 1e6 - self._sent_ns / 1e9) if lag and self._sent_ns else 0.0,
        )
        self._troubles.forget_quiet(at_s=at_s)

    async def _purge(self, first: int, messages: int, size: int) -> None:
        """Forget messages stored long ago, or too much of them; all of them when the disk is full."""
        noted = self._health.stored_seq - self._place.base
        if messages == 0 or noted < first:
            return
        keep_s, keep_bytes = self._settings.replay_keep_s, self._settings.replay_keep_mb * 1_000_000
        if self._lack_of_room():
            keep_s, keep_bytes = 0.0, 0
        done = noted - int(keep_bytes / (size / messages))
        while self._passed and self._passed[0][0] <= _loop_s() - keep_s:
            done = max(done, self._passed.popleft()[1])
        done = min(done, noted)
        if done >= first:
            await self._bus.purge(SAMPLES_STREAM, before_seq=done + 1)

    def _tell(self, **changes: object) -> None:
        self._health = replace(self._health, **changes)  # type: ignore[arg-type]


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
