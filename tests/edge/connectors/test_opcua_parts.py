"""The parts of the OPC UA connector that need no network: addresses, the wire, columns, settings, the line model."""

from __future__ import annotations

import math
import statistics
import struct
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lineshaft.edge.connectors import Problem, Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings, wire
from lineshaft.edge.connectors.opcua.address import Address, parse, spell
from lineshaft.edge.connectors.opcua.line import LineModel, State
from lineshaft.edge.connectors.opcua.table import Item, Pick, Table
from lineshaft.edge.connectors.opcua.values import quality_of
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath, Quality

NAMESPACES = ["http://opcfoundation.org/UA/", "urn:server", "urn:a;b%c"]


# ---- addresses ----


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("i=2258", Address(namespace=0, identifier=2258)),
        ("ns=2;s=Filler.Speed", Address(namespace=2, identifier="Filler.Speed")),
        (" ns=2;i=7 ", Address(namespace=2, identifier=7)),
        ("nsu=urn:maker:plc;s=a=b;c", Address(namespace="urn:maker:plc", identifier="a=b;c")),
        ("nsu=urn:a%3Bb%25c;s=x", Address(namespace="urn:a;b%c", identifier="x")),
        ("ns=2;s=T[3]", Address(namespace=2, identifier="T", element=(3,), literal="T[3]")),
        ("ns=2;i=5[1,2]", Address(namespace=2, identifier=5, element=(1, 2))),
        ('ns=3;s="DB1"."T"[0]', Address(namespace=3, identifier='"DB1"."T"', element=(0,), literal='"DB1"."T"[0]')),
        ("ns=1;g=00000000-0000-0000-0000-000000000005", Address(namespace=1, identifier=uuid.UUID(int=5))),
        ("ns=1;b=AP8=", Address(namespace=1, identifier=b"\x00\xff")),
        ("ns=2;s=[3]", Address(namespace=2, identifier="[3]")),
        (
            "/0:Objects/2:Line&/1/Speed",
            Address(namespace=0, identifier=84, browse=((0, "Objects"), (2, "Line/1"), (0, "Speed"))),
        ),
    ],
)
def test_addresses_are_read(text: str, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Filler.Speed",
        "ns=2",
        "ns=2;x=1",
        "i=-1",
        "i=4294967296",
        "ns=70000;i=1",
        "g=5",
        "b=*",
        "s=",
        "/",
        "//a",
        "/70000:a",
    ],
)
def test_bad_addresses_are_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert repr(text) in caught.value.message
    assert ("/0:Objects/2:Machine" if text.startswith("/") else "ns=2;s=Name") in caught.value.hint


identifiers = st.one_of(
    st.integers(0, 2**32 - 1), st.text(min_size=1).filter(lambda t: t == t.strip()), st.uuids(), st.binary(min_size=1)
)


@given(identifier=identifiers, index=st.integers(0, 2))
def test_what_is_spelled_leads_back_to_the_node(identifier: Any, index: int) -> None:
    node = ua.NodeId(identifier, index)
    assert parse(spell(node, NAMESPACES)).node(NAMESPACES, literal=True) == node


def test_an_unknown_namespace_names_those_there_are() -> None:
    with pytest.raises(Invalid, match="no namespace 'urn:x'") as caught:
        parse("nsu=urn:x;i=1").node(NAMESPACES)
    assert "urn:server" in caught.value.hint


# ---- the wire ----

