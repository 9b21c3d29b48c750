"""Keeps what people call their relations beside the edges, and reads it from the documents there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic.operations import Operations

OWN = "urn:lineshaft:relation:Own"
_SUBMODEL = 1


def upgrade(op: Operations) -> None:
    """Add the column and fill it."""
    op.add_column("twins_relations", sa.Column("name", sa.String(128), nullable=False, server_default=""))
    documents = sa.table("twins_documents", sa.column("number"), sa.column("kind"), sa.column("body"))
    edges = sa.table("twins_relations", sa.column("document"), sa.column("path"), sa.column("name"))
    connection, after = op.get_bind(), 0
    query = sa.select(documents.c.number, documents.c.body).where(documents.c.kind == _SUBMODEL).limit(500)
    while found := connection.execute(query.where(documents.c.number > after).order_by(documents.c.number)).all():
        after = found[-1].number
        for one in found:
            for path, name in _named(one.body) if OWN.encode() in one.body else ():
                mine = (edges.c.document == one.number, edges.c.path == path)
                connection.execute(sa.update(edges).where(*mine).values(name=name))


def _named(body: bytes) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, dict[str, Any]]] = [("", orjson.loads(body))]
    while waiting:
        path, element = waiting.pop()
        keys = (element.get("semanticId") or {}).get("keys") or [{}]
        if path and keys[-1].get("value") == OWN:
            shown = next((str(one.get("text", "")) for one in element.get("displayName") or ()), None)
            yield path, (shown or str(element.get("idShort"))).replace("\x00", "")[:128]
        waiting += _below(path, element)


def _below(path: str, element: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    below = next((element[s] for s in ("submodelElements", "statements", "annotations") if s in element), None)
    below = element.get("value") if below is None else below
    for index, child in enumerate(below if isinstance(below, list) else ()):
        if element.get("modelType") == "SubmodelElementList":
            yield f"{path}[{index}]", child
        elif isinstance(child, dict) and (name := child.get("idShort")):
            yield (f"{path}.{name}" if path else name), child
