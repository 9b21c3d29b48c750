"""The repository over a real catalogue: SQLite, and PostgreSQL where that is installed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import Database
from lineshaft.security import Grant, Guard, Role, Who, WhoKind
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository

CONTEXTS = ["lineshaft.security", "lineshaft.twins"]
ENVIRONMENT = json.loads((Path(__file__).parents[1] / "aas" / "environment.json").read_text())


def person(name: str, role: Role, *trees: str) -> Who:
    grants = tuple(Grant(role=role, subtree=tree) for tree in trees)
    return Who(id=name, name=name, kind=WhoKind.USER, grants=grants, origin="test")


ADA = person("ada", Role.ENGINEER, "acme")
EVE = person("eve", Role.VIEWER, "acme")
OTTO = person("otto", Role.OPERATOR, "acme")
BOB = person("bob", Role.ENGINEER, "other")


def everything() -> dict[str, Any]:
    """A submodel with all kinds of elements, fresh."""
    return deepcopy(ENVIRONMENT["submodels"][0])


def shell(number: int = 0) -> dict[str, Any]:
    return deepcopy(ENVIRONMENT["assetAdministrationShells"][number])


def submodel(number: int, **values: str) -> dict[str, Any]:
    """A small submodel `Sm<number>` with properties of type xs:double."""
    properties = [
        {"modelType": "Property", "idShort": name, "valueType": "xs:double", "value": value}
        for name, value in (values or {"Speed": "1.5"}).items()
    ]
    return {
        "modelType": "Submodel",
        "id": f"https://example.com/sm/{number}",
        "idShort": f"Sm{number}",
        "submodelElements": properties,
    }


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    sqlite = request.param == "sqlite"
    db = Database.at(tmp_path) if sqlite else await request.getfixturevalue("empty_postgres")()
    await db.open(CONTEXTS)
    yield db
    await db.close()


@pytest.fixture
def guard(db: Database) -> Guard:
    return Guard(db)


@pytest.fixture
def repository(db: Database, guard: Guard) -> Repository:
    return Repository(db, guard, "acme")


async def rows(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the repository, the audit log and the outbox hold, to see that nothing changed."""
    from lineshaft.kernel.db import OUTBOX
    from lineshaft.twins.store.repository_tables import ALL

    async with db.read() as tx:
        found = {table.name: sorted(map(tuple, (await tx.execute(sa.select(table))).all()), key=repr) for table in ALL}
        found["outbox"] = [tuple(row) for row in (await tx.execute(sa.select(OUTBOX))).all()]
    return found


__all__ = ["ADA", "BOB", "ENVIRONMENT", "EVE", "OTTO", "Kind", "everything", "person", "rows", "shell", "submodel"]
