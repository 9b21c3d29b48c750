"""Attachments, thumbnails and packages; equal contents are kept once, by their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lineshaft.kernel.db import Transaction
from lineshaft.twins.model.repository import Attachment

from .repository_tables import CONTENTS, FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A file of a document; `path` is the value of its File element or the path of a thumbnail, '' for a package.

    Elements move when others before them in a list go; their values stay.
    """

    path: str
    name: str
    content_type: str
    digest: str


async def find(tx: Transaction, number: int, path: str) -> tuple[Held, bytes] | None:
    """A file with its content."""
    query = sa.select(FILES, CONTENTS.c.content).join_from(FILES, CONTENTS, CONTENTS.c.digest == FILES.c.digest)
    row = await tx.first(query.where(FILES.c.document == number, FILES.c.path == path))
    return None if row is None else (_held(row), row["content"])


async def put(tx: Transaction, number: int, path: str, file: Attachment) -> None:
    """Keep a file in place of the one that stood there."""
    await drop(tx, number, [path])
    digest = hashlib.sha256(file.content).hexdigest()
    insert = (postgresql if tx.dialect == "postgresql" else sqlite).insert(CONTENTS)
    await tx.execute(insert.values(digest=digest, content=file.content).on_conflict_do_nothing())
    row = {"name": file.name[:255], "content_type": file.content_type[:128], "digest": digest}
    await tx.execute(sa.insert(FILES).values(document=number, path=path, **row))


async def drop(tx: Transaction, number: int, paths: Iterable[str] | None = None) -> int:
    """Forget files, all of a document without `paths`, and contents nobody else has; how many there were."""
    mine = [FILES.c.document == number]
    if paths is not None:
        mine.append(FILES.c.path.in_(list(paths)))
    digests = set((await tx.execute(sa.delete(FILES).where(*mine).returning(FILES.c.digest))).scalars())
    if digests:
        held = sa.exists().where(FILES.c.digest == CONTENTS.c.digest)
        await tx.execute(sa.delete(CONTENTS).where(CONTENTS.c.digest.in_(digests), ~held))
    return len(digests)


def _held(row: sa.RowMapping) -> Held:
    return Held(path=row["path"], name=row["name"], content_type=row["content_type"], digest=row["digest"])
