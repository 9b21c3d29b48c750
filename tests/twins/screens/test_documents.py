"""Documents of a twin on screen: handed over, opened, versioned, taken back."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from nicegui.testing.user import User

from lineshaft.console import Table
from lineshaft.kernel.errors import Unavailable
from lineshaft.twins import Repository
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import check, grave, template
from lineshaft.twins.submodels.documents import handover
from lineshaft.twins.submodels.documents.handover import Handed

from .conftest import ADA, EVE, PUMP, Visit, drop, field, labels, part, put, tell_browser, undo, until

AT = twin_address(PUMP, "documents")
SAID = Handed(title={"en": "Manual", "zh": "手册"}, class_id="03-02", version="1.0", language="en",
              day=date(2026, 3, 4), issuer="Acme", identifier="M-1")  # fmt: skip


def test_documents_and_versions_are_listed_and_fit_the_template() -> None:
    made = handover.first("urn:acme:docs", SAID)
    other = Handed(title={"en": "Drawing"}, class_id="02-02", version="A", language="de", day=date(2026, 1, 1),
                   issuer="Acme", identifier="D-1")  # fmt: skip
    assert handover.with_document(made, other) == "Documents[1].DocumentVersions[0].DigitalFiles[0]"
    newer = Handed(title={"en": "Manual"}, class_id="03-02", version="2.0", language="en", day=date(2026, 5, 1),
                   issuer="Acme", identifier="M-1")  # fmt: skip
    assert handover.with_edition(made, "Documents[0]", newer) == "Documents[0].DocumentVersions[1].DigitalFiles[0]"
    assert [(one.title["en"], one.version, one.class_id, one.languages) for one in handover.editions_of(made)] == [
        ("Manual", "1.0", "03-02", ("en",)),
        ("Manual", "2.0", "03-02", ("en",)),
        ("Drawing", "A", "02-02", ("de",)),
    ]
    assert grave(check(made, template("documents"))) == []


async def handed_over(repository: Repository) -> dict[str, Any]:
    [document] = (await repository.page(ADA, Kind.SUBMODEL)).documents
    return dict(orjson.loads(document.body))


async def add(user: User, *, title: str, version: str) -> None:
    if title:
        field(user, "title-en").value = title
    field(user, "version").value = version
    field(user, "issuer").value = "Acme"
    await drop(user, "manual.pdf", b"%PDF-1.7 " + version.encode())


async def test_a_document_is_handed_over_versioned_opened_and_taken_back(repository: Repository, visit: Visit) -> None:
    await put(repository)
    async with visit(AT) as user:
        await user.should_see("No documents yet", retries=50)
        user.find("Add a document").click()
        await until(lambda: any("field-title-en" in e._markers for e in user.client.elements.values()))
        await add(user, title="Manual", version="1.0")
        shown = await part(user, Table, "Documents")
        await until(lambda: [row["title"] for row in shown.rows] == ["Manual"])
        made = await handed_over(repository)
        assert grave(check(made, template("documents"))) == []
        tell_browser(user, shown, "act", {"action": 1, "key": shown.rows[0]["id"]})
        await user.should_see("New version of Manual", retries=50)
        await add(user, title="", version="2.0")
        await until(lambda: [row["version"] for row in shown.rows] == ["2.0", "1.0"])
        tell_browser(user, shown, "act", {"action": 0, "key": shown.rows[0]["id"]})
        assert (await user.download.next()).content == b"%PDF-1.7 2.0"
        undo(user)
        await until(lambda: [row["version"] for row in shown.rows] == ["1.0"])


async def test_a_document_without_a_version_is_not_taken(repository: Repository, visit: Visit) -> None:
    await put(repository)
    async with visit(AT) as user:
        await user.should_see("Add a document", retries=50)
        user.find("Add a document").click()
        await until(lambda: any("field-title-en" in e._markers for e in user.client.elements.values()))
        await add(user, title="Manual", version="")
        await user.should_see("This is needed.", retries=50)
    assert (await repository.page(ADA, Kind.SUBMODEL)).documents == ()


async def test_viewers_open_documents_and_hand_over_none(repository: Repository, visit: Visit) -> None:
    await put(repository, handover.first("urn:acme:docs", SAID))
    async with visit(AT, who=EVE) as user:
        shown = await part(user, Table, "Documents")
        assert (shown.rows[0]["class"], labels(user)) == ("03-02 Operation", ["AASX"])
        tell_browser(user, shown, "act", {"action": 0, "key": shown.rows[0]["id"]})
        await user.should_see("This version has no file yet.", retries=50)


def hers(document: dict[str, Any]) -> dict[str, Any]:
    """Somebody else hands over a drawing meanwhile."""
    handover.with_document(document, Handed(title={"en": "Drawing"}, class_id="02-02", version="A", language="de",
                                            day=date(2026, 1, 1), issuer="Acme", identifier="D-1"))  # fmt: skip
    return document


def titles(document: dict[str, Any]) -> list[str]:
    return [one.title["en"] for one in handover.editions_of(document)]


@pytest.mark.parametrize("before", [[], [handover.first("urn:acme:docs", SAID)]])
async def test_undo_never_takes_away_what_somebody_wrote_since(
    repository: Repository, visit: Visit, before: list[dict[str, Any]]
) -> None:
    await put(repository, *before)
    async with visit(AT) as user:
        await user.should_see("Add a document", retries=50)
        user.find("Add a document").click()
        await until(lambda: any("field-title-en" in e._markers for e in user.client.elements.values()))
        await add(user, title="Manual 2", version="1.0")
        await user.should_see("Added manual.pdf", retries=50)
        id_ = (await handed_over(repository))["id"]
        await repository.change(ADA, Kind.SUBMODEL, id_, hers)
        undo(user)
        await user.should_see("changed after this one was added", retries=50)
    assert titles(await handed_over(repository))[-2:] == ["Manual 2", "Drawing"]


async def test_a_file_that_cannot_be_kept_takes_back_the_entry_unless_somebody_wrote_since(
    repository: Repository, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(repository, handover.first("urn:acme:docs", SAID))

    async def full(*asked: Any) -> None:
        await repository.change(ADA, Kind.SUBMODEL, "urn:acme:docs", hers)
        raise Unavailable("The disk is full.")

    monkeypatch.setattr(repository, "put_file", full)
    async with visit(AT) as user:
        await user.should_see("Add a document", retries=50)
        user.find("Add a document").click()
        await until(lambda: any("field-title-en" in e._markers for e in user.client.elements.values()))
        await add(user, title="Manual 2", version="1.0")
        await user.should_see("The disk is full.", retries=50)
    assert titles(await handed_over(repository)) == ["Manual", "Manual 2", "Drawing"]
