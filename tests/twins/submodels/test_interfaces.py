"""T65: described interfaces become connections that the edge accepts and that read what was described."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from lineshaft.edge import build
from lineshaft.edge.connectors.modbus.address import Table, parse
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder, Unit
from lineshaft.edge.connectors.modbus.settings import ModbusSettings
from lineshaft.twins.submodels import new, template
from lineshaft.twins.submodels.interfaces import connections_of, interfaces_of, operations_of

Json = dict[str, Any]


def prop(name: str, value: str) -> Json:
    return {"modelType": "Property", "idShort": name, "valueType": "xs:string", "value": value}


def group(name: str, *value: Json) -> Json:
    return {"modelType": "SubmodelElementCollection", "idShort": name} | ({"value": list(value)} if value else {})


def value(name: str, form: dict[str, str], *inner: Json, **said: str) -> Json:
    parts = [prop(key, text) for key, text in said.items()]
    parts += [group("properties", *inner)] if inner else []
    parts += [group("forms", *(prop(key, text) for key, text in form.items()))] if form else []
    return group(name, *parts)


def argument(name: str, *inner: Json, low: str = "", high: str = "", **said: str) -> Json:
    """A data schema: of a whole input or output, or of one member of it."""
    parts = [prop(key, text) for key, text in said.items()]
    parts += [group("properties", *inner)] if inner else []
    if low or high:
        ends = {name: value for name, value in (("min", low), ("max", high)) if value}
        parts.append({"modelType": "Range", "idShort": "min_max", "valueType": "xs:double", **ends})
    return group(name, *parts)


def action(name: str, form: dict[str, str], *arguments: Json, **said: str) -> Json:
    forms = [group("forms", *(prop(key, text) for key, text in form.items()))] if form else []
    return group(name, *(prop(key, text) for key, text in said.items()), *arguments, *forms)


def description(
    base: str,
    *values: Json,
    security: Json | None = None,
    actions: Sequence[Json] = (),
    events: Sequence[str] = (),
    **endpoint: str,
) -> Json:
    interface = group(
        "Machine",
        prop("title", "Machine"),
        group(
            "EndpointMetadata",
            prop("base", base),
            *(prop(key, text) for key, text in endpoint.items()),
            group("securityDefinitions", *([security] if security else [])),
        ),
        group(
            "InteractionMetadata",
            group("properties", *values),
            group("actions", *actions),
            group("events", *(group(name, prop("title", name)) for name in events)),
        ),
    )
    made = new(template("interfaces"), "urn:aid")
    return made | {"submodelElements": [interface]}


def settings(made: Json, **more: Any) -> tuple[str, Json]:
    (found,), left = connections_of(made, path="acme/hall", **more)
    assert left == []
    assert found.left_out == ()
    build(found.connector, found.settings, organisation="acme")
    return found.connector, found.settings


def tags(made: Json) -> list[Json]:
    found: list[Json] = settings(made)[1]["tags"]
    return found


MODBUS_TERMS = {
    "modv_type": "xsd:float",
    "modv_pollingTime": "1000",
    "modv_mostSignificantByte": "true",
    "modv_mostSignificantWord": "true",
}
VOLTAGE = {"href": "/1/40001?quantity=2", "modv_function": "readHoldingRegisters", **MODBUS_TERMS}
MODBUS = "modbus+tcp://192.168.1.10:502"


def test_t65_the_modbus_form_reads_two_registers_from_the_40001st_as_a_float() -> None:
    made = description(MODBUS, value("voltage", VOLTAGE, type="float", unit="V"))
    connector, said = settings(made)
    assert connector == "modbus"
    assert said == {
        "name": "Machine",
        "path": "acme/hall",
        "mode": "tcp",
        "host": "192.168.1.10",
        "port": 502,
        "tags": [
            {"path": "voltage", "kind": "number", "unit": "V", "address": "1!holding:40000:float32", "every": "1000ms"}
        ],
    }
    address = parse(said["tags"][0]["address"], ModbusSettings(host="192.168.1.10"))
    assert (address.unit, address.table, address.start, address.count, address.order) == (
        1,
        "holding",
        40000,
        2,
        "ABCD",
    )


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ({"modv_zeroBasedAddressing": "true"}, "1!holding:40001:float32"),
        ({"modv_mostSignificantWord": "false"}, "1!holding:40000:float32:CDAB"),
        ({"modv_mostSignificantByte": "false"}, "1!holding:40000:float32:BADC"),
        ({"modv_function": "readInputRegisters"}, "1!input:40000:float32"),
        ({"modv_type": "xsd:unsignedInt"}, "1!holding:40000:uint32"),
        ({"modv_type": "xsd:short", "href": "/7/1?quantity=1"}, "7!holding:0:int16"),
        ({"modv_type": "xsd:double", "href": "/1/11?quantity=4"}, "1!holding:10:float64"),
        ({"modv_type": "xsd:string", "href": "/1/11?quantity=8"}, "1!holding:10:string[16]"),
        ({"modv_type": "xsd:boolean", "href": "/1/11"}, "1!holding:10.0"),
        ({"modv_function": "", "modv_entity": "Coil", "href": "/1/5"}, "1!coil:4"),
        ({"modv_function": "readDiscreteInput", "href": "/1/5"}, "1!discrete:4"),
        ({"modv_type": "", "href": "/1/3?quantity=2"}, "1!holding:2:float32"),
    ],
)
def test_t65_tables_types_orders_and_counting_of_modbus_forms(form: dict[str, str], address: str) -> None:
    assert tags(description(MODBUS, value("x", VOLTAGE | form)))[0]["address"] == address


def test_the_endpoint_gives_the_order_where_the_form_is_silent() -> None:
    form = {"href": "40001?quantity=2", "modv_entity": "HoldingRegister", "modv_type": "xsd:float"}
    made = description(f"{MODBUS}/3/", value("x", form), modv_mostSignificantWord="false")
    assert tags(made)[0]["address"] == "3!holding:40000:float32:CDAB"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"href": "/1/0?quantity=2"}, "The address 0 of '/1/0?quantity=2' lies outside the table; it counts from 1."),
        ({"href": "/voltage"}, "'/voltage' is not a Modbus form: it wants /unit/address?quantity=n."),
        ({"modv_function": "readFile"}, "The form names no table: its modv_function or modv_entity is 'readFile'."),
        ({"modv_type": "xsd:double"}, "A double takes 4 registers, and the href asks for 2."),
        ({"modv_type": "xsd:hexBinary"}, "hexBinary in 2 registers cannot be read."),
        ({"modv_pollingTime": "often"}, "modv_pollingTime is 'often'; it wants milliseconds."),
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_with_the_reason_and_the_others_go_on(
    form: dict[str, str], says: str
) -> None:
    made = description(MODBUS, value("good", VOLTAGE), value("bad", VOLTAGE | form))
    (found,), _ = connections_of(made)
    assert [tag["path"] for tag in found.settings["tags"]] == ["good"]
    assert [(one.name, one.reason) for one in found.left_out] == [("bad", says)]


@pytest.mark.parametrize(
    ("form", "address"),
    [
        ({"href": "?id=nsu=urn:plant:plc;s=Filler.Speed"}, "nsu=urn:plant:plc;s=Filler.Speed"),
        ({"href": "/?id=ns=2%3Bi=42"}, "ns=2;i=42"),
        ({"href": "/ns=3;s=Speed"}, "ns=3;s=Speed"),
        ({"href": "/speed", "uav_browsePath": "/0:Objects/2:PLC01/2:Speed"}, "/0:Objects/2:PLC01/2:Speed"),
        ({"href": "/speed", "uav_browsePath": "ns=2;s=Speed"}, "ns=2;s=Speed"),
        ({"href": "/0:Objects/1:Filling/1:State"}, "/0:Objects/1:Filling/1:State"),
    ],
)
def test_t65_opc_ua_forms_name_a_node_by_id_or_browse_path(form: dict[str, str], address: str) -> None:
    made = description("opc.tcp://10.0.0.5:4840/ua", value("speed", form, type="number"))
    connector, said = settings(made)
    assert (connector, said["url"]) == ("opcua", "opc.tcp://10.0.0.5:4840/ua")
    assert said["tags"] == [{"path": "speed", "kind": "number", "address": address}]


def test_an_address_made_to_take_for_ever_is_refused_at_once() -> None:
    made = description("opc.tcp://plc:4840", value("x", {"href": "/x"}), value("y", {"href": "/0:a" * 4000 + "/"}))
    (found,), _ = connections_of(made)
    assert [one.name for one in found.left_out] == ["y"]


def test_t65_the_security_of_an_opc_ua_channel_is_kept() -> None:
    channel = group(
        "opcua_channel_sc",
        prop("uav_securityMode", "SignAndEncrypt"),
        prop("uav_securityPolicy", "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"),
    )
    made = description("opc.tcp://plc:4840", value("x", {"href": "ns=2;s=X"}), security=channel)
    assert settings(made)[1]["security"] == "SignAndEncrypt"
    assert settings(made)[1]["policy"] == "Basic256Sha256"


def test_t65_mqtt_forms_name_a_topic_and_the_place_in_the_message() -> None:
    made = description(
        "mqtt://broker.local:1884",
        value("temperature", {"mqv_topic": "hall/1/climate/temperature", "mqv_qos": "2"}, type="number", unit="Cel"),
        value("running", {"href": "/hall/1/fan"}, type="boolean"),
        value(
            "climate",
            {"href": "hall/1/climate"},
            value("air", {}, value("humidity", {}, type="number", unit="%"), key="Air"),
        ),
    )
    connector, said = settings(made)
    assert (connector, said["broker"], said["qos"], said["discover"]) == (
        "mqtt", "mqtt://broker.local:1884", 1, False,
    )  # fmt: skip
    assert [(tag["path"], tag["address"], tag["kind"]) for tag in said["tags"]] == [
        ("temperature", "hall/1/climate/temperature", "number"),
        ("running", "hall/1/fan", "boolean"),
        ("climate/air/humidity", "hall/1/climate|$['Air']['humidity']", "number"),
    ]


def test_t65_sparkplug_topics_become_a_sparkplug_connection() -> None:
    form = {"href": "/spBv1.0/plant/DDATA/line-1/drive-1"}
    made = description("mqtt://broker.local", value("speed", form, key="Motor/Speed", type="number"))
    connector, said = settings(made)
    assert (connector, said["broker"]) == ("sparkplug", "mqtt://broker.local:1883")
    assert said["tags"][0]["address"] == "plant/line-1/drive-1|Motor/Speed"


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("https://machine.local/api", "The interface speaks http, which no connector here does."),
        ("bacnet://5", "The interface speaks bacnet, which no connector here does."),
        ("", "The interface speaks nothing, which no connector here does."),
        ("modbus+tcp://", "The base 'modbus+tcp://' names no host."),
    ],
)
def test_an_interface_nobody_speaks_is_left_out_with_the_reason(base: str, says: str) -> None:
    found, left = connections_of(description(base or " ", value("x", {"href": "/x"})))
    assert found == []
    assert [(one.name, one.reason) for one in left] == [("Machine", says)]


def test_the_published_template_is_read_without_a_fault(published_interfaces: Json) -> None:
    found = interfaces_of(published_interfaces)
    assert [one.name.removeprefix("InterfaceTemplateFor") for one in found] == [
        "HTTP", "MODBUS", "MQTT", "OPCUA", "Bacnet", "IOLINK_OVER_PROFINET_REST",
    ]  # fmt: skip
    assert connections_of(published_interfaces)[0] == []


async def test_t65_a_described_machine_is_read_over_its_real_protocol() -> None:
    unit = Unit(registers=40_010)
    unit.put(Table.HOLDING, 40_000, "f", 231.5)
    unit.put(Table.HOLDING, 7, "I", 70_000, order="CDAB")
    unit.set_bits(Table.COIL, 4, True)
    async with TcpResponder(Bus({1: unit})) as device:
        made = description(
            f"modbus+tcp://127.0.0.1:{device.port}",
            value("voltage", VOLTAGE, type="float", unit="V"),
            value(
                "pieces",
                {
                    "href": "/1/7?quantity=2",
                    "modv_entity": "HoldingRegister",
                    "modv_type": "xsd:unsignedInt",
                    "modv_zeroBasedAddressing": "true",
                    "modv_mostSignificantWord": "false",
                },
                type="integer",
            ),
            value("running", {"href": "/1/5", "modv_function": "readCoil"}, type="boolean"),
        )
        connector, said = settings(made)
        reader = build(connector, said, organisation="acme").connector()
        await reader.connect()
        readings = await asyncio.wait_for(reader.read(reader.plan(reader.tags)), 10)
        await reader.close()
    assert dict(zip((readings.paths[i] for i in readings.index), readings.number.tolist(), strict=True)) == {
        "acme/hall/voltage": 231.5,
        "acme/hall/pieces": 70_000.0,
        "acme/hall/running": 1.0,
    }
    assert readings.quality.tolist() == [0, 0, 0]


def offered(made: Json) -> tuple[Json, dict[str, str], dict[str, str]]:
    """The settings of the one connection, the steps of its operations, and what is left out with the reasons."""
    (found,), left = connections_of(made, path="acme/hall")
    build(found.connector, found.settings, organisation="acme")
    steps = {one["idShort"]: one["extensions"][0]["value"] for one in operations_of(found.doings, "acme/hall")}
    return found.settings, steps, {one.name: one.reason for one in (*found.left_out, *left)}


def test_actions_over_mqtt_publish_their_value_alone_or_in_an_object_with_constants() -> None:
    number = argument("input", type="number", low="0", high="50")
    whole = argument(
        "input",
        argument("speed", type="number"),
        argument("by", type="string", const="lineshaft"),
        argument("ramp", type="integer", const="5"),
    )
    set_speed = {"mqv_topic": "fan/1/set", "mqv_controlPacket": "mqv:publish", "mqv_qos": "2", "mqv_retain": "true"}
    settings, steps, left = offered(
        description(
            "mqtt://broker.local",
            value("speed", {"mqv_topic": "fan/1/speed"}, type="number"),
            actions=(
                action("set-speed", set_speed, number),
                action("apply", {"href": "/fan/1/apply"}, whole),
                action("on", {"mqv_topic": "fan/1/power"}, argument("input", type="boolean", const="true")),
                action("ping", {"mqv_topic": "fan/1/ping"}),
                action("watch", {"mqv_topic": "fan/1/w", "mqv_controlPacket": "mqv:subscribe"}, number),
                action("any", {"mqv_topic": "fan/+/set"}, number),
                action("mix", {"mqv_topic": "fan/1/m"}, argument("input", argument("a"), argument("b"))),
            ),
        )
    )
    assert settings["tags"][1:] == [
        {
            "path": "set-speed", "kind": "number", "low": 0.0, "high": 50.0, "writable": True, "address": "fan/1/set",
            "options": {"write_topic": "fan/1/set", "write_qos": 1, "write_retain": True},
        },
        {
            "path": "apply", "kind": "number", "writable": True, "address": "fan/1/apply|$['speed']",
            "options": {
                "write_topic": "fan/1/apply", "write_payload": '{"speed": {value}, "by": "lineshaft", "ramp": 5}',
            },
        },
        {
            "path": "on", "kind": "boolean", "writable": True, "address": "fan/1/power",
            "options": {"write_topic": "fan/1/power"},
        },
    ]  # fmt: skip
    assert steps == {
        "set-speed": "acme/hall/set-speed = Value",
        "apply": "acme/hall/apply = speed",
        "on": "acme/hall/on = true",
    }
    assert left == {
        "ping": "The action has no input, and an empty message says nothing; over MQTT one value can be sent.",
        "watch": "The form wants to subscribe; an action publishes.",
        "any": "The form names no single topic: ''.",
        "mix": "The action takes 2 values; over MQTT one value can be sent.",
    }


def test_actions_over_sparkplug_are_metrics_and_share_the_tag_of_the_value_they_set() -> None:
    settings, steps, left = offered(
        description(
            "mqtt://broker.local",
            value("speed", {"href": "/spBv1.0/plant/DDATA/line-1/drive-1"}, key="Motor/Speed", type="number"),
            actions=(
                action("SetSpeed", {"href": "/spBv1.0/plant/DCMD/line-1/drive-1"},
                       argument("input", type="number", high="50"), key="Motor/Speed"),
                action("Reboot", {"href": "/spBv1.0/plant/NCMD/line-1"},
                       argument("input", type="boolean", const="true"), key="Node Control/Reboot"),
            ),
        )
    )  # fmt: skip
    assert settings["tags"] == [
        {
            "path": "speed",
            "kind": "number",
            "address": "plant/line-1/drive-1|Motor/Speed",
            "writable": True,
            "high": 50.0,
        },
        {"path": "Reboot", "kind": "boolean", "writable": True, "address": "plant/line-1|Node Control/Reboot"},
    ]
    assert steps == {"SetSpeed": "acme/hall/speed = Value", "Reboot": "acme/hall/Reboot = true"}
    assert left == {}


@pytest.mark.parametrize(
    ("form", "method"),
    [
        ({"uav_browsePath": "/0:Objects/2:PLC/2:Start"},
         {"method": "/0:Objects/2:PLC/2:Start", "object": "/0:Objects/2:PLC"}),
        ({"href": "?id=ns=2;s=PLC.Start", "uav_componentOf": "ns=2;s=PLC"},
         {"method": "ns=2;s=PLC.Start", "object": "ns=2;s=PLC"}),
        ({"href": "?id=ns=2;s=PLC.Start"}, {"method": "ns=2;s=PLC.Start"}),
    ],
)  # fmt: skip
def test_actions_over_opc_ua_are_methods_with_their_arguments_in_order(
    form: dict[str, str], method: dict[str, str]
) -> None:
    takes = argument("input", argument("Recipe", type="string"), argument("Count", type="integer", const="3"))
    settings, steps, left = offered(
        description("opc.tcp://plc:4840", actions=(action("Start", form, takes), action("Bad", {"href": "bad"})))
    )
    assert settings["methods"] == [{"path": "Start", **method}]
    assert steps == {"Start": "acme/hall/Start(Recipe, 3.0)"}
    assert left == {"Bad": "The form names no node: neither 'bad' nor uav_browsePath is a node id or browse path."}


def test_an_action_never_takes_the_name_of_a_value_that_lies_elsewhere() -> None:
    write = VOLTAGE | {"href": "/1/9?quantity=2", "modv_function": "writeMultipleHoldingRegisters"}
    settings, steps, _ = offered(
        description(MODBUS, value("level", VOLTAGE), actions=(action("level", write, argument("input", type="float")),))
    )
    assert [(tag["path"], tag["address"]) for tag in settings["tags"]] == [
        ("level", "1!holding:40000:float32"), ("level-action", "1!holding:8:float32"),
    ]  # fmt: skip
    assert steps == {"level": "acme/hall/level-action = Value"}


def test_an_action_without_a_form_and_an_event_are_left_out_with_the_reason() -> None:
    _, _, left = offered(
        description(MODBUS, value("voltage", VOLTAGE), actions=(action("start", {}),), events=("hot",))
    )
    assert left == {
        "hot": "Events are not taken over; alarms watch values here.",
        "start": "The action has no form that says how it is called.",
    }
