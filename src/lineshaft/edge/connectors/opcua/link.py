"""One open session with a server: requests in portions it accepts, a heartbeat, and words for what fails.

asyncua logs failures on its own, several lines each; they are raised here as one sentence, so its
loggers are silenced.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from asyncua.crypto.uacrypto import InvalidSignature

from lineshaft.kernel.errors import PlatformError, Unavailable
from lineshaft.kernel.tasks import in_thread

from . import trust
from .settings import OpcUaSettings

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

T = TypeVar("T")
R = TypeVar("R")
Codes = ua.StatusCodes

_NEVER_S = 86_400.0
"""asyncua's own watchdog is not used: it would call a busy server lost after a second."""
_SESSION_MS = 60_000.0
_MOST_UNREAD = 1 << 20
_CURRENT_TIME = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
_NAMESPACES = ua.NodeId(ua.ObjectIds.Server_NamespaceArray)
_LIMITS = {
    "read": ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead),
    "monitor": ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall),
    "browse": ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse),
    "translate": ua.NodeId(
        ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds
    ),
}
_TOO_MUCH = {
    Codes.BadTooManyOperations,
    Codes.BadRequestTooLarge,
    Codes.BadResponseTooLarge,
    Codes.BadEncodingLimitsExceeded,
    Codes.BadTcpMessageTooLarge,
}
_FOREIGN = (OSError, TimeoutError, ua.UaError, struct.error, ValueError, IndexError, InvalidSignature)
"""What asyncua and the wire raise when a server is away, refuses, or sends nonsense."""
_WHO = {Codes.BadUserAccessDenied, Codes.BadIdentityTokenRejected, Codes.BadIdentityTokenInvalid}
_CERTIFICATE = {
    Codes.BadSecurityChecksFailed,
    Codes.BadCertificateUntrusted,
    Codes.BadCertificateInvalid,
    Codes.BadCertificateUriInvalid,
    Codes.BadCertificateUseNotAllowed,
}


class Link:
    """A session that is connected when made; `open_link` makes it."""

    def __init__(self, client: Client, settings: OpcUaSettings) -> None:
        self._client = client
        self._settings = settings
        self._portions: dict[str, int] = {}
        self.lost = False
        """No good-bye is sent to a server that is lost."""
        self.namespaces: list[str] = []
        self.heard = time.monotonic()
        """When the server last said anything."""

    @property
    def session(self) -> Any:
        """asyncua's session, for services that are not worth wrapping."""
        return self._client.uaclient.session

    @property
    def client(self) -> Client:
        return self._client

    async def learn(self) -> None:
        """Ask for the namespaces and for how much the server takes at once."""
        namespaces, *limits = await self.attributes([_NAMESPACES, *_LIMITS.values()])
        self.namespaces = list(namespaces.Value.Value or [])
        for kind, limit in zip(_LIMITS, limits, strict=True):
            most = limit.Value.Value if limit.Value is not None else None
            self._portions[kind] = min(most or self._settings.max_per_call, self._settings.max_per_call)

    async def ensure_namespaces(self) -> None:
        """Raise Unavailable when the server has other namespaces than before, so that nodes are looked up anew."""
        (value,) = await self.attributes([_NAMESPACES])
        if list(value.Value.Value or []) != self.namespaces:
            raise Unavailable(
                f"{self._settings.url} has changed its namespaces.", hint="Every tag is looked up anew by itself."
            )

    async def request(self, request: Any, *, patience_s: float | None = None) -> Any:
        """Send a request and return the encoded answer; patience 0 waits for ever."""
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("the connection is closed")
        answer = await protocol.send_request(request, patience_s)
        self.heard = time.monotonic()
        return answer

    async def attributes(
        self, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        """Read one attribute of each node; what is wrong with a node stands in its status."""
        return await self.portioned("read", nodes, lambda part: self.session.read_attributes(part, attribute))

    async def portioned(
        self, kind: str, things: Sequence[T], call: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
    ) -> list[R]:
        """Call with as many things as the server takes at once; when it refuses, with half as many."""
        done: list[R] = []
        while len(done) < len(things):
            part = things[len(done) : len(done) + self.portion(kind)]
            try:
                results = await call(part)
            except ua.UaStatusCodeError as error:
                self.shrink(kind, len(part), error)
                continue
            if len(results) != len(part):
                raise ValueError(f"{len(part)} answers were due and {len(results)} came")
            done.extend(results)
        return done

    def portion(self, kind: str) -> int:
        """How many nodes go into one request of a kind."""
        return self._portions.get(kind, self._settings.max_per_call)

    def shrink(self, kind: str, tried: int, error: ua.UaStatusCodeError) -> None:
        """Ask for half as much from now on; raises the error when that was not the reason, or one is too much."""
        if error.code not in _TOO_MUCH or tried <= 1:
            raise error
        self._portions[kind] = tried // 2

    async def beat(self) -> None:
        """Ask for the server's time again and again; Unavailable when it says nothing for too long."""
        patience = self._settings.lost_after_s * 0.75
        request = ua.ReadRequest()
        request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=_CURRENT_TIME, AttributeId=ua.AttributeIds.Value)]
        while True:
            await asyncio.sleep(self._settings.lost_after_s / 4)
            try:
                await self.request(request, patience_s=patience)
            except TimeoutError:
                self.ensure_heard(patience)

    def ensure_heard(self, within_s: float) -> None:
        """Raise Unavailable when the server has said nothing for that long."""
        silent = time.monotonic() - self.heard
        if silent >= within_s:
            self.lost = True
            raise Unavailable(
                f"{self._settings.url} has said nothing for {silent:.0f} s.",
                hint="It may be frozen, restarting or cut off; the connection is tried again by itself.",
            )

    async def close(self) -> None:
        """Sign off when the server still listens, and let go of the socket in any case."""
        if not self.lost:
            with suppress(Exception):
                async with asyncio.timeout(min(2.0, self._settings.timeout_s)):
                    await self._client.disconnect()
        self._client.disconnect_socket()
        with suppress(Exception):
            await self._client.disconnect()