scalars = st.one_of(
    st.tuples(st.just(ua.VariantType.Boolean), st.booleans()),
    st.tuples(st.just(ua.VariantType.SByte), st.integers(-128, 127)),
    st.tuples(st.just(ua.VariantType.UInt16), st.integers(0, 65535)),
    st.tuples(st.just(ua.VariantType.Int32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(ua.VariantType.UInt64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(ua.VariantType.Float), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just(ua.VariantType.Double), st.floats(allow_nan=False)),
    st.tuples(st.just(ua.VariantType.String), st.text()),
    st.tuples(st.just(ua.VariantType.Double), st.lists(st.floats(allow_nan=False), min_size=1)),
    st.tuples(st.just(ua.VariantType.String), st.lists(st.text(), min_size=1)),
)
moments = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
changes = st.tuples(st.integers(0, 2**32 - 1), scalars, st.sampled_from([0, 0x40900000, 0x808A0000]), moments, moments)


@given(batch=st.lists(changes, max_size=20))
def test_what_asyncua_publishes_is_read_exactly(batch: list[Any]) -> None:
    items = [_notification(handle, *rest) for handle, *rest in batch]
    raw = wire.Raw()
    said = wire.published(Buffer(_publish(items, sequence=9)), raw)
    assert (said.subscription, said.sequence, said.changes, said.notified) == (77, 9, len(batch), True)
    assert raw.handle == [handle for handle, *_ in batch]
    assert raw.status == [status for _, _, status, _, _ in batch]
    assert [_value(raw, row) for row in range(len(raw))] == [value for _, (_, value), *_ in batch]
    assert raw.filetime == [_filetime(source or server) for *_, source, server in batch]


@given(cut=st.integers(0, 400))
def test_a_message_that_ends_early_is_an_error_and_never_wrong_values(cut: int) -> None:
    whole = _publish([_notification(n, (ua.VariantType.Double, 1.5), 0, None, None) for n in range(20)], sequence=1)
    raw = wire.Raw()
    behind = 12  # three lists that are not read follow the values
    with pytest.raises((struct.error, IndexError, ua.UaError)):
        wire.published(Buffer(whole[: -behind - 1 - cut]), raw)
    assert set(raw.number) <= {1.5}


def test_keep_alives_and_new_statuses_are_told_apart() -> None:
    silent = wire.published(Buffer(_publish([], sequence=3, parts=[])), wire.Raw())
    assert (silent.notified, silent.changes, silent.status) == (False, 0, None)
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    assert wire.published(Buffer(_publish([], sequence=3, parts=[ended])), wire.Raw()).status == 0x800A0000


def test_a_structure_nobody_knows_costs_no_other_value() -> None:
    unknown = ua.ExtensionObject(TypeId=ua.NodeId(4711, 9), Body=b"abc")
    items = [_notification(1, (ua.VariantType.ExtensionObject, unknown), 0, None, None)]
    items.append(_notification(2, (ua.VariantType.Double, 2.0), 0, None, None))
    raw = wire.Raw()
    wire.published(Buffer(_publish(items, sequence=1)), raw)
    assert raw.handle == [1, 2]
    assert raw.number[1] == 2.0
    assert raw.objects[0].Body == b"abc"


def test_a_refused_publish_is_raised() -> None:
    answer = ua.PublishResponse()
    answer.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    with pytest.raises(ua.uaerrors.BadNoSubscription):
        wire.published(Buffer(ua_binary.struct_to_binary(answer)), wire.Raw())


def _notification(handle: int, value: tuple[Any, Any], status: int, source: Any, server: Any) -> Any:
    kind, content = value
    data = ua.DataValue(
        ua.Variant(content, kind), ua.StatusCode(status), SourceTimestamp=source, ServerTimestamp=server
    )
    return ua.MonitoredItemNotification(ClientHandle=handle, Value=data)


def _publish(items: list[Any], *, sequence: int, parts: list[Any] | None = None) -> bytes:
    answer = ua.PublishResponse()
    answer.Parameters.SubscriptionId = 77
    answer.Parameters.AvailableSequenceNumbers = [1, 2, 3]
    answer.Parameters.NotificationMessage.SequenceNumber = sequence
    data = parts if parts is not None else [ua.DataChangeNotification(MonitoredItems=items)]
    answer.Parameters.NotificationMessage.NotificationData = data
    return ua_binary.struct_to_binary(answer)


def _value(raw: wire.Raw, row: int) -> Any:
    return raw.objects.get(row, raw.number[row])


def _filetime(moment: datetime | None) -> int:
    return 0 if moment is None else ua.datetime_to_win_epoch(moment)


# ---- columns ----


def _table(**options: Any) -> Table:
    tags = [Tag(path=PlantPath(f"a/{n}"), address=f"i={n}", **options) for n in range(3)]
    items = [Item(handle=n, node=ua.NodeId(n), every_ms=100, picks=[Pick(tag=n)]) for n in range(3)]
    return Table(tags, [tag.path for tag in tags], items)


def test_numbers_stay_columns_and_times_become_microseconds() -> None:
    raw = wire.Raw()
    for handle, number in ((2, 1.0), (0, 2), (2, True)):
        raw.add(handle, value=number, filetime=ua.datetime_to_win_epoch(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)))
    readings = _table(scale=10.0, offset=1.0).readings(raw, _nobody)
    assert readings.index.tolist() == [2, 0, 2]
    assert readings.number.tolist() == [11.0, 21.0, 11.0]
    assert readings.ts.tolist() == [1_000_000] * 3
    assert readings.quality.tolist() == [0, 0, 0]
    assert readings.text is None
    assert (readings.index.dtype, readings.quality.dtype) == (np.int32, np.uint8)


def test_lost_values_and_gone_nodes_are_told_once_and_again_after_they_were_back() -> None:
    table, told = _table(), []
    overflow, gone = 0x00000480, ua.StatusCodes.BadNodeIdUnknown
    for status in (overflow, overflow, gone, gone, 0, gone):
        raw = wire.Raw()
        raw.add(1, status=status, value=1.0)
        table.readings(raw, told.append)
    assert [problem.message.split(":")[0] for problem in told] == [
        "i=1 changes faster than the server can queue; some of its values were lost.",
        "The server does not serve i=1",
        "The server does not serve i=1",
    ]


def test_unknown_status_codes_keep_their_class() -> None:
    assert quality_of(0x00000000) is Quality.GOOD
    assert quality_of(0x00A20000) is Quality.GOOD
    assert quality_of(0x40FF0000) is Quality.UNCERTAIN
    assert quality_of(0x80FF0000) is Quality.BAD
    assert quality_of(0xC0000000) is Quality.BAD
    assert quality_of(0x803C0480) is Quality.BAD_OUT_OF_RANGE


def _nobody(problem: Problem) -> None:
    raise AssertionError(problem)


# ---- settings and check ----


def test_the_usual_port_is_added() -> None:
    assert OpcUaSettings(url="opc.tcp://plc/path").url == "opc.tcp://plc:4840/path"
    assert OpcUaSettings(url="opc.tcp://plc:51210").url == "opc.tcp://plc:51210"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"url": "http://plc"}, "looks like opc.tcp://"),
        ({"url": "opc.tcp://u:p@plc"}, "do not belong in the url"),
        ({"url": "opc.tcp://plc", "password": "x"}, "without a user"),
        ({"url": "opc.tcp://plc", "certificate": "a.der"}, "go together"),
        ({"url": "opc.tcp://plc", "security": "Basic"}, "'None', 'Sign' or 'SignAndEncrypt'"),
    ],
)
def test_wrong_settings_are_named(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        OpcUaSettings(**raw)


def test_a_password_never_prints() -> None:
    settings = OpcUaSettings(url="opc.tcp://plc", user="u", password="topsecret")
    assert "topsecret" not in f"{settings!r} {settings}"


def test_check_finds_bad_tags_without_network() -> None:
    def tag(path: str, address: str = "i=1", **more: Any) -> Tag:
        return Tag(path=PlantPath(path), address=address, **more)

    tags = [
        tag("a/fine", every=timedelta(seconds=5)),
        tag("a/address", "Speed"),
        tag("a/scale", scale=0.0),
        tag("a/range", low=5, high=1),
        tag("a/option", options={"nmaes": {}}),
        tag("a/names", kind=Kind.ENUM, options={"names": {"on": 1}}),
        tag("a/good-names", kind=Kind.ENUM, options={"names": {"-1": "off"}}),
    ]
    connector = OpcUa(OpcUaSettings(url="opc.tcp://nowhere"), tags, root=PlantPath("a"))
    found = connector.check()
    assert [problem.path for problem in found] == ["a/address", "a/scale", "a/range", "a/option", "a/names"]
    assert all(problem.message for problem in found)


# ---- the line ----


def test_the_same_seed_gives_the_same_line() -> None:
    one, other, third = LineModel(7), LineModel(7), LineModel(8)
    for _ in range(400):
        for model in (one, other, third):
            model.step(0.5)
    assert one.readings() == other.readings()
    assert one.readings() != third.readings()


def _watch(seconds: int, seed: int = 1) -> list[dict[str, Any]]:
    model, seen = LineModel(seed), []
    for _ in range(seconds):
        model.step(1.0)
        seen.append(model.readings())
    return seen


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_capper_is_visibly_about_to_fail(seed: int) -> None:
    seen = _watch(18 * 60, seed)
    running = [each for each in seen if each["Capper.Speed"] > 180]
    early, late = running[120:240], running[-120:]
    for signal, more in (("BearingTemperature", 15.0), ("Vibration", 2.0), ("CapTorque", 0.3)):
        was = statistics.mean(each[f"Capper.{signal}"] for each in early)
        now = statistics.mean(each[f"Capper.{signal}"] for each in late)
        assert now > was + more, signal
    assert max(each["Filler.MotorCurrent"] for each in seen) < 8


def test_jams_become_more_frequent_until_the_bearing_seizes() -> None:
    first = second = seized = 0
    for seed in range(12):
        before = ""
        for second_no, each in enumerate(_watch(24 * 60, seed)):
            reason = each["Capper.StopReason"]
            if reason != before and reason == "cap jammed":
                first += second_no < 480
                second += 480 <= second_no < 1200
            seized += reason != before and reason == "bearing seized"
            before = reason
    assert second > 3 * first
    assert seized >= 8


def test_bottles_are_neither_made_nor_lost() -> None:
    model = LineModel(3)
    start = model.waiting[1:]
    for _ in range(3600):
        model.step(0.5)
    for place, buffer in enumerate(model.waiting[1:]):
        made, next_machine = model.machines[place].good, model.machines[place + 1]
        taken = next_machine.good + next_machine.reject + next_machine._carry
        assert math.isclose(buffer, start[place] + made - taken, abs_tol=1e-6)
        assert -1e-6 <= buffer <= model.conveyor + 1


def test_a_stop_blocks_upstream_and_starves_downstream() -> None:
    model = LineModel(3)
    model.machines[1].stop("test", 400)
    for _ in range(300):
        model.step(1.0)
    states = [(machine.state, machine.reason) for machine in model.machines]
    assert states[:3] == [(State.SUSPENDED, "blocked"), (State.ABORTED, "test"), (State.SUSPENDED, "starved")]


def test_sensors_are_quantised_and_the_setpoint_counts() -> None:
    model = LineModel(3)
    model.set_speed("Filler", 100.0)
    for _ in range(60):
        model.step(1.0)
    readings = model.readings()
    assert readings["Filler.SpeedSetpoint"] == 100.0
    assert abs(readings["Filler.Speed"] - 100.0) < 3
    assert math.isclose(readings["Filler.TankLevel"] * 10, round(readings["Filler.TankLevel"] * 10), abs_tol=1e-9)
    assert min(len(machine.signals) for machine in model.machines) >= 10
    assert max(len(machine.signals) for machine in model.machines) <= 14


def test_the_sample_uses_only_values_the_fake_serves() -> None:
    import tomllib

    import lineshaft.edge.connectors.opcua as package

    sample = tomllib.loads((Path(package.__file__).parent / "sample.toml").read_text())
    served = set(LineModel().readings())
    names = {tag["address"].partition(";s=")[2].partition("[")[0] for tag in sample["edge"]["opcua"][0]["tags"]}
    assert names <= served
