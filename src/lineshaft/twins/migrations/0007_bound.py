"""Makes the table of elements that read a series, and fills it from the documents there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic.operations import Operations

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")
ID = sa.String(2048).with_variant(sa.String(2048, collation="C"), "postgresql")
_SUBMODEL = 1


def upgrade(op: Operations) -> None:
    """Create and fill the table."""
    table = op.create_table(
        "twins_bound",
        sa.Column("document", sa.BigInteger, primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("shape", ID, nullable=False),
        sa.Column("id_short", sa.String(128), nullable=False),
        sa.Column("semantic", ID, nullable=False),
        sa.Column("value_type", sa.String(24), nullable=False),
        sa.Column("series", PATH, nullable=False),
        sqlite_with_rowid=False,
    )
    documents = sa.table("twins_documents", sa.column("number"), sa.column("kind"), sa.column("body"))
    connection, after = op.get_bind(), 0
    query = sa.select(documents.c.number, documents.c.body).where(documents.c.kind == _SUBMODEL).limit(500)
    while found := connection.execute(query.where(documents.c.number > after).order_by(documents.c.number)).all():
        after = found[-1].number
        rows = [row for one in found if b'"series"' in one.body for row in _bound(one.number, one.body)]
        if rows:
            op.bulk_insert(table, rows)


def _bound(number: int, body: bytes) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    waiting: list[tuple[str, str, dict[str, Any]]] = [("", "", orjson.loads(body))]
    while waiting:
        path, shape, element = waiting.pop()
        series = _series(element) if element.get("modelType") == "Property" else ""
        if series and path not in seen:
            seen.add(path)
            keys = (element.get("semanticId") or {}).get("keys") or [{}]
            yield {
                "document": number, "path": path, "shape": shape, "id_short": str(element.get("idShort") or "")[:128],
                "semantic": " ".join(str(keys[-1].get("value", "")).split())[:1024],
                "value_type": str(element.get("valueType") or "")[:24], "series": series,
            }  # fmt: skip
        waiting += _below(path, shape, element)


def _below(path: str, shape: str, element: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    below = next((element[s] for s in ("submodelElements", "statements", "annotations") if s in element), None)
    below = element.get("value") if below is None else below
    for index, child in enumerate(below if isinstance(below, list) else ()):
        if element.get("modelType") == "SubmodelElementList":
            yield f"{path}[{index}]", f"{shape}[]", child
        elif isinstance(child, dict) and (name := child.get("idShort")):
            yield (f"{path}.{name}", f"{shape}.{name}", child) if path else (name, name, child)


def _series(element: dict[str, Any]) -> str:
    told = element.get("extensions") or ()
    return next((str(one["value"]) for one in told if one.get("name") == "series" and one.get("value")), "")
