"""Deaths of nodes and devices, order, and what the kit's monitor also asks."""

from __future__ import annotations

from typing import Any

from lineshaft.edge.connectors.sparkplug import Payload, SparkplugSettings
from lineshaft.kernel.terms import Quality

from .judging import MORE, judges
from .playing import GROUP, HOST, REORDER_S, ROOT, STATE, Evidence, _is_rebirth

_D = "operational-behavior-edge-node-termination-host-action-"


def _stale(e: Evidence, phase: str) -> dict[str, Any]:
    rows = e.rows[phase]
    assert {row.quality for row in rows} == {int(Quality.BAD_STALE)}
    return {row.path.removeprefix(f"{ROOT}/"): row for row in rows}


@judges(f"{_D}ddeath-devices-offline")
def ddeath_takes_the_device_offline(e: Evidence) -> None:
    assert e.tree["born"][f"{GROUP}/Edge/drive"] == "online"
    assert e.tree["ddeath"][f"{GROUP}/Edge/drive"] == "offline"
    assert e.tree["ddeath"][f"{GROUP}/Edge"] == "online"
    assert e.tree["ddeath"][f"{GROUP}/edge/drive"] == "online"


@judges(f"{_D}ddeath-devices-tags-stale")
def ddeath_makes_its_metrics_stale_at_the_payloads_time(e: Evidence) -> None:
    rows = _stale(e, "ddeath")
    assert set(rows) == {"sp", f"{GROUP}/Edge/drive/Speed"}
    (heard,) = [p for p in e.host if not p.up and p.kind == "PUBLISH" and p.topic.split("/")[2] == "DDEATH"]
    stamp = Payload.FromString(heard.payload).timestamp
    assert {row.ts for row in rows.values()} == {stamp * 1000}
    if e.broker != "nats":  # which knows Sparkplug and puts its own time into deaths
        assert stamp == int(e.marks["ddeath said"])


@judges(f"{_D}ndeath-node-offline")
def ndeath_takes_the_node_offline(e: Evidence) -> None:
    assert e.tree["ddeath"][f"{GROUP}/edge"] == "online"
    assert e.tree["ndeath"][f"{GROUP}/edge"] == "offline"
    assert e.tree["ndeath"][f"{GROUP}/Edge"] == "online"
    assert e.tree["all dead"][f"{GROUP}/Edge"] == "offline"


@judges(f"{_D}ndeath-devices-offline")
def ndeath_takes_its_devices_offline(e: Evidence) -> None:
    assert e.tree["ndeath"][f"{GROUP}/edge/drive"] == "offline"


@judges(f"{_D}ndeath-node-tags-stale")
def ndeath_makes_the_nodes_metrics_stale_now(e: Evidence) -> None:
    row = _stale(e, "ndeath")["name2"]
    assert e.marks["ndeath"] - 0.1 <= row.ts / 1e6 <= e.marks["ndeath seen"]
    assert set(_stale(e, "all dead")) == {"name"}, "the device was stale already"


@judges(f"{_D}ndeath-devices-tags-stale")
def ndeath_makes_the_devices_metrics_stale_now(e: Evidence) -> None:
    rows = _stale(e, "ndeath")
    assert set(rows) == {"name2", "sp2", f"{GROUP}/edge/drive/Speed"}
    assert len({row.ts for row in rows.values()}) == 1


@judges("operational-behavior-host-reordering-param")
def the_reorder_time_can_be_set_and_is_kept(e: Evidence) -> None:
    asked = next(p for p in e.sent("NCMD") if _is_rebirth(p) and p.at > e.marks["gap"])
    assert REORDER_S - 0.05 <= asked.at - e.marks["gap"] < REORDER_S + 1
    assert SparkplugSettings(reorder_timeout_s=7).reorder_timeout_s == 7


@judges("operational-behavior-host-reordering-start")
def what_comes_out_of_order_waits(e: Evidence) -> None:
    assert e.rows["while waiting"] == []


@judges("operational-behavior-host-reordering-success")
def the_missing_message_ends_the_waiting(e: Evidence) -> None:
    assert [row.number for row in e.rows["reorder success"]] == [23.0, 24.0]
    assert e.rebirths["success"] == 0


@judges("operational-behavior-host-reordering-rebirth")
def without_it_the_node_is_asked_for_a_rebirth(e: Evidence) -> None:
    assert e.rebirths["rebirth"] == 1
    speeds = [row.number for row in e.rows["reorder rebirth"] if row.path.endswith("Speed")]
    assert speeds == [34.0, 34.0], "what waited, then the birth"


@judges("host-topic-phid-death-payload-timestamp-connect", into=MORE)
def the_will_has_the_time_of_the_connect(e: Evidence) -> None:
    assert abs(e.will()["timestamp"] / 1000 - e.marks["connect"]) < 1


@judges("operational-behavior-host-application-host-id", into=MORE)
def the_host_id_is_the_one_set(e: Evidence) -> None:
    assert {p.topic for p in e.states()} | {e.connect().will_topic} == {f"spBv1.0/STATE/{HOST}"}


@judges("topic-structure", "topic-structure-namespace-a", into=MORE)
def every_topic_has_the_structure(e: Evidence) -> None:
    for packet in [p for p in e.host if p.up and p.kind == "PUBLISH"]:
        parts = packet.topic.split("/")
        assert parts[0] == "spBv1.0"
        assert packet.topic == STATE or (parts[2], len(parts)) in {("NCMD", 4), ("DCMD", 5)}


@judges(
    "topic-structure-namespace-valid-group-id",
    "topic-structure-namespace-valid-edge-node-id",
    "topic-structure-namespace-valid-device-id",
    into=MORE,
)
def ids_are_those_of_the_births(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        parts = packet.topic.split("/")
        assert (parts[1], parts[3]) in {(GROUP, "Edge"), (GROUP, "edge")}
        assert parts[4:] in ([], ["drive"])


@judges("payloads-timestamp-in-UTC", into=MORE)
def times_are_utc(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        assert abs(Payload.FromString(packet.payload).timestamp / 1000 - packet.at) < 2


@judges(
    "case-sensitivity-sparkplug-ids",
    "topic-structure-namespace-unique-edge-node-descriptor",
    "topic-structure-namespace-duplicate-device-id-across-edge-node",
    into=MORE,
)
def nodes_that_differ_by_case_and_devices_of_one_name_are_kept_apart(e: Evidence) -> None:
    assert {f"{GROUP}/Edge", f"{GROUP}/edge", f"{GROUP}/Edge/drive", f"{GROUP}/edge/drive"} == set(e.tree["born"])
