"""Relationships of a package: which part is the environment, which are files of it (IDTA-01005, OPC ISO/IEC 29500-2).

    package ─aasx-origin─▶ /aasx/aasx-origin ─aas-spec─▶ environment ─aas-suppl─▶ files
    package ─thumbnail─▶ picture

Parts are found by these links alone; what their names look like means nothing.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from lineshaft.twins.errors import BadFile

from .archive import Archive
from .refusals import too_large, unreadable
from .report import Report

BASE: Final = "http://admin-shell.io/aasx/relationships/"
ORIGIN: Final = BASE + "aasx-origin"
SPEC: Final = BASE + "aas-spec"
SPLIT: Final = BASE + "aas-spec-split"
SUPPLEMENTARY: Final = BASE + "aas-suppl"
THUMBNAIL: Final = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
_OTHERS = re.compile(r"https?://(?:www\.)?admin-shell\.io/aasx/relationships/")
_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_CONTENT_TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_MOST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One relationship; `target` is the name of a part, '' when it leads out of the package."""

    type: str
    target: str


class Links:
    """The relationships of one package, followed on request."""

    def __init__(self, archive: Archive, report: Report) -> None:
        self._archive, self._report = archive, report
        self._types = _ContentTypes(archive, report)
        self._known: dict[str, list[Link]] = {}

    def follow(self, source: str, type_: str) -> list[str]:
        """The parts a part ('/' is the package) leads to by relationships of one type, in their order."""
        return [link.target for link in self._of(source) if link.type == type_ and self._is_there(source, link)]

    def content_type(self, part: str) -> str:
        """What `[Content_Types].xml` says of a part."""
        return self._types.of(part)

    def _is_there(self, source: str, link: Link) -> bool:
        if link.target and self._archive.find(link.target):
            return True
        if link.type == ORIGIN and link.target and self._archive.find(_relationships_of(link.target)):
            self._report.add("package", link.target, "The origin is not in the package; its relationships are.")
            return True
        what = f"leads to {link.target}, which is not in the package" if link.target else "leads out of the package"
        self._report.add("package", source, f"A relationship {what}; it is left out.", link.type, left_out=True)
        return False

    def _of(self, source: str) -> list[Link]:
        if source in self._known:
            return self._known[source]
        folder = posixpath.dirname(source)
        part = self._archive.find(_relationships_of(source))
        links = _elements(self._archive, part, f"{_RELATIONSHIPS} Relationship") if part else ()
        return self._known.setdefault(source, [self._link(source, folder, attributes) for attributes in links])

    def _link(self, source: str, folder: str, attributes: dict[str, str]) -> Link:
        type_ = attributes.get("Type", "")
        if (other := _OTHERS.match(type_)) and not type_.startswith(BASE):
            self._report.add("package", source, f"A relationship does not begin with {BASE}.", type_)
            type_ = BASE + type_[other.end() :]
        target = urlsplit(attributes.get("Target", ""))
        if attributes.get("TargetMode") == "External" or target.scheme or target.netloc:
            return Link(type=type_, target="")
        path = posixpath.normpath(posixpath.join(folder, target.path))
        return Link(type=type_, target=self._archive.find(path) or unquote(path))


class _ContentTypes:
    def __init__(self, archive: Archive, report: Report) -> None:
        part = archive.find("/[Content_Types].xml")
        self._defaults: dict[str, str] = {}
        self._overrides: dict[str, str] = {}
        if part is None:
            return
        try:
            defaults = _elements(archive, part, f"{_CONTENT_TYPES} Default")
            overrides = _elements(archive, part, f"{_CONTENT_TYPES} Override")
        except BadFile as error:
            what = f"{error.message} Types of files are guessed by their names."
            report.add("package", part, what, left_out=True)
            return
        for found in defaults:
            self._defaults[found.get("Extension", "").casefold()] = found.get("ContentType", "")
        for found in overrides:
            self._overrides[unquote(found.get("PartName", "")).casefold()] = found.get("ContentType", "")

    def of(self, part: str) -> str:
        key = unquote(part).casefold()
        return self._overrides.get(key) or self._defaults.get(key.rpartition(".")[2], "")


def _relationships_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def _elements(archive: Archive, part: str, wanted: str) -> list[dict[str, str]]:
    """The attributes of all elements of one name in a small XML part."""
    if archive.size(part) > _MOST:
        raise too_large(f"Part {part} is larger than {_MOST} bytes")
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == wanted:
            found.append(attributes)

    def refuse(*_: object) -> None:
        raise unreadable(f"package declares a document type in {part}, which is not read")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, refuse
    try:
        parser.Parse(archive.read(part), True)
    except expat.ExpatError as error:
        raise unreadable(f"package is broken in {part}: {error}") from error
    except (LookupError, ValueError) as error:
        raise unreadable(f"package is broken in {part}: {error}") from error
    return found
