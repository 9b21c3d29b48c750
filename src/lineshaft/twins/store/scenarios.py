"""What-if runs that were kept: what was asked, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model.simulation import Scenario

from .contents import in_hand
from .tables import PATH, any_within, packed, parts, unpacked

SCENARIOS = sa.Table(
    "twins_scenarios",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("path", PATH, nullable=False, index=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("columns", sa.LargeBinary, nullable=False),
    sa.Column("file", sa.String(64), nullable=False, index=True),
)


async def scenarios(tx: Transaction, *, sees: Sequence[str], path: str) -> list[Scenario]:
    """The kept runs of a twin, oldest first."""
    query = sa.select(SCENARIOS.c.document).where(SCENARIOS.c.path == path, any_within(sees, SCENARIOS.c.path))
    return [unpacked(row["document"], Scenario) for row in await tx.all(query.order_by(SCENARIOS.c.id))]


async def find_scenario(tx: Transaction, id_: str) -> Scenario | None:
    row = await tx.first(sa.select(SCENARIOS.c.document).where(SCENARIOS.c.id == id_))
    return unpacked(row["document"], Scenario) if row else None


async def find_columns(tx: Transaction, id_: str) -> bytes | None:
    """What came out of a run, packed as it was put."""
    found = await tx.scalar(sa.select(SCENARIOS.c.columns).where(SCENARIOS.c.id == id_))
    return None if found is None else bytes(found)


async def put_scenario(tx: Transaction, scenario: Scenario, columns: bytes) -> None:
    row = {"id": scenario.id, "path": str(scenario.model.path), "document": packed(scenario)}
    await tx.execute(sa.insert(SCENARIOS).values(**row, columns=columns, file=scenario.model.file))


async def change_scenario(tx: Transaction, scenario: Scenario) -> None:
    """Another name for a kept run."""
    mine = SCENARIOS.c.id == scenario.id
    await tx.execute(sa.update(SCENARIOS).where(mine).values(document=packed(scenario)))


async def drop_scenario(tx: Transaction, id_: str) -> None:
    mine = sa.delete(SCENARIOS).where(SCENARIOS.c.id == id_)
    await in_hand(tx, (await tx.execute(mine.returning(SCENARIOS.c.file))).scalars())


async def carry_scenarios(tx: Transaction, moves: Mapping[str, PlantPath]) -> None:
    """Kept runs go with twins that now stand elsewhere."""
    mine = [SCENARIOS.c.id, SCENARIOS.c.path, SCENARIOS.c.document]
    queries = [sa.select(*mine).where(SCENARIOS.c.path.in_(part)) for part in parts(moves)]
    rows = [row for query in queries for row in await tx.all(query)]
    for row in rows:
        kept = unpacked(row["document"], Scenario)
        new = replace(kept, model=kept.model.moved(moves[row["path"]]))
        changed = {"path": str(new.model.path), "document": packed(new)}
        await tx.execute(sa.update(SCENARIOS).where(SCENARIOS.c.id == row["id"]).values(**changed))
