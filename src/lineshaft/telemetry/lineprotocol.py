r"""Reads InfluxDB line protocol (v2) into columns, fast where nothing is escaped, right where something is.

    measurement,tag=value,tag=value field=1.5,other="text",count=3i,on=true 1700000000000000000
    \_________/ \_________________/ \_______________________________________/ \_______________/
      head (one look-up per series)            fields                          time, optional

Escapes: `\,` `\ ` `\=` in names and tags; `\"` and `\\` inside quoted text, which may hold line breaks.
A backslash before anything else is itself. A wrong line is named and left out; the others count.
Reference: InfluxDB OSS v2, "Line protocol reference".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from lineshaft.edge import SampleBatch
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath

Placer: TypeAlias = Callable[[str, Mapping[str, str], str], str]
"""Gives the plant path of (measurement, tags, field)."""

PRECISIONS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
MOST_ERRORS = 20
_INT64 = range(-(2**63), 2**63)
_TRUE = frozenset({"t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"f", "F", "false", "False", "FALSE"})
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LINES = re.compile(rf"([ \t]*#[^\n]*|(?:={_QUOTED}|[^\n=]+|=)*)(?:\n|\Z)", re.DOTALL)
_NAME = r"(?:\\.|[^\\, =])+"
_HEAD = re.compile(rf"((?:\\.|[^\\, ])+)((?:,{_NAME}={_NAME})*) +", re.DOTALL)
_TAG = re.compile(rf",({_NAME})=({_NAME})", re.DOTALL)
_FIELD = re.compile(rf'({_NAME})=({_QUOTED}|[^", ]+)', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that was left out."""

    line: int
    message: str


@dataclass(slots=True)
class Lines:
    """Columns read so far, and the lines that could not be."""

    paths: list[str] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    number: list[float] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)
    errors: list[BadLine] = field(default_factory=list)
    rejected: int = 0
    texts: bool = False

    def batch(self) -> SampleBatch:
        """Everything as one batch, all of it good."""
        used, index = np.unique(np.array(self.index, dtype=np.int32), return_inverse=True)
        return SampleBatch(
            paths=[self.paths[slot] for slot in used],
            index=index.astype(np.int32),
            ts=np.array(self.ts, dtype=np.int64),
            number=np.array(self.number, dtype=np.float64),
            quality=np.zeros(len(self.index), dtype=np.uint8),
            text=pa.array(self.text, pa.utf8()) if self.texts else None,
        )

    def reject(self, line: int, message: str) -> None:
        self.rejected += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(BadLine(line=line, message=message))


class Reader:
    """Turns bodies into columns; remembers the series it has seen, so keep one per target."""

    def __init__(self, place: Placer) -> None:
        self._place = place
        self._heads: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {}

    def read(self, body: str, *, precision: str = "ns", now_us: int) -> Lines:
        """Read a body; raises Invalid only for a precision that is not known."""
        if precision not in PRECISIONS_NS:
            raise Invalid(f"{precision!r} is not a precision.", hint="Use ns, us, ms or s.")
        lines = Lines()
        slots: dict[tuple[str, str], int] = {}
        if len(self._heads) > 100_000:
            self._heads.clear()
        for number, line in _lines(body):
            try:
                self._line(lines, slots, line, PRECISIONS_NS[precision], now_us)
            except ValueError as error:
                lines.reject(number, f"unable to parse '{line[:200]}': {error}")
        return lines

    def _line(self, lines: Lines, slots: dict[tuple[str, str], int], line: str, unit_ns: int, now_us: int) -> None:
        head, fields, stamp = _plain(line) if "\\" not in line and '"' not in line else _escaped(line)
        ts = _time(stamp, unit_ns) if stamp else now_us
        start = len(lines.index)
        try:
            for name, value in fields:
                slot = slots.get((head, name))
                if slot is None:
                    slot = slots[head, name] = len(lines.paths)
                    lines.paths.append(self._path(head, name))
                self._value(lines, value)
                lines.index.append(slot)
                lines.ts.append(ts)
        except ValueError:
            for column in (lines.index, lines.ts, lines.number, lines.text):
                del column[start:]
            raise

    def _value(self, lines: Lines, value: str) -> None:
        if value[0] == '"':
            lines.text.append(_unquoted(value))
            lines.number.append(np.nan)
            lines.texts = True
        else:
            lines.number.append(_number(value))
            lines.text.append(None)

    def _path(self, head: str, name: str) -> str:
        known = self._heads.get(head)
        if known is None:
            known = self._heads[head] = (*_measurement(head), {})
        measurement, tags, paths = known
        path = paths.get(name)
        if path is None:
            path = paths[name] = self._place(measurement, tags, _unescaped(name))
        return path


