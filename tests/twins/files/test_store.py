"""What a file says goes through the store and comes back to the letter."""

from __future__ import annotations

import json

import pytest

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import files
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service import Repository

from .conftest import DATA, TEMPLATES

GROUPS = {
    "assetAdministrationShells": Kind.SHELL,
    "submodels": Kind.SUBMODEL,
    "conceptDescriptions": Kind.CONCEPT,
}


async def test_t51_what_published_templates_say_comes_back_from_the_store(db: Database) -> None:
    if not TEMPLATES:
        pytest.skip(f"The published templates are not at hand in {DATA}: set LINESHAFT_DATA.")
    await db.open(["lineshaft.security", "lineshaft.twins"])
    repository = Repository(db, Guard(db), "acme")
    told: dict[tuple[Kind, str], object] = {}
    for template in TEMPLATES:
        environment = files.read(template).environment
        assert (await repository.take_in(PLATFORM, environment)).refused == ()
        for group, kind in GROUPS.items():
            for one in environment.get(group, ()):
                told.setdefault((kind, one["id"]), one)
    for (kind, id_), document in told.items():
        found = await repository.get(PLATFORM, kind, id_)
        assert json.loads(found.body) == document, id_
    assert {kind for kind, _ in told} == set(GROUPS.values())
