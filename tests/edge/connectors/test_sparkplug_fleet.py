"""The state of edge nodes and the values they send, without a network."""

from __future__ import annotations

import json
import math
import struct
import time
from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import CONNECTOR, DataType, Payload, SparkplugSettings
from lineshaft.edge.connectors.sparkplug.fleet import Fleet
from lineshaft.kernel.terms import Kind, PlantPath, Quality

ROOT = PlantPath("acme/berlin")
MS = 1_795_000_000_000
NOW = MS * 1000


class Bench:
    """A fleet with a clock that stands still until told otherwise."""

    def __init__(self, *tags: Tag, **settings: Any) -> None:
        self.clock = 100.0
        settings = {"rebirth_jitter_s": 0.0, **settings}
        self.paths = [str(tag.path) for tag in tags]
        self.fleet = Fleet(SparkplugSettings(**settings), tags, ROOT, self.paths, clock=lambda: self.clock)
        self.received = NOW + 5_000

    def say(self, topic: str, payload: Any) -> Bench:
        data = payload if isinstance(payload, bytes) else payload.SerializeToString()
        self.fleet.take(f"spBv1.0/{topic}", data, self.received)
        return self

    def wait(self, seconds: float) -> Bench:
        self.clock += seconds
        self.received += int(seconds * 1e6)
        self.fleet.tick(self.received)
        return self

    def rows(self) -> list[tuple[str, Any, int, int]]:
        """(path below the root, value, ts, quality) of every row since the last call; NaN is None."""
        r = self.fleet.drain()
        found = []
        for i in range(len(r)):
            text = None if r.text is None else r.text[i]
            value = text if text is not None else None if math.isnan(r.number[i]) else float(r.number[i])
            path = str(r.paths[r.index[i]]).removeprefix(f"{ROOT}/")
            found.append((path, value, int(r.ts[i]), int(r.quality[i])))
        return found

    def values(self) -> list[Any]:
        return [value for _, value, _, _ in self.rows()]

    def asked(self) -> list[tuple[str, str]]:
        return self.fleet.rebirths()

    def named(self) -> list[str]:
        return [problem.message for problem in self.fleet.troubles()]


def message(seq: int | None, *metrics: dict[str, Any], at: int = MS) -> Any:
    payload = Payload(timestamp=at) if at else Payload()
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    return payload


def number(name: str, value: float, *, alias: int | None = None, at: int = MS, **more: Any) -> dict[str, Any]:
    found = {"name": name, "datatype": int(DataType.DOUBLE), "double_value": value, "timestamp": at, **more}
    return found if alias is None else {**found, "alias": alias}


def by_alias(alias: int, value: float, at: int = MS, **more: Any) -> dict[str, Any]:
    return {"alias": alias, "double_value": value, "timestamp": at, **more}


def nbirth(*metrics: dict[str, Any], bd: int = 0, seq: int = 0, at: int = MS) -> Any:
    session = {"name": "bdSeq", "datatype": int(DataType.INT64), "long_value": bd, "timestamp": at}
    return message(seq, session, *metrics, at=at)


def ndeath(bd: int, at: int = 1) -> Any:
    return message(None, {"name": "bdSeq", "datatype": int(DataType.INT64), "long_value": bd}, at=at)


def born(**settings: Any) -> Bench:
    """A node G/E with T (alias 1) and a device D with S (alias 2); the next seq is 2."""
    bench = Bench(**settings)
    bench.say("G/NBIRTH/E", nbirth(number("T", 20.0, alias=1)))
    bench.say("G/DBIRTH/E/D", message(1, number("S", 1.0, alias=2)))
    return bench


# ---- births and data ----


def test_births_declare_metrics_and_give_their_first_values() -> None:
    bench = born()
    assert bench.rows() == [
        ("G/E/T", 20.0, NOW, Quality.GOOD),
        ("G/E/D/S", 1.0, NOW, Quality.GOOD),
    ]
    assert bench.asked() == []
    assert bench.named() == []


