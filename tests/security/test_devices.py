"""MQTT devices on the real front: each uses its own topics only, and a revoked one is cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from lineshaft.kernel.bus import Admission, Bus, Embedded, Front
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.processes import Keeper
from lineshaft.security import (
    PLATFORM,
    BadTopic,
    DeviceNotFound,
    Devices,
    Doorkeeper,
    Guard,
    NameTaken,
    NewDevice,
    Role,
    Security,
)

from .conftest import person

BOSS = person("boss", (Role.ADMIN, "acme"))


@pytest.fixture
async def devices(db: Database, embedded: Embedded, front: Front, keeper: Keeper) -> Devices:
    """Devices whose changes reach the running MQTT front."""
    await db.open(["lineshaft.security"])
    return Devices(db, Guard(db), Admission(embedded))


def client(front: Front, made: NewDevice, password: str = "") -> aiomqtt.Client:
    return aiomqtt.Client(
        front.host,
        front.mqtt_port,
        username=made.device.name,
        password=password or made.password,
        identifier=f"test-{made.device.name}-{time.monotonic_ns()}",
        timeout=3,
    )


async def connected(front: Front, made: NewDevice, *, within_s: float = 0.0) -> aiomqtt.Client:
    """A connected client, at the first try unless there is time to try again."""
    until = time.monotonic() + within_s
    while True:
        device = client(front, made)
        try:
            await device.__aenter__()
        except aiomqtt.MqttError:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(0.05)
        else:
            return device


async def heard(listener: aiomqtt.Client, into: list[str]) -> None:
    async for message in listener.messages:
        into += [str(message.topic)]


@pytest.fixture
async def topics(front: Front) -> AsyncIterator[list[str]]:
    """Every topic the platform hears."""
    into: list[str] = []
    async with front.client("ear") as ear:
        await ear.subscribe("acme/#", qos=1)
        await ear.subscribe("other/#", qos=1)
        task = asyncio.create_task(heard(ear, into))
        yield into
        task.cancel()


async def test_a_device_publishes_its_own_topics_and_nothing_else(
    devices: Devices, front: Front, topics: list[str]
) -> None:
    made = await devices.create(BOSS, name="press-1", path="acme/berlin/press-1")
    device = await connected(front, made)
    async with asyncio.timeout(10):
        for topic in ("acme/berlin/press-2/t", "other/t", "acme/berlin/press-1/t"):
            await device.publish(topic, b"1", qos=0)
        await device.publish("acme/berlin/press-1/last", b"1", qos=1)
        while len(topics) < 2:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert topics == ["acme/berlin/press-1/t", "acme/berlin/press-1/last"]
    await device.__aexit__(None, None, None)


async def test_a_device_hears_only_what_it_may_subscribe_to(devices: Devices, front: Front) -> None:
    made = await devices.create(BOSS, name="press-1", path="acme/press-1", subscribe=["acme/press-1/cmd/#"])
    device = await connected(front, made)
    got: list[str] = []
    task = asyncio.create_task(heard(device, got))
    granted = [
        code.value for topic in ("acme/press-1/cmd/#", "acme/#") for code in await device.subscribe(topic, qos=1)
    ]
    assert granted == [1, 0x80]  # MQTT 3.1.1, clause 3.9.3: granted QoS 1, failure
    async with front.client("mouth") as mouth, asyncio.timeout(10):
        await mouth.publish("acme/secret", b"1", qos=1)
        await mouth.publish("acme/press-1/cmd/start", b"1", qos=1)
        while not got:
            await asyncio.sleep(0.02)
    assert got == ["acme/press-1/cmd/start"]
    task.cancel()
    await device.__aexit__(None, None, None)


async def test_credentials_are_good_from_the_moment_they_are_given_and_bad_once_revoked(
    devices: Devices, front: Front
) -> None:
    """At the first try, without a moment's wait."""
    for number in range(5):
        made = await devices.create(BOSS, name=f"press-{number}", path=f"acme/press-{number}")
        device = await connected(front, made)
        await devices.apply()  # what is known already cuts nobody off, not even who is just connecting
        await device.publish(f"acme/press-{number}/t", b"1", qos=1)
        await device.__aexit__(None, None, None)
        await devices.revoke(BOSS, made.device.id)
        with pytest.raises(aiomqtt.MqttError):
            await connected(front, made)


async def test_credentials_are_given_when_a_slow_server_has_read_them_and_not_before(
    devices: Devices, front: Front, keeper: Keeper
) -> None:
    pid = keeper.pid("nats-front")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        making = asyncio.create_task(devices.create(BOSS, name="press-1", path="acme/press-1"))
        done, _ = await asyncio.wait({making}, timeout=1)
        assert not done
    finally:
        os.kill(pid, signal.SIGCONT)
    device = await connected(front, await making)
    await device.__aexit__(None, None, None)


async def test_credentials_made_while_the_server_is_away_are_good_when_it_is_back(
    devices: Devices, front: Front, keeper: Keeper
) -> None:
    os.kill(keeper.pid("nats-front") or 0, signal.SIGKILL)
    made = await devices.create(BOSS, name="press-1", path="acme/press-1")
    device = await connected(front, made, within_s=10)
    await device.__aexit__(None, None, None)


async def closed(device: aiomqtt.Client) -> float:
    """Seconds until the server ends a connection."""
    began = time.monotonic()
    with pytest.raises(aiomqtt.MqttError):
        await asyncio.wait_for(anext(device.messages), 5)
    return time.monotonic() - began


