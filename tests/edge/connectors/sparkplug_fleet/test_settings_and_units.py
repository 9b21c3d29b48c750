"""Settings, addresses, speed, and units that births tell."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import CONNECTOR, DataType, SparkplugSettings
from lineshaft.kernel.terms import PlantPath

from .conftest import ROOT, Bench, by_alias, message, nbirth, number


@pytest.mark.parametrize(
    "settings",
    [
        {"host_id": "a/b"},
        {"host_id": ""},
        {"groups": ["a+"]},
        {"place": "{group}"},
        {"place": "{gruppe}/{metric}"},
        {"reorder_timeout_s": -1},
    ],
)
def test_wrong_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        SparkplugSettings(**settings)


@pytest.mark.parametrize("address", ["a|b", "a/b", "a/b/c/d|x", "a//b|x", "a/b|"])
def test_wrong_addresses_are_found_without_a_network(address: str) -> None:
    tag = Tag(path=PlantPath(f"{ROOT}/x"), address=address)
    (problem,) = CONNECTOR(SparkplugSettings(), (tag,), root=ROOT).check()
    assert "is no address of a metric" in problem.message


def test_far_more_than_twenty_thousand_metrics_a_second() -> None:
    bench = Bench()
    count = 200
    bench.say("G/NBIRTH/E", nbirth(*(number(f"m{i}", i, alias=i) for i in range(count))))
    bench.rows()
    messages = [message((s + 1) & 255, *(by_alias(i, s) for i in range(count))).SerializeToString() for s in range(100)]
    began = time.perf_counter()
    for data in messages:
        bench.fleet.take("spBv1.0/G/NDATA/E", data, bench.received)
    readings = bench.fleet.drain()
    rate = len(readings) / (time.perf_counter() - began)
    assert len(readings) == 100 * count
    assert rate > 50_000


def unit(said: str) -> dict[str, Any]:
    """The property engUnit."""
    return {"properties": {"keys": ["engUnit"], "values": [{"type": int(DataType.STRING), "string_value": said}]}}


def test_births_tell_units_once_and_again_when_they_change() -> None:
    bench = Bench()
    plain, warm = number("P", 1.0), number("T", 20.0, **unit("°C"))
    bench.say("G/NBIRTH/E", nbirth(plain, warm))
    first = bench.fleet.drain()
    assert (len(first), first.units) == (2, {"acme/berlin/G/E/T": "°C"})
    bench.say("G/NBIRTH/E", nbirth(plain, warm))
    assert bench.fleet.drain().units == {}
    bench.say("G/NBIRTH/E", nbirth(plain, number("T", 68.0, **unit("°F"))))
    assert bench.fleet.drain().units == {"acme/berlin/G/E/T": "°F"}


def test_metrics_that_are_not_recorded_tell_no_unit() -> None:
    bench = Bench(discover=False)
    bench.say("G/NBIRTH/E", nbirth(number("T", 20.0, **unit("°C"))))
    assert bench.fleet.drain().units == {}