def test_data_is_read_by_alias_and_by_name() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, by_alias(1, 21.0, MS + 1)))
    bench.say("G/DDATA/E/D", message(3, {"name": "S", "double_value": 2.0}, at=MS + 2))
    assert bench.rows() == [("G/E/T", 21.0, NOW + 1000, 0), ("G/E/D/S", 2.0, NOW + 2000, 0)]


def test_names_go_to_their_place_by_template_and_clean() -> None:
    bench = Bench(place="{edge}/dev-{device}/{metric}")
    bench.say("G/NBIRTH/Line 1", nbirth(number("Motor/Speed.x", 1)))
    bench.say("G/DBIRTH/Line 1/D#".replace("#", "1"), message(1, number("a", 2)))
    assert [row[0] for row in bench.rows()] == ["Line-1/dev/Motor/Speed-x", "Line-1/dev-D1/a"]


def test_two_metrics_never_share_a_place() -> None:
    bench = Bench()
    bench.say("G/NBIRTH/E", nbirth(number("a b", 1), number("a-b", 2)))
    assert bench.rows() == [("G/E/a-b", 1.0, NOW, 0)]
    assert "G/E|a-b would go to acme/berlin/G/E/a-b, which is taken by G/E|a b" in bench.named()[0]


def test_tags_have_a_place_and_scale_of_their_own() -> None:
    tag = Tag(path=PlantPath(f"{ROOT}/belt/speed"), address="G/E/D|S", scale=60.0, offset=1.0)
    bench = Bench(tag, discover=False)
    bench.say("G/NBIRTH/E", nbirth(number("T", 1)))
    bench.say("G/DBIRTH/E/D", message(1, number("S", 2.0), number("other", 3.0)))
    assert bench.rows() == [("belt/speed", 121.0, NOW, 0)]
    assert bench.paths == [f"{ROOT}/belt/speed"]


def test_what_steers_the_session_is_not_recorded() -> None:
    bench = Bench()
    control = {"name": "Node Control/Rebirth", "datatype": int(DataType.BOOLEAN), "boolean_value": False}
    bench.say("G/NBIRTH/E", nbirth(control, number("T", 1)))
    assert [row[0] for row in bench.rows()] == ["G/E/T"]


# ---- deaths ----


def test_a_node_death_makes_node_and_devices_stale_at_our_time() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDEATH/E", ndeath(0))
    assert bench.rows() == [
        ("G/E/T", None, bench.received, Quality.BAD_STALE),
        ("G/E/D/S", None, bench.received, Quality.BAD_STALE),
    ]
    node = bench.fleet.nodes["G", "E"]
    assert not node.unit.online
    assert not node.devices["D"].online
    assert bench.say("G/NDEATH/E", ndeath(0)).rows() == []


def test_a_death_of_an_older_session_is_ignored() -> None:
    bench = born()
    bench.say("G/NBIRTH/E", nbirth(number("T", 1, alias=1), bd=1))
    bench.rows()
    bench.say("G/NDEATH/E", ndeath(0))
    assert bench.rows() == []
    assert bench.fleet.nodes["G", "E"].unit.online
    bench.say("G/NDEATH/E", ndeath(1))
    assert [row[3] for row in bench.rows()] == [Quality.BAD_STALE]


def test_a_death_without_bd_seq_counts_only_where_the_birth_had_none() -> None:
    bench = born()
    bench.rows()
    assert bench.say("G/NDEATH/E", message(None)).rows() == []
    other = Bench().say("G/NBIRTH/E", message(0, number("T", 1)))
    assert "no bdSeq" in other.named()[0]
    other.rows()
    assert [row[3] for row in other.say("G/NDEATH/E", message(None)).rows()] == [Quality.BAD_STALE]


def test_a_device_death_makes_it_stale_at_the_payloads_time_and_leaves_the_others() -> None:
    bench = born()
    bench.rows()
    bench.say("G/DDEATH/E/D", message(2, at=MS + 3))
    assert bench.rows() == [("G/E/D/S", None, NOW + 3000, Quality.BAD_STALE)]
    assert bench.fleet.nodes["G", "E"].unit.online
    bench.say("G/DDATA/E/D", message(3, by_alias(2, 9.0)))
    assert bench.rows() == []
    assert bench.asked() == [("G", "E")]


