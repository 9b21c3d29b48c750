"""NCMD, DCMD and rebirths."""

from __future__ import annotations

from typing import Any

from lineshaft.edge.connectors.sparkplug import DataType, Payload

from .judging import judges
from .playing import GROUP, Evidence, _is_rebirth


@judges(
    "topics-ncmd-topic",
    "operational-behavior-data-commands-ncmd-verb",
    "operational-behavior-data-commands-ncmd-rebirth-verb",
)
def ncmd_topic(e: Evidence) -> None:
    topics = {p.topic for p in e.sent("NCMD")}
    assert topics == {f"spBv1.0/{GROUP}/NCMD/Edge", f"spBv1.0/{GROUP}/NCMD/edge"}


@judges("topics-dcmd-topic", "operational-behavior-data-commands-dcmd-verb")
def dcmd_topic(e: Evidence) -> None:
    topics = {p.topic for p in e.sent("DCMD")}
    assert topics == {f"spBv1.0/{GROUP}/DCMD/Edge/drive", f"spBv1.0/{GROUP}/DCMD/edge/drive"}


@judges("topics-ncmd-mqtt", "payloads-ncmd-qos", "payloads-ncmd-retain")
def ncmd_qos_and_retain(e: Evidence) -> None:
    assert {(p.qos, p.retain) for p in e.sent("NCMD")} == {(0, False)}


@judges("topics-dcmd-mqtt", "payloads-dcmd-qos", "payloads-dcmd-retain")
def dcmd_qos_and_retain(e: Evidence) -> None:
    assert {(p.qos, p.retain) for p in e.sent("DCMD")} == {(0, False)}


def _has_time(packets: list[Any]) -> None:
    assert packets
    for packet in packets:
        payload = Payload.FromString(packet.payload)
        assert payload.HasField("timestamp")
        assert abs(payload.timestamp / 1000 - packet.at) < 2


@judges("topics-ncmd-timestamp", "payloads-ncmd-timestamp")
def ncmd_timestamp(e: Evidence) -> None:
    _has_time(e.sent("NCMD"))


@judges("topics-dcmd-timestamp", "payloads-dcmd-timestamp")
def dcmd_timestamp(e: Evidence) -> None:
    _has_time(e.sent("DCMD"))


@judges("payloads-ncmd-seq")
def ncmd_has_no_seq(e: Evidence) -> None:
    assert [Payload.FromString(p.payload).HasField("seq") for p in e.sent("NCMD")].count(True) == 0


@judges("payloads-dcmd-seq")
def dcmd_has_no_seq(e: Evidence) -> None:
    assert [Payload.FromString(p.payload).HasField("seq") for p in e.sent("DCMD")].count(True) == 0


@judges("topics-ncmd-payload", "operational-behavior-data-commands-ncmd-metric-value")
def ncmd_payload_has_the_value_in_the_type_of_the_birth(e: Evidence) -> None:
    for edge, value in (("Edge", 42), ("edge", 43)):
        _, payload, metric = e.command("NCMD", edge)
        assert len(payload.metrics) == 1
        assert (metric.datatype, metric.WhichOneof("value"), metric.int_value) == (DataType.INT32, "int_value", value)


@judges("topics-dcmd-payload", "operational-behavior-data-commands-dcmd-metric-value")
def dcmd_payload_has_the_value_in_the_type_of_the_birth(e: Evidence) -> None:
    for edge, value in (("Edge", 0.75), ("edge", 0.25)):
        _, payload, metric = e.command("DCMD", edge)
        assert len(payload.metrics) == 1
        assert (metric.datatype, metric.WhichOneof("value"), metric.float_value) == (
            DataType.FLOAT,
            "float_value",
            value,
        )


def _declared(e: Evidence, verb: str, edge: str) -> dict[str, int | None]:
    """name → alias as a birth on the wire declared them."""
    birth = next(p for p in e.edge if p.up and p.kind == "PUBLISH" and p.topic.split("/")[2:4] == [verb, edge])
    return {m.name: m.alias if m.HasField("alias") else None for m in Payload.FromString(birth.payload).metrics}


@judges("operational-behavior-data-commands-ncmd-metric-name")
def ncmd_names_what_the_nbirth_declared(e: Evidence) -> None:
    assert e.command("NCMD", "edge")[2].name == "Limit"
    assert "Limit" in _declared(e, "NBIRTH", "edge")
    metric = e.command("NCMD", "Edge")[2]
    assert (metric.name, metric.alias) == ("", _declared(e, "NBIRTH", "Edge")["Limit"])


@judges("operational-behavior-data-commands-dcmd-metric-name")
def dcmd_names_what_the_dbirth_declared(e: Evidence) -> None:
    assert e.command("DCMD", "edge")[2].name == "Setpoint"
    assert "Setpoint" in _declared(e, "DBIRTH", "edge")
    metric = e.command("DCMD", "Edge")[2]
    assert (metric.name, metric.alias) == ("", _declared(e, "DBIRTH", "Edge")["Setpoint"])


@judges("payloads-name-cmd-requirement")
def command_metrics_carry_a_time(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        (metric,) = Payload.FromString(packet.payload).metrics
        assert abs(metric.timestamp / 1000 - packet.at) < 2


def _rebirth(e: Evidence) -> Any:
    packet = next(p for p in e.sent("NCMD") if _is_rebirth(p))
    (metric,) = Payload.FromString(packet.payload).metrics
    return metric


@judges("operational-behavior-data-commands-ncmd-rebirth-name")
def rebirth_name(e: Evidence) -> None:
    assert _rebirth(e).name == "Node Control/Rebirth"


@judges("operational-behavior-data-commands-ncmd-rebirth-value")
def rebirth_value(e: Evidence) -> None:
    assert _rebirth(e).WhichOneof("value") == "boolean_value"
    assert _rebirth(e).boolean_value is True


@judges("message-flow-edge-node-birth-publish-will-message-topic")
def edge_will_topic(e: Evidence) -> None:
    topics = {p.will_topic for p in e.edge if p.up and p.kind == "CONNECT"}
    assert topics == {f"spBv1.0/{GROUP}/NDEATH/Edge", f"spBv1.0/{GROUP}/NDEATH/edge"}
