"""One request as handlers see it, and what they answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope

from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role, Who
from lineshaft.twins.metamodel import Dialect, identifiers
from lineshaft.twins.model.repository import Json

from .results import JSON, TooLarge, TooSlow
from .services import Services

BODY_MOST = 64 << 20
"""Bytes of a JSON body."""
READER_MOST = 64 << 10
"""Bytes of any body of those who may only read: questions are short."""
PART_WITHIN_S, WITHIN_S = 30.0, 600.0
"""How long a body may pause, and how long it may take."""
_BOM = b"\xef\xbb\xbf"
"""Not JSON, but receivers may ignore it (RFC 8259, 8.1)."""
DEEPEST = 200
"""Brackets within brackets in a body."""


@dataclass(slots=True)
class Answer:
    """Status, body and headers; `etag` is quoted and compared by the server."""

    status: int = 200
    body: bytes = b""
    media: str = JSON
    etag: str = ""
    headers: Sequence[tuple[str, str]] = ()


NOTHING = Answer(status=204)


@dataclass(slots=True)
class Call:
    """A request whose address was understood."""

    who: Who
    dialect: Dialect
    services: Services
    scope: Scope
    receive: Receive
    names: dict[str, str]
    mount: str
    """The address this version is mounted at, `/api/v3.1`."""
    _query: dict[str, list[str]] | None = field(default=None)

    # ---- the address ----

    def id(self, name: str) -> str:
        """The identifier in a segment of the address."""
        return identifiers.decode_id(self.names[name])

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters behind '?'."""
        if self._query is None:
            raw: bytes = self.scope["query_string"]
            try:
                self._query = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=100) if raw else {}
            except (ValueError, UnicodeDecodeError) as error:
                raise Invalid("What stands behind '?' cannot be read.", hint="Percent-encode UTF-8.") from error
            if "\x00" in str(self._query.values()) or b"%00" in raw:
                raise Invalid("A parameter holds a NUL character.", hint="Leave it out.")
        return self._query

    def one(self, name: str, default: str = "") -> str:
        """A parameter that may be given once."""
        found = self.query.get(name)
        if found is None:
            return default
        if len(found) > 1:
            raise Invalid(f"{name} is given {len(found)} times.", hint="Give it once.")
        return found[0]

    def header(self, name: bytes) -> str:
        """A header by its lower-case name; '' without it."""
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), "")

    def at(self, *segments: str) -> str:
        """An address below this mount, from segments that need no encoding."""
        return "/".join((self.mount, *segments))

    # ---- the body ----

    async def body(self, most: int = BODY_MOST) -> bytes:
        """The bytes of the body; TooLarge beyond `most`, TooSlow when it does not come."""
        if not any(grant.role > Role.VIEWER for grant in self.who.grants):
            most = min(most, READER_MOST)
        told = self.header(b"content-length")
        if told.isdigit() and int(told) > most:
            raise TooLarge(f"The body has {told} bytes; {most} is the most.", hint="Send less at once.")
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._received(most)
        except TimeoutError as error:
            raise TooSlow("The body did not come in time.", hint="Send it without pauses.") from error

    async def _received(self, most: int) -> bytes:
        parts, size, more = [], 0, True
        while more:
            async with asyncio.timeout(PART_WITHIN_S):
                message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Invalid("The connection ended before the body did.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > most:
                raise TooLarge(f"The body has more than {most} bytes.", hint="Send less at once.")
        return b"".join(parts)

    async def json(self, most: int = BODY_MOST) -> Any:
        """The body as JSON, of bounded depth."""
        body = (await self.body(most)).removeprefix(_BOM)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"The body is not JSON: {str(error)[:200]}.", hint="Send UTF-8 JSON.") from error
        return within_depth(found)

    async def object(self, what: str) -> Json:
        """The body as a JSON object."""
        found = await self.json()
        if not isinstance(found, dict):
            raise Invalid(f"The body is not a JSON object of {what}.", hint="Send one object.")
        return found

    async def value(self) -> Any:
        """The body as value-only JSON, in which whole numbers of any size stay exact."""
        body = await self.body()
        try:
            found = json.loads(body.decode(), parse_constant=_no_constant)
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise Invalid(f"The body is not JSON: {str(error)[:200]}.", hint="Send UTF-8 JSON.") from error
        return within_depth(found)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def within_depth(thing: Any) -> Any:
    """The thing itself; Invalid when it is nested deeper than anything honest."""
    level = [thing] if isinstance(thing, dict | list) else []
    for _ in range(DEEPEST):
        if not level:
            return thing
        parts = (part for one in level for part in (one.values() if isinstance(one, dict) else one))
        level = [part for part in parts if isinstance(part, dict | list)]
    raise Invalid(f"The body is nested deeper than {DEEPEST} levels.", hint="Flatten it.")


def dump(thing: Any) -> bytes:
    """JSON; whole numbers beyond 64 bits stay exact too."""
    try:
        return orjson.dumps(thing)
    except TypeError:
        return json.dumps(thing, ensure_ascii=False, separators=(",", ":")).encode()


def told(thing: Any, *, etag: str = "") -> Answer:
    """An answer of JSON."""
    return Answer(body=dump(thing), etag=etag)


def made(location: str, thing: Any = None, *, body: bytes = b"", etag: str = "") -> Answer:
    """Something was created: 201, with where it is now."""
    content = body or (dump(thing) if thing is not None else b"")
    return Answer(status=201, body=content, etag=etag, headers=(("location", location),))
