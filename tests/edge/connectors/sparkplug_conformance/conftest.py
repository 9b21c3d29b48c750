"""Plays a whole session of a host against real brokers and keeps the evidence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .playing import Evidence, Play


@pytest.fixture(scope="module", params=["mosquitto/5", "mosquitto/3.1.1", "nats/auto"])
def evidence(request: pytest.FixtureRequest, recorder_class: Any, collector_class: Any) -> Evidence:
    name, protocol = request.param.split("/")
    brokers = {"mosquitto": "mosquitto", "nats": "nats_mqtt"}
    broker = request.getfixturevalue(brokers[name])
    other = request.getfixturevalue(brokers["nats" if name == "mosquitto" else "mosquitto"])
    if protocol == "5":
        other = request.getfixturevalue("second_mosquitto")
    play = Play(broker, other, protocol, recorder_class, collector_class)
    return asyncio.run(play.run())
