"""Gives the files of models and pictures a table of their own; what is an attachment as well is in both."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import sqlalchemy as sa
from alembic.operations import Operations

_ATTACHED = "digest IN (SELECT digest FROM twins_files)"
_COPY = "INSERT INTO twins_model_contents SELECT digest, content FROM twins_contents WHERE"
_FMU = "fmu:"


def upgrade(op: Operations) -> None:
    """Create the table, move what is no attachment, and copy what is one and is named by models or pictures too."""
    op.create_table(
        "twins_model_contents",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    connection = op.get_bind()
    connection.execute(sa.text(f"{_COPY} NOT {_ATTACHED}"))
    connection.execute(sa.text(f"DELETE FROM twins_contents WHERE NOT {_ATTACHED}"))
    for digest in sorted(set(_named(connection))):
        connection.execute(sa.text(f"{_COPY} {_ATTACHED} AND digest = :digest"), {"digest": digest})


def _named(connection: sa.Connection) -> Iterator[str]:
    """The digests in models, in runs that were kept, and in every version of a picture."""
    models = [document for (document,) in connection.execute(sa.text("SELECT document FROM twins_models"))]
    kept = connection.execute(sa.text("SELECT document FROM twins_scenarios"))
    mechanisms = [orjson.loads(one)["mechanism"] for one in models]
    mechanisms += [orjson.loads(one)["model"]["mechanism"] for (one,) in kept]
    yield from (name.removeprefix(_FMU) for name in mechanisms if name.startswith(_FMU))
    for (picture,) in connection.execute(sa.text("SELECT document FROM twins_picture_editions")):
        yield from orjson.loads(picture).get("drawings", {}).values()
