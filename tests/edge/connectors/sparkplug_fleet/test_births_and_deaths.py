"""Births declare, data follows, deaths make stale."""

from __future__ import annotations

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import DataType
from lineshaft.kernel.terms import PlantPath, Quality

from .conftest import MS, NOW, ROOT, Bench, born, by_alias, message, nbirth, ndeath, number


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
