"""What users may set on an OPC UA connection, with defaults and sentences."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lineshaft.edge.connectors import ConnectorSettings
from lineshaft.kernel.config import Secret


class MethodSettings(BaseModel):
    """One method of the server that people may call."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: str
    """Place in the plant, below the connection's path; a leading '/' makes it a whole path."""
    object: str = ""
    """Node of the object that has the method; empty asks the server whose method it is."""
    method: str
    """Node of the method itself."""


class OpcUaSettings(ConnectorSettings):
    """How to reach one OPC UA server, and how much to ask of it."""

    guards_secrets: ClassVar[frozenset[str]] = frozenset({"security", "trust", "pki", "plain_password"})

    url: str = Field(examples=["opc.tcp://10.0.0.5:4840"])
    """Endpoint of the server, such as `opc.tcp://10.0.0.5:4840`."""
    mode: Literal["subscribe", "poll"] = "subscribe"
    """`subscribe` lets the server report changes and polls only what it will not report; `poll` reads on schedule."""

    security: Literal["None", "Sign", "SignAndEncrypt"] = "None"
    """Message security mode. Anything but None needs certificates; ours makes itself on first use."""
    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "Basic256Sha256"
    """Security policy used when `security` is not None."""
    pki: Path | None = None
    """Folder of our own certificate and key, and of the servers' certificates we trust; the edge's own when empty."""
    certificate: Path | None = None
    """Our own certificate (.der or .pem) instead of a self-made one; needs `private_key`."""
    private_key: Path | None = None
    private_key_password: Secret = Secret("")
    trust: Literal["first-use", "folder", "any"] = "first-use"
    """Which server to believe. `first-use` keeps the certificate seen first and refuses any other afterwards,
    `folder` accepts what lies in `<pki>/trusted` or was signed by a certificate there, `any` believes everybody."""
    server_certificate: Path | None = None
    """The one certificate the server must show, whatever `trust` says."""

    user: str = ""
    """Empty signs in anonymously."""
    password: Secret = Secret("")
    plain_password: bool = False
    """Allow the password to cross the network unencrypted, when the server offers nothing better."""

    publishing_s: float = Field(default=0.1, ge=0.01, le=3600)
    """How often the server hands over collected changes."""
    queue: int = Field(default=10, ge=1, le=10_000)
    """Changes the server keeps per value between two hand-overs."""
    max_per_call: int = Field(default=1000, ge=1, le=100_000)
    """Most nodes in one request; less when the server says so or refuses."""
    lost_after_s: float = Field(default=4.0, ge=0.5, le=600)
    """A server that says nothing for this long is lost."""
    methods: tuple[MethodSettings, ...] = ()
    """Methods that people with the role operator may call; what is not named here cannot be called."""
    recheck_s: float = Field(default=30.0, ge=0.1)
    """How often missing nodes are looked for again and silent ones are asked whether they still exist."""

    @field_validator("url")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise ValueError("the url of an OPC UA server looks like opc.tcp://10.0.0.5:4840")
        if "@" in parts.netloc:
            raise ValueError("user and password have their own settings and do not belong in the url")
        return value if parts.port else value.replace(parts.netloc, f"{parts.netloc}:4840", 1)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together: set both or none")
        if self.password.get_secret_value() and not self.user:
            raise ValueError("a password was given without a user")
        return self
