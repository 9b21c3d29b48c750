"""Notes which files models, kept runs and pictures name, and when each was last brought, to collect the others."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic.operations import Operations

from lineshaft.kernel.clock import now_us

_FMU = "fmu:"
DIGEST = sa.String(64)


def upgrade(op: Operations) -> None:
    """Create tables and columns, and fill them from what stands."""
    op.create_table(
        "twins_uploads",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "twins_picture_drawings",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("picture", sa.String(32), primary_key=True),
    )
    for table in ("twins_models", "twins_scenarios"):
        op.add_column(table, sa.Column("file", DIGEST, nullable=False, server_default=""))
        op.create_index(f"ix_{table}_file", table, ["file"])
    op.drop_index("twins_records_ends", "twins_records")  # what was scrapped is found by its place
    connection = op.get_bind()
    everything = "INSERT INTO twins_uploads (digest, at_us) SELECT digest, :now FROM twins_model_contents"
    connection.execute(sa.text(everything), {"now": now_us()})
    _note_models(connection)
    _note_drawings(connection)


def _note_models(connection: sa.Connection) -> None:
    for path, name, document in connection.execute(sa.text("SELECT path, name, document FROM twins_models")).fetchall():
        if file := _file(orjson.loads(document)):
            told = sa.text("UPDATE twins_models SET file = :file WHERE path = :path AND name = :name")
            connection.execute(told, {"file": file, "path": path, "name": name})
    for id_, document in connection.execute(sa.text("SELECT id, document FROM twins_scenarios")).fetchall():
        if file := _file(orjson.loads(document)["model"]):
            told = sa.text("UPDATE twins_scenarios SET file = :file WHERE id = :id")
            connection.execute(told, {"file": file, "id": id_})


def _file(model: dict[str, str]) -> str:
    return model["mechanism"].removeprefix(_FMU) if model["mechanism"].startswith(_FMU) else ""


def _note_drawings(connection: sa.Connection) -> None:
    """Of every edition, so that each can be restored."""
    named: set[tuple[str, str]] = set()
    for picture, document in connection.execute(sa.text("SELECT picture, document FROM twins_picture_editions")):
        named.update((digest, picture) for digest in orjson.loads(document).get("drawings", {}).values())
    if named:
        rows = [{"digest": digest, "picture": picture} for digest, picture in sorted(named)]
        connection.execute(sa.text("INSERT INTO twins_picture_drawings VALUES (:digest, :picture)"), rows)