def _lines(body: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their number; a quoted text may go over several."""
    pieces = body.split("\n") if '"' not in body else _LINES.findall(body)
    number = 1
    for piece in pieces:
        line = piece.strip(" \t\r")
        if line and line[0] != "#":
            yield number, line
        number += 1 + piece.count("\n")


def _plain(line: str) -> tuple[str, Iterator[tuple[str, str]], str]:
    """A line without quotes and escapes."""
    parts = [part for part in line.split(" ") if part]
    if len(parts) < 2:
        raise ValueError("missing fields")
    if len(parts) > 3:
        raise ValueError("too many blanks; escape those in names with '\\ ' and put text into quotes")
    return parts[0], _plain_fields(parts[1]), parts[2] if len(parts) == 3 else ""


def _plain_fields(fields: str) -> Iterator[tuple[str, str]]:
    for part in fields.split(","):
        name, equals, value = part.partition("=")
        if not name or not value:
            raise ValueError(
                f"a field must read name=value, not '{part}'" if equals else f"field '{part}' has no value"
            )
        yield name, value


def _escaped(line: str) -> tuple[str, Iterator[tuple[str, str]], str]:
    """A line with quotes or escapes."""
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("missing fields")
    fields, at = [], head.end()
    while True:
        found = _FIELD.match(line, at)
        if found is None:
            raise ValueError(f"a field must read name=value at '{line[at : at + 40]}'")
        fields.append((found[1], found[2]))
        at = found.end()
        if line[at : at + 1] != ",":
            break
        at += 1
    if line[at : at + 1] not in {"", " "}:
        raise ValueError(f"unexpected '{line[at : at + 20]}' after a value")
    return line[: head.end(2)], iter(fields), line[at:].strip(" ")


def _measurement(head: str) -> tuple[str, dict[str, str]]:
    if "\\" not in head:
        name, *pairs = head.split(",")
        tags = dict(_plain_fields(",".join(pairs))) if pairs else {}
    else:
        found = _HEAD.match(head + " ")
        if found is None:
            raise ValueError("a tag must read name=value")
        name = _unescaped(found[1])
        tags = {_unescaped(key): _unescaped(value) for key, value in _TAG.findall(found[2])}
    if not name:
        raise ValueError("missing measurement")
    return name, tags


def _time(stamp: str, unit_ns: int) -> int:
    if not stamp.lstrip("-").isdecimal():
        raise ValueError(f"bad timestamp '{stamp}'")
    nanoseconds = int(stamp) * unit_ns
    if nanoseconds not in _INT64:
        raise ValueError(f"timestamp '{stamp}' is out of range for the precision")
    return nanoseconds // 1_000


def _number(value: str) -> float:
    last = value[-1]
    if last.isdigit() or last == ".":
        if _FLOAT.fullmatch(value):
            return float(value)
    elif last in "iu":
        if value[:-1].lstrip("-" if last == "i" else "").isdecimal():
            return float(int(value[:-1]))
    elif value in _TRUE or value in _FALSE:
        return float(value in _TRUE)
    raise ValueError(f"bad value '{value[:60]}'; text goes into double quotes")


def _unquoted(value: str) -> str:
    inner = value[1:-1]
    return re.sub(r'\\(["\\])', r"\1", inner) if "\\" in inner else inner


def _unescaped(name: str) -> str:
    return re.sub(r"\\([, =])", r"\1", name) if "\\" in name else name


def placer(template: str, *, org: str, bucket: str) -> Placer:
    """Make paths from a template of parts: `{org}/{bucket}/{measurement}/{tag.line}/{tags}/{field}`.

    `{tag.NAME}` is that tag's value; a part whose tag is missing is left out. `{tags}` are the values of
    all tags not named otherwise, in the order of their names. What a path may not hold becomes '-'.
    """
    parts = template.split("/")
    named = set(re.findall(r"\{tag\.([^}]+)\}", template))
    for word in re.findall(r"\{([^}]*)\}", template):
        if word not in {"org", "bucket", "measurement", "field", "tags"} and not word.startswith("tag."):
            raise Invalid(
                f"The path template {template!r} names {{{word}}}, which is not known.",
                hint="Use {org} {bucket} {measurement} {tag.NAME} {tags} {field}.",
            )

    def place(measurement: str, tags: Mapping[str, str], name: str) -> str:
        words = {"org": org, "bucket": bucket, "measurement": measurement, "field": name}
        words["tags"] = "/".join(
            PlantPath.clean(tags[key].replace("/", "-")) for key in sorted(tags) if key not in named
        )
        made = [_fill(part, words, tags) for part in parts]
        return PlantPath.clean(*(part for part in made if part))

    return place


def _fill(part: str, words: Mapping[str, str], tags: Mapping[str, str]) -> str:
    missing = False

    def word(found: re.Match[str]) -> str:
        nonlocal missing
        name = found[1]
        value = tags.get(name.removeprefix("tag.")) if name.startswith("tag.") else words[name]
        missing = missing or not value
        return value or ""

    made = re.sub(r"\{([^}]+)\}", word, part)
    return "" if missing else made
