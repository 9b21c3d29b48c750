"""When a node is asked to say everything again, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.edge.connectors.sparkplug import DataType

from .conftest import Bench, born, by_alias, message, nbirth, ndeath, number


def test_data_before_a_birth_asks_once_and_not_again_before_its_time() -> None:
    bench = Bench(rebirth_every_s=30)
    for seq in range(20):
        bench.say("G/NDATA/E", message(seq, by_alias(1, 1.0)))
        bench.say("G/DDATA/E/D", message(seq, by_alias(2, 1.0)))
    assert bench.asked() == [("G", "E")]
    bench.say("G/NDATA/E", message(20, by_alias(1, 1.0)))
    assert bench.asked() == []
    assert bench.named() == []
    bench.wait(29.9)
    assert bench.asked() == []
    bench.wait(0.2)
    assert bench.asked() == [("G", "E")]
    assert "was asked for a rebirth and was not born" in bench.named()[0]
    assert bench.rows() == []


def test_a_birth_answers_a_request_that_has_not_left_yet() -> None:
    bench = Bench(rebirth_jitter_s=5)
    bench.say("G/NDATA/E", message(3, by_alias(1, 1.0)))
    bench.say("G/NBIRTH/E", nbirth(number("T", 1, alias=1)))
    bench.wait(10)
    assert bench.asked() == []


def test_requests_of_many_nodes_are_spread() -> None:
    bench = Bench(rebirth_jitter_s=10)
    for i in range(200):
        bench.say(f"G/NDATA/E{i}", message(0, by_alias(1, 1.0)))
    counts = []
    for _ in range(10):
        bench.wait(1.001)
        counts.append(len(bench.asked()))
    assert sum(counts) == 200
    assert max(counts) < 60


@pytest.mark.parametrize(
    ("topic", "metric"),
    [
        ("G/NDATA/E", by_alias(99, 1.0)),
        ("G/NDATA/E", number("unknown", 1.0)),
        ("G/DDATA/E/D", by_alias(99, 1.0)),
        ("G/DDATA/E/nobody", by_alias(2, 1.0)),
        ("G/DDEATH/E/nobody", number("x", 1)),
        ("G/NDATA/E", {"alias": 1, "datatype": int(DataType.STRING), "string_value": "x"}),
    ],
)
def test_what_no_birth_declared_asks_for_a_rebirth(topic: str, metric: dict[str, Any]) -> None:
    bench = born()
    bench.rows()
    bench.say(topic, message(2, metric))
    assert bench.asked() == [("G", "E")]


def test_known_metrics_beside_an_unknown_one_are_taken() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, by_alias(99, 1.0), by_alias(1, 3.0)))
    assert bench.values() == [3.0]


def test_an_onlooker_asks_nobody() -> None:
    bench = Bench(request_rebirth=False)
    bench.say("G/NDATA/E", message(3, by_alias(1, 1.0)))
    bench.wait(100)
    assert bench.asked() == []


def test_deaths_and_commands_of_strangers_ask_nobody() -> None:
    bench = Bench()
    bench.say("G/NDEATH/E", ndeath(0)).say("G/NCMD/E", message(None, number("x", 1)))
    bench.say("G/DCMD/E/D", message(None, number("x", 1)))
    assert bench.asked() == []
    assert bench.fleet.nodes == {}
