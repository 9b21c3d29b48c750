"""How MQTT payloads become values."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from lineshaft.edge.connectors import Readings, Tag
from lineshaft.edge.connectors.mqtt import CONNECTOR, Decoder, MqttSettings
from lineshaft.edge.connectors.mqtt.topics import covers, fits, overlap
from lineshaft.kernel.clock import to_us
from lineshaft.kernel.terms import Kind, PlantPath, Quality

ROOT = PlantPath("acme/berlin")
NOW = to_us(datetime(2026, 11, 23, 12, tzinfo=UTC))


def decoder(*tags: Tag, **settings: Any) -> Decoder:
    return Decoder(MqttSettings(**settings), tags, ROOT, [tag.path for tag in tags])


def take(d: Decoder, *messages: tuple[str, Any], received: int = NOW, retained: bool = False) -> Readings:
    encoded = [(t, p if isinstance(p, bytes) else json.dumps(p).encode(), received, 0, retained) for t, p in messages]
    return d.decode(encoded)


def rows(readings: Readings) -> dict[str, Any]:
    """path → value of every row; the last one counts."""
    found: dict[str, Any] = {}
    for row in range(len(readings)):
        text = None if readings.text is None else readings.text[row]
        found[readings.paths[readings.index[row]]] = text if text is not None else readings.number[row]
    return found


def tag(path: str, address: str, kind: Kind = Kind.NUMBER, **more: Any) -> Tag:
    return Tag(path=PlantPath(f"{ROOT}/{path}"), address=address, kind=kind, **more)


# ---- the tree of a message ----


def test_every_leaf_of_an_object_becomes_a_property_below_its_topic() -> None:
    d = decoder()
    got = rows(take(d, ("hall/a", {"t": 21.5, "door": {"open": True, "name": "west"}, "levels": [1, 2]})))
    assert got == {
        "acme/berlin/hall/a/t": 21.5,
        "acme/berlin/hall/a/door/open": 1.0,
        "acme/berlin/hall/a/door/name": "west",
        "acme/berlin/hall/a/levels/0": 1.0,
        "acme/berlin/hall/a/levels/1": 2.0,
    }
    assert d.troubles.drain() == []


def test_a_topic_template_moves_levels_to_their_place() -> None:
    d = decoder(rules=[{"topic": "sensors/{area}/{device}/{what}", "path": "{area}/dev-{device}/{what}"}])
    got = rows(take(d, ("sensors/hall 1/42/temp", 7), ("sensors/hall 1/42/state", "ok")))
    assert got == {"acme/berlin/hall-1/dev-42/temp": 7.0, "acme/berlin/hall-1/dev-42/state": "ok"}


def test_a_name_may_be_part_of_a_level_or_stand_for_all_the_rest() -> None:
    d = decoder(rules=[{"topic": "m-{id}/up/{rest#}", "path": "machine/{id}/{rest}"}])
    assert rows(take(d, ("m-7/up/a/b", 1))) == {"acme/berlin/machine/7/a/b": 1.0}


def test_the_first_rule_that_fits_is_used_and_topics_without_one_are_named_once() -> None:
    d = decoder(rules=[{"topic": "a/{x}", "path": "first/{x}"}, {"topic": "a/+", "path": "second"}])
    assert rows(take(d, ("a/b", 1), ("z/z", 1), ("z/y", 2))) == {"acme/berlin/first/b": 1.0}
    (problem,) = d.troubles.drain()
    assert "No rule fits the topic 'z/z'" in problem.message


def test_one_value_by_json_path_takes_the_place_itself() -> None:
    d = decoder(rules=[{"topic": "s/{id}", "path": "{id}", "value": "$.data.values[1].v"}])
    got = rows(take(d, ("s/x", {"data": {"values": [{"v": 1}, {"v": 2.5}]}, "noise": 9})))
    assert got == {"acme/berlin/x": 2.5}


def test_named_values_by_json_path() -> None:
    d = decoder(rules=[{"topic": "s/{id}", "path": "{id}", "values": {"temp": "$.a['b.c']", "hum": "h"}}])
    assert rows(take(d, ("s/x", {"a": {"b.c": 4}, "h": 50, "z": 1}))) == {
        "acme/berlin/x/temp": 4.0,
        "acme/berlin/x/hum": 50.0,
    }


def test_a_list_of_readings_with_names_values_and_times_of_their_own() -> None:
    d = decoder(rules=[{"topic": "gw", "path": "gw", "each": "$.tags", "value": "$.v", "name": "$.n", "time": "$.at"}])
    ms = NOW // 1000
    readings = take(d, ("gw", {"at": ms - 5, "tags": [{"n": "a", "v": 1, "at": ms - 1}, {"n": "b", "v": "x"}]}))
    assert rows(readings) == {"acme/berlin/gw/a": 1.0, "acme/berlin/gw/b": "x"}
    assert readings.ts.tolist() == [(ms - 1) * 1000, (ms - 5) * 1000]
    take(d, ("gw", {"tags": 3}), ("gw", {"tags": [{"v": 1}]}))
    assert len(d.troubles.drain()) == 1


@pytest.mark.parametrize("payload", [b"23.5", b" 23.5 ", b"2.35e1", b"23.5\n"])
def test_plain_numbers(payload: bytes) -> None:
    assert rows(take(decoder(), ("t", payload))) == {"acme/berlin/t": 23.5}


def test_plain_words_are_text_but_not_where_objects_came_before() -> None:
    d = decoder()
    assert rows(take(d, ("door", b"OPEN"))) == {"acme/berlin/door": "OPEN"}
    take(d, ("obj", {"a": 1}))
    assert len(take(d, ("obj", b"OPEN"))) == 0
    assert "not JSON" in d.troubles.drain()[0].message


def test_strict_formats() -> None:
    d = decoder(
        rules=[
            {"topic": "j", "format": "json"},
            {"topic": "n", "format": "number"},
            {"topic": "t", "format": "text"},
        ]
    )
    got = rows(take(d, ("j", b"word"), ("n", b"12"), ("n", b"x"), ("t", b'{"a": 1}')))
    assert got == {"acme/berlin/n": 12.0, "acme/berlin/t": '{"a": 1}'}
    assert len(d.troubles.drain()) == 2


def test_keys_that_no_path_may_hold_are_cleaned() -> None:
    assert rows(take(decoder(), ("a/b c", {"x.y z": 1, "p/q": 2}))) == {
        "acme/berlin/a/b-c/x-y-z": 1.0,
        "acme/berlin/a/b-c/p/q": 2.0,
    }


# ---- tags ----


def test_tags_have_their_own_place_scale_and_unit_and_discovery_goes_on_beside_them() -> None:
    d = decoder(tag("boiler/temp", "s/1|data.t", scale=0.1, offset=-5.0))
    assert rows(take(d, ("s/1", {"data": {"t": 300, "p": 7}}))) == {
        "acme/berlin/boiler/temp": 25.0,
        "acme/berlin/s/1/data/p": 7.0,
    }


def test_without_discovery_only_tags_are_taken() -> None:
    d = decoder(tag("temp", "s/1|t"), tag("door", "s/2"), discover=False)
    got = rows(take(d, ("s/1", {"t": 1, "x": 2, "y": {"z": 3}, "l": [1]}), ("s/2", b"5"), ("s/3", b"6")))
    assert got == {"acme/berlin/temp": 1.0, "acme/berlin/door": 5.0}
    assert d.paths == ["acme/berlin/temp", "acme/berlin/door"]


def test_values_are_made_to_fit_the_kind_of_their_tag() -> None:
    d = decoder(
        tag("n", "s|n"),
        tag("b", "s|b", Kind.BOOLEAN),
        tag("e", "s|e", Kind.ENUM),
        tag("t", "s|t", Kind.TEXT),
        discover=False,
    )
    readings = take(d, ("s", {"n": "21.5", "b": "ON", "e": 3, "t": True}))
    assert rows(readings) == {
        "acme/berlin/n": 21.5,
        "acme/berlin/b": 1.0,
        "acme/berlin/e": "3",
        "acme/berlin/t": "true",
    }
    assert set(readings.quality.tolist()) == {Quality.GOOD}


def test_text_where_a_number_belongs_is_bad_and_named_and_stops_nothing() -> None:
    d = decoder(tag("n", "s|n"), tag("m", "s|m"))
    readings = take(d, ("s", {"n": "broken", "m": 2}))
    assert readings.quality.tolist() == [Quality.BAD_TYPE, Quality.GOOD]
    assert math.isnan(readings.number[0])
    assert "'broken' is no number" in d.troubles.drain()[0].message


# ---- times ----


@pytest.mark.parametrize(
    ("stamp", "unit"),
    [
        (NOW / 1e6, "auto"),
        (NOW // 1000, "auto"),
        (NOW, "auto"),
        (NOW * 1000, "auto"),
        (NOW // 1_000_000, "s"),
        (NOW // 1000, "ms"),
        (NOW, "us"),
        (NOW * 1000, "ns"),
        ("2026-11-23T12:00:00Z", "auto"),
        ("2026-11-23T13:00:00+01:00", "iso"),
        ("2026-11-23 12:00:00", "auto"),
        (str(NOW // 1000), "ms"),
    ],
)
def test_source_times_of_every_unit(stamp: object, unit: str) -> None:
    d = decoder(rules=[{"time": "$.at", "time_unit": unit}])
    readings = take(d, ("s", {"v": 1, "at": stamp}), received=NOW + 77)
    assert readings.ts.tolist() == [NOW]
    assert readings.quality.tolist() == [Quality.GOOD]
    assert rows(readings) == {"acme/berlin/s/v": 1.0}


@pytest.mark.parametrize("key", ["timestamp", "timestamp_ms", "ts", "time"])
def test_usual_names_of_times_are_found(key: str) -> None:
    readings = take(decoder(), ("s", {key: NOW // 1000 - 3000, "v": 1}))
    assert readings.ts.tolist() == [NOW - 3_000_000]
    assert list(readings.paths) == ["acme/berlin/s/v"]


def test_what_is_called_time_but_is_none_is_a_value() -> None:
    assert rows(take(decoder(), ("s", {"time": "late shift"}))) == {"acme/berlin/s/time": "late shift"}


@pytest.mark.parametrize(
    "stamp", [0, 1000, "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", NOW // 1000 + 7_200_000, 10**30]
)
def test_times_nobody_can_believe_are_replaced_flagged_and_named_once(stamp: object) -> None:
    d = decoder(rules=[{"time": "$.at"}])
    for _ in range(3):
        readings = take(d, ("s", {"v": 1, "at": stamp}))
        assert readings.ts.tolist() == [NOW]
        assert readings.quality.tolist() == [Quality.UNCERTAIN_TIME]
    assert len(d.troubles.drain()) == 1


def test_a_retained_message_without_a_time_has_an_unknown_age() -> None:
    d = decoder()
    assert take(d, ("s", {"v": 1}), retained=True).quality.tolist() == [Quality.UNCERTAIN_LAST_USABLE]
    assert take(d, ("s", {"v": 1, "ts": NOW // 1000}), retained=True).quality.tolist() == [Quality.GOOD]


# ---- quality ----


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (True, Quality.GOOD),
        (False, Quality.BAD),
        ("Good", Quality.GOOD),
        ("uncertain", Quality.UNCERTAIN),
        ("BAD", Quality.BAD),
        ("stale", Quality.BAD_STALE),
        ("who knows", Quality.UNCERTAIN),
        (192, Quality.GOOD),
        (64, Quality.UNCERTAIN),
        (0, Quality.BAD),
        (0x80340000, Quality.BAD),
        (0x40000000, Quality.UNCERTAIN),
    ],
)
def test_quality_fields(raw: object, expected: Quality) -> None:
    d = decoder(rules=[{"quality": "$.q"}])
    readings = take(d, ("s", {"v": 1, "q": raw, "w": 2}))
    assert readings.quality.tolist() == [expected, expected]


def test_quality_by_the_word_a_device_uses() -> None:
    d = decoder(rules=[{"quality": "$.status", "good": [0, "fine"]}])
    got = [take(d, ("s", {"v": 1, "status": s})).quality[0] for s in (0, "fine", 1, False)]
    assert got == [Quality.GOOD, Quality.GOOD, Quality.BAD, Quality.BAD]


# ---- what must never break anything ----


def test_null_is_no_data() -> None:
    readings = take(decoder(), ("s", {"v": None, "w": 1}))
    assert readings.quality.tolist() == [Quality.BAD_NO_DATA, Quality.GOOD]


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_nan_and_infinity_are_bad_values_and_named_once(word: bytes) -> None:
    d = decoder()
    for _ in range(2):
        readings = take(d, ("s", b'{"v": ' + word + b', "w": 1}'))
        assert readings.quality.tolist() == [Quality.BAD_OUT_OF_RANGE, Quality.GOOD]
        assert math.isnan(readings.number[0])
        assert readings.number[1] == 1.0
    assert len(d.troubles.drain()) == 1


def test_integers_of_any_size() -> None:
    readings = take(decoder(), ("s", b'{"a": 9007199254740993, "b": 1' + b"0" * 400 + b"}"))
    assert readings.number[0] == 9007199254740992.0
    assert readings.quality.tolist() == [Quality.GOOD, Quality.BAD_OUT_OF_RANGE]


@pytest.mark.parametrize(
    "payload",
    [b"\xff\xfe\x00", b'{"v": 1', b"{'v': 1}", b'{"v": 1}}', b'["a', b"\x00" * 50, b"[" * 100_000, b'{"a":' * 50_000],
)
def test_garbage_is_named_once_and_the_next_message_is_taken(payload: bytes) -> None:
    d = decoder()
    got = take(d, ("s", {"v": 1}), ("s", payload), ("s", payload), ("s", {"v": 2}), ("other", 3))
    assert got.number.tolist() == [1.0, 2.0, 3.0]
    assert len(d.troubles.drain()) == 1
    take(d, ("s", payload))
    assert d.troubles.drain() == []


def test_an_empty_payload_clears_a_retained_topic_and_says_nothing() -> None:
    d = decoder()
    assert len(take(d, ("s", b""))) == 0
    assert d.troubles.drain() == []


def test_a_large_payload_is_refused_unread() -> None:
    d = decoder()
    got = take(d, ("s", b'{"v": "' + b"x" * 10_000_000 + b'"}'), ("s", {"v": 1}))
    assert rows(got) == {"acme/berlin/s/v": 1.0}
    assert "10000009 bytes" in d.troubles.drain()[0].message


def test_objects_too_deep_and_lists_too_long_are_named_and_their_neighbours_taken() -> None:
    d = decoder(max_depth=3, max_list=4)
    deep: dict[str, Any] = {"x": 1}
    for _ in range(6):
        deep = {"d": deep}
    got = rows(take(d, ("s", {"deep": deep, "wave": list(range(100)), "ok": 1})))
    assert got == {"acme/berlin/s/ok": 1.0}
    assert len(d.troubles.drain()) == 2


def test_discovery_stops_at_its_bound_and_says_so_once() -> None:
    d = decoder(max_paths=10)
    for i in range(1000):
        take(d, (f"t/{i}", {f"k{i}": i}))
    assert len(d.paths) == 10
    (problem,) = d.troubles.drain()
    assert "More than 10 properties" in problem.message
    assert rows(take(d, ("t/3", {"k3": 5}))) == {"acme/berlin/t/3/k3": 5.0}


def test_random_keys_of_one_device_leave_room_for_the_tags() -> None:
    d = decoder(tag("keep", "s|keep"), max_paths=10)
    for i in range(100):
        take(d, ("s", {f"random{i}": {"a": {}}, f"n{i}": 1}))
    assert rows(take(d, ("s", {"keep": 4})))["acme/berlin/keep"] == 4.0


def test_the_platforms_own_mirror_is_never_taken() -> None:
    d = decoder()
    assert len(take(d, ("uns/acme/x", {"v": 1}), ("$SYS/load", b"1"), ("spBv1.0/G/NDATA/E", b"\x08\x01"))) == 0
    assert d.troubles.drain() == []


def test_an_empty_batch() -> None:
    assert len(decoder().decode([])) == 0


def test_three_value_messages_take_less_than_fifteen_microseconds_each() -> None:
    d = decoder(rules=[{"topic": "sensors/{area}/{device}", "path": "{area}/{device}"}])
    body = {"timestamp": NOW // 1000, "t": 21.5, "h": 40, "p": 1013.2}
    batch = [(f"sensors/a/{i % 200}", json.dumps(body).encode(), NOW, 0, False) for i in range(2000)]
    d.decode(batch)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        readings = d.decode(batch)
        best = min(best, time.perf_counter() - began)
    assert len(readings) == 6000
    assert best / 2000 < 15e-6


# ---- checks before anything is opened ----


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rules": [{"topic": "a/{x}/{x}"}]}, "uses a name twice"),
        ({"rules": [{"topic": "a/{x#}/b"}]}, "must be the whole last level"),
        ({"rules": [{"topic": "a/#/b"}]}, "must be the whole last level"),
        ({"rules": [{"topic": "a/{x}", "path": "{y}"}]}, "the path uses {y}"),
        ({"rules": [{"topic": "a", "value": "$.["}]}, "is not a JSON path"),
        ({"rules": [{"topic": "a", "value": "$.a", "values": {"b": "$.b"}}]}, "both value and values"),
        ({"subscriptions": ["a/b#"]}, "'#' must be the whole last level"),
        ({"subscriptions": ["a+/b"]}, "'+' must be a whole level"),
        ({"subscriptions": ["a/+", "+/b"]}, "'a/+' and '+/b' overlap"),
        ({}, "Nothing to listen to"),
        ({"broker": "mqtt://h", "subscriptions": ["a"], "session": "persistent"}, "needs a client_id"),
    ],
)
def test_wrong_settings_are_found_without_a_network(settings: dict[str, Any], expected: str) -> None:
    connector = CONNECTOR(MqttSettings(**settings), (), root=ROOT)
    messages = [problem.message for problem in connector.check()]
    assert any(expected in message for message in messages), messages


@pytest.mark.parametrize(
    ("address", "options", "expected"),
    [
        ("a/+/b|x", {}, "is no address of one value"),
        ("|x", {}, "is no address of one value"),
        ("a|x[", {}, "is not a JSON path"),
        ("a|x", {"writ_topic": "a"}, "Unknown options: writ_topic"),
    ],
)
def test_wrong_addresses_are_found_without_a_network(address: str, options: dict[str, Any], expected: str) -> None:
    connector = CONNECTOR(MqttSettings(), (tag("x", address, options=options),), root=ROOT)
    assert [expected in p.message for p in connector.check()] == [True]


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://h:99999", "mqtt://u:p@h", "h:1883"])
def test_wrong_broker_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|login"):
        MqttSettings(broker=url)


def test_subscriptions_come_from_rules_and_tags_and_none_is_covered_by_another() -> None:
    tags = (tag("x", "a/b|v"), tag("y", "z/1|v"))
    settings = MqttSettings(rules=[{"topic": "a/{x}"}, {"topic": "a/{x#}"}, {"topic": "b/{x}/c"}])
    assert CONNECTOR(settings, tags, root=ROOT).filters == ("a/#", "b/+/c", "z/1")
    assert CONNECTOR(MqttSettings(subscriptions=["#"]), tags, root=ROOT).filters == ("#",)
    assert CONNECTOR(MqttSettings(discover=False), tags, root=ROOT).filters == ("a/b", "z/1")


@pytest.mark.parametrize(
    ("one", "other", "both", "covered"),
    [
        ("a/#", "a/b", True, True),
        ("a/#", "a", True, True),
        ("a/+", "a/b", True, True),
        ("a/+", "+/b", True, False),
        ("a/+", "a/b/c", False, False),
        ("a/b", "a/c", False, False),
        ("#", "a/#", True, True),
        ("a/b/#", "a/+", True, False),
        ("a/b/#", "+/+/c", True, False),
        ("a", "b/#", False, False),
    ],
)
def test_filters_that_overlap_or_cover_each_other(one: str, other: str, both: bool, covered: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is both
    assert covers(one, other) is covered


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("+/b", "a/b", True),
        ("+", "a/b", False),
        ("#", "a/b", True),
        ("#", "$SYS/a", False),
        ("+/a", "$SYS/a", False),
        ("$SYS/#", "$SYS/a", True),
        ("$share/g/a/+", "a/b", True),
        ("a.c/+", "abc/x", False),
    ],
)
def test_filters_fit_topics_as_the_standard_says(pattern: str, topic: str, expected: bool) -> None:
    assert fits(pattern, topic) is expected


# ---- units ----


@pytest.mark.parametrize(("key", "value"), [("unit", "value"), ("u", "v"), ("u", "value")])
@pytest.mark.parametrize("first", [True, False])
def test_a_unit_beside_a_value_is_told_once_per_change_and_is_no_value(key: str, value: str, first: bool) -> None:
    d = decoder()

    def say(number: float, unit: str) -> Readings:
        pairs = [(key, unit), (value, number), ("state", "on")]
        return take(d, ("oven", dict(pairs if first else pairs[::-1])))

    path = f"acme/berlin/oven/{value}"
    got = say(181.5, "°C")
    assert (rows(got), got.units) == ({path: 181.5, "acme/berlin/oven/state": "on"}, {path: "°C"})
    assert say(182.0, "°C").units == {}
    assert say(360.0, "°F").units == {path: "°F"}


def test_a_unit_beside_no_number_is_a_value_like_any_other() -> None:
    got = take(decoder(), ("line", {"unit": "packer-3", "value": "RUN"}), ("mixer", {"unit": "C", "temperature": 20}))
    assert got.units == {}
    assert rows(got)["acme/berlin/line/unit"] == "packer-3"
    assert rows(got)["acme/berlin/mixer/unit"] == "C"


def test_a_tag_on_a_unit_keeps_it_as_a_value() -> None:
    d = decoder(tag("said", "oven|unit", Kind.TEXT))
    got = take(d, ("oven", {"value": 1, "unit": "bar"}))
    assert (rows(got), got.units) == ({"acme/berlin/oven/value": 1.0, "acme/berlin/said": "bar"}, {})


def test_units_of_tags_of_narrowed_rules_and_of_lists_are_told_for_their_own_paths() -> None:
    tagged = take(decoder(tag("t", "oven|value"), discover=False), ("oven", {"value": 1, "unit": "bar", "x": 2}))
    assert (rows(tagged), tagged.units) == ({"acme/berlin/t": 1.0}, {"acme/berlin/t": "bar"})
    narrow = take(
        decoder(rules=[{"topic": "s/{id}", "path": "{id}", "value": "$.d.v"}]), ("s/1", {"d": {"v": 3, "u": "A"}})
    )
    assert (rows(narrow), narrow.units) == ({"acme/berlin/1": 3.0}, {"acme/berlin/1": "A"})
    listed = decoder(rules=[{"topic": "senml", "path": "s", "each": "$", "name": "$.n", "value": "$.v"}])
    items = [{"n": "t", "v": 20, "u": "Cel"}, {"n": "h", "v": 40}]
    got = take(listed, ("senml", items))
    assert (rows(got), got.units) == ({"acme/berlin/s/t": 20.0, "acme/berlin/s/h": 40.0}, {"acme/berlin/s/t": "Cel"})
    assert take(listed, ("senml", items)).units == {}
