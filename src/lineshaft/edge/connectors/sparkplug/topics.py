"""The topic namespace of Sparkplug B: `spBv1.0/<group>/<verb>/<edge node>[/<device>]` and `spBv1.0/STATE/<host>`."""

from __future__ import annotations

from typing import NamedTuple

from lineshaft.kernel.errors import Invalid

NAMESPACE = "spBv1.0"
NODE_VERBS = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
DEVICE_VERBS = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})


class Topic(NamedTuple):
    """A parsed topic; `device` is empty for the node itself."""

    group: str
    verb: str
    edge: str
    device: str = ""

    def __str__(self) -> str:
        text = f"{NAMESPACE}/{self.group}/{self.verb}/{self.edge}"
        return f"{text}/{self.device}" if self.device else text


def parse_topic(text: str) -> Topic | None:
    """The parts of a topic, None when it is not one of Sparkplug's."""
    parts = text.split("/")
    if parts[0] != NAMESPACE or "" in parts:
        return None
    if (len(parts) == 4 and parts[2] in NODE_VERBS) or (len(parts) == 5 and parts[2] in DEVICE_VERBS):
        return Topic(*parts[1:])
    return None


def state_topic(host_id: str) -> str:
    """Where a host application says whether it is online."""
    return f"{NAMESPACE}/STATE/{host_id}"


def id_fault(text: str) -> str:
    """Why a group, node, device or host id is not allowed, empty when it is."""
    if not text:
        return "it is empty"
    return "it may not hold + # or /" if set(text) & set("+#/") else ""


class Address(NamedTuple):
    """Where a metric lives: `group/edge|metric` or `group/edge/device|metric`."""

    group: str
    edge: str
    device: str
    metric: str

    def __str__(self) -> str:
        place = "/".join(part for part in (self.group, self.edge, self.device) if part)
        return f"{place}|{self.metric}"


def parse_address(text: str) -> Address:
    """The metric a tag address names, or Invalid."""
    place, bar, metric = text.partition("|")
    parts = place.split("/")
    if not bar or not metric or len(parts) not in {2, 3} or "" in parts:
        raise Invalid(
            f"{text!r} is no address of a metric.",
            hint="Write group/node|metric or group/node/device|metric, such as plant/line-1/drive-1|Speed.",
        )
    return Address(parts[0], parts[1], parts[2] if len(parts) == 3 else "", metric)
