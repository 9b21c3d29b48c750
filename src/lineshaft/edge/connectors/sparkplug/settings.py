"""What users may set for a Sparkplug host application."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from lineshaft.edge.broker import BrokerSettings

from .topics import id_fault

_NAMES = {"group", "edge", "device", "metric"}


class SparkplugSettings(BrokerSettings):
    """What users may set for a connection to the edge nodes behind one broker."""

    host_id: str = "lineshaft"
    """Our name in `spBv1.0/STATE/<host_id>`; edge nodes that wait for a primary host are given it."""
    groups: tuple[str, ...] = ()
    """Groups to listen to; empty takes all."""
    place: str = Field(default="{group}/{edge}/{device}/{metric}", title="Place template")
    """Where a metric goes, below the connection's path; metrics of a node itself have no device."""
    discover: bool = True
    """Whether metrics without a tag are taken too."""
    announce: bool = True
    """Whether we publish STATE; off for a mere onlooker beside another host of the same name."""
    request_rebirth: bool = True
    """Whether edge nodes are asked to say everything again when something is missing; off for an onlooker."""
    reorder_timeout_s: float = Field(default=2.0, ge=0, le=600)
    """How long a message that is missing in the sequence is waited for."""
    rebirth_every_s: float = Field(default=30.0, ge=1, le=86_400)
    """Shortest time between two rebirth requests to one node."""
    rebirth_jitter_s: float = Field(default=0.5, ge=0, le=600)
    """Requests leave after a random part of this, so that many nodes do not answer at once."""
    echo_s: float = Field(default=2.0, ge=0, le=60)
    """How long a written value is waited for in the machine's own data before a write is called unconfirmed."""
    births_burst: int = Field(default=10, ge=1)
    """Births of one node or device taken at once; then one a second. More are not unfolded, and named."""
    max_nodes: int = Field(default=10_000, ge=1)
    """Nodes and devices of this connection; more are refused and named."""
    max_paths: int = Field(default=100_000, ge=1, le=5_000_000)
    max_payload_bytes: int = Field(default=4_194_304, ge=1)
    browse_s: float = Field(default=2.0, gt=0, le=60)
    """How long browsing listens when the connection is not running."""
    max_ahead_s: float = Field(default=3600.0, ge=0)
    """A source time further in the future than this, or before 2000, is replaced by the arrival time."""

    @field_validator("host_id")
    @classmethod
    def _host(cls, value: str) -> str:
        if fault := id_fault(value):
            raise ValueError(f"{value!r} is no host id: {fault}")
        return value

    @field_validator("place")
    @classmethod
    def _template(cls, value: str) -> str:
        found = set(re.findall(r"\{(.*?)\}", value))
        if unknown := found - _NAMES:
            raise ValueError(f"{{{min(unknown)}}} is unknown; there are {{group}} {{edge}} {{device}} {{metric}}")
        if "metric" not in found:
            raise ValueError("a place without {metric} would put all metrics into one")
        return value

    @field_validator("groups")
    @classmethod
    def _groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for group in value:
            if fault := id_fault(group):
                raise ValueError(f"{group!r} is no group: {fault}")
        return value
