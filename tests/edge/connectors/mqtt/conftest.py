"""MQTT connectors at work, and devices that publish."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from lineshaft.edge.connectors import Host, Tag
from lineshaft.edge.connectors.mqtt import CONNECTOR, MqttConnector, MqttSettings
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath

ROOT = PlantPath("acme/berlin")


def make(broker: Any, *tags: Tag, host: Host | None = None, url: str = "", **settings: Any) -> MqttConnector:
    settings = {"broker": url or broker.url, **broker.login, **settings}
    connector = CONNECTOR(MqttSettings(**settings), tags, root=ROOT)
    assert connector.check() == []
    connector.host = host or Host()
    return connector


@contextlib.asynccontextmanager
async def device(broker: Any, **more: Any) -> AsyncIterator[Publisher]:
    async with Publisher(broker.url, **broker.login, **more) as publisher:
        yield publisher


def area() -> str:
    """A part of the topic tree no other test uses."""
    return f"t-{new_id()[-10:]}"