def test_a_device_death_with_an_impossible_time_counts_from_its_arrival() -> None:
    bench = born()
    bench.rows()
    assert bench.say("G/DDEATH/E/D", message(2, at=5)).rows()[0][2] == bench.received


def test_a_new_session_makes_devices_stale_until_they_are_born() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NBIRTH/E", nbirth(number("T", 5, alias=1), bd=1))
    assert bench.rows() == [("G/E/D/S", None, bench.received, Quality.BAD_STALE), ("G/E/T", 5.0, NOW, 0)]


def test_a_rebirth_in_the_same_session_leaves_devices_time_to_be_born_again() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NBIRTH/E", nbirth(number("T", 5, alias=1)))
    assert [row[0] for row in bench.rows()] == ["G/E/T"]
    bench.wait(9.9)
    assert bench.rows() == []
    bench.wait(0.2)
    assert bench.rows() == [("G/E/D/S", None, bench.received, Quality.BAD_STALE)]
    again = born()
    again.rows()
    again.say("G/NBIRTH/E", nbirth(number("T", 5, alias=1))).say("G/DBIRTH/E/D", message(1, number("S", 6, alias=2)))
    again.rows()
    assert again.wait(60).rows() == []


def test_after_a_death_a_birth_of_a_slow_clock_is_still_the_latest_word() -> None:
    bench = born()
    bench.say("G/NDEATH/E", ndeath(0))
    stale = bench.rows()[-1][2]
    bench.received += 1000
    bench.say("G/NBIRTH/E", nbirth(number("T", 7, alias=1, at=MS - 60_000), bd=1))
    (path, value, ts, quality) = bench.rows()[0]
    assert (path, value, quality) == ("G/E/T", 7.0, 0)
    assert ts == bench.received > stale
    bench.say("G/NDATA/E", message(1, by_alias(1, 8.0, MS - 50_000)))
    assert bench.rows()[0][2] == NOW - 50_000_000


def test_a_metric_that_a_rebirth_no_longer_has_is_stale() -> None:
    bench = Bench().say("G/NBIRTH/E", nbirth(number("a", 1), number("b", 2)))
    bench.rows()
    bench.say("G/NBIRTH/E", nbirth(number("a", 1)))
    assert ("G/E/b", None, bench.received, Quality.BAD_STALE) in bench.rows()


# ---- asking for rebirths ----


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


# ---- order ----


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


# ---- storms and garbage ----


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


# ---- times, quality, history ----


@pytest.mark.parametrize("at", [1, 4_102_444_800_000, MS + 7_200_000])
def test_times_nobody_can_believe_are_replaced_flagged_and_named_once(at: int) -> None:
    bench = born()
    bench.rows()
    for seq in (2, 3):
        bench.say("G/NDATA/E", message(seq, by_alias(1, 1, at)))
        assert bench.rows() == [("G/E/T", 1.0, bench.received, Quality.UNCERTAIN_TIME)]
    assert len(bench.named()) == 1


def test_a_value_without_a_time_has_that_of_its_payload_or_its_arrival() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, {"alias": 1, "double_value": 1.0}, at=MS + 9))
    bench.say("G/NDATA/E", message(3, {"alias": 1, "double_value": 2.0}, at=0))
    assert [row[2] for row in bench.rows()] == [NOW + 9000, bench.received]


def test_history_keeps_its_time_and_does_not_touch_the_live_value() -> None:
    bench = born()
    bench.rows()
    past = {"is_historical": True}
    bench.say("G/NDATA/E", message(2, by_alias(1, 5.0, MS - 3_600_000, **past), by_alias(1, 6.0)))
    bench.say("G/NDATA/E", message(3, {"alias": 1, "double_value": 4.0, **past}))
    assert bench.rows() == [
        ("G/E/T", 5.0, NOW - 3_600_000_000, Quality.GOOD),
        ("G/E/T", 6.0, NOW, Quality.GOOD),
        ("G/E/T", 4.0, NOW, Quality.UNCERTAIN_TIME),
    ]
    assert bench.fleet.nodes["G", "E"].unit.by_name["T"].last == 6.0


