"""Shells found by asset ids, and the files of documents."""

from __future__ import annotations

import hashlib
import json

import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import NotAllowed, Role
from lineshaft.twins.errors import NoDocument, NoFile
from lineshaft.twins.metamodel.paths import find
from lineshaft.twins.model.repository import Attachment, Kind, Link
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store import files, find_content, keep_content

from .conftest import ADA, BOB, EVE, everything, person, rows, shell

ALL = "https://example.com/sm/all"
SN1 = Link(name="serialNumber", value="SN1")
ASSET1 = Link(name="globalAssetId", value="https://example.com/asset/1")
HELLO = Attachment(name="Read me.txt", content_type="text/plain", content=b"hello")


async def test_t43_all_links_must_hold_and_the_global_asset_id_is_one(repository: Repository) -> None:
    for number in range(2):
        await repository.create(ADA, Kind.SHELL, shell(number))
    assert await repository.shells_of(EVE, [SN1]) == ([shell()["id"]], None)
    assert await repository.shells_of(EVE, [ASSET1, SN1]) == ([shell()["id"]], None)
    assert await repository.shells_of(EVE, [SN1, Link(name="serialNumber", value="SN2")]) == ([], None)
    assert await repository.shells_of(BOB, [SN1]) == ([], None)


async def test_t35_lookups_are_paged_by_shell(repository: Repository) -> None:
    link = Link(name="maker", value="acme")
    for number in range(5):
        await repository.put_links(ADA, f"urn:shell:{number}", [link])
    first, after = await repository.shells_of(EVE, [link], limit=2)
    second, then = await repository.shells_of(EVE, [link], after=after or "", limit=2)
    third, end = await repository.shells_of(EVE, [link], after=then or "", limit=2)
    assert [*first, *second, *third] == [f"urn:shell:{number}" for number in range(5)]
    assert end is None


async def test_what_is_told_stands_beside_what_the_shell_says(repository: Repository) -> None:
    await repository.create(ADA, Kind.SHELL, shell())
    more = Link(name="batch", value="7")
    assert await repository.put_links(ADA, shell()["id"], [more, SN1]) == [more, ASSET1, SN1]
    assert await repository.shells_of(EVE, [more, ASSET1]) == ([shell()["id"]], None)
    await repository.drop_links(ADA, shell()["id"])
    assert await repository.links_of(EVE, shell()["id"]) == [ASSET1, SN1]
    with pytest.raises(NoDocument):
        await repository.drop_links(ADA, shell()["id"])


async def test_links_need_rights_where_the_shell_stands(repository: Repository, db: Database) -> None:
    await repository.create(ADA, Kind.SHELL, shell(), place=PlantPath("acme/berlin"))
    before = await rows(db)
    with pytest.raises(NotAllowed):
        await repository.put_links(EVE, shell()["id"], [SN1])
    with pytest.raises(NoDocument):
        await repository.put_links(person("hal", Role.ENGINEER, "acme/hamburg"), shell()["id"], [SN1])
    with pytest.raises(Invalid):
        await repository.put_links(ADA, shell()["id"], [Link(name="", value="x")])
    with pytest.raises(NoDocument):
        await repository.links_of(BOB, shell()["id"])
    assert await rows(db) == before


async def test_a_file_is_attached_renamed_in_the_document_and_taken_away(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, everything())
    with pytest.raises(NoFile):
        await repository.get_file(EVE, Kind.SUBMODEL, ALL, "AllKinds.Fil")
    await repository.put_file(ADA, Kind.SUBMODEL, ALL, "AllKinds.Fil", HELLO)
    assert await repository.get_file(EVE, Kind.SUBMODEL, ALL, "AllKinds.Fil") == HELLO
    element = find(json.loads((await repository.get(EVE, Kind.SUBMODEL, ALL)).body), "AllKinds.Fil")
    assert (element["value"], element["contentType"]) == ("/aasx/files/2cf24dba5fb0/Read-me.txt", "text/plain")
    await repository.drop_file(ADA, Kind.SUBMODEL, ALL, "AllKinds.Fil")
    assert "value" not in find(json.loads((await repository.get(EVE, Kind.SUBMODEL, ALL)).body), "AllKinds.Fil")
    with pytest.raises(NoFile):
        await repository.get_file(EVE, Kind.SUBMODEL, ALL, "AllKinds.Fil")


async def test_equal_contents_are_kept_once_and_go_with_their_last_owner(repository: Repository, db: Database) -> None:
    await repository.create(ADA, Kind.SUBMODEL, everything())
    await repository.create(ADA, Kind.SHELL, shell())
    await repository.put_file(ADA, Kind.SUBMODEL, ALL, "AllKinds.Fil", HELLO)
    await repository.put_file(ADA, Kind.SHELL, shell()["id"], "", HELLO)
    assert len((await rows(db))["twins_contents"]) == 1
    await repository.change(ADA, Kind.SUBMODEL, ALL, lambda d: everything())
    assert [len((await rows(db))[name]) for name in ("twins_files", "twins_contents")] == [1, 1]
    await repository.delete(ADA, Kind.SHELL, shell()["id"])
    assert [len((await rows(db))[name]) for name in ("twins_files", "twins_contents")] == [0, 0]


async def test_files_need_the_rights_of_their_element(repository: Repository, db: Database) -> None:
    await repository.create(ADA, Kind.SUBMODEL, everything())
    await repository.put_file(ADA, Kind.SUBMODEL, ALL, "AllKinds.Fil", HELLO)
    before = await rows(db)
    with pytest.raises(NotAllowed):
        await repository.put_file(EVE, Kind.SUBMODEL, ALL, "AllKinds.Fil", HELLO)
    with pytest.raises(NotAllowed):
        await repository.drop_file(EVE, Kind.SUBMODEL, ALL, "AllKinds.Fil")
    with pytest.raises(NoDocument):
        await repository.get_file(person("n", Role.VIEWER, "acme/All/Second"), Kind.SUBMODEL, ALL, "AllKinds.Fil")
    with pytest.raises(Invalid):
        await repository.put_file(ADA, Kind.SUBMODEL, ALL, "AllKinds.Prop", HELLO)
    assert await rows(db) == before


async def test_t48_a_package_is_kept_with_its_content(repository: Repository) -> None:
    package = {"id": "p1", "packageId": "p1", "aasIds": ["urn:x"]}
    await repository.create(ADA, Kind.PACKAGE, package, file=HELLO)
    assert (await repository.get_file(EVE, Kind.PACKAGE, "p1")).content == b"hello"
    other = Attachment(name="b.aasx", content_type="application/asset-administration-shell-package", content=b"x" * 9)
    _, created = await repository.replace(ADA, Kind.PACKAGE, "p1", package | {"aasIds": ["urn:y"]}, file=other)
    assert (created, await repository.get_file(EVE, Kind.PACKAGE, "p1")) == (False, other)
    await repository.delete(ADA, Kind.PACKAGE, "p1")
    with pytest.raises(NoDocument):
        await repository.get_file(EVE, Kind.PACKAGE, "p1")


async def test_a_file_of_a_model_outlives_an_attachment_of_the_same_bytes(db: Database) -> None:
    content = b"the same bytes"
    digest = hashlib.sha256(content).hexdigest()
    async with db.begin() as tx:
        await keep_content(tx, digest, content)
        await files.put(tx, 7, "/a.fmu", Attachment(name="a.fmu", content_type="application/zip", content=content))
        await files.drop(tx, 7)
    async with db.read() as tx:
        assert await find_content(tx, digest) == content
        assert await files.find(tx, 7, "/a.fmu") is None
