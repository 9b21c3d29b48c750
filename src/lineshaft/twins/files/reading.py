"""Reads AASX, JSON and XML of metamodel 3.0 and 3.1 into one environment of plain JSON objects.

Lenient by default: what can be read is read, what cannot is left out and named in the report, nothing is guessed.
"""

from __future__ import annotations

import gc
import io
import mimetypes
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote

from lineshaft.twins.errors import BadFile

from .archive import Archive
from .encodings import decoded
from .examine import Examiner
from .grammar import IDENTIFIABLES
from .json_in import read_json
from .limits import Limits
from .naming import part_of
from .opc import ORIGIN, SPEC, SPLIT, SUPPLEMENTARY, THUMBNAIL, Links
from .refusals import too_large, unreadable
from .report import Report
from .xml_in import Progress, read_xml

_CHUNK: Final = 256 * 1024
DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """A file that came in a package. Its bytes are unpacked when asked for, from the source that was read."""

    name: str
    """Such as `/aasx/files/manual.pdf`, without percent-encoding."""
    part: str = field(repr=False)
    """The same as the package writes it."""
    content_type: str
    size: int
    archive: Archive = field(repr=False, compare=False)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, piece by piece."""
        return self.archive.chunks(self.part)

    def read(self) -> bytes:
        """The bytes as a whole."""
        return self.archive.read(self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a file held: `environment` has the lists of metamodel 3.1, `version` is that of the file ('' in JSON)."""

    environment: dict[str, Any]
    report: Report
    form: str
    version: str = ""
    supplements: tuple[Supplement, ...] = ()
    thumbnail: Supplement | None = None
    named: Mapping[str, Supplement | None] = field(default_factory=dict)
    """What File elements and thumbnails say, and the file in the package it leads to, if there is one."""


def read(
    source: Path | str | bytes | IO[bytes],
    *,
    strict: bool = False,
    limits: Limits = DEFAULT,
    progress: Progress | None = None,
) -> Package:
    """What a file, or a seekable stream, holds; the kind of file is seen by its first bytes.

    Raises BadFile when it is none of ours, broken or hostile, FileTooLarge when it asks for more than `limits`;
    with `strict` also when anything in it is not as the metamodel says: its `findings` list what.
    """
    source = Path(source) if isinstance(source, str) else source
    source = io.BytesIO(source) if isinstance(source, bytes) else source
    with _collector_asleep():
        if isinstance(source, Path):
            with source.open("rb") as stream:
                package = _read(stream, source, limits, progress)
        else:
            package = _read(source, source, limits, progress)
    if strict and not package.report.clean:
        raise _refusal(package.report)
    return package


@contextmanager
def _collector_asleep() -> Iterator[None]:
    """Millions of objects come to be here and none of them in a circle, which the collector would look for."""
    awake = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if awake:
            gc.enable()


def _read(stream: IO[bytes], source: Path | IO[bytes], limits: Limits, progress: Progress | None) -> Package:
    size = stream.seek(0, os.SEEK_END)
    if size > limits.file:
        raise too_large(f"The file has {size} bytes and {limits.file} are allowed")
    stream.seek(0)
    head = stream.read(4)
    stream.seek(0)
    report = Report()
    if head[:2] == b"PK":
        return _Unpacking(Archive(source, limits), limits, report, progress).package()
    environment, form, version = _document(_pieces(stream), "file", limits, report, progress)
    return Package(environment=environment, report=report, form=form, version=version)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_CHUNK):
        yield piece


