"""What users may set for an MQTT connection: the broker, what to listen to, how messages become values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lineshaft.edge.connectors import ConnectorSettings
from lineshaft.kernel.config import Secret
from lineshaft.kernel.errors import Unavailable

if TYPE_CHECKING:
    from lineshaft.kernel.bus import Front

BUILTIN = "builtin"
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a broker listens and who we are there."""

    host: str
    port: int
    tls: bool = False
    websocket_path: str | None = None
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class BrokerSettings(ConnectorSettings):
    """How to reach an MQTT broker; shared by every connector that speaks over one."""

    broker: str = BUILTIN
    """`builtin`, or `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/path`, `wss://host/path`."""
    user: str = ""
    password: Secret = Secret("")
    client_id: str = ""
    """Empty takes a new one for every connection."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """`auto` speaks MQTT 5 and falls back to 3.1.1 when the broker refuses."""
    keepalive_s: int = Field(default=30, ge=1, le=3600)
    ca_file: str = ""
    """PEM file of the authority that signed the broker's certificate; empty trusts the system's."""
    cert_file: str = ""
    key_file: str = ""
    verify_tls: bool = True
    """Whether the broker's certificate and name are checked; off only for a test on the bench."""

    @field_validator("broker")
    @classmethod
    def _address(cls, value: str) -> str:
        if value != BUILTIN:
            _split(value)
        return value

    def endpoint(self, front: Front | None) -> Endpoint:
        """The address and login; raises Unavailable when `builtin` is asked for and there is none."""
        if self.broker != BUILTIN:
            scheme, host, port, path = _split(self.broker)
            return Endpoint(
                host=host,
                port=port,
                tls=scheme in {"mqtts", "wss"},
                websocket_path=path if scheme in {"ws", "wss"} else None,
                user=self.user,
                password=self.password.get_secret_value(),
            )
        if front is None:
            raise Unavailable(
                "This process has no built-in MQTT broker.",
                hint='Set broker = "mqtt://host:1883", or use the embedded bus.',
            )
        login = front.credentials
        return Endpoint(host=front.host, port=front.mqtt_port, user=login.user, password=login.password)


def _split(address: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of a broker address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{address!r} is no broker address: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f'{address!r} is no broker address; write "builtin" or mqtt://host:1883 (mqtts, ws, wss)')
    if parts.username or parts.password:
        raise ValueError("the login belongs into user and password, not into the address")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path or "/mqtt"


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

    subscriptions: tuple[str, ...] = ()
    """Topic filters; empty subscribes to what the rules and tags need."""
    ignore: tuple[str, ...] = ("$SYS/#", "uns/#", "spBv1.0/#")
    """Topic filters never taken: the platform's own mirror, and Sparkplug, which has its own connector."""
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
