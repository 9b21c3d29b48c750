"""Cleans a drawing (SVG) that somebody brings: what it draws stays, what it could do is taken out and named.

Kept are shapes, texts, gradients, patterns, clips, masks and markers with the attributes that draw them; style sheets
inside become attributes. Scripts, event attributes, animations, foreign content and every reference out of the file
go. A file that declares entities is refused, because reading it could already do harm.

Each id of the drawing stays as `data-el`, by which pictures bind it; the ids that drawings use among themselves get
a prefix of their own, so that two drawings on one page do not meet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from lineshaft.twins.errors import BadFile, FileTooLarge
from lineshaft.twins.model.picture import Drawing

from .reuse import check_reuse
from .style import declarations, rules

MOST_BYTES = 1 << 20
MOST_ELEMENTS = 20_000
MOST_DEEP = 64
MOST_FINDINGS = 100
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_DRAWN = (
    "svg g path rect circle ellipse line polyline polygon text tspan defs linearGradient radialGradient stop"
    " clipPath mask pattern symbol use marker image a switch"
)
_SAID = frozenset(["title", "desc", "metadata"])
"""Goes without a word: it draws nothing."""
_AS_GROUP = frozenset(["a", "switch"])
_ATTRIBUTES = (
    "d x y x1 y1 x2 y2 cx cy r rx ry fx fy fr dx dy width height points transform rotate offset viewBox"
    " preserveAspectRatio gradientUnits gradientTransform spreadMethod clipPathUnits maskUnits maskContentUnits"
    " patternUnits patternContentUnits patternTransform markerUnits markerWidth markerHeight refX refY orient"
    " textLength lengthAdjust pathLength"
    " fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit"
    " stroke-dasharray stroke-dashoffset opacity color display visibility overflow clip-path clip-rule mask"
    " marker-start marker-mid marker-end stop-color stop-opacity paint-order vector-effect"
    " font-family font-size font-weight font-style text-anchor letter-spacing word-spacing dominant-baseline"
    " text-decoration writing-mode"
)
_KEPT = frozenset(_DRAWN.split())
_DRAWING = frozenset(_ATTRIBUTES.split())
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.-]{1,40})["']""")
_WIDE = {"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5", "shift_jis": "shift_jis"}
"""Encodings of several bytes a letter, which the parser does not read, and what reads all of each."""
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_REFERENCE = re.compile(r"url\(\s*(?:['\"]\s*)?#([^'\"()\s]+)['\"]?\s*\)")


@dataclass(slots=True)
class _Node:
    tag: str
    attributes: dict[str, str]
    line: int
    inside: list[_Node | str] = field(default_factory=list)


def clean(content: bytes) -> tuple[Drawing, tuple[str, ...]]:
    """The drawing without anything that acts, and a sentence for each thing that was taken out.

    BadFile when it is not SVG or declares entities, FileTooLarge when it asks for too much.
    """
    if len(content) > MOST_BYTES:
        raise FileTooLarge(f"The drawing has {len(content) >> 10} KiB.", hint=f"At most {MOST_BYTES >> 10} KiB.")
    reading = _Reading()
    root = reading.read(_in_utf_8(content))
    prefix = hashlib.sha256(content).hexdigest()[:8]
    writing = _Writing(prefix, reading.sheet, reading.findings)
    svg = "".join(writing.inside(root))
    check_reuse(svg)
    box, size = _extent(root)
    told = reading.findings
    more = len(told) - MOST_FINDINGS
    findings = (*told[:MOST_FINDINGS], *([f"And {more} more of these."] if more > 0 else []))
    return Drawing(svg=svg, box=box, size=size, parts=tuple(dict.fromkeys(writing.parts))), findings


def _in_utf_8(content: bytes) -> bytes:
    """The same in UTF-8 when it is in one of the wide encodings it declares."""
    declared = _DECLARED.match(content)
    wide = _WIDE.get(declared[1].decode().lower()) if declared else None
    if declared is None or wide is None:
        return content
    try:
        rest = content[declared.end() :].decode(wide)
    except UnicodeDecodeError as error:
        raise BadFile(f"The drawing is not in {wide}, as it says.", hint="Save it as SVG in UTF-8.") from error
    return f'<?xml version="1.0"{rest}'.encode()