async def open_link(settings: OpcUaSettings, pki: Path, *, keep: bool = True) -> Link:
    """Connect, sign in and learn what the server is like; `keep` remembers a server seen first."""
    client = Client(settings.url, timeout=settings.timeout_s, watchdog_intervall=_NEVER_S)
    client.name = client.description = "Lineshaft"
    client.application_uri = f"urn:{socket.gethostname()}:lineshaft:edge"
    client.session_timeout = _SESSION_MS
    _bound(client)
    link = Link(client, settings)
    try:
        async with asyncio.timeout(settings.timeout_s * 2):
            await _secure(client, settings, pki, keep=keep)
            await _sign_in(client, settings)
            await link.learn()
    except BaseException:
        link.lost = True
        await link.close()
        raise
    return link


def _bound(client: Client) -> None:
    """Hang up on a server that announces a chunk far above the 64 KiB agreed on, instead of collecting it."""
    make = client.uaclient._make_protocol

    def bounded() -> Any:
        protocol = make()
        receive = protocol.data_received

        def data_received(data: bytes) -> None:
            if len(protocol.receive_buffer or b"") > _MOST_UNREAD:
                protocol.transport.abort()
            else:
                receive(data)

        protocol.data_received = data_received
        return protocol

    client.uaclient._make_protocol = bounded


async def _secure(client: Client, settings: OpcUaSettings, pki: Path, *, keep: bool) -> None:
    if settings.security == "None" and not settings.user:
        return
    endpoints = await client.connect_and_get_server_endpoints()
    endpoint = _endpoint(endpoints, settings)
    if settings.user:
        client.set_user(settings.user)
        client.set_password(settings.password.get_secret_value())
        _guard_password(endpoint, settings)
    if settings.security != "None":
        shown = uacrypto.der_from_x509(uacrypto.x509_from_der(endpoint.ServerCertificate))
        await in_thread(trust.admit, settings, pki, shown, keep=keep)
        await _certify(client, settings, await in_thread(trust.identity, settings, pki), shown)


async def _sign_in(client: Client, settings: OpcUaSettings) -> None:
    try:
        await client.connect()
    except ua.UaError:
        with suppress(*_FOREIGN):
            _endpoint(await client.connect_and_get_server_endpoints(), settings)
        raise


async def _certify(client: Client, settings: OpcUaSettings, ours: trust.Identity, shown: bytes) -> None:
    client.application_uri = ours.uri
    await client.set_security(
        getattr(security_policies, f"SecurityPolicy{settings.policy}"),
        ours.certificate,
        ours.private_key,
        ours.password,
        server_certificate=uacrypto.CertProperties(shown, "der"),
        mode=ua.MessageSecurityMode[settings.security],
    )


