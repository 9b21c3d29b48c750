"""Writes an environment as AASX, JSON or XML of metamodel 3.0 or 3.1, and lists what the version could not hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, Protocol
from xml.sax.saxutils import quoteattr

import orjson

from lineshaft.twins.errors import BadFile

from .naming import encoded
from .opc import ORIGIN, SPEC, SUPPLEMENTARY, THUMBNAIL
from .report import Report
from .versions import VERSIONS, fit
from .xml_out import write_xml

FORMS: Final = ("aasx", "json", "xml")
_ORIGIN_PART: Final = "/aasx/aasx-origin"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
"""Parts carry no time, so the same environment makes the same package."""
_TYPES: Final = {"xml": "text/xml", "json": "application/json"}
"""Of the environment in a package. Others read a package by these and refuse the proper types of AAS documents."""


class Content(Protocol):
    """A file to be put into a package."""

    @property
    def name(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file in memory; `name` is what File elements say, such as `/aasx/files/manual.pdf`."""

    name: str
    content_type: str
    data: bytes = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in one piece."""
        yield self.data


def write(
    environment: dict[str, Any],
    target: IO[bytes],
    *,
    form: str = "aasx",
    version: str = "3.1",
    inside: str = "xml",
    supplements: Sequence[Content] = (),
    thumbnail: Content | None = None,
) -> Report:
    """Write to a seekable stream; the report lists losses. `inside` is the form of the environment in a package.

    Raises BadFile for an unknown form or version.
    """
    if version not in VERSIONS or form not in FORMS or inside not in _TYPES:
        raise BadFile(
            f"Environments are not written as {form} {version} with {inside} inside.",
            hint=f"Forms are {', '.join(FORMS)}, with xml or json inside; versions are {' and '.join(VERSIONS)}.",
        )
    report = Report()
    fitted = fit(environment, version, report)
    if form == "aasx":
        _Packing(target, report).write(fitted, version, inside, supplements, thumbnail)
    else:
        target.writelines(_pieces(fitted, form, version, report))
    return report


def to_bytes(environment: dict[str, Any], **choices: Any) -> tuple[bytes, Report]:
    """The same into memory."""
    target = io.BytesIO()
    report = write(environment, target, **choices)
    return target.getvalue(), report


def _pieces(environment: dict[str, Any], form: str, version: str, report: Report) -> Iterator[bytes]:
    if form == "xml":
        yield from write_xml(environment, version, report)
        return
    separator = b"{"
    for name, items in environment.items():
        yield separator + orjson.dumps(name) + b":"
        opening = b"["
        for item in items:
            yield opening + orjson.dumps(item)
            opening = b","
        yield b"]"
        separator = b","
    yield b"{}" if separator == b"{" else b"}"


class _Packing:
    """One package on its way out."""

    def __init__(self, target: IO[bytes], report: Report) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._report = report
        self._overrides: dict[str, str] = {}

    def write(
        self,
        environment: dict[str, Any],
        version: str,
        inside: str,
        supplements: Sequence[Content],
        thumbnail: Content | None,
    ) -> None:
        spec = f"/aasx/environment.{inside}"
        with self._zip:
            self._relate("/", [(ORIGIN, _ORIGIN_PART), *([(THUMBNAIL, thumbnail.name)] if thumbnail else [])])
            self._put(_ORIGIN_PART, "text/plain", iter((b"Intentionally empty.",)))
            self._relate(_ORIGIN_PART, [(SPEC, spec)])
            self._put(spec, _TYPES[inside], _pieces(environment, inside, version, self._report))
            kept = [one for one in supplements if self._put(one.name, one.content_type, one.chunks())]
            if kept:
                self._relate(spec, [(SUPPLEMENTARY, one.name) for one in kept])
            if thumbnail and thumbnail.name not in self._overrides:
                self._put(thumbnail.name, thumbnail.content_type, thumbnail.chunks())
            types = zipfile.ZipInfo("[Content_Types].xml", _MOMENT)
            self._zip.writestr(types, self._content_types(), zipfile.ZIP_DEFLATED)

    def _put(self, name: str, content_type: str, pieces: Iterator[bytes]) -> bool:
        steps = name.split("/")
        if steps[0] or any(step in {"", ".", ".."} for step in steps[1:]) or "\\" in name or name in self._overrides:
            what = "stands twice" if name in self._overrides else "is no name of a part, which begins with '/'"
            self._report.add("package", name, f"The file {what}; it is left out.", left_out=True)
            return False
        info = zipfile.ZipInfo(encoded(name)[1:], _MOMENT)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self._zip.open(info, "w", force_zip64=True) as part:
            part.writelines(pieces)
        self._overrides[name] = content_type
        return True

    def _relate(self, source: str, links: list[tuple[str, str]]) -> None:
        folder, _, name = source.rpartition("/")
        lines = "".join(
            f'<Relationship Type={quoteattr(type_)} Target={quoteattr(encoded(target))} Id="R{at}"/>'
            for at, (type_, target) in enumerate(links, 1)
        )
        text = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
        info = zipfile.ZipInfo(f"{folder}/_rels/{name}.rels"[1:], _MOMENT)
        self._zip.writestr(info, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}', zipfile.ZIP_DEFLATED)

    def _content_types(self) -> bytes:
        lines = "".join(
            f"<Override PartName={quoteattr(encoded(name))} ContentType={quoteattr(type_)}/>"
            for name, type_ in self._overrides.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f"{lines}</Types>"
        ).encode()
