"""Takes AAS files in: reads them leniently, keeps what they hold, and says what was wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins.files import Limits, Package, Supplement, read
from lineshaft.twins.files.report import Report
from lineshaft.twins.model.repository import Attachment, Taken
from lineshaft.twins.settings import FileSettings

from .repository import Repository

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


def _contents(package: Package) -> dict[str, Attachment]:
    """The files of a package by the names its documents use."""
    found: dict[str, Attachment] = {}
    size = 0
    for supplement in (*package.supplements, *((package.thumbnail,) if package.thumbnail else ())):
        size += supplement.size
        if size > MOST_ATTACHED:
            package.report.add("package", supplement.name, "is beyond what is kept of one package", left_out=True)
            continue
        found[supplement.name] = _attachment(supplement)
    return found


def _attachment(supplement: Supplement) -> Attachment:
    name = supplement.name.rsplit("/", 1)[-1]
    return Attachment(name=name, content_type=supplement.content_type, content=supplement.read())
