"""Follows the feed from a cursor until it is killed; says on stdout what it took in."""

from __future__ import annotations

import asyncio
import json
import sys

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins.service.repository import Repository


async def main(url: str, after: int) -> None:
    db = Database(url)
    await db.open(["lineshaft.security", "lineshaft.twins"])
    repository = Repository(db, Guard(db), "acme")
    while True:
        for line in await repository.feed(PLATFORM, after=after):
            after = line.seq
            print(json.dumps([line.seq, line.verb, line.id, line.values]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
