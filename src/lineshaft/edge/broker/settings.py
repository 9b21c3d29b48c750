"""How to reach an MQTT broker: what users may set, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from lineshaft.edge.connectors import ConnectorSettings
from lineshaft.kernel.bus import Front
from lineshaft.kernel.config import Secret
from lineshaft.kernel.errors import Unavailable

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

    guards_secrets: ClassVar[frozenset[str]] = frozenset({"ca_file", "verify_tls"})

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
