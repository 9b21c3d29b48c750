"""Reads the XML form of an environment as a stream, straight into JSON objects.

expat calls back for each tag; a stack of open objects says what may come next. Nothing but the objects is kept,
document types are refused when they begin, so no entity is ever expanded or fetched, and every count is bounded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias
from xml.parsers import expat

from .grammar import What
from .limits import Limits
from .refusals import too_deep, too_large, unreadable
from .report import Report, step
from .xml_tables import Entry, Table, environment_table

NAMESPACES: Final = {"https://admin-shell.io/aas/3/0": "3.0", "https://admin-shell.io/aas/3/1": "3.1"}
_BUFFER: Final = 64 * 1024
_TOKEN: Final = 4 * 1024 * 1024
"""Bytes of one tag or comment: expat reads an unfinished one anew with each piece that arrives."""
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_SHARED: Final = 100_000
"""Different texts kept to be shared: semantic ids repeat a thousand times over."""

Progress: TypeAlias = Callable[[int], None]
"""Told from time to time how many elements have been read."""


class XmlReader:
    """One document; `feed` its bytes, then take the environment from `close`."""

    def __init__(
        self, limits: Limits, report: Report, progress: Progress | None = None, encoding: str | None = None
    ) -> None:
        """`encoding` goes before what the document declares."""
        self.version = ""
        self._limits, self._report, self._progress = limits, report, progress
        self._environment: dict[str, Any] = {}
        self._table: Table = {}
        self._target: Any = self._environment
        self._stack: list[tuple[Table, Any]] = []
        self._leaf: Entry | None = None
        self._text: list[str] = []
        self._fed = self._tags = self._elements = self._skipping = 0
        self._deepest = 4 * limits.depth + 16
        self._strings: dict[str, str] = {}
        self._parser = expat.ParserCreate(encoding, namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.buffer_size = _BUFFER
        self._parser.StartElementHandler = self._root
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Read some more; raises BadFile with line and column where the document is broken."""
        self._tags += data.count(b"<")
        if self._tags > 2 * self._limits.nodes:
            raise too_large(f"The XML has more than {self._limits.nodes} elements")
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            what = expat.errors.messages[error.code]
            raise unreadable(f"XML is broken at line {error.lineno}, column {error.offset}: {what}") from error
        except (LookupError, ValueError) as error:
            raise unreadable(f"XML cannot be decoded: {error}") from error
        self._fed += len(data)
        if not last and self._fed - self._parser.CurrentByteIndex > _TOKEN + len(data):
            raise too_large("One tag or comment of the XML is longer than 4 MiB")
        if len(self._strings) > _SHARED:
            self._strings.clear()
        if self._progress:
            self._progress(self._elements)

    def close(self) -> dict[str, Any]:
        """The environment, when the document is complete."""
        self.feed(b"", last=True)
        return self._environment

    def _root(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        self.version = NAMESPACES.get(namespace, "")
        if not self.version or tag != "environment":
            raise unreadable(_foreign(namespace, tag))
        self._table = environment_table(namespace)
        self._stack.append((self._table, self._target))
        self._go_on()

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        entry = self._table.get(name)
        target = self._target
        if entry is None or self._leaf is not None:
            self._skip(name, "is not known here")
            return
        what, key, table, model_type, element = entry
        if key and key in target:
            self._skip(name, "stands here twice; the first is kept")
        elif what <= What.BOOL:
            self._leaf = entry
        else:
            self._stack.append((self._table, target))
            self._table = table
            if what is What.OBJECT:
                made = {"modelType": model_type} if model_type else {}
                if key:
                    target[key] = made
                else:
                    target.append(made)
                self._target = made
                self._elements += element
            elif what is What.LIST:
                target[key] = self._target = []
            if len(self._stack) > self._deepest:
                raise too_deep(self._limits.depth)

    def _end(self, _name: str) -> None:
        leaf = self._leaf
        if leaf is None:
            self._table, self._target = self._stack.pop()
            return
        pieces = self._text
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        self._leaf = None
        if leaf.what is What.TEXT:
            self._target[leaf.key] = self._strings.setdefault(text, text) if len(text) < 128 else text
        else:
            text = text.strip()
            self._target[leaf.key] = (
                _BOOLEANS.get(text, text) if leaf.what is What.BOOL else sys.intern(text) if len(text) < 64 else text
            )

    def _characters(self, data: str) -> None:
        if self._skipping:
            return
        if self._leaf is not None:
            self._text.append(data)
            whole = len(data) <= _BUFFER and len(self._text) == 1
            if not whole and sum(map(len, self._text)) > self._limits.text:
                raise too_large(f"One text of the XML is longer than {self._limits.text} characters")
        elif not data.isspace():
            self._report.add("structure", self._place(), "Text between tags is left out.", data, left_out=True)

    def _go_on(self) -> None:
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end

    def _skip(self, name: str, sentence: str) -> None:
        """Leave an element out with all that is in it."""
        tag = name.rpartition(" ")[2]
        self._report.add("structure", self._place(), f"<{tag}> {sentence}; it is left out.", tag, left_out=True)
        self._skipping = 1
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._skip_start, self._skip_end

    def _skip_start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._skipping += 1
        if self._skipping > self._deepest:
            raise too_deep(self._limits.depth)

    def _skip_end(self, _name: str) -> None:
        self._skipping -= 1
        if not self._skipping:
            self._go_on()

    def _place(self) -> str:
        open_ = [target for _, target in self._stack if isinstance(target, dict)] + [self._target]
        steps = [
            step(str(t.get("id") or t["idShort"]))
            for t in open_
            if isinstance(t, dict) and ("id" in t or "idShort" in t)
        ]
        return f"{' › '.join(dict.fromkeys(steps)) or 'environment'} (line {self._parser.CurrentLineNumber})"


def _refuse_doctype(*_: object) -> None:
    raise unreadable("XML declares a document type, which is not read because it could expand or fetch entities")


def _foreign(namespace: str, tag: str) -> str:
    if "admin-shell.io/aas/2" in namespace or "admin-shell.io/aas/1" in namespace:
        version = namespace.rsplit("aas/", 1)[1].replace("/", ".")
        return f"XML is of metamodel {version}, and 3.0 and 3.1 are read; convert it with AASX Package Explorer first"
    return f"XML begins with <{tag}> of namespace {namespace!r}, not with <environment> of an AAS namespace"


def read_xml(
    chunks: Iterable[bytes],
    limits: Limits,
    report: Report,
    progress: Progress | None = None,
    *,
    encoding: str | None = None,
) -> tuple[dict[str, Any], str]:
    """The environment as JSON objects in the shape of the file, and its metamodel version."""
    reader = XmlReader(limits, report, progress, encoding)
    for chunk in chunks:
        reader.feed(chunk)
    return reader.close(), reader.version
