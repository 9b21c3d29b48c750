"""Programs that know nothing of Lineshaft: MQTT clients of both versions at its door, Prometheus at its numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiomqtt
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from lineshaft.app.trial import Trial, platform
from lineshaft.kernel.terms import series_id

pytestmark = pytest.mark.asyncio(loop_scope="module")
HALL = {"name": "hall", "path": "hall", "broker": "builtin", "rules": [{"topic": "hall/{name}", "path": "{name}"}]}
Login = tuple[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Trial]:
    async with platform({"twins": {"auto_adopt": True}, "edge": {"mqtt": [HALL]}}) as plant:
        yield plant


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def login(plant: Trial) -> Login:
    return await plant.device("node-red", "hall/#", subscribe=["hall/#", "uns/acme/#"])


def client(plant: Trial, login: Login, **options: Any) -> aiomqtt.Client:
    user, password = login
    told = {"protocol": aiomqtt.ProtocolVersion.V311, "timeout": 10, **options}
    return aiomqtt.Client("127.0.0.1", plant.ports["mqtt"], username=user, password=password, **told)


async def first(client: aiomqtt.Client, count: int) -> list[aiomqtt.Message]:
    """The next messages, as many as asked for."""
    found: list[aiomqtt.Message] = []
    async with asyncio.timeout(60):
        async for message in client.messages:
            found.append(message)
            if len(found) == count:
                break
    return found


async def stored(plant: Trial, path: str) -> list[float]:
    rows = await plant.ask(f"SELECT number FROM samples FINAL WHERE series = {series_id(path)} ORDER BY ts")
    return [row["number"] for row in rows]


# ---- MQTT 3.1.1 ----


async def test_a_message_of_every_quality_of_service_is_heard_and_stored_once(
    plant: Trial, login: Login, until: Any
) -> None:
    async with client(plant, login) as one:
        await one.subscribe("hall/press", qos=2)
        for qos in (0, 1, 2):
            await one.publish("hall/press", json.dumps({"force": qos + 0.5}), qos=qos)
            await asyncio.sleep(0.05)
        heard = await first(one, 3)
    assert sorted((json.loads(m.payload)["force"], m.qos) for m in heard) == [(0.5, 0), (1.5, 1), (2.5, 2)]
    found = await until(lambda: _at_least(plant, "acme/hall/press/force", 3))
    assert sorted(found) == [0.5, 1.5, 2.5]


async def _at_least(plant: Trial, path: str, count: int) -> list[float] | None:
    found = await stored(plant, path)
    return found if len(found) >= count else None


async def test_a_retained_message_and_a_last_will_are_kept_for_who_comes_later(plant: Trial, login: Login) -> None:
    async with AsyncExitStack() as stack:
        will = aiomqtt.Will("hall/pump/status", b"gone", qos=1, retain=True)
        pump = await stack.enter_async_context(client(plant, login, will=will))
        await pump.publish("hall/pump/status", b"here", qos=1, retain=True)
        async with client(plant, login) as later:
            await later.subscribe("hall/pump/+", qos=1)
            [message] = await first(later, 1)
            assert (message.payload, message.retain) == (b"here", True)
            pump._client._sock_close()  # the cable is pulled: no goodbye
            [message] = await first(later, 1)
            assert message.payload == b"gone"
        stack.pop_all()
    async with client(plant, login) as latest:
        await latest.subscribe("hall/pump/status", qos=1)
        [message] = await first(latest, 1)
        assert (message.payload, message.retain) == (b"gone", True)


async def test_a_session_is_kept_for_a_client_that_was_away(plant: Trial, login: Login) -> None:
    mine: dict[str, Any] = {"identifier": "scada-1", "clean_session": False}
    async with client(plant, login, **mine) as here:
        await here.subscribe("hall/oven", qos=1)
    async with client(plant, login) as other:
        for n in range(5):
            await other.publish("hall/oven", b"%d" % n, qos=1)
    async with client(plant, login, **mine) as back:
        assert [m.payload for m in await first(back, 5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_what_was_not_granted_is_neither_heard_nor_taken(plant: Trial, login: Login, until: Any) -> None:
    other = await plant.device("other", "other/#", subscribe=["other/#"])
    async with client(plant, login) as one, client(plant, other) as stranger:
        refused, granted = [(await one.subscribe(topic, qos=1))[0] for topic in ("other/#", "hall/gate")]
        assert (refused.value, granted.value) == (0x80, 1)  # MQTT 3.1.1, clause 3.9.3
        await stranger.publish("hall/gate", b'{"open": 1}', qos=1)
        await one.publish("hall/gate", b'{"open": 2}', qos=1)
        [message] = await first(one, 1)
    assert message.payload == b'{"open": 2}'
    assert await until(lambda: _at_least(plant, "acme/hall/gate/open", 1)) == [2.0]


# ---- refusals at the door ----


async def test_a_wrong_password_is_refused_at_once(plant: Trial, login: Login, slowness: Any) -> None:
    async with asyncio.timeout(5 * slowness()):
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with client(plant, (login[0], "wrong")):
                pass


async def test_a_client_of_mqtt_5_is_told_at_once_that_its_version_is_not_spoken(
    plant: Trial, login: Login, slowness: Any
) -> None:
    """So that clients which can speak both, and there are many, come again with 3.1.1."""
    async with asyncio.timeout(5 * slowness()):
        with pytest.raises(aiomqtt.MqttError, match="Unsupported protocol version"):
            async with client(plant, login, protocol=aiomqtt.ProtocolVersion.V5):
                pass


# ---- Prometheus ----


async def test_prometheus_reads_the_numbers_in_both_its_formats(plant: Trial, login: Login, until: Any) -> None:
    async with client(plant, login) as one:
        await one.publish("hall/meter", b'{"kwh": 1.0}', qos=1)
    await until(lambda: _at_least(plant, "acme/hall/meter/kwh", 1))
    async with plant.client() as api:
        plain = await api.get("/metrics", headers={"Accept": "text/plain;version=0.0.4"})
        opened = await api.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    for found in (list(plain_text(plain.text)), list(open_metrics(opened.text))):
        types = {family.name: family.type for family in found}
        assert types["lineshaft_stored_samples"] == types["lineshaft_unread_messages"] == "counter"
        assert {kind for name, kind in types.items() if name.startswith("lineshaft_lag")} == {"gauge"}
        samples = {(s.name, *s.labels.values()): s.value for family in found for s in family.samples}
        assert samples["lineshaft_stored_samples_total",] >= 1
        assert samples["lineshaft_connection_up", "hall"] == 1
        assert all(family.documentation for family in found)


async def test_the_numbers_are_for_who_may_see_the_whole_platform(plant: Trial) -> None:
    async with plant.client("ls_none_none") as nobody:
        assert (await nobody.get("/metrics")).status_code == 401
