"""Writes values and documents until it is killed; says on stdout what was acknowledged."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository

VALUES, DOCUMENTS = 20, 3


def document(id_: str, speed: int) -> dict[str, Any]:
    element = {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": str(speed)}
    return {"modelType": "Submodel", "id": id_, "idShort": "Live", "submodelElements": [element]}


def acknowledged(*told: object) -> None:
    print(json.dumps(told), flush=True)


async def main(folder: Path, start: int) -> None:
    db = Database.at(folder)
    await db.open(["lineshaft.security", "lineshaft.twins"])
    repository = Repository(db, Guard(db), "acme")

    async def values(n: int) -> None:
        speed = start
        while True:
            speed += 1
            await repository.write_values(PLATFORM, f"urn:live:{n}", {"Speed": str(speed)})
            acknowledged("value", n, speed)

    async def documents(n: int) -> None:
        speed = start
        while True:
            speed += 1
            await repository.replace(PLATFORM, Kind.SUBMODEL, f"urn:document:{n}", document(f"urn:document:{n}", speed))
            acknowledged("document", n, speed)

    for n in range(VALUES):
        await repository.replace(PLATFORM, Kind.SUBMODEL, f"urn:live:{n}", document(f"urn:live:{n}", start))
    await asyncio.gather(*map(values, range(VALUES)), *map(documents, range(DOCUMENTS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
