"""Files of elements on screen: attached, shown, opened, replaced, removed, and brought back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from nicegui.testing.user import User
from nicegui.testing.user_interaction import UserInteraction

from lineshaft.console.actions import Button
from lineshaft.kernel.db import Database
from lineshaft.security import Guard
from lineshaft.twins import Repository
from lineshaft.twins.errors import FileTooLarge, NoFile
from lineshaft.twins.model.repository import Attachment, Json, Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service.repository import part_name
from lineshaft.twins.submodels import new, template

from .conftest import ADA, EVE, LIN, PUMP, Visit, drop, eventually, field, labels, put, undo, until

PLATE = "urn:acme:plate"
AT = twin_address(PUMP)
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\5\xfe\2"
    b"\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82"
)


def plate(**values: Any) -> Json:
    return new(template("nameplate"), PLATE, values={"SerialNumber": "4711"} | values, include=["CompanyLogo"])


async def logo(repository: Repository) -> Json:
    elements = orjson.loads((await repository.get(ADA, Kind.SUBMODEL, PLATE)).body)["submodelElements"]
    return next(one for one in elements if one["idShort"] == "CompanyLogo")


async def content(repository: Repository) -> bytes | None:
    try:
        return (await repository.get_file(ADA, Kind.SUBMODEL, PLATE, "CompanyLogo")).content
    except NoFile:
        return None


def pictures(user: User) -> list[str]:
    every = user.client.elements.values()
    return [str(e.props["src"]) for e in every if e.tag == "img" and "ls-attached-picture" in e.classes]


async def edit(user: User) -> None:
    await user.should_see("Edit", retries=50)
    user.find("Edit").click()
    await until(lambda: any("field-SerialNumber" in e._markers for e in user.client.elements.values()))


async def choose(user: User, button: str, name: str, said: bytes) -> None:
    """Press the button of the only file of the form and choose a file."""
    user.find(kind=Button, content=button).click()
    await user.should_see("Drop the file here, or choose it", retries=50)
    await drop(user, name, said)


async def save(user: User) -> None:
    user.find(kind=Button, content="Save").click()
    await until(lambda: not any("field-SerialNumber" in e._markers for e in user.client.elements.values()))
    await user.should_see("Saved Nameplate", retries=50)


async def test_a_file_is_attached_in_the_form_and_shown_as_a_picture(repository: Repository, visit: Visit) -> None:
    await put(repository, plate())
    version = (await repository.get(ADA, Kind.SUBMODEL, PLATE)).version
    async with visit(AT) as user:
        await edit(user)
        await choose(user, "Attach a file", "logo one.png", PNG)
        await until(lambda: pictures(user))
        assert (await logo(repository), await content(repository)) == (
            {k: v for k, v in (await logo(repository)).items() if k != "value"}, None,
        )  # fmt: skip
        await save(user)
        await until(lambda: pictures(user))
    assert (await content(repository), (await logo(repository))["contentType"]) == (PNG, "image/png")
    assert (await logo(repository))["value"].endswith("/logo-one.png")
    assert (await repository.get(ADA, Kind.SUBMODEL, PLATE)).version == version + 1
    async with visit(AT, who=EVE) as user:
        await user.should_see("Files", retries=50)
        await until(lambda: pictures(user))
        assert labels(user) == ["AASX"]
        opener = next(e for e in user.client.elements.values() if e.props.get("title") == "Open logo-one.png")
        with user.client:
            UserInteraction(user, {opener}, None).click()
        assert (await user.download.next()).content == PNG


async def test_a_file_is_replaced_and_removed_and_each_is_undone(repository: Repository, visit: Visit) -> None:
    await put(repository, plate())
    await repository.put_file(ADA, Kind.SUBMODEL, PLATE, "CompanyLogo", Attachment(
        name="old.png", content_type="image/png", content=PNG))  # fmt: skip
    before = await logo(repository)
    async with visit(AT) as user:
        await edit(user)
        await choose(user, "Replace", "manual.pdf", b"%PDF-1.7")
        await save(user)
        assert (await content(repository), (await logo(repository))["contentType"]) == (b"%PDF-1.7", "application/pdf")
        undo(user)

        async def old() -> bool:
            return await content(repository) == PNG and await logo(repository) == before

        await eventually(old)
        await until(lambda: pictures(user))
        await edit(user)
        user.find(kind=Button, content="Remove").click()
        await save(user)
        assert ("value" in await logo(repository), await content(repository)) == (False, None)
        undo(user)
        await eventually(old)


async def test_an_address_is_entered_instead_of_a_file_and_cancel_keeps_what_was(
    repository: Repository, visit: Visit
) -> None:
    await put(repository, plate())
    await repository.put_file(ADA, Kind.SUBMODEL, PLATE, "CompanyLogo", Attachment(
        name="old.png", content_type="image/png", content=PNG))  # fmt: skip
    async with visit(AT) as user:
        await edit(user)
        user.find(kind=Button, content="Remove").click()
        user.find("Cancel").click()
        await user.should_see("Files", retries=50)
        assert await content(repository) == PNG
        await edit(user)
        user.find(kind=Button, content="Remove").click()
        await until(lambda: any("field-CompanyLogo" in e._markers for e in user.client.elements.values()))
        field(user, "CompanyLogo").value = "https://acme.example/logo.svg"
        await save(user)
    assert (await logo(repository))["value"] == "https://acme.example/logo.svg"
    assert await content(repository) is None


async def test_what_others_saved_meanwhile_stays_beside_a_file(repository: Repository, visit: Visit) -> None:
    await put(repository, plate())

    def hers(document: Json) -> Json:
        document["submodelElements"][0]["description"] = [{"language": "en", "text": "hers"}]
        return document

    async with visit(AT) as user:
        await edit(user)
        await choose(user, "Attach a file", "logo.png", PNG)
        await repository.change(LIN, Kind.SUBMODEL, PLATE, hers)
        user.find(kind=Button, content="Save").click()
        await user.should_see("what others changed meanwhile is kept too", retries=50)
    assert await content(repository) == PNG
    elements = orjson.loads((await repository.get(ADA, Kind.SUBMODEL, PLATE)).body)["submodelElements"]
    assert elements[0]["description"] == [{"language": "en", "text": "hers"}]


async def test_a_file_beyond_the_limit_of_the_settings_is_refused_and_nothing_is_saved(
    db: Database, guard: Guard
) -> None:
    small = Repository(db, guard, "acme", attachment_mb=1)
    await small.create(ADA, Kind.SUBMODEL, plate())
    before = await small.get(ADA, Kind.SUBMODEL, PLATE)
    large = Attachment(name="big.bin", content_type="application/octet-stream", content=b"x" * ((1 << 20) + 1))
    with pytest.raises(FileTooLarge) as refused:
        await small.put_file(ADA, Kind.SUBMODEL, PLATE, "CompanyLogo", large)
    assert refused.value.message == "The file big.bin has 1,048,577 bytes; 1 MiB may be attached."

    def edit(document: Json) -> Json:
        one = next(one for one in document["submodelElements"] if one["idShort"] == "CompanyLogo")
        one["value"] = part_name(large)
        return document

    with pytest.raises(FileTooLarge):
        await small.change(ADA, Kind.SUBMODEL, PLATE, edit, files={part_name(large): large})
    after = await small.get(ADA, Kind.SUBMODEL, PLATE)
    assert (after.etag, after.version, await content(small)) == (before.etag, before.version, None)


async def test_only_contents_of_elements_that_the_change_names_are_kept(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, plate())
    old = Attachment(name="old.png", content_type="image/png", content=PNG)
    await repository.put_file(ADA, Kind.SUBMODEL, PLATE, "CompanyLogo", old)
    name = (await logo(repository))["value"]
    other = Attachment(name="old.png", content_type="image/png", content=b"other")
    await repository.change(ADA, Kind.SUBMODEL, PLATE, lambda d: d | {"idShort": "Plate"}, files={name: other})
    assert await content(repository) == PNG
