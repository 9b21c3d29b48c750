"""What commands on the machine use: the catalogue beside whatever runs, acting as the folder's owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from lineshaft import security
from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.kernel.clock import now
from lineshaft.kernel.config import Config, DatabaseSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.processes import living_pid
from lineshaft.twins import Pictures

from .assembly import CONTEXTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The services a command on the machine may use, and as whom."""

    who: security.Who
    security: security.Security
    edge: Edge
    pictures: Pictures


def has_catalogue(config: Config) -> bool:
    """Is there a catalogue already? One that is named by its address is taken to be there."""
    return bool(config.get(DatabaseSettings).url) or (config.data.resolve() / "catalogue.db").exists()


@asynccontextmanager
async def local(config: Config, *, existing: bool = False) -> AsyncIterator[Local]:
    """Open the catalogue beside whatever runs, acting as the owner of the data folder.

    A catalogue that is not there yet is made, or refused when it has to be an `existing` one.
    """
    data = config.data.resolve()
    url = config.get(DatabaseSettings).url
    if existing and not has_catalogue(config):
        raise Invalid(
            f"There is no plant in {data}.", hint="Name its configuration with --config; lineshaft run makes one."
        )
    db = Database(url) if url else Database.at(data)
    await db.open(CONTEXTS)
    try:
        guarded = security.Security.over(db, config.get(security.SecuritySettings))
        edge = Edge.offline(
            config.get(EdgeSettings),
            organisation=config.plant.organisation,
            store=ConnectionStore(db),
            guard=guarded.guard,
        )
        pictures = Pictures(db, guarded.guard)
        yield Local(who=security.local_admin(data), security=guarded, edge=edge, pictures=pictures)
    finally:
        await db.close()


async def local_token(config: Config) -> tuple[str, str]:
    """Address of the running platform and a short-lived token of the machine's owner, for commands."""
    address = config.data.resolve() / "run" / "address.txt"
    if not address.exists() or living_pid(config.data.resolve() / "run", "worker") is None:
        raise Invalid(
            f"Lineshaft does not run on {config.data.resolve()}.",
            hint="Start it with lineshaft run, or name the configuration of one that runs with --config.",
        )
    async with local(config) as here:
        grants = here.who.grants
        made = await here.security.tokens.create(
            here.who, name="command line", grants=grants, ends_at=now() + timedelta(hours=1)
        )
    return address.read_text().strip(), made.secret