class _Reading:
    """Reads the file into nodes; elements that do not draw are left out with all they hold."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.sheet = ""
        self._root: _Node | None = None
        self._open: list[_Node] = []
        self._skipped = 0
        self._style = False
        self._count = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.ProcessingInstructionHandler = self._instruction

    def read(self, content: bytes) -> _Node:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            what = expat.errors.messages[error.code]
            raise BadFile(f"The drawing is not XML: {what} in line {error.lineno}.", hint="Save it as SVG.") from error
        except (LookupError, ValueError) as error:
            raise BadFile("The drawing is in an encoding nobody here reads.", hint="Save it in UTF-8.") from error
        if self._root is None:
            raise BadFile("The file is not a drawing: its first element is not <svg>.", hint="Save it as SVG.")
        return self._root

    def _note(self, what: str) -> None:
        self.findings.append(f"Line {self._parser.CurrentLineNumber}: {what}")

    def _entity(self, *declared: object) -> None:
        raise BadFile(
            "The drawing declares entities, which could make a small file huge or read others.",
            hint="Save it as plain SVG, without a document type.",
        )

    def _doctype(self, *declared: object) -> None:
        self._note("the document type was taken out.")

    def _instruction(self, target: str, content: str) -> None:
        self._note(f"the instruction <?{target[:40]}?> was taken out.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) + self._skipped >= MOST_DEEP:
            raise FileTooLarge("The drawing has too many elements, or they lie too deep in each other.",
                               hint=f"At most {MOST_ELEMENTS} elements, {MOST_DEEP} deep; simplify it.")  # fmt: skip
        if self._skipped:
            self._skipped += 1
            return
        if self._root is None and (space != _SVG or tag != "svg"):
            raise BadFile("The file is not a drawing: its first element is not <svg>.", hint="Save it as SVG.")
        if space == _SVG and tag == "style":
            self._style = True
        if space != _SVG or tag not in _KEPT:
            if space == _SVG and tag not in _SAID and tag != "style":
                self._note(f"<{tag[:40]}> was taken out with what it holds.")
            self._skipped = 1
            return
        node = _Node("g" if tag in _AS_GROUP else tag, attributes, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].inside.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            self._style = self._style and self._skipped > 0
        else:
            self._open.pop()

    def _text(self, text: str) -> None:
        if self._style:
            self.sheet += text
        elif not self._skipped and self._open and self._open[-1].tag in ("text", "tspan"):
            self._open[-1].inside.append(text)


class _Writing:
    """Writes nodes with the attributes that draw; what else they carry is named."""

    def __init__(self, prefix: str, sheet: str, findings: list[str]) -> None:
        self.parts: list[str] = []
        self._prefix = prefix
        self._findings = findings
        self._rules = rules(sheet, findings)

    def inside(self, node: _Node) -> Iterator[str]:
        for one in node.inside:
            if isinstance(one, str):
                yield escape(one)
                continue
            attributes = "".join(f" {name}={quoteattr(value)}" for name, value in self._attributes(one))
            yield f"<{one.tag}{attributes}>"
            yield from self.inside(one)
            yield f"</{one.tag}>"

    def _attributes(self, node: _Node) -> Iterator[tuple[str, str]]:
        given = {name.rpartition(" ")[2] if name.startswith(_XLINK) else name: v for name, v in node.attributes.items()}
        called = given.pop("data-el", "")  # A drawing that was cleaned before keeps the names of its parts.
        if id_ := given.pop("id", ""):
            self.parts.append(called or id_)
            yield "id", f"{self._prefix}-{id_}"
            yield "data-el", called or id_
        styled = self._rules.of(node.tag, given.pop("class", ""), id_) | declarations(given.pop("style", ""))
        for name, value in {**given, **styled}.items():
            if name == "href":
                yield from self._href(node, value)
            elif name not in _DRAWING:
                self._refuse(node, name, "can act" if name.lower().startswith("on") else "")
            elif safe := self._safe(node, name, value):
                yield name, safe

    def _href(self, node: _Node, value: str) -> Iterator[tuple[str, str]]:
        if value.startswith("#"):
            yield "href", f"#{self._prefix}-{value[1:]}"
        elif node.tag == "image" and _PICTURE.fullmatch(value):
            yield "href", value
        else:
            self._refuse(node, "href", f"leads out of the file, to {value[:60]!r}")

    def _safe(self, node: _Node, name: str, value: str) -> str:
        """The value with references to parts of this drawing only; empty when it leads elsewhere."""
        inner = _REFERENCE.sub(lambda m: f"url(#{self._prefix}-{m[1]})", value)
        left = _REFERENCE.sub("", value)
        if re.search(r"url\s*\(|javascript:|expression|@import|&#|\\", left, re.IGNORECASE):
            self._refuse(node, name, f"leads out of the file, to {value[:60]!r}")
            return ""
        return inner

    def _refuse(self, node: _Node, name: str, why: str) -> None:
        if why:
            self._findings.append(f"Line {node.line}: {name[:40]} of <{node.tag}> was taken out: it {why}.")


_NUMBER = r"((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?)"
_LENGTH = re.compile(rf"{_NUMBER}(px|mm|cm|in|pt|pc)?", re.IGNORECASE)
_PIXELS = {"px": 1.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "pt": 96 / 72, "pc": 16.0}
_LARGEST = 100_000.0


def _extent(root: _Node) -> tuple[str, tuple[float, float]]:
    """The box the drawing is drawn in, and its size in pixels."""
    numbers = [_number(n) for n in root.attributes.get("viewBox", "").replace(",", " ").split()[:4]]
    box = numbers if len(numbers) == 4 and min(numbers[2:]) > 0 else []
    width, height = (_pixels(root.attributes.get(side, "")) for side in ("width", "height"))
    width = width or (box[2] if box else 300.0)
    height = height or (box[3] if box else 150.0)
    return " ".join(f"{n:g}" for n in box or (0.0, 0.0, width, height)), (width, height)


def _number(text: str) -> float:
    """A number of reasonable size; 0 for anything else."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if abs(number) <= _LARGEST else 0.0


def _pixels(length: str) -> float:
    found = _LENGTH.fullmatch(length.strip())
    return _number(found[1]) * _PIXELS[(found[2] or "px").lower()] if found else 0.0