def _endpoint(endpoints: Sequence[ua.EndpointDescription], settings: OpcUaSettings) -> ua.EndpointDescription:
    wanted = (_mode(settings.security), "None" if settings.security == "None" else settings.policy)
    offers = {(e.SecurityMode, e.SecurityPolicyUri.rpartition("#")[2]): e for e in endpoints}
    if wanted in offers:
        return offers[wanted]
    offered = ", ".join(sorted({f"{policy} {mode.name.strip('_')}" for mode, policy in offers})) or "nothing"
    raise Unavailable(
        f"{settings.url} offers no {wanted[1]} {settings.security}.",
        hint=f"It offers: {offered}. Set `security` and `policy` to one of these.",
    )


def _mode(security: str) -> ua.MessageSecurityMode:
    return ua.MessageSecurityMode.None_ if security == "None" else ua.MessageSecurityMode[security]


def _guard_password(endpoint: ua.EndpointDescription, settings: OpcUaSettings) -> None:
    """Refuse to send a password that anybody on the network could read. Part 4, clause 7.41.4."""
    tokens = [t for t in endpoint.UserIdentityTokens or [] if t.TokenType == ua.UserTokenType.UserName]
    if not tokens:
        raise Unavailable(
            f"{settings.url} takes no user and password here.", hint="Leave `user` empty, or set `security`."
        )
    policy = tokens[0].SecurityPolicyUri or endpoint.SecurityPolicyUri
    hidden = settings.security == "SignAndEncrypt" or not policy.endswith("#None")
    if not hidden and not settings.plain_password:
        raise Unavailable(
            f"{settings.url} would get the password of {settings.user!r} unencrypted.",
            hint="Set security = 'SignAndEncrypt', or plain_password = true when the network is trusted.",
        )


@contextmanager
def spoken(settings: OpcUaSettings, pki: Path) -> Iterator[None]:
    """Let failures of the link leave as Unavailable, in one sentence with the next step."""
    try:
        yield
    except PlatformError:
        raise
    except BaseExceptionGroup as group:
        raise _explain(_leaf(group), settings, pki) from group
    except _FOREIGN as error:
        raise _explain(error, settings, pki) from error


def _leaf(error: BaseException) -> BaseException:
    return _leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _explain(error: BaseException, settings: OpcUaSettings, pki: Path) -> BaseException:
    url = settings.url
    if isinstance(error, PlatformError) or not isinstance(error, _FOREIGN):
        return error
    if isinstance(error, ua.UaStatusCodeError):
        return _refusal(error, settings, pki)
    if isinstance(error, TimeoutError):
        return Unavailable(
            f"{url} does not answer within {settings.timeout_s:g} s.",
            hint="Is it there, and is no firewall between?",
        )
    if isinstance(error, socket.gaierror):
        return Unavailable(f"The name in {url} is not known.", hint="Check its spelling, or use the IP address.")
    if isinstance(error, ConnectionRefusedError):
        return Unavailable(f"Nothing listens at {url}.", hint="Is the server running? OPC UA usually has port 4840.")
    if isinstance(error, OSError):
        return Unavailable(
            f"The connection to {url} broke: {error}.", hint="Is it an OPC UA server, and the network well?"
        )
    return Unavailable(f"{url} sent what is not OPC UA: {error}.", hint="Is the port right? OPC UA usually has 4840.")


def _refusal(error: ua.UaStatusCodeError, settings: OpcUaSettings, pki: Path) -> PlatformError:
    status = ua.StatusCode(error.code)
    if error.code in _WHO:
        return Unavailable(
            f"{settings.url} does not let {settings.user or 'an anonymous client'} in ({status.name}).",
            hint="Check `user` and `password`, and what the server allows.",
        )
    if error.code in _CERTIFICATE:
        ours = settings.certificate or trust.own_certificate(pki)
        return Unavailable(
            f"{settings.url} does not accept our certificate ({status.name}).",
            hint=f"Mark it as trusted on the server; it is {ours}.",
        )
    return Unavailable(
        f"{settings.url} refuses: {status.name} ({status.doc.rstrip('.')}).",
        hint="It is asked again by itself; the log of the server may say more.",
    )
