"""Documents: what was handed over with the machine (IDTA 02004), new documents and new versions of them."""

from __future__ import annotations

import mimetypes
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    Form,
    Table,
    button,
    dialog,
    form,
    hand_over,
    section,
    table,
    upload,
)
from lineshaft.security import Role
from lineshaft.twins.errors import Stale, Superseded
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.repository import Attachment, Document, Kind
from lineshaft.twins.pages.twin.opened import Carried, Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.service import Repository
from lineshaft.twins.submodels.documents import handover
from lineshaft.twins.submodels.documents.handover import CLASSES, Edition, Handed

_FIRST = "Documents[0].DocumentVersions[0].DigitalFiles[0]"


@tab("documents", title="Documents", order=20)
def documents(twin: Opened) -> None:
    """All versions of all documents, and the way to hand over another."""
    _Documents(twin).draw()


class _Documents:
    """The documents of a twin, by its first submodel of 02004."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._may = twin.may(Role.ENGINEER)
        self._table: Table
        self._editions: dict[str, Edition] = {}

    @property
    def _carried(self) -> Carried | None:
        return next(iter(self._twin.follow("documents")), None)

    def draw(self) -> None:
        view = self._twin.view
        actions: list[tuple[str, str, Any]] = [("download", view.text("Open"), self._open)]
        if self._may:
            actions.append(("upload_file", view.text("New version"), self._ask_version))
        with section(view.text("Documents"), flush=True, actions=self._draw_adding if self._may else None):
            self._table = table(
                [
                    Column("title", view.text("Title")),
                    Column("class", view.text("Class"), phone=False),
                    Column("version", view.text("Version"), sortable=False),
                    Column("language", view.text("Language"), phone=False),
                    Column("day", view.text("Date"), phone=False),
                    Column("status", view.text("Status"), phone=False, sortable=False),
                    Column("file", view.text("File"), phone=False, sortable=False),
                ],
                self._rows(),
                actions=actions,
                filterable=len(self._editions) > 8,
                empty=(view.text("No documents yet"), view.text("Manuals, drawings and certificates stand here.")),
                label=view.text("Documents"),
            )

    def _draw_adding(self) -> None:
        button(self._twin.view.text("Add a document"), self._ask_document, symbol="upload_file")

    def _rows(self) -> list[dict[str, Any]]:
        carried = self._carried
        found = handover.editions_of(carried.content) if carried else []
        self._editions = {one.path: one for one in found}
        return [self._row(one) for one in reversed(found)]

    def _row(self, one: Edition) -> dict[str, Any]:
        language = self._twin.view.language
        kind = one.class_name.get(language) or one.class_name.get("en") or CLASSES.get(one.class_id, "")
        return {
            "id": one.path,
            "title": one.title.get(language) or next(iter(one.title.values()), "") or one.path,
            "class": f"{one.class_id} {self._twin.view.text(kind) if kind else ''}".strip(),
            "version": one.version,
            "language": ", ".join(one.languages),
            "day": one.day,
            "status": one.status,
            "file": ", ".join(name.rpartition("/")[2] for _, name in one.files if name),
        }

    async def _again(self) -> None:
        await self._twin.reload()
        self._table.set(self._rows())

    # ---- opening ----

    async def _open(self, row: dict[str, Any]) -> None:
        """Hand over the first file; one that lies elsewhere is opened there."""
        view, carried = self._twin.view, self._carried
        files = [(path, name) for path, name in self._editions[row["id"]].files if name]
        if carried is None or not files:
            view.toast(view.text("This version has no file yet."), kind="warn")
            return
        path, name = files[0]
        if name.startswith(("http://", "https://")):
            view.go(name)
            return
        file = await view.ask(Repository).get_file(view.who, Kind.SUBMODEL, carried.id, path)
        hand_over(file.content, file.name, file.content_type)

    # ---- handing over ----

    def _ask_document(self) -> None:
        self._ask(self._twin.view.text("Add a document"), "", {})

    def _ask_version(self, row: dict[str, Any]) -> None:
        edition = self._editions[row["id"]]
        said = {"title": edition.title, "class_id": edition.class_id, "language": next(iter(edition.languages), "en")}
        self._ask(self._twin.view.text("New version of {title}", title=row["title"]), edition.document, said)

    def _ask(self, title: str, document: str, said: dict[str, Any]) -> None:
        view = self._twin.view
        with dialog(title) as box:
            asked = form(self._fields(new=not document), values=said)

            async def take(name: str, content: bytes) -> None:
                if (handed := self._handed(asked, said)) is not None:
                    box.close()
                    await self._hand_over(handed, document, _attachment(name, content))

            upload(view.text("Drop the file here, or choose it"), take)

    def _fields(self, *, new: bool) -> list[Field]:
        view = self._twin.view
        classes = {number: f"{number} {view.text(name)}" for number, name in CLASSES.items()}
        document = [
            Field(name="title", label=view.text("Title"), kind="texts", required=True),
            Field(name="class_id", label=view.text("Class"), kind="select", options=classes, value="03-02"),
        ]
        edition = [
            Field(name="version", label=view.text("Version"), required=True, placeholder="1.0"),
            Field(name="language", label=view.text("Language"), value=view.language, required=True),
            Field(name="issuer", label=view.text("Issued by"), required=True),
        ]
        return [*document, *edition] if new else edition

    def _handed(self, asked: Form, said: dict[str, Any]) -> Handed | None:
        values = asked.check()
        if values is None:
            return None
        told = said | values
        if not told.get("title"):
            asked.problem("title", self._twin.view.text("This is needed."))
            return None
        identifier = f"{told['class_id']}-{next(iter(told['title'].values()))}"
        return Handed(
            title=told["title"],
            class_id=told["class_id"] if told["class_id"] in CLASSES else "03-02",
            version=told["version"],
            language=told["language"],
            issuer=told["issuer"],
            identifier=identifier,
            day=datetime.now(UTC).date(),
        )

    async def _hand_over(self, handed: Handed, document: str, file: Attachment) -> None:
        view, repository, carried = self._twin.view, self._twin.view.ask(Repository), self._carried
        before: list[Json] = []
        at, shell = [_FIRST], self._twin.document.id

        async def take_back(etag: str) -> None:
            """Only while nobody has written since: what others wrote must stay."""
            if carried is None:
                await repository.let_go(view.who, shell, made.id, if_match=etag)
            else:
                await repository.change(view.who, Kind.SUBMODEL, made.id, lambda _: before[0], if_match=etag)

        def edit(current: Json) -> Json:
            before[:] = [current]
            made = deepcopy(current)
            at[0] = (
                handover.with_edition(made, document, handed) if document else handover.with_document(made, handed)
            )  # fmt: skip
            return made

        if carried is None:
            made = await repository.carry(view.who, shell, handover.first("", handed))
        else:
            made = await repository.change(view.who, Kind.SUBMODEL, carried.id, edit)
        try:
            await repository.put_file(view.who, Kind.SUBMODEL, made.id, at[0], file)
        except Exception:
            with suppress(Stale):
                await take_back(made.etag)
            raise
        etag = await self._etag_with_file(made)
        await self._again()

        async def back() -> None:
            try:
                await take_back(etag)
            except Stale as error:
                raise Superseded("The documents were changed after this one was added.") from error
            finally:
                await self._again()

        view.toast(view.text("Added {name}", name=file.name), action=(view.text("Undo"), back))

    async def _etag_with_file(self, made: Document) -> str:
        """Of the document as putting the file left it; that of `made`, long gone, when others wrote as well."""
        view = self._twin.view
        now = await view.ask(Repository).get(view.who, Kind.SUBMODEL, made.id)
        return now.etag if now.version == made.version + 1 else made.etag


def _attachment(name: str, content: bytes) -> Attachment:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Attachment(name=name, content_type=kind, content=content)
