"""The repository over a real catalogue: SQLite, and PostgreSQL where that is installed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.bus.server import free_port
from lineshaft.kernel.db import Database
from lineshaft.security import Grant, Guard, Role, Who, WhoKind
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository

CONTEXTS = ["lineshaft.security", "lineshaft.twins"]
_PATH = os.pathsep.join([*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ.get("PATH", "")])
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


def _as_other(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return [*drop, *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running PostgreSQL."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    server, initdb = (shutil.which(name, path=_PATH) for name in ("postgres", "initdb"))
    if not server or not initdb:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's own folder: other runs of pytest close that for everybody but its owner.
    with tempfile.TemporaryDirectory(prefix="lineshaft-postgres-") as temporary:
        folder = Path(temporary)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        make = [initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "plant", "--no-sync"]
        made = subprocess.run(_as_other(make), capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        port = free_port()
        run = [server, "-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
        with subprocess.Popen(_as_other(run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            yield f"postgresql://plant@127.0.0.1:{port}/postgres"
            running.terminate()
            running.wait(20)


async def _empty(url: str) -> Database:
    """A PostgreSQL that has just started may need a moment."""
    db = Database(url)
    for _ in range(200):
        try:
            await db.open()
            break
        except sa.exc.OperationalError:
            await asyncio.sleep(0.05)
    async with db.begin() as tx:
        await tx.execute(sa.text("DROP SCHEMA public CASCADE"))
        await tx.execute(sa.text("CREATE SCHEMA public"))
    return db


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        db = Database.at(tmp_path)
    else:
        db = await _empty(request.getfixturevalue("postgres"))
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
