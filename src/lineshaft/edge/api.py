"""Connections over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from lineshaft.kernel.http import Slice, caller
from lineshaft.kernel.terms import Value
from lineshaft.security import Who

from .connectors import Node
from .model import Connection, Seen, WriteResult
from .secrecy import without_secrets
from .service import ConnectionView, ConnectorInfo, Edge
from .store import Version

Caller = Annotated[Who, Depends(caller)]


class ConnectionBody(BaseModel):
    """A connection as it would stand in plant.toml below `[[edge.<connector>]]`."""

    connector: str
    raw: dict[str, Any]
    expected: int | None = None


class BrowseBody(BaseModel):
    """Where to look: a running connection, or settings not saved yet."""

    address: str = ""
    name: str = ""
    connector: str = ""
    raw: dict[str, Any] = {}


class WriteBody(BaseModel):
    """A value for a writable tag."""

    path: str
    value: Value


def router(edge: Edge) -> APIRouter:
    """The routes of edge, below /api/v1."""
    api = APIRouter(tags=["edge"])

    @api.get("/connectors")
    async def connectors(who: Caller) -> list[ConnectorInfo]:
        """Every connector on the shelf, with a sample configuration."""
        return edge.shelf(who)

    @api.get("/connections")
    async def connections(who: Caller) -> Slice[ConnectionView]:
        """The connections you may see, with their health."""
        return Slice(items=await edge.list_(who))

    @api.get("/connections/{name}")
    async def connection(who: Caller, name: str) -> ConnectionView:
        """One connection with its health."""
        return await edge.get(who, name)

    @api.put("/connections")
    async def save(who: Caller, body: ConnectionBody) -> Connection:
        """Add or change a connection; give `expected` to be told when somebody was faster."""
        return without_secrets(await edge.save(who, body.connector, body.raw, expected=body.expected, origin="api"))

    @api.delete("/connections/{name}", status_code=204)
    async def remove(who: Caller, name: str) -> Response:
        """Remove a connection; its versions stay and can be restored."""
        await edge.remove(who, name)
        return Response(status_code=204)

    @api.get("/connections/{name}/versions")
    async def versions(who: Caller, name: str) -> list[Version]:
        """Everything this connection ever was, newest first."""
        return list(await edge.versions(who, name))

    @api.post("/connections/{name}/versions/{version}/restore")
    async def restore(who: Caller, name: str, version: int) -> Connection:
        """Make an earlier version the current one again."""
        return without_secrets(await edge.restore(who, name, version))

    @api.post("/connections/test")
    async def test(who: Caller, body: ConnectionBody) -> list[Seen]:
        """Open the machine, look at its values, let go again; nothing is saved."""
        return await edge.test(who, body.connector, body.raw)

    @api.post("/connections/browse")
    async def browse(who: Caller, body: BrowseBody) -> list[Node]:
        """What a machine offers below an address."""
        return await edge.browse(who, body.address, name=body.name, connector=body.connector, raw=body.raw)

    @api.get("/read/{path:path}")
    async def read(who: Caller, path: str, within_ms: Annotated[int, Query(ge=10, le=30_000)] = 2000) -> Seen:
        """Ask a machine for a value now; 504 when it does not answer in time."""
        return await edge.read(who, path, within_s=within_ms / 1000)

    @api.post("/write")
    async def write(who: Caller, body: WriteBody) -> WriteResult:
        """Set a value on a machine and read it back."""
        return await edge.write(who, body.path, body.value)

    return api
