"""The bus on real servers: durable once acknowledged, in order, back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import httpx
import pytest
import websockets

from lineshaft.kernel.bus import Admission, Bus, Embedded, Front, MqttUser, StreamSpec
from lineshaft.kernel.bus.front import hash_password, subjects_of, topic_of
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.errors import NotFound, Timeout, Unavailable
from lineshaft.kernel.processes import Keeper

STREAM = StreamSpec(name="T", subjects=("t.>",), max_bytes=1 << 20)


async def taken(bus: Bus, most: int, start: int = 1) -> list[bytes]:
    """The first messages of the stream."""
    found: list[bytes] = []
    async with asyncio.timeout(10):
        async for batch in bus.read("T", start_seq=start, linger_s=0.05):
            found += [m.data for m in batch]
            if len(found) >= most:
                return found
    raise AssertionError


async def test_messages_come_in_order_and_repeats_once(bus: Bus) -> None:
    await bus.ensure_stream(STREAM)
    for n in range(20):
        await bus.publish("t.a", b"%d" % n, msg_id=f"m{n // 2}")
    assert await taken(bus, 10) == [b"%d" % n for n in range(0, 20, 2)]


async def test_acknowledged_messages_survive_a_killed_server(bus: Bus, keeper: Keeper) -> None:
    await bus.ensure_stream(STREAM)
    for n in range(50):
        await bus.publish("t.a", b"%d" % n)
    os.kill(keeper.pid("nats-hub"), signal.SIGKILL)
    await bus.publish("t.a", b"after")
    assert await taken(bus, 51) == [*(b"%d" % n for n in range(50)), b"after"]


async def test_a_reader_goes_on_after_the_server_was_killed(bus: Bus, keeper: Keeper) -> None:
    await bus.ensure_stream(STREAM)
    await bus.publish("t.a", b"1")
    got: list[bytes] = []

    async def follow() -> None:
        async for batch in bus.read("T", start_seq=1, linger_s=0.05):
            got.extend(m.data for m in batch)

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    os.kill(keeper.pid("nats-hub"), signal.SIGKILL)
    await bus.publish("t.a", b"2")
    began = time.monotonic()
    while got != [b"1", b"2"]:
        assert time.monotonic() - began < 10, got
        await asyncio.sleep(0.05)
    task.cancel()


async def test_a_full_stream_refuses_and_keeps_what_it_has(bus: Bus) -> None:
    await bus.ensure_stream(StreamSpec(name="T", subjects=("t.>",), max_bytes=50_000))
    sent = 0
    with pytest.raises(Unavailable, match="no room"):
        for _ in range(20):
            await bus.publish("t.a", b"x" * 10_000)
            sent += 1
    state = await bus.stream_state("T")
    assert (state["first_seq"], state["last_seq"]) == (1, sent)
    await bus.purge("T", before_seq=sent)
    await bus.publish("t.a", b"room again")


SHARED = StreamSpec(name="T", subjects=("t.>",), together=True)


async def test_messages_that_wait_together_are_stored_once_each_in_their_order(bus: Bus, keeper: Keeper) -> None:
    await bus.ensure_stream(SHARED)
    wanted = [b"%d" % n for n in range(300)]
    places = await asyncio.gather(*(bus.publish("t.a", body, together=True) for body in wanted))
    os.kill(keeper.pid("nats-hub") or 0, signal.SIGKILL)
    assert places == list(range(1, 301))
    assert await taken(bus, 300) == wanted


async def test_repeats_among_messages_that_wait_together_are_stored_once(bus: Bus) -> None:
    await bus.ensure_stream(SHARED)
    first = await bus.publish("t.a", b"5", msg_id="m5", together=True)
    sent = [bus.publish("t.a", b"%d" % n, msg_id=f"m{n}", together=True) for n in range(40)]
    places = await asyncio.gather(*sent)
    assert places[5] == first
    assert sorted(places) == list(range(1, 41))
    assert sorted(int(body) for body in await taken(bus, 40)) == list(range(40))


async def test_a_stream_with_room_for_some_of_many_says_which_it_took(bus: Bus) -> None:
    await bus.ensure_stream(StreamSpec(name="T", subjects=("t.>",), max_bytes=105_000, together=True))
    sent = [bus.publish("t.a", b"x" * 10_000, within_s=1, together=True) for _ in range(20)]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    refused = [a for a in answers if isinstance(a, Unavailable)]
    assert refused
    assert all("no room" in str(error) for error in refused)
    assert (await bus.stream_state("T"))["messages"] == 20 - len(refused)


async def test_who_gives_up_waiting_does_not_hold_up_the_others(bus: Bus) -> None:
    await bus.ensure_stream(SHARED)
    tasks = [asyncio.create_task(bus.publish("t.a", b"%d" % n, together=True)) for n in range(40)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, int) for answer in answers[1:])


async def test_a_consumer_gets_a_batch_again_until_it_was_done(bus: Bus) -> None:
    await bus.ensure_stream(STREAM)
    await bus.publish("t.a", b"once")
    async for batch in bus.consume("T", "worker", linger_s=0.05, ack_wait_s=0.3):
        assert [m.data for m in batch] == [b"once"]
        break  # as if we had died before asking for the next
    await asyncio.sleep(0.5)
    seen = 0
    async with asyncio.timeout(5):
        async for batch in bus.consume("T", "worker", linger_s=0.05, ack_wait_s=0.3):
            seen += len(batch)
            if seen and not batch:
                break
    assert seen == 1


async def test_what_died_with_a_lone_consumer_comes_first_and_at_once(bus: Bus) -> None:
    await bus.ensure_stream(STREAM)
    for number in range(6):
        await bus.publish("t.a", b"%d" % number)
    async for batch in bus.consume("T", "one", most=3, linger_s=0.05, alone=True):
        assert [m.data for m in batch] == [b"0", b"1", b"2"]
        break  # as if the process had been killed with the batch in its hands
    seen: list[bytes] = []
    async with asyncio.timeout(5):
        async for batch in bus.consume("T", "one", most=3, linger_s=0.05, alone=True):
            seen += [m.data for m in batch]
            if len(seen) == 6 and not batch:
                break
    assert seen == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_consumers_that_share_a_name_acknowledge_only_what_they_did(bus: Bus) -> None:
    await bus.ensure_stream(STREAM)
    for number in range(4):
        await bus.publish("t.a", b"%d" % number)
    first = bus.consume("T", "many", most=2, linger_s=0.05, ack_wait_s=1)
    assert [m.data for m in await anext(first)] == [b"0", b"1"]
    seen: list[bytes] = []
    async with asyncio.timeout(10):
        async for batch in bus.consume("T", "many", most=2, linger_s=0.05, ack_wait_s=1):
            seen += [m.data for m in batch]
            if len(seen) == 4 and not batch:
                break
    assert seen[:2] == [b"2", b"3"]
    assert sorted(seen[2:]) == [b"0", b"1"], "what the other took and never finished comes to us"


class Odd(NotFound):
    """An error of some context."""

    code = "test.odd"


async def test_an_error_of_a_context_crosses_the_bus_as_itself(bus: Bus) -> None:
    async def answer(body: bytes) -> bytes:
        raise Odd(f"{body.decode()} is odd.", hint="Make it even.")

    await bus.answer("odd", answer)
    with pytest.raises(Odd, match="3 is odd") as caught:
        await bus.ask("odd", b"3")
    assert (type(caught.value), caught.value.hint, caught.value.code) == (Odd, "Make it even.", "test.odd")


async def test_questions_answers_and_errors_cross_the_bus(bus: Bus) -> None:
    async def answer(body: bytes) -> bytes:
        if body == b"bad":
            raise NotFound("No such thing.", hint="Look elsewhere.")
        return body.upper()

    await bus.answer("q", answer)
    assert await bus.ask("q", b"abc") == b"ABC"
    with pytest.raises(NotFound, match="No such thing") as caught:
        await bus.ask("q", b"bad")
    assert caught.value.hint == "Look elsewhere."
    with pytest.raises(Unavailable, match="Nobody answers"):
        await bus.ask("nobody", b"")

    async def slow(body: bytes) -> bytes:
        await asyncio.sleep(5)
        return body

    await bus.answer("slow", slow)
    with pytest.raises(Timeout):
        await bus.ask("slow", b"", within_s=0.1)


async def test_a_wrong_password_is_refused(embedded: Embedded) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await Bus.connect(embedded.hub_url, user="lineshaft", password="guess", within_s=1)
    with pytest.raises(Unavailable):
        await Bus.connect(embedded.hub_url, within_s=1)


async def test_files_with_secrets_are_for_their_owner_only(embedded: Embedded) -> None:
    for name in ("hub.conf", "front.conf", "front-users.conf", "credentials.json"):
        assert (embedded.folder / name).stat().st_mode & 0o077 == 0, name


async def test_acknowledged_mqtt_messages_survive_a_killed_front(
    embedded: Embedded, front: Front, keeper: Keeper
) -> None:
    await front.ensure_taker("test", ["s/#"])
    users = [MqttUser(name="d", password_hash=hash_password("p"), publish=("s/#",))]
    await Admission(embedded)(users)
    port = embedded.endpoints.mqtt
    options = {"username": "d", "password": "p", "protocol": aiomqtt.ProtocolVersion.V311}
    async with aiomqtt.Client("127.0.0.1", port, **options) as device:
        for n in range(30):
            await device.publish("s/x", b"%d" % n, qos=1)
    os.kill(keeper.pid("nats-front"), signal.SIGKILL)
    await asyncio.sleep(0.1)
    got: list[bytes] = []
    async with asyncio.timeout(10):
        async for batch in front.take("test", ["s/#"], linger_s=0.1):
            got += [m.payload for m in batch]
            if len(got) >= 30:
                break
    assert got == [b"%d" % n for n in range(30)]


@pytest.mark.parametrize("topic", ["a/b", "a/b.c/d", "厂/线", "a"])
def test_topics_survive_the_way_through_subjects(topic: str) -> None:
    assert topic_of(subjects_of(topic)[0]) == topic


def test_a_filter_with_hash_covers_its_own_level() -> None:
    assert subjects_of("a/#") == ("a", "a.>")
    assert subjects_of("#") == (">",)
    assert subjects_of("a/+/c") == ("a.*.c",)


ANY_PORT = {"port": 0, "websocket_port": 0, "monitoring_port": 0, "mqtt_port": 0, "front_port": 0}


@contextlib.asynccontextmanager
async def running(folder: Path, keeper: Keeper, **settings: object) -> AsyncIterator[Embedded]:
    """The two servers with settings of one's own."""
    embedded = Embedded(BusSettings.model_validate({**ANY_PORT, **settings}), folder)
    for program in embedded.programs():
        await keeper.start(program)
    await embedded.wait_ready()
    yield embedded