@pytest.mark.parametrize(
    ("said", "expected"), [(192, Quality.GOOD), (0, Quality.BAD), (500, Quality.BAD_STALE), (7, Quality.UNCERTAIN)]
)
def test_the_quality_property_is_used(said: int, expected: Quality) -> None:
    bench = born()
    bench.rows()
    payload = message(2, by_alias(1, 1.0))
    payload.metrics[0].properties.keys.append("Quality")
    payload.metrics[0].properties.values.add(type=int(DataType.INT32), int_value=said)
    assert bench.say("G/NDATA/E", payload).rows()[0][3] == expected


def test_null_is_no_data_and_nan_is_bad_and_named_once() -> None:
    bench = born()
    bench.rows()
    bench.say("G/NDATA/E", message(2, {"alias": 1, "is_null": True}, by_alias(1, math.nan), by_alias(1, -math.inf)))
    assert [row[3] for row in bench.rows()] == [
        Quality.BAD_NO_DATA,
        Quality.BAD_OUT_OF_RANGE,
        Quality.BAD_OUT_OF_RANGE,
    ]
    assert len(bench.named()) == 1


# ---- types ----


def _array(letter: str, *items: Any) -> bytes:
    return struct.pack(f"<{len(items)}{letter}", *items)


@pytest.mark.parametrize(
    ("datatype", "wire", "expected"),
    [
        ("INT8", {"int_value": 2**32 - 5}, -5.0),
        ("INT8", {"int_value": 251}, -5.0),
        ("INT16", {"int_value": 2**32 - 30_000}, -30_000.0),
        ("INT16", {"int_value": 12}, 12.0),
        ("INT32", {"int_value": 2**32 - 1}, -1.0),
        ("INT32", {"long_value": 2**64 - 7}, -7.0),
        ("INT64", {"long_value": 2**64 - 9}, -9.0),
        ("INT64", {"long_value": 2**53}, float(2**53)),
        ("UINT8", {"int_value": 255}, 255.0),
        ("UINT16", {"int_value": 65_535}, 65_535.0),
        ("UINT32", {"int_value": 2**32 - 1}, float(2**32 - 1)),
        ("UINT32", {"long_value": 2**32 - 1}, float(2**32 - 1)),
        ("UINT64", {"long_value": 2**63}, float(2**63)),
        ("FLOAT", {"float_value": 1.5}, 1.5),
        ("DOUBLE", {"double_value": 1e300}, 1e300),
        ("DOUBLE", {"int_value": 3}, 3.0),
        ("INT32", {"double_value": 2.5}, 2.5),
        ("BOOLEAN", {"boolean_value": True}, 1.0),
        ("BOOLEAN", {"int_value": 1}, 1.0),
        ("STRING", {"string_value": "on"}, "on"),
        ("TEXT", {"string_value": "grüß"}, "grüß"),
        ("UUID", {"string_value": "550e8400-e29b-41d4-a716-446655440000"}, "550e8400-e29b-41d4-a716-446655440000"),
        ("DATETIME", {"long_value": MS + 123}, "2026-11-18T11:06:40.123Z"),
        ("BYTES", {"bytes_value": b"\x00\xff"}, "AP8="),
        ("INT16_ARRAY", {"bytes_value": _array("h", -1, 2)}, "[-1,2]"),
        ("UINT8_ARRAY", {"bytes_value": b"\x01\xff"}, "[1,255]"),
        ("INT64_ARRAY", {"bytes_value": _array("q", -1)}, "[-1]"),
        ("FLOAT_ARRAY", {"bytes_value": _array("f", 0.5, math.nan)}, "[0.5,null]"),
        ("DOUBLE_ARRAY", {"bytes_value": b""}, "[]"),
        ("BOOLEAN_ARRAY", {"bytes_value": b"\x0a\x00\x00\x00\xb0\x40"}, None),
        ("STRING_ARRAY", {"bytes_value": b"ab\x00c\x00"}, '["ab","c"]'),
        ("UNKNOWN", {"double_value": 4.0}, 4.0),
        ("STRING", {"int_value": 7}, 7.0),
    ],
)
def test_every_type(datatype: str, wire: dict[str, Any], expected: Any) -> None:
    bench = Bench()
    metric = {"name": "m", "timestamp": MS, "datatype": int(DataType[datatype]), **wire}
    bench.say("G/NBIRTH/E", nbirth(metric))
    if datatype == "BOOLEAN_ARRAY":
        expected = json.dumps([b == "1" for b in "1011000001"], separators=(",", ":"))
    assert bench.values() == [expected]