def _document(
    chunks: Iterable[bytes], name: str, limits: Limits, report: Report, progress: Progress | None
) -> tuple[dict[str, Any], str, str]:
    """One document, of whichever form its first letter says, examined."""
    pieces = iter(chunks)
    first = next(pieces, b"")
    letter = first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    version, odd = "", False
    if letter == b"<" or first[:4] in {b"\xff\xfe<\0", b"\xfe\xff\0<"}:
        chunks, encoding = decoded(_again(first, pieces), name, report)
        environment, version = read_xml(chunks, limits, report, progress, encoding=encoding)
    elif letter in {b"{", b"["} or first[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = bytearray()
        for piece in _again(first, pieces):
            data += piece
        environment, odd = read_json(data, limits)
        del data
    elif not first.strip():
        raise unreadable(f"{name} is empty")
    else:
        raise unreadable(f"{name} is neither AASX, JSON nor XML")
    told = None if version else progress
    examined = Examiner(limits, report, told, odd_letters=odd).environment(environment)
    return examined, "xml" if version else "json", version


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class _Unpacking:
    """One package on its way in: follows the relationships and gathers what they lead to."""

    def __init__(self, archive: Archive, limits: Limits, report: Report, progress: Progress | None) -> None:
        self._archive, self._limits, self._report, self._progress = archive, limits, report, progress
        self._links = Links(archive, report)

    def package(self) -> Package:
        specs = self._specs()
        merged: dict[str, Any] = {}
        version = ""
        for spec in specs:
            part = f"part {spec}"
            found, _, version_ = _document(self._archive.chunks(spec), part, self._limits, self._report, self._progress)
            merged = self._merge(merged, found, spec) if merged else found
            version = version or version_
        parts = dict.fromkeys(part for spec in specs for part in self._links.follow(spec, SUPPLEMENTARY))
        named = self._named(specs, merged)
        self._add_named(parts, named)
        found = {part: self._supplement(part) for part in parts}
        thumbnails = self._links.follow("/", THUMBNAIL)
        return Package(
            environment=merged, report=self._report, form="aasx", version=version,
            supplements=tuple(found.values()),
            thumbnail=self._supplement(thumbnails[0]) if thumbnails else None,
            named={path: found[part] if part else None for path, part in named.items()},
        )  # fmt: skip

    def _specs(self) -> list[str]:
        origins = self._links.follow("/", ORIGIN)
        if not origins:
            raise unreadable("package has no relationship to an AASX origin, so it is no AASX")
        specs = [spec for origin in origins for spec in self._links.follow(origin, SPEC)]
        specs += [part for source in [*origins, *specs] for part in self._links.follow(source, SPLIT)]
        if not specs:
            raise unreadable("package has no environment: its origin leads to no aas-spec part")
        return list(dict.fromkeys(specs))

    def _merge(self, merged: dict[str, Any], more: dict[str, Any], spec: str) -> dict[str, Any]:
        """Add what is new; the same environment may be in a package twice, as XML and as JSON."""
        for name in IDENTIFIABLES:
            known = {item["id"] for item in merged.get(name, ())}
            for item in more.get(name, ()):
                if item["id"] in known:
                    self._report.add("identifier", spec, "It is in another part too; it is left out.", item["id"],
                                     left_out=True)  # fmt: skip
                else:
                    merged.setdefault(name, []).append(item)
        return merged

    def _named(self, specs: list[str], environment: dict[str, Any]) -> dict[str, str | None]:
        """The parts that File elements and thumbnails name; a relative path begins at its document, or at the root."""
        folders = [*dict.fromkeys(posixpath.dirname(spec) for spec in specs), "/"]
        named: dict[str, str | None] = {}
        for path in dict.fromkeys(_file_values(environment)):
            ways = [way for way in (part_of(path, folder) for folder in folders) if way]
            if ways:
                named[path] = next(filter(None, map(self._archive.find, ways)), None)
        return named

    def _add_named(self, parts: dict[str, None], named: dict[str, str | None]) -> None:
        """Also what documents name though no relationship leads to it."""
        for part in named.values():
            if part and part not in parts:
                name = unquote(part)
                self._report.add("package", name, "No aas-suppl relationship leads to this file of an element.")
                parts[part] = None

    def _supplement(self, part: str) -> Supplement:
        type_ = self._links.content_type(part) or mimetypes.guess_type(part)[0] or "application/octet-stream"
        size = self._archive.size(part)
        return Supplement(name=unquote(part), part=part, content_type=type_, size=size, archive=self._archive)


def _file_values(environment: dict[str, Any]) -> Iterator[str]:
    """What File elements and thumbnails hold as their path."""
    waiting: list[Any] = list(environment.values())
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += (item for item in here if isinstance(item, dict | list))
            continue
        path = here.get("value") if here.get("modelType") == "File" else here.get("path")
        if isinstance(path, str):
            yield path
        waiting += (v for n, v in here.items() if n in _NESTS and isinstance(v, dict | list))


_NESTS: Final = frozenset({
    "submodelElements", "value", "statements", "annotations", "assetInformation", "defaultThumbnail",
    "inputVariables", "outputVariables", "inoutputVariables",
})  # fmt: skip


def _refusal(report: Report) -> BadFile:
    first = report.findings[0]
    return BadFile(
        f"The file is not as the metamodel says in {report.total} places; the first is {first}.",
        hint="Read it without strict to take over what is right, with a report.",
        findings=tuple(report.findings),
    )
