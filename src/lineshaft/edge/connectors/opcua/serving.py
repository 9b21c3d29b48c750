"""An OPC UA server on a real socket: what the fakes and the replay have in common."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Node, Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import cert_gen
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

PER_FOLDER = 250
"""asyncua takes quadratic time to fill one folder."""
_OPEN = [ua.SecurityPolicyType.NoSecurity]
_SECURE = [ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What a fake asks of its clients."""

    certificates: Path | None = None
    """Folder of the server's certificate, made there when missing; None serves without security only."""
    open: bool = True
    """Also serve without security."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by user; empty lets anybody in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How little a fake can do, as small PLCs do; None is no limit."""

    items_per_call: int | None = None
    nodes_per_read: int | None = None
    items_per_subscription: int | None = None
    subscriptions: int | None = None


class _Users:
    """Lets in whom the fake knows."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    def get_user(
        self, _server: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        if not self._users or (username is not None and self._users.get(username) == password):
            return User(role=UserRole.User)
        return None


class DeviceServer:
    """Starts and stops one server and sets its values; the fakes fill it."""

    def __init__(self, uri: str, *, name: str, security: Security | None = None, limits: Limits | None = None) -> None:
        self._security = security or Security()
        self.limits = limits or Limits()
        """May be changed while the server runs."""
        self._uri, self._name = uri, name
        self._nodes: dict[str, tuple[ua.NodeId, ua.VariantType]] = {}
        self.server = Server(user_manager=_Users(self._security.users))
        self.index = 2
        self.port = 0

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def prepare(self, host: str, port: int) -> Node:
        """Build the server and return the folder its objects go to."""
        await self.server.init()
        self.server.name = self._name
        await self.server.set_application_uri(f"{self._uri}:server")
        self.server.set_endpoint(f"opc.tcp://{host}:{port}")
        self.index = await self.server.register_namespace(self._uri)
        await self._secure()
        _limit(self)
        return self.server.nodes.objects

    async def open(self) -> None:
        """Start to listen."""
        await self.server.start()
        self.port = self.server.bserver.port

    async def stop(self) -> None:
        await self.server.stop()

    def address(self, name: str) -> str:
        """The address of a value, as clients write it."""
        return f"ns={self.index};s={name}"

    async def add(self, folder: Node, key: str, name: str, value: Any, *, kind: ua.VariantType, **more: Any) -> Node:
        """A variable with identifier `key`; `more` goes to asyncua."""
        node = await folder.add_variable(ua.NodeId(key, self.index), f"{self.index}:{name}", value, kind, **more)
        self._nodes[key] = node.nodeid, kind
        return node

    async def set(self, values: Mapping[str, Any], at: datetime | None = None, *, status: int = 0) -> None:
        """Set values by key, with a source time and a status."""
        moment, now = at or datetime.now(UTC), datetime.now(UTC)
        for key, value in values.items():
            node, kind = self._nodes[key]
            data = ua.DataValue(
                ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=moment, ServerTimestamp=now
            )
            await self.server.iserver.write_attribute_value(node, data)

    async def get(self, key: str) -> Any:
        """The value a variable has now; a client may have written it."""
        return self.server.iserver.read_attribute_value(self._nodes[key][0]).Value.Value

    async def _secure(self) -> None:
        security = self._security
        policies = list(_OPEN) if security.open else []
        if security.certificates is not None:
            certificate, key = _certificate(security.certificates, f"{self._uri}:server")
            await self.server.load_certificate(certificate)
            await self.server.load_private_key(key)
            policies += _SECURE
        self.server.set_security_policy(policies)
        if security.users:
            self.server.set_identity_tokens([ua.UserNameIdentityToken])
        else:
            self.server.set_identity_tokens([ua.AnonymousIdentityToken])


async def folders(parent: Node, index: int, names: Sequence[str]) -> list[tuple[Node, str]]:
    """A folder for every name, a new one for each 250."""
    places: list[tuple[Node, str]] = []
    for start in range(0, len(names), PER_FOLDER):
        few = len(names) <= PER_FOLDER
        folder = parent if few else await parent.add_folder(index, f"Values{start // PER_FOLDER}")
        places += [(folder, name) for name in names[start : start + PER_FOLDER]]
    return places


async def describe(node: Node, *, unit: str = "", low: float | None = None, high: float | None = None) -> None:
    """Engineering unit and range, as properties of a variable. Part 8, clause 5.3.2."""
    if unit:
        shown = ua.EUInformation()
        shown.NamespaceUri = "http://www.opcfoundation.org/UA/units/un/cefact"
        shown.DisplayName = ua.LocalizedText(unit)
        await node.add_property(0, "EngineeringUnits", shown)
    if low is not None and high is not None:
        await node.add_property(0, "EURange", ua.Range(Low=float(low), High=float(high)))


def _limit(device: DeviceServer) -> None:
    """Make asyncua's services refuse what a small server would refuse."""
    service, attributes = device.server.iserver.subscription_service, device.server.iserver.attribute_service
    subscribe, create, read = service.create_subscription, service.create_monitored_items, attributes.read

    async def subscribe_few(*args: Any, **kwargs: Any) -> Any:
        _refuse_above(len(service.subscriptions) + 1, device.limits.subscriptions, "BadTooManySubscriptions")
        return await subscribe(*args, **kwargs)

    async def create_few(params: Any) -> Any:
        _refuse_above(len(params.ItemsToCreate), device.limits.items_per_call, "BadTooManyOperations")
        wanted = params.ItemsToCreate
        params.ItemsToCreate = wanted[: _room(service, params.SubscriptionId, device.limits)]
        full = ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems))
        return await create(params) + [full] * (len(wanted) - len(params.ItemsToCreate))

    def read_few(params: Any) -> Any:
        _refuse_above(len(params.NodesToRead), device.limits.nodes_per_read, "BadTooManyOperations")
        return read(params)

    service.create_subscription, service.create_monitored_items = subscribe_few, create_few
    attributes.read = read_few


def _refuse_above(wanted: int, most: int | None, reason: str) -> None:
    if most is not None and wanted > most:
        raise ServiceError(getattr(ua.StatusCodes, reason))


def _room(service: Any, subscription: int, limits: Limits) -> int | None:
    if limits.items_per_subscription is None:
        return None
    held = service.subscriptions[subscription].monitored_item_srv._monitored_items
    return max(0, limits.items_per_subscription - len(held))


def _certificate(folder: Path, uri: str) -> tuple[Path, Path]:
    certificate, key = folder / "server.der", folder / "server-key.pem"
    if not certificate.exists():
        folder.mkdir(parents=True, exist_ok=True)
        secret = cert_gen.generate_private_key()
        names = [x509.UniformResourceIdentifier(uri), x509.DNSName(socket.gethostname())]
        purpose = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = cert_gen.generate_self_signed_app_certificate(secret, "Fake", {}, names, extended=purpose, days=365)
        key.write_bytes(cert_gen.dump_private_key_as_pem(secret))
        certificate.write_bytes(made.public_bytes(Encoding.DER))
    return certificate, key
