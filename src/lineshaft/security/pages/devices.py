"""What MQTT devices sign in with."""

from __future__ import annotations

from functools import partial
from typing import Any

from lineshaft.console import (
    Ask,
    Column,
    Field,
    Rows,
    View,
    button,
    code,
    confirm,
    dialog,
    facts,
    form,
    heading,
    page,
    paragraph,
    section,
    table,
)
from lineshaft.security.model import Device, NewDevice, Role
from lineshaft.security.service import Devices

LIST = "/settings/devices"


@page(LIST, title="Devices", section="Settings", icon="sensors", order=930, role=int(Role.ADMIN))
async def devices(view: View) -> None:
    """Credentials of MQTT devices."""
    service = view.ask(Devices)
    heading(
        view.text("Devices"),
        subtitle=view.text(
            "What MQTT devices sign in with at {server}, and which topics they may use.", server=service.server
        ),
        actions=lambda: button(view.text("Add device"), lambda: view.go(f"{LIST}/add"), kind="primary", symbol="add"),
    )

    async def load(ask: Ask) -> Rows:
        found = await service.list_(view.who, after=ask.after or "", limit=ask.limit)
        wanted = ask.filter.casefold()
        rows = [_row(d) for d in found if wanted in f"{d.name} {d.path}".casefold()]
        return Rows(rows=rows, next=found[-1].name if len(found) == ask.limit else None)

    with section(flush=True):
        table(
            [
                Column("name", view.text("Name"), sortable=False),
                Column("path", view.text("Place"), sortable=False),
                Column("publish", view.text("May publish"), kind="code", sortable=False, phone=False),
                Column("subscribe", view.text("May subscribe"), kind="code", sortable=False, phone=False),
                Column("since", view.text("Password since"), kind="ago", sortable=False, phone=False),
            ],
            load=load,
            href=lambda r: f"{LIST}/{r['id']}",
            empty=(view.text("No devices yet"), view.text("Add one for each sensor or gateway that speaks MQTT.")),
        )


def _row(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "path": device.path,
        "publish": ", ".join(device.publish),
        "subscribe": ", ".join(device.subscribe),
        "since": device.rotated_at or device.created_at,
    }


def _topic_fields(view: View, *, new: bool) -> list[Field]:
    grammar = view.text("Topic filters, separated by commas: + is one level, # the rest.")
    default = view.text("Empty means everything below its place.")
    return [
        Field(
            name="publish",
            label=view.text("May publish"),
            kind="list",
            placeholder="acme/line-1/filler/#",
            help=f"{grammar} {default}" if new else grammar,
        ),
        Field(name="subscribe", label=view.text("May subscribe"), kind="list", placeholder="acme/line-1/filler/cmd/#"),
    ]


@page(f"{LIST}/add", title="Add device", role=int(Role.ADMIN))
async def add(view: View) -> None:
    """A new device."""
    text = view.text
    view.title(text("Add device"), trail=[(text("Devices"), LIST)])
    heading(text("Add device"))

    async def create(values: dict[str, Any]) -> None:
        values["publish"] = values["publish"] or None
        show_once(view, await view.ask(Devices).create(view.who, **values))

    with section(text("Device")):
        form(
            [
                Field(name="name", label=text("Name"), required=True, placeholder="filler-gateway"),
                Field(name="path", label=text("Place in the plant"), required=True, placeholder="acme/line-1/filler"),
                *_topic_fields(view, new=True),
            ],
            on_submit=create,
            submit=text("Create device"),
            on_cancel=lambda: view.go(LIST),
        )


@page(f"{LIST}/{{device_id}}", title="Device", role=int(Role.ADMIN))
async def device(view: View, device_id: str) -> None:
    """One device, to change, give a new password or cut off."""
    service = view.ask(Devices)
    known = await service.get(view.who, device_id)
    view.title(known.name, trail=[(view.text("Devices"), LIST)])
    heading(known.name, subtitle=known.path, actions=partial(_actions, view, known))

    async def save(values: dict[str, Any]) -> None:
        await service.change(view.who, known.id, publish=values["publish"], subscribe=values["subscribe"])
        view.toast(view.text("Saved; the device connects again with its new topics."), kind="good")

    with section(view.text("Credentials")):
        facts(
            [
                (view.text("Made"), view.moment(known.created_at)),
                (view.text("Password since"), view.moment(known.rotated_at or known.created_at)),
            ]
        )
    with section(view.text("Topics")):
        values = {"publish": known.publish, "subscribe": known.subscribe}
        form(_topic_fields(view, new=False), values=values, on_submit=save)


def _actions(view: View, known: Device) -> None:
    async def rotate() -> None:
        question = view.text("Give {name} a new password?", name=known.name)
        if await confirm(
            question, view.text("Whoever uses the old one is cut off at once."), do=view.text("New password")
        ):
            show_once(view, await view.ask(Devices).rotate(view.who, known.id))

    async def revoke() -> None:
        question = view.text("Cut {name} off for good?", name=known.name)
        if await confirm(question, view.text("Its data stays."), do=view.text("Cut off"), danger=True):
            await view.ask(Devices).revoke(view.who, known.id)
            view.go(LIST)

    button(view.text("New password"), rotate, symbol="password")
    button(view.text("Cut off"), revoke, symbol="block", kind="danger")


def show_once(view: View, made: NewDevice) -> None:
    """The password with a command that tries it, once."""
    known = made.device
    with dialog(view.text("Credentials of {name}", name=known.name), wide=True) as box:
        paragraph(view.text("Copy them now; the password is shown only this once."))
        code(f"{known.name}\n{made.password}", title=view.text("User name and password"))
        code(sample_command(made, view.ask(Devices).server), title=view.text("Try it"))

        def done() -> None:
            box.close()
            view.go(LIST)

        button(view.text("Done"), done, kind="primary")


def sample_command(made: NewDevice, server: str) -> str:
    """A mosquitto_pub call that publishes where this device may."""
    host, _, port = server.rpartition(":")
    topic = made.device.publish[0].replace("+", "x").removesuffix("#").rstrip("/") if made.device.publish else ""
    topic = f"{topic}/test" if made.device.publish and made.device.publish[0].endswith("#") else topic
    return (
        f"mosquitto_pub -h {host} -p {port} -u {made.device.name} -P '{made.password}' \\\n"
        f"  -q 1 -t {(topic or 'test').lstrip('/')} -m '{{\"temperature\": 21.5}}'"
    )