async def test_the_monitoring_page_stays_on_this_machine(tmp_path: Path, keeper: Keeper) -> None:
    async with running(tmp_path, keeper, host="127.0.0.2") as embedded, httpx.AsyncClient() as client:
        port = embedded.endpoints.monitoring
        assert (await client.get(f"{embedded.monitoring_url}/varz")).json()["server_name"] == "lineshaft-hub"
        assert embedded.monitoring_url == f"http://127.0.0.1:{port}"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.2:{port}/varz")


async def websocket_says(address: str, login: dict[str, str]) -> bytes:
    """What the hub answers a WebSocket client that connects with this login."""
    async with websockets.connect(address) as socket:
        assert b"INFO" in await socket.recv()
        await socket.send(b"CONNECT " + json.dumps({"verbose": False, **login}).encode() + b"\r\nPING\r\n")
        return bytes(await socket.recv())


@pytest.mark.parametrize("sync", ["front", "strict"])
@pytest.mark.parametrize("devices", [0, 1])
async def test_no_listener_takes_anybody_without_a_login(
    tmp_path: Path, keeper: Keeper, sync: str, devices: int
) -> None:
    async with running(tmp_path, keeper, mqtt_sync=sync) as embedded:
        users = [MqttUser(name="d", password_hash=hash_password("p"), publish=("s/#",))][:devices]
        await Admission(embedded)(users)
        for url in (embedded.hub_url, embedded.front_url):
            with pytest.raises(Unavailable):
                await Bus.connect(url, within_s=0.5)
        address, login = f"ws://127.0.0.1:{embedded.endpoints.websocket}", embedded.credentials
        assert b"Authorization Violation" in await websocket_says(address, {})
        assert b"Authorization Violation" in await websocket_says(address, {"user": login.user, "pass": "guess"})
        assert await websocket_says(address, {"user": login.user, "pass": login.password}) == b"PONG\r\n"
        for guess in ({}, {"username": "d", "password": "guess"}, {"username": login.user}):
            with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed|bad user"):
                async with aiomqtt.Client(
                    "127.0.0.1", embedded.endpoints.mqtt, protocol=aiomqtt.ProtocolVersion.V311, **guess
                ):
                    pass


async def test_the_listener_for_devices_may_have_an_address_of_its_own(tmp_path: Path, keeper: Keeper) -> None:
    async with running(tmp_path, keeper, mqtt_host="127.0.0.3") as embedded:
        front = await Front.open(embedded)
        assert (front.host, front.mqtt_port) == ("127.0.0.3", embedded.endpoints.mqtt)
        await front.close()
