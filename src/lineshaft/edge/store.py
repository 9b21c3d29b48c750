"""Connections in the catalogue; every change is a version that can be brought back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import METADATA, Database, Transaction
from lineshaft.kernel.terms import PlantPath

from .errors import Changed
from .events import ConnectionChanged, ConnectionRemoved
from .model import Connection

CONNECTIONS = sa.Table(
    "edge_connections",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("connector", sa.String(64), nullable=False),
    sa.Column("path", sa.String(1024), nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("edge", sa.String(64), nullable=False),
)
VERSIONS = sa.Table(
    "edge_versions",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("connector", sa.String(64), nullable=False),
    sa.Column("raw", sa.Text),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("by", sa.String(120), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("edge", sa.String(64), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state a connection had; `raw` is None where it was removed."""

    name: str
    version: int
    connector: str
    raw: dict[str, Any] | None
    origin: str
    by: str
    at_us: int
    edge: str


class ConnectionStore:
    """The only place that knows the tables of edge."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def all(self) -> list[Connection]:
        """Every connection, by name."""
        async with self.db.read() as tx:
            return [_connection(row) for row in await tx.all(sa.select(CONNECTIONS).order_by(CONNECTIONS.c.name))]

    async def find(self, name: str) -> Connection | None:
        async with self.db.read() as tx:
            row = await tx.first(sa.select(CONNECTIONS).where(CONNECTIONS.c.name == name))
        return _connection(row) if row else None

    async def versions(self, name: str) -> list[Version]:
        """Every state of a connection, newest first."""
        query = sa.select(VERSIONS).where(VERSIONS.c.name == name).order_by(VERSIONS.c.version.desc())
        async with self.db.read() as tx:
            return [
                Version(**{**row, "raw": json.loads(row["raw"]) if row["raw"] else None}) for row in await tx.all(query)
            ]

    async def put(self, tx: Transaction, new: Connection, *, by: str, expected: int | None) -> Connection:
        """Write a connection as its next version; Changed when `expected` is no longer the current one."""
        latest = await _latest(tx, new.name)
        current = await tx.scalar(sa.select(CONNECTIONS.c.version).where(CONNECTIONS.c.name == new.name))
        if expected is not None and expected != (current or 0):
            raise Changed(f"The connection {new.name!r} is now at version {current or 0}, not {expected}.")
        raw = _dump(new.raw)
        row = {
            "name": new.name,
            "connector": new.connector,
            "path": new.path,
            "raw": raw,
            "version": latest + 1,
            "origin": new.origin,
            "edge": new.edge,
        }
        await tx.execute(sa.delete(CONNECTIONS).where(CONNECTIONS.c.name == new.name))
        await tx.execute(sa.insert(CONNECTIONS).values(**row))
        await _keep(tx, {k: v for k, v in row.items() if k != "path"}, by)
        await tx.announce(ConnectionChanged(name=new.name, version=latest + 1))
        return _connection(row)

    async def remove(self, tx: Transaction, old: Connection, *, by: str) -> None:
        """Remove a connection; its versions stay, so that it can be brought back."""
        latest = await _latest(tx, old.name)
        await tx.execute(sa.delete(CONNECTIONS).where(CONNECTIONS.c.name == old.name))
        gone = {"name": old.name, "connector": old.connector, "raw": None, "version": latest + 1, "origin": "console"}
        await _keep(tx, gone | {"edge": old.edge}, by)
        await tx.announce(ConnectionRemoved(name=old.name))

    async def claim(self, edge: str) -> None:
        """Give connections that are from before boxes had names to a box; of several that ask, the first has them."""
        async with self.db.begin() as tx:
            await tx.execute(sa.update(CONNECTIONS).where(CONNECTIONS.c.edge == "").values(edge=edge))


async def _latest(tx: Transaction, name: str) -> int:
    return await tx.scalar(sa.select(sa.func.max(VERSIONS.c.version)).where(VERSIONS.c.name == name)) or 0


async def _keep(tx: Transaction, row: dict[str, Any], by: str) -> None:
    await tx.execute(sa.insert(VERSIONS).values(**row, by=by, at_us=now_us()))


def _connection(row: Any) -> Connection:
    raw = json.loads(row["raw"])
    return Connection(
        name=row["name"],
        connector=row["connector"],
        path=PlantPath(row["path"]),
        enabled=raw.get("enabled", True),
        raw=raw,
        version=row["version"],
        origin=row["origin"],
        edge=row["edge"],
    )


def _dump(raw: dict[str, Any]) -> str:
    return json.dumps(raw, ensure_ascii=False, default=str)


def as_stored(raw: dict[str, Any]) -> dict[str, Any]:
    """Settings as they come back from the catalogue, for comparing."""
    stored: dict[str, Any] = json.loads(_dump(raw))
    return stored
