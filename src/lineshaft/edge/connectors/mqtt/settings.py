"""What users may set for an MQTT connection: what to listen to, how messages become values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lineshaft.edge.broker import BrokerSettings


class Rule(BaseModel):
    """How the messages of some topics become values. The first rule that fits a topic is used.

    `{name}` in `topic` stands for one level (or part of one), `{name#}` for all remaining levels;
    `+` and `#` do the same without a name. `path` may use those names; it lies below the connection's place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    topic: str = "{topic#}"
    path: str = "{topic}"
    format: Literal["auto", "json", "number", "text"] = "auto"
    """`auto` takes JSON, plain numbers and short plain texts."""
    value: str = ""
    """JSON path of the one value of a message, such as `$.data.value`; empty makes every leaf a property."""
    values: dict[str, str] = Field(default_factory=dict)
    """Property name to JSON path, for some values out of many."""
    each: str = ""
    """JSON path of a list whose items are readings with a `name` and a `value` of their own."""
    name: str = "$.name"
    time: str = "auto"
    """JSON path of the source time; `auto` looks for timestamp, timestamp_ms, ts and time; empty takes the arrival."""
    time_unit: Literal["auto", "s", "ms", "us", "ns", "iso"] = "auto"
    """`auto` tells seconds from milli-, micro- and nanoseconds by size."""
    quality: str = ""
    """JSON path of a quality: true/false, good/uncertain/bad, or OPC numbers (192 is good)."""
    good: tuple[str | int | bool, ...] = ()
    """What `quality` says when all is well, if it follows no convention; everything else is bad."""


class MqttSettings(BrokerSettings):
    """What users may set for an MQTT connection."""

    subscriptions: tuple[str, ...] = Field(default=(), examples=["sensors/#, line-1/+/state"])
    """Topic filters; empty subscribes to what the rules and tags need."""
    ignore: tuple[str, ...] = ("$SYS/#", "_INBOX/#", "uns/#", "spBv1.0/#")
    """Topic filters never taken: what servers say among themselves, the platform's own mirror, and Sparkplug,
    which has its own connector."""
    rules: tuple[Rule, ...] = ()
    discover: bool = True
    """Whether values without a tag are taken too."""
    qos: Literal[0, 1] = 1
    session: Literal["clean", "persistent"] = "clean"
    """`persistent` lets the broker keep QoS 1 messages while we are away; needs `client_id`."""
    max_paths: int = Field(default=100_000, ge=1, le=5_000_000)
    """Discovered properties of this connection; more are refused and named."""
    max_payload_bytes: int = Field(default=1_048_576, ge=1)
    max_depth: int = Field(default=16, ge=1, le=100)
    """How deep objects may lie inside each other."""
    max_list: int = Field(default=64, ge=0)
    """Items of a JSON list that become properties; longer lists are refused and named."""
    max_ahead_s: float = Field(default=3600.0, ge=0)
    """A source time further in the future than this, or before 2000, is replaced by the arrival time."""
    browse_s: float = Field(default=2.0, gt=0, le=60)
    """How long browsing listens."""