async def test_a_revoked_device_is_cut_off_within_two_seconds_and_stays_out(devices: Devices, front: Front) -> None:
    gone = await devices.create(BOSS, name="press-1", path="acme/press-1")
    stays = await devices.create(BOSS, name="press-2", path="acme/press-2")
    one, two = await connected(front, gone), await connected(front, stays)
    await devices.revoke(BOSS, gone.device.id)
    assert await closed(one) < 2.0
    with pytest.raises(aiomqtt.MqttError):
        await client(front, gone).__aenter__()
    await two.publish("acme/press-2/t", b"1", qos=1)
    await two.__aexit__(None, None, None)
    with pytest.raises(DeviceNotFound):
        await devices.get(BOSS, gone.device.id)


async def test_a_rotated_password_replaces_the_old_one_and_its_connection(devices: Devices, front: Front) -> None:
    old = await devices.create(BOSS, name="press-1", path="acme/press-1")
    device = await connected(front, old)
    new = await devices.rotate(BOSS, old.device.id)
    assert await closed(device) < 2.0
    with pytest.raises(aiomqtt.MqttError):
        await client(front, old).__aenter__()
    again = await connected(front, new)
    await again.__aexit__(None, None, None)


async def test_the_catalogue_is_applied_again_at_start(
    db: Database, devices: Devices, embedded: Embedded, front: Front
) -> None:
    made = await devices.create(BOSS, name="press-1", path="acme/press-1")
    await Admission(embedded)([])
    with pytest.raises(aiomqtt.MqttError):
        await connected(front, made)
    await Devices(db, Guard(db), Admission(embedded)).apply()
    device = await connected(front, made)
    await device.__aexit__(None, None, None)


async def test_a_change_made_elsewhere_reaches_the_process_that_keeps_the_front(
    db: Database, devices: Devices, bus: Bus, front: Front
) -> None:
    elsewhere = Devices(db, Guard(db))
    tasks = [asyncio.create_task(relay(db, bus)), asyncio.create_task(Doorkeeper(devices, bus).run())]
    made = await elsewhere.create(BOSS, name="press-1", path="acme/press-1")
    device = await connected(front, made, within_s=5)
    await device.__aexit__(None, None, None)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/a",
        "a//b",
        "a/>",
        "a/*/b",
        "a/#/b",
        "a+/b",
        "$SYS/#",
        "a/$x",
        'a"b',
        "a b",
        "a\nb",
        "a'b",
        "a\\b",
        "x" * 600,
        "a#",
    ],
)
async def test_filters_that_would_reach_further_than_they_look_are_refused(security: Security, topic: str) -> None:
    with pytest.raises(BadTopic):
        await security.devices.create(PLATFORM, name="d", path="acme/d", publish=[topic])
    assert await security.devices.list_(PLATFORM) == []


async def test_topics_of_other_organisations_are_granted_by_platform_administrators_only(security: Security) -> None:
    own = ["acme/a/#", "uns/acme/+/x", "spBv1.0/acme/DDATA/#"]
    made = await security.devices.create(BOSS, name="own", path="acme/d", publish=own)
    assert made.device.publish == tuple(own)
    for topic in ("#", "+/x", "other/#", "uns/#", "acmes/#"):
        with pytest.raises(Forbidden):
            await security.devices.create(BOSS, name="foreign", path="acme/d", subscribe=[topic])
        with pytest.raises(Forbidden):
            await security.devices.change(BOSS, made.device.id, publish=[topic])
    assert (await security.devices.get(BOSS, made.device.id)).publish == tuple(own)
    await security.devices.create(PLATFORM, name="foreign", path="acme/d", subscribe=["#"])


async def test_devices_belong_to_the_administrators_of_their_place(security: Security) -> None:
    made = await security.devices.create(BOSS, name="d", path="acme/d")
    stranger = person("stranger", (Role.ADMIN, "other"))
    for attempt in (
        security.devices.get(stranger, made.device.id),
        security.devices.rotate(stranger, made.device.id),
        security.devices.revoke(stranger, made.device.id),
        security.devices.create(stranger, name="e", path="acme/e"),
        security.devices.create(person("engineer", (Role.ENGINEER, "acme")), name="e", path="acme/e"),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert await security.devices.list_(stranger) == []
    assert [d.name for d in await security.devices.list_(BOSS)] == ["d"]


async def test_names_are_taken_until_revoked_and_never_those_of_the_platform(security: Security) -> None:
    made = await security.devices.create(BOSS, name="d", path="acme/d")
    with pytest.raises(NameTaken):
        await security.devices.create(BOSS, name="d", path="acme/d")
    await security.devices.revoke(BOSS, made.device.id)
    await security.devices.create(BOSS, name="d", path="acme/d")
    for name in ("lineshaft", "Sys", "", "a b", "../x", 'x"'):
        with pytest.raises(Invalid):
            await security.devices.create(BOSS, name=name, path="acme/d")


async def test_the_audit_log_says_what_a_device_may_do_but_not_its_password(security: Security) -> None:
    made = await security.devices.create(BOSS, name="d", path="acme/d")
    again = await security.devices.rotate(BOSS, made.device.id)
    rows = await security.guard.entries(BOSS)
    assert [r.action for r in rows] == ["security.device.rotate", "security.device.create"]
    assert rows[1].after is not None
    assert rows[1].after["publish"] == ["acme/d/#"]
    assert made.password not in str(rows)
    assert again.password not in str(rows) + repr(again)
