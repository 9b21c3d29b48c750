"""MQTT forms as addresses of the connector (W3C WoT Binding for MQTT, terms `mqv_…`).

The topic is `mqv_topic`, or the `href` without its first '/': in a URL that slash ends the host and is not part of
the topic. Topics of Sparkplug B make a Sparkplug connection, where the metric is the property's key or name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from lineshaft.kernel.errors import Invalid

from .reading import Action, Interface, Point

_SPARKPLUG = "spBv1.0/"


def head(interface: Interface) -> tuple[str, dict[str, Any]]:
    """The connector, and where the broker is."""
    parts = urlsplit(interface.base)
    if not parts.hostname:
        raise Invalid(f"The base {interface.base!r} names no host.")
    default = 8883 if parts.scheme == "mqtts" else 1883
    broker = f"{parts.scheme}://{parts.hostname}:{parts.port or default}"
    topics = [*map(topic_of, interface.points), *map(topic_of, interface.actions)]
    if topics and all(topic.startswith(_SPARKPLUG) for topic in topics):
        return "sparkplug", {"broker": broker, "discover": False}
    qos = min(max((int(q) for p in interface.points if (q := p.form.get("mqv_qos", "")).isdigit()), default=1), 1)
    return "mqtt", {"broker": broker, "discover": False, "qos": qos}


def tag(point: Point) -> dict[str, Any]:
    """The topic of a value, and where in the message it is."""
    topic = topic_of(point)
    if not topic or "+" in topic or "#" in topic:
        raise Invalid(f"The form names no single topic: {point.form.get('href', '')!r}.")
    path = "".join(f"['{key}']" for key in point.path)
    return {"address": f"{topic}|${path}" if path else topic}


def metric(point: Point) -> dict[str, Any]:
    """The metric of a value: `group/edge/device|name`."""
    _, group, _message, *place = topic_of(point).split("/")
    name = point.form.get("key") or point.name.rsplit("/", 1)[-1]
    return {"address": f"{'/'.join((group, *place))}|{name}"}


def command_topic(action: Action) -> str:
    """The topic an action publishes to."""
    topic, packet = topic_of(action), action.form.get("mqv_controlPacket", "publish").rsplit(":", 1)[-1]
    if packet.lower() != "publish":
        raise Invalid(f"The form wants to {packet}; an action publishes.")
    if not topic or "+" in topic or "#" in topic:
        raise Invalid(f"The form names no single topic: {action.form.get('href', '')!r}.")
    return topic


def delivery(action: Action) -> dict[str, Any]:
    """How the message of an action is to be delivered, where the form says it."""
    said, kept = action.form.get("mqv_qos", ""), action.form.get("mqv_retain", "").lower() in ("true", "1")
    qos = {"write_qos": min(int(said), 1)} if said.isdigit() else {}
    return qos | ({"write_retain": True} if kept else {})


def topic_of(point: Point | Action) -> str:
    """The topic a form names."""
    return point.form.get("mqv_topic") or unquote(point.form.get("href", "")).removeprefix("/")