def test_data_sets_and_templates_are_json_text_and_definitions_are_left_out() -> None:
    bench = Bench()
    payload = nbirth(
        {"name": "table", "datatype": int(DataType.DATASET)},
        {"name": "_types_/Motor", "datatype": int(DataType.TEMPLATE)},
        {"name": "motor", "datatype": int(DataType.TEMPLATE)},
    )
    table = payload.metrics[1].dataset_value
    table.columns.extend(["a", "b"])
    table.types.extend([int(DataType.INT8), int(DataType.STRING)])
    row = table.rows.add()
    row.elements.add(int_value=255)
    row.elements.add(string_value="x")
    payload.metrics[2].template_value.is_definition = True
    member = payload.metrics[3].template_value.metrics.add(name="rpm", datatype=int(DataType.INT32))
    member.int_value = 1500
    bench.say("G/NBIRTH/E", payload)
    assert [(row[0], json.loads(row[1])) for row in bench.rows()] == [
        ("G/E/table", {"columns": ["a", "b"], "rows": [[-1, "x"]]}),
        ("G/E/motor", {"rpm": 1500}),
    ]


@pytest.mark.parametrize(
    ("datatype", "wire", "reason"),
    [
        ("BYTES", {"bytes_value": b"x" * 5000}, "5000 bytes are more"),
        ("FILE", {"bytes_value": b"x" * 5000}, "5000 bytes are more"),
        ("INT32_ARRAY", {"bytes_value": b"abc"}, "no INT32_ARRAY"),
        ("STRING_ARRAY", {"bytes_value": b"\xff\x00"}, "no STRING_ARRAY"),
        ("DATETIME", {"long_value": 2**63}, "is no time"),
    ],
)
def test_values_that_cannot_be_shown_are_left_out_and_named(datatype: str, wire: Any, reason: str) -> None:
    bench = Bench()
    bench.say("G/NBIRTH/E", nbirth({"name": "m", "datatype": int(DataType[datatype]), **wire}, number("ok", 1)))
    assert bench.values() == [1.0]
    assert reason in bench.named()[0]


def test_kinds_of_tags_decide_between_number_and_text() -> None:
    kinds = {"time": Kind.NUMBER, "count": Kind.TEXT, "words": Kind.NUMBER, "digits": Kind.NUMBER}
    tags = [Tag(path=PlantPath(f"{ROOT}/{n}"), address=f"G/E|{n}", kind=k) for n, k in kinds.items()]
    bench = Bench(*tags)
    bench.say(
        "G/NBIRTH/E",
        nbirth(
            {"name": "time", "datatype": int(DataType.DATETIME), "long_value": MS},
            {"name": "count", "datatype": int(DataType.INT32), "int_value": 7},
            {"name": "words", "datatype": int(DataType.STRING), "string_value": "many"},
            {"name": "digits", "datatype": int(DataType.STRING), "string_value": "12.5"},
        ),
    )
    assert [(row[1], row[3]) for row in bench.rows()] == [(float(MS), 0), ("7", 0), (None, Quality.BAD_TYPE), (12.5, 0)]


# ---- settings and speed ----


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
