"""Messages out of order, missing, in storms and made of garbage."""

from __future__ import annotations

import time

import pytest

from .conftest import Bench, born, by_alias, message, nbirth, number


def test_seq_wraps_from_255_to_0() -> None:
    bench = Bench().say("G/NBIRTH/E", nbirth(number("T", 0, alias=1), seq=250))
    for i in range(1, 20):
        bench.say("G/NDATA/E", message((250 + i) & 255, by_alias(1, i)))
    assert bench.values() == list(range(20))
    assert bench.asked() == []


def test_messages_out_of_order_are_put_in_order_within_the_time() -> None:
    bench = born(reorder_timeout_s=2)
    bench.rows()
    for seq in (4, 3, 5):
        bench.say("G/NDATA/E", message(seq, by_alias(1, seq)))
    assert bench.rows() == []
    bench.wait(1.9)
    bench.say("G/NDATA/E", message(2, by_alias(1, 2)))
    assert bench.values() == [2, 3, 4, 5]
    bench.wait(60)
    assert bench.asked() == []
    assert bench.named() == []
    assert bench.fleet.deadline() is None


def test_a_message_that_does_not_come_costs_one_rebirth_and_no_other_value() -> None:
    bench = born(reorder_timeout_s=2)
    bench.rows()
    bench.say("G/NDATA/E", message(4, by_alias(1, 4))).say("G/NDATA/E", message(3, by_alias(1, 3)))
    assert bench.fleet.deadline() == pytest.approx(bench.clock + 2)
    bench.wait(2.0)
    assert bench.values() == [3, 4]
    assert bench.asked() == [("G", "E")]
    assert "missing in its sequence" in bench.named()[0]
    bench.say("G/NDATA/E", message(5, by_alias(1, 5)))
    assert bench.values() == [5]
    assert bench.asked() == []


def test_without_a_reorder_time_a_gap_asks_at_once() -> None:
    bench = born(reorder_timeout_s=0)
    bench.rows()
    bench.say("G/NDATA/E", message(3, by_alias(1, 3)))
    assert bench.values() == [3]
    assert bench.asked() == [("G", "E")]


def test_a_birth_ends_the_waiting_and_what_waited_is_taken() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(5, by_alias(1, 5)))
    bench.say("G/NBIRTH/E", nbirth(number("T", 9, alias=1)))
    assert bench.values() == [5, 9]
    bench.wait(10.5)
    assert bench.asked() == []


def test_waiting_messages_are_bounded() -> None:
    bench = born(reorder_timeout_s=600)
    bench.rows()
    for i in range(3, 258):
        bench.say("G/NDATA/E", message(i & 255, by_alias(1, i)))
    assert len(bench.values()) >= 250
    assert bench.asked() == [("G", "E")]


def test_one_nodes_gap_holds_up_no_other() -> None:
    bench = born()
    bench.say("G/NBIRTH/F", nbirth(number("T", 1, alias=1)))
    bench.rows()
    bench.say("G/NDATA/E", message(7, by_alias(1, 7))).say("G/NDATA/F", message(1, by_alias(1, 2)))
    assert bench.values() == [2]


def test_a_thousand_births_a_second_are_named_once_and_cost_nobody_else_a_value() -> None:
    bench = Bench(births_burst=10)
    bench.say("G/NBIRTH/calm", nbirth(number("T", 0, alias=1)))
    metrics = [number(f"m{i}", i, alias=i) for i in range(50)]
    began = time.perf_counter()
    for second in range(3):
        for i in range(1000):
            bench.say("G/NBIRTH/storm", nbirth(*metrics, bd=i & 255))
            bench.clock += 0.001
        bench.say("G/NDATA/calm", message(second + 1, by_alias(1, second)))
    assert time.perf_counter() - began < 3.0
    rows = bench.rows()
    assert [row[1] for row in rows if row[0] == "G/calm/T"] == [0.0, 0.0, 1.0, 2.0]
    assert len([row for row in rows if row[0].startswith("G/storm")]) <= 14 * 50
    assert len([name for name in bench.named() if "born too often" in name]) == 1
    bench.wait(31)
    assert bench.asked() == [("G", "storm")]
    bench.say("G/NDATA/storm", message(1, by_alias(7, 77)))
    assert bench.values() == [77.0]


def test_nodes_and_metrics_are_bounded_and_named_once() -> None:
    bench = Bench(max_nodes=5, max_paths=8)
    for i in range(1000):
        bench.say(f"G/NBIRTH/E{i}", nbirth(number("a", 1), number("b", 2)))
    assert len(bench.fleet.nodes) == 5
    assert len(bench.paths) == 8
    assert len(bench.named()) == 2


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"hello", b"\x12\xff\xff\xff\xff\x0f", b"\x0a\x05ab"])
def test_garbage_is_named_once_and_nothing_stops(data: bytes) -> None:
    bench = born()
    bench.rows()
    for _ in range(3):
        bench.say("G/NDATA/E", data)
    assert len(bench.named()) == 1
    assert bench.say("G/NDATA/E", message(2, by_alias(1, 2))).values() == [2]


@pytest.mark.parametrize("topic", ["G/NDATA", "G/XDATA/E", "G/NDATA/E/D", "G/DDATA/E", "G//E", "", "STATE/other"])
def test_topics_that_are_none_of_sparkplugs_are_left_out(topic: str) -> None:
    bench = born()
    bench.rows()
    bench.say(topic, message(2, by_alias(1, 2)))
    assert bench.rows() == []
    assert bench.say("G/NDATA/E", message(2, by_alias(1, 2))).values() == [2]


def test_a_large_payload_is_refused_unread() -> None:
    bench = born(max_payload_bytes=1000)
    bench.say("G/NDATA/E", b"\x00" * 10_000_000)
    assert "10000000 bytes" in bench.named()[0]


def test_an_alias_used_twice_and_a_metric_without_a_name_are_named() -> None:
    bench = Bench()
    bench.say("G/NBIRTH/E", nbirth(number("a", 1, alias=1), number("b", 2, alias=1), {"alias": 3, "double_value": 1}))
    named = bench.named()
    assert "gives the alias 1 to two metrics" in named[0]
    assert "without a name" in named[1]
    assert bench.values() == [1.0, 2.0]


def test_data_without_seq_is_taken_and_named_once() -> None:
    bench = born()
    bench.rows()
    for i in range(3):
        bench.say("G/NDATA/E", message(None, by_alias(1, i)))
    assert bench.values() == [0, 1, 2]
    assert len(bench.named()) == 1
