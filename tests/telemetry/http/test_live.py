"""Newest values: from the bus within moments, only what one may see, and slow readers harm nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import websockets.asyncio.client as ws
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.clock import MICROS, now_us, to_us
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.terms import Quality
from lineshaft.security import PLATFORM, Grant, Role, Who, WhoKind
from lineshaft.telemetry import Historian, Latest, Live, Selection
from lineshaft.telemetry.service.board import Board

STRANGER = Who(id="s", name="Sam", kind=WhoKind.USER, grants=(Grant(role=Role.ADMIN, subtree="other"),))


def batch(*rows: tuple[str, int, float | str | None], history: bool = True) -> SampleBatch:
    paths = list(dict.fromkeys(path for path, _, _ in rows))
    return SampleBatch(
        paths=paths,
        index=np.array([paths.index(path) for path, _, _ in rows], dtype=np.int32),
        ts=np.array([ts for _, ts, _ in rows], dtype=np.int64),
        number=np.array([v if isinstance(v, float) else np.nan for _, _, v in rows]),
        quality=np.zeros(len(rows), dtype=np.uint8),
        text=pa.array([v if isinstance(v, str) else None for _, _, v in rows], pa.utf8()),
        history=history,
    )


def values(found: list[Latest]) -> dict[str, Any]:
    return {one.path: one.value for one in found}


# ---- the board ----


def arrow(*rows: tuple[str, int, float | str | None]) -> pa.RecordBatch:
    return batch(*rows).to_arrow()


def test_the_newest_by_time_wins_whatever_the_order() -> None:
    board = Board()
    board.put(arrow(("a", 20, 2.0), ("a", 30, 3.0), ("a", 10, 1.0), ("b", 5, "x")))
    board.put(arrow(("a", 25, 2.5), ("b", 6, None)))
    shown = board.show(range(len(board)))
    assert [(one.path, one.value, one.ts.microsecond) for one in shown] == [("a", 3.0, 30), ("b", None, 6)]
    board.put(arrow(("a", 30, 3.5)))
    assert board.show([0])[0].value == 3.5


def test_a_clock_far_ahead_does_not_stick() -> None:
    board = Board()
    board.put(arrow(("a", now_us() + 3600 * MICROS, 9.0)))
    board.put(arrow(("a", now_us(), 1.0)))
    assert board.show([0])[0].value == 1.0


def test_a_time_that_cannot_be_becomes_now_and_uncertain() -> None:
    board = Board()
    moment = now_us()
    board.put(batch(("a", 2**62, 1.0), ("b", 5, 1.0), ("c", moment, 1.0), history=False).to_arrow())
    shown = board.show(range(3))
    assert [one.quality for one in shown] == [Quality.UNCERTAIN_TIME, Quality.UNCERTAIN_TIME, Quality.GOOD]
    assert all(abs(to_us(one.ts) - moment) < 10 * MICROS for one in shown)


def test_a_batch_that_points_outside_its_paths_is_refused_whole() -> None:
    board = Board()
    whole = arrow(("a", 1, 1.0), ("b", 1, 1.0))
    outside = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["a", "b"]), safe=False)
    with pytest.raises(Invalid):
        board.put(whole.set_column(0, whole.schema.field(0), outside))
    assert board.show(range(len(board))) == []


def test_only_what_changed_since_is_told() -> None:
    board = Board()
    board.put(arrow(("a", 1, 1.0), ("b", 1, 1.0)))
    tick = board.tick
    board.put(arrow(("b", 2, 2.0), ("c", 1, 1.0), ("a", 0, 0.0)))
    slots = board.slots_of(["a", "b", "c", "nothing"])
    assert [board.paths[slot] for slot in board.changed(slots, tick)] == ["b", "c"]


def test_memory_is_bounded_and_known_series_go_on() -> None:
    board = Board(most_series=2)
    board.put(arrow(("a", 1, 1.0), ("b", 1, 1.0), ("c", 1, 1.0)))
    board.put(arrow(("c", 2, 2.0), ("a", 2, 2.0)))
    assert (len(board), board.refused) == (2, 2)
    assert values(board.show(range(2))) == {"a": 2.0, "b": 1.0}


def test_many_series_and_repeats_equal_a_plain_dictionary() -> None:
    rng = np.random.default_rng(3)
    board, plain = Board(), dict[str, tuple[int, float]]()
    for _ in range(30):
        rows = [(f"p{rng.integers(3000)}", int(rng.integers(1, 10**6)), float(rng.normal())) for _ in range(500)]
        board.put(arrow(*rows))
        for path, ts, value in rows:
            if ts >= plain.get(path, (0, 0.0))[0]:
                plain[path] = (ts, value)
    assert values(board.show(range(len(board)))) == {path: value for path, (_, value) in plain.items()}


# ---- the service ----


async def send(bus: Any, *rows: tuple[str, int, float | str | None]) -> None:
    await bus.publish(samples_subject("acme", "test"), batch(*rows).encode())


async def next_of(watch: AsyncIterator[list[Latest]]) -> list[Latest]:
    async with asyncio.timeout(20):
        return await anext(watch)


async def test_changes_come_within_moments_and_new_series_join_a_subtree(served: Any) -> None:
    watch = served.live.watch(PLATFORM, Selection.under("acme/hall"))
    waiting = asyncio.create_task(next_of(watch))
    await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await send(served.bus, ("acme/hall/a", now_us(), 1.0), ("acme/yard/x", now_us(), 5.0))
    assert values(await waiting) == {"acme/hall/a": 1.0}
    assert loop.time() - began < 0.5
    await send(served.bus, ("acme/hall/b", now_us(), "RUN"))
    assert values(await next_of(watch)) == {"acme/hall/b": "RUN"}
    assert values(await served.live.latest(PLATFORM, Selection.of("acme/yard/x", "acme/none"))) == {"acme/yard/x": 5.0}


async def test_a_slow_watcher_gets_the_newest_and_holds_nobody_up(served: Any) -> None:
    slow = served.live.watch(PLATFORM, Selection.of("acme/a"))
    quick = served.live.watch(PLATFORM, Selection.of("acme/a"))
    await send(served.bus, ("acme/a", now_us(), 0.0))
    assert values(await next_of(slow)) == values(await next_of(quick)) == {"acme/a": 0.0}
    for number in range(1, 60):
        await send(served.bus, ("acme/a", now_us(), float(number)))
    seen = [0.0]
    while seen[-1] != 59.0:
        seen += values(await next_of(quick)).values()
    assert seen == sorted(seen)
    assert values(await next_of(slow)) == {"acme/a": 59.0}


async def test_nobody_watches_outside_their_part(served: Any) -> None:
    for asked in (Selection.of("acme/a"), Selection.under("acme")):
        with pytest.raises(Forbidden):
            await next_of(served.live.watch(STRANGER, asked))
        with pytest.raises(Forbidden):
            await served.live.latest(STRANGER, asked)
    await send(served.bus, ("acme/a", now_us(), 1.0), ("other/b", now_us(), 2.0))
    found = await next_of(served.live.watch(STRANGER, Selection(pattern="**")))
    assert values(found) == {"other/b": 2.0}


async def test_a_restarted_process_knows_the_plant_before_the_machines_speak(served: Any) -> None:
    moment = now_us()
    await send(served.bus, ("acme/a", moment - 50 * 86_400 * MICROS, 1.0), ("acme/b", moment, "RUN"))
    await served.stored(2)
    from lineshaft.telemetry.store import Catalogue

    historian = Historian(served.owner.store, Catalogue(served.security.guard._db), served.security.guard)
    fresh = Live(served.bus, served.security.guard, recent=historian.recent)
    running = asyncio.create_task(fresh.run())
    async with asyncio.timeout(20):
        while len(found := await fresh.latest(PLATFORM, Selection.under("acme"))) < 2:
            await asyncio.sleep(0.01)
    running.cancel()
    assert values(found) == {"acme/a": 1.0, "acme/b": "RUN"}
    assert found[0].age(datetime.now(UTC)) > timedelta(days=49)


# ---- the socket ----


def socket(served: Any, token: str = "", query: str = "", **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = served.url.replace("http", "ws", 1) + "/api/v1/live" + query
    return ws.connect(address, additional_headers=headers, open_timeout=20, **options)


async def hear(connection: Any) -> Any:
    async with asyncio.timeout(20):
        return json.loads(await connection.recv())


async def say(connection: Any, **message: Any) -> None:
    await connection.send(json.dumps(message))


async def test_a_socket_subscribes_hears_changes_and_unsubscribes(served: Any) -> None:
    await send(served.bus, ("acme/hall/a", 1_772_359_200_000_000, 1.0))
    async with asyncio.timeout(20):
        while not await served.live.latest(PLATFORM, Selection.of("acme/hall/a")):
            await asyncio.sleep(0.01)
    async with socket(served, served.viewer) as connection:
        await say(connection, type="subscribe", id="one", paths=["acme/hall/a"])
        assert await hear(connection) == {"type": "subscribed", "id": "one"}
        assert await hear(connection) == {
            "type": "values",
            "id": "one",
            "values": [{"path": "acme/hall/a", "ts": "2026-03-01T10:00:00Z", "value": 1.0, "quality": "good"}],
        }
        await say(connection, type="subscribe", id="two", subtree="acme/yard")
        assert await hear(connection) == {"type": "subscribed", "id": "two"}
        await send(served.bus, ("acme/yard/x", now_us(), "ON"))
        told = await hear(connection)
        assert (told["id"], told["values"][0]["value"]) == ("two", "ON")
        await say(connection, type="unsubscribe", id="one")
        assert await hear(connection) == {"type": "unsubscribed", "id": "one"}
        await send(served.bus, ("acme/hall/a", now_us(), 2.0), ("acme/yard/x", now_us(), "OFF"))
        assert (await hear(connection))["id"] == "two"
        await say(connection, type="ping")
        assert await hear(connection) == {"type": "pong"}


async def test_a_token_may_come_in_the_header_the_address_or_the_first_message(served: Any) -> None:
    async with socket(served, query=f"?token={served.viewer}") as connection:
        await say(connection, type="ping")
        assert await hear(connection) == {"type": "pong"}
    async with socket(served) as connection:
        await say(connection, type="token", token=served.viewer)
        await say(connection, type="ping")
        assert await hear(connection) == {"type": "pong"}
    async with socket(served) as connection:
        await say(connection, type="subscribe", id="a", subtree="acme")
        assert (await hear(connection))["code"] == "platform.unauthorised"
        with pytest.raises(ConnectionClosed):
            await hear(connection)
    async with socket(served) as connection:
        await say(connection, type="token", token="ls_no_no")
        assert (await hear(connection))["type"] == "error"


async def test_a_socket_refuses_what_is_outside_and_goes_on(served: Any) -> None:
    async with socket(served, served.stranger) as connection:
        await say(connection, type="subscribe", id="x", paths=["acme/a"])
        assert await hear(connection) == {"type": "subscribed", "id": "x"}
        refusal = await hear(connection)
        assert (refusal["type"], refusal["id"], refusal["code"]) == ("error", "x", "security.not_allowed")
        await say(connection, type="dance", id="y")
        assert (await hear(connection))["message"] == "'dance' is not a message."
        await say(connection, type="subscribe", id="z")
        assert (await hear(connection))["message"] == "The question names no series."
    assert ("telemetry.live", "acme/a") in {(entry.action, entry.subject) for entry in await served.denied()}


async def test_a_page_of_another_site_cannot_open_a_socket(served: Any) -> None:
    with pytest.raises(InvalidStatus):
        async with socket(served, query=f"?token={served.viewer}", origin="https://evil.example"):
            pass


async def test_a_revoked_token_ends_its_socket(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineshaft.telemetry.service.live.CHECK_EVERY_S", 0.1)
    async with socket(served, served.viewer) as connection:
        await say(connection, type="subscribe", id="a", subtree="acme")
        assert (await hear(connection))["type"] == "subscribed"
        await served.security.tokens.revoke(PLATFORM, served.viewer.split("_")[1])
        assert (await hear(connection))["code"] == "security.session_ended"
        with pytest.raises(ConnectionClosed):
            await hear(connection)


async def test_a_socket_that_does_not_read_gets_the_newest_later(served: Any) -> None:
    text = "x" * 20_000
    async with socket(served, served.viewer, max_queue=1) as connection:
        await say(connection, type="subscribe", id="a", subtree="acme")
        await asyncio.sleep(0.1)
        for number in range(80):
            await send(served.bus, *((f"acme/p{k}", now_us(), f"{number} {text}") for k in range(20)))
        await send(served.bus, ("acme/p0", now_us() + 1, "last"))
        heard = 0
        while True:
            message = await hear(connection)
            heard += 1
            if any(one["value"] == "last" for one in message.get("values", [])):
                break
    assert heard < 80


async def test_events_stream_the_same_values(served: Any) -> None:
    async with served.client(served.viewer) as client:
        asked = {"subtree": "acme"}
        async with client.stream("GET", "/api/v1/live/events", params=asked) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            await send(served.bus, ("acme/a", now_us(), 4.0))
            async with asyncio.timeout(20):
                assert await anext(lines) == "event: values"
                data = json.loads((await anext(lines)).removeprefix("data: "))
    assert [(one["path"], one["value"]) for one in data] == [("acme/a", 4.0)]


async def test_from_the_bus_to_the_socket_takes_milliseconds(served: Any) -> None:
    took = []
    async with socket(served, served.viewer) as connection:
        await say(connection, type="subscribe", id="a", paths=["acme/a"])
        await hear(connection)
        loop = asyncio.get_running_loop()
        for number in range(20):
            began = loop.time()
            await served.bus.send(samples_subject("acme", "test"), batch(("acme/a", now_us(), float(number))).encode())
            assert (await hear(connection))["values"][0]["value"] == number
            took.append(loop.time() - began)
            await asyncio.sleep(0.06)
    assert min(took) < 0.05


async def test_httpx_is_refused_without_a_token(served: Any) -> None:
    async with httpx.AsyncClient(base_url=served.url) as client:
        assert (await client.get("/api/v1/live/events", params={"subtree": "acme"})).status_code == 401
