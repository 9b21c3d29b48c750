"""Takes AAS files in: reads them leniently, keeps what they hold, and says what was wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins.files import Limits, Package, Supplement, read
from lineshaft.twins.files.report import Report
from lineshaft.twins.model.repository import Attachment, Taken
from lineshaft.twins.settings import FileSettings
from lineshaft.twins.submodels import BadTemplate

from .repository import Loaded, Repository

MOST_ATTACHED = 512 << 20
"""Bytes of a package's files that are kept; what is beyond is named in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a file brought, and what was wrong in it."""

    form: str
    """`aasx`, `json` or `xml`."""
    version: str
    """The metamodel of the file; '' where it does not say."""
    taken: Taken
    report: Report


class Receiving:
    """From files into the repository."""

    def __init__(self, repository: Repository, guard: Guard, settings: FileSettings) -> None:
        self._repository = repository
        self._guard = guard
        self._limits = Limits.of(settings)

    async def receive(
        self,
        who: Who,
        source: Path | bytes,
        *,
        place: PlantPath,
        replace: bool = False,
        strict: bool = False,
    ) -> Received:
        """Take in an AASX, JSON or XML file of metamodel 3.0 or 3.1 at a place in the plant.

        Lenient unless `strict`: what could not be read is left out and named. Raises BadFile for what is no such
        file, FileTooLarge for one that asks for too much.
        """
        await self._guard.require(who, Role.ENGINEER, PlantPath.parse(place), "twins.files.receive")
        package = await in_thread(lambda: read(source, strict=strict, limits=self._limits))
        files = await in_thread(_contents, package)
        taken = await self._repository.take_in(who, package.environment, place=place, replace=replace, files=files)
        return Received(form=package.form, version=package.version, taken=taken, report=package.report)

    async def load_templates(self, who: Who, source: Path | bytes) -> list[Loaded]:
        """Keep every submodel template of an AASX, JSON or XML file, so that submodels can be made of them.

        Raises BadFile, FileTooLarge, or BadTemplate for a file that holds none, or one that cannot be used.
        """
        await self._repository.admit(who)
        package = await in_thread(lambda: read(source, limits=self._limits))
        found = [one for one in package.environment.get("submodels", ()) if one.get("kind") == "Template"]
        if not found:
            raise BadTemplate("The file holds no submodel whose kind is Template.")
        return await self._repository.templates.load(who, found)


def _contents(package: Package) -> dict[str, Attachment]:
    """The files of a package by what its documents say; files that lead nowhere, and those nobody names, are told."""
    kept: dict[str, Attachment | None] = {}
    room = MOST_ATTACHED
    for path, supplement in package.named.items():
        if supplement is None:
            package.report.add("package", path, "A document names this file, which is not in the package.")
        elif supplement.part not in kept:
            fits = supplement.size <= room
            room -= supplement.size if fits else 0
            kept[supplement.part] = _attachment(path, supplement) if fits else None
    _tell_left_out(package, kept)
    found = {path: kept.get(one.part) for path, one in package.named.items() if one}
    return {path: file for path, file in found.items() if file}


def _tell_left_out(package: Package, kept: dict[str, Attachment | None]) -> None:
    for one in (*package.supplements, *((package.thumbnail,) if package.thumbnail else ())):
        if one.part not in kept:
            package.report.add("package", one.name, "No document names this file; it is left out.", left_out=True)
        elif kept[one.part] is None:
            package.report.add("package", one.name, "It is beyond what is kept of one package.", left_out=True)


def _attachment(path: str, supplement: Supplement) -> Attachment:
    name = unquote(path).rsplit("/", 1)[-1]
    return Attachment(name=name, content_type=supplement.content_type, content=supplement.read())
