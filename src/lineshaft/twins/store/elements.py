"""The element index: what queries look at, made from a document by pure functions.

A row is (path, shape, model, id_short, semantic, value_type, text, number). `shape` is the path with `[]` for
every `[n]`; `number` is set for numeric types, xs:boolean (0, 1), and moments (seconds since 1970 UTC). Text
is kept to 512 characters. Multi-language properties and ranges have one more row for each part of their value.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, TypeVar

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.metamodel.kinds import (
    BLOB,
    ELEMENTS,
    ENTITY,
    EVENT,
    FILE,
    LIST,
    MULTI_LANGUAGE,
    PROPERTY,
    RANGE,
    REFERENCE,
    SLOTS,
    Json,
)
from lineshaft.twins.metamodel.references import normalised, semantic, semantics
from lineshaft.twins.model.graph import Compare, Condition

from .repository_tables import DOCUMENTS, SEMANTICS
from .repository_tables import ELEMENTS as TABLE
from .tables import parts

Row: TypeAlias = tuple[str, str, int, str, str, str, str | None, float | None]
Index: TypeAlias = tuple[list[Row], list[tuple[str, str]]]
COLUMNS = ("path", "shape", "model", "id_short", "semantic", "value_type", "text", "number")
TEXT_MOST, SEMANTIC_MOST, PATH_MOST = 512, 1024, 2048
_AT_ONCE = 5_000
T = TypeVar("T")
_MODELS = {kind: number for number, kind in enumerate(ELEMENTS)}
FILE_MODEL = _MODELS[FILE]
NUMERIC = frozenset(
    f"xs:{name}"
    for name in (
        "double", "float", "decimal", "integer", "int", "long", "short", "byte", "unsignedByte", "unsignedShort",
        "unsignedInt", "unsignedLong", "positiveInteger", "nonNegativeInteger", "negativeInteger",
        "nonPositiveInteger", "gYear",
    )
)  # fmt: skip


def elements_of(document: Json) -> Index:
    """Index rows of a submodel, and the (semantic, path) pairs of it and its elements."""
    rows: dict[str, Row] = {}
    meanings: dict[tuple[str, str], None] = dict.fromkeys((_cut(one), "") for one in semantics(document))
    for path, shape, element in walked(document):
        if path in rows or len(path) > PATH_MOST:
            continue  # a lenient import may bring two of one name; the first counts, as in paths.find
        main = _cut(semantic(element["semanticId"])) if "semanticId" in element else ""
        for row in _rows(path, shape, main, element):
            rows[row[0]] = row
        if main:
            meanings[main, path] = None
        if "supplementalSemanticIds" in element:
            meanings.update(dict.fromkeys((_cut(one), path) for one in semantics(element)))
    return list(rows.values()), list(meanings)


def walked(root: Json) -> Iterator[tuple[str, str, Json]]:
    """Every element with path and shape; parents first."""
    waiting: list[tuple[str, str, Json]] = [("", "", root)]
    while waiting:
        path, shape, element = waiting.pop()
        if path:
            yield path, shape, element
        kind = element.get("modelType", "")
        below = element.get(SLOTS.get(kind, ""))
        if not isinstance(below, list):
            continue
        if kind == LIST:
            waiting.extend((f"{path}[{i}]", f"{shape}[]", child) for i, child in enumerate(below))
        elif path:
            waiting.extend((f"{path}.{name}", f"{shape}.{name}", c) for c in below if (name := c.get("idShort")))
        else:
            waiting.extend((name, name, child) for child in below if (name := child.get("idShort")))


def _rows(path: str, shape: str, main: str, element: Json) -> Iterator[Row]:
    kind = element.get("modelType", "")
    model = _MODELS.get(kind, -1)
    name = str(element.get("idShort") or "")[:128]
    type_ = str(element.get("valueType") or "")[:24]
    value = element.get("value")
    if kind == PROPERTY:
        yield (path, shape, model, name, main, type_, text_of(value), number_of(type_, value))
        return
    text = _text(kind, element)
    yield (path, shape, model, name, main, type_, text_of(text), None)
    if kind == MULTI_LANGUAGE and isinstance(value, list):
        for one in value:
            language = str(one.get("language", ""))[:24]
            yield (f"{path}@{language}", shape, model, name, main, language, text_of(one.get("text")), None)
    elif kind == RANGE:
        for bound in ("min", "max"):
            if (held := element.get(bound)) is not None:
                number = number_of(type_, held)
                yield (f"{path}@{bound}", f"{shape}@{bound}", model, name, main, type_, text_of(held), number)


def _text(kind: str, element: Json) -> Any:
    """What a query may compare of an element that is no property."""
    if kind == FILE:
        return element.get("value")
    if kind == REFERENCE:
        return semantic(element.get("value")) or None
    if kind == ENTITY:
        return element.get("globalAssetId")
    if kind == EVENT:
        return semantic(element.get("observed")) or None
    return element.get("contentType") if kind == BLOB else None


def text_of(value: Any) -> str | None:
    """A value as the index keeps it."""
    return value[:TEXT_MOST].replace("\x00", "") if isinstance(value, str) else None


def number_of(type_: str, value: Any) -> float | None:
    """The number behind a lexical value of an xs type; None when there is none."""
    if not isinstance(value, str):
        return None
    try:
        if type_ in NUMERIC:
            number = float(value)
            return None if math.isnan(number) else number
        if type_ == "xs:boolean":
            return {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}.get(value)
        return _moment(type_, value)
    except (ValueError, OverflowError):
        return None


def numbers_of(text: str) -> set[float]:
    """What a value of this text is as a number, of whichever type it may be."""
    found = (number_of(type_, text) for type_ in ("xs:double", "xs:boolean", "xs:dateTime", "xs:date", "xs:time"))
    return {number for number in found if number is not None}


def _moment(type_: str, value: str) -> float | None:
    """Seconds since 1970 UTC, of a time of day since midnight; without a zone it is taken as UTC."""
    if type_ == "xs:dateTime":
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if type_ == "xs:date":
        day = date.fromisoformat(value[:10])
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    if type_ == "xs:time":
        of_day = time.fromisoformat(value)
        return of_day.hour * 3600 + of_day.minute * 60 + of_day.second + of_day.microsecond / 1e6
    return None


def shape_of(path: str) -> str:
    """A path with `[]` for every index."""
    return re.sub(r"\[\d+\]", "[]", path)


def _cut(text: str) -> str:
    return text[:SEMANTIC_MOST]


# ---- rows ----


async def add(tx: Transaction, rows: Iterable[tuple[int, Row]], meanings: Iterable[tuple[int, str, str]]) -> None:
    """Index rows and meanings of documents, each with the number of its document."""
    for some in _batches(rows):
        await tx.insert(TABLE, ("document", *COLUMNS), [(number, *row) for number, row in some])
    for meant in _batches(meanings):
        await tx.insert(SEMANTICS, ("document", "semantic", "path"), meant)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Some at a time: a big submodel must not stand in memory twice."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


async def drop(tx: Transaction, number: int, paths: Iterable[str] | None = None) -> None:
    """Forget elements of a document; all without `paths`."""
    mine = TABLE.c.document == number
    if paths is None:
        await tx.execute(sa.delete(TABLE).where(mine))
        return
    for some in parts(paths):
        await tx.execute(sa.delete(TABLE).where(mine, TABLE.c.path.in_(some)))


async def drop_meanings(tx: Transaction, number: int, pairs: Iterable[tuple[str, str]] | None = None) -> None:
    """Forget semantic ids of a document; all without `pairs`."""
    mine = SEMANTICS.c.document == number
    if pairs is None:
        await tx.execute(sa.delete(SEMANTICS).where(mine))
        return
    gone = [{"s": s, "p": p} for s, p in pairs]
    if gone:
        one = sa.and_(mine, SEMANTICS.c.semantic == sa.bindparam("s"), SEMANTICS.c.path == sa.bindparam("p"))
        await tx.execute(sa.delete(SEMANTICS).where(one), gone)


async def exchange(tx: Transaction, number: int, before: Index, after: Index) -> None:
    """Bring the index of a document from one state to the next; rows that stay are not touched."""
    kept, meant = set(after[0]), set(after[1])
    was, had = set(before[0]), set(before[1])
    await drop(tx, number, [row[0] for row in before[0] if row not in kept])
    await drop_meanings(tx, number, [pair for pair in before[1] if pair not in meant])
    await add(
        tx,
        ((number, row) for row in after[0] if row not in was),
        ((number, *pair) for pair in after[1] if pair not in had),
    )


class Hit(NamedTuple):
    """An element that fits a condition."""

    document: int
    path: str
    text: str | None
    number: float | None
    id: str
    place: str


_COMPARE: dict[Compare, Callable[[Any, Any], Any]] = {
    Compare.EQ: operator.eq,
    Compare.NE: operator.ne,
    Compare.LT: operator.lt,
    Compare.LE: operator.le,
    Compare.GT: operator.gt,
    Compare.GE: operator.ge,
}


async def matching(tx: Transaction, condition: Condition, documents: list[int] | None) -> AsyncIterator[Hit]:
    """Elements that fit, of some documents or of all."""
    columns = (TABLE.c.document, TABLE.c.path, TABLE.c.text, TABLE.c.number, DOCUMENTS.c.id, DOCUMENTS.c.place)
    joined = TABLE.join(DOCUMENTS, DOCUMENTS.c.number == TABLE.c.document)
    query = sa.select(*columns).select_from(joined)
    if documents is None:
        for row in await tx.execute(query.where(*_fits(condition, indexed=True))):
            yield Hit._make(row)
        return
    query = query.where(*_fits(condition, indexed=False))
    for some in parts(documents):
        for row in await tx.execute(query.where(TABLE.c.document.in_(some))):
            yield Hit._make(row)


def as_text(told: sa.ColumnElement[bool], equals: str | None = None) -> sa.ColumnElement[bool]:
    """What is told of a value's text, for the planner: the indexes of texts leave out what is a number."""
    numbers = TABLE.c.number.is_not(None) if equals is None else TABLE.c.number.in_(numbers_of(equals))
    return sa.or_(sa.and_(TABLE.c.number.is_(None), told), sa.and_(numbers, told))


def _fits(condition: Condition, *, indexed: bool) -> Iterator[sa.ColumnElement[bool]]:
    """`indexed` lets the planner use the indexes of values; without, it goes by document."""
    text = isinstance(condition.value, str)
    value: sa.ColumnElement[Any] = TABLE.c.text if text else TABLE.c.number
    semantic_: sa.ColumnElement[Any] = TABLE.c.semantic
    shape: sa.ColumnElement[Any] = TABLE.c.shape
    if not indexed:
        value = value.concat("") if text else value + 0
        semantic_, shape = semantic_.concat(""), shape.concat("")
    if condition.semantic:
        yield semantic_ == _cut(normalised(condition.semantic))
    if condition.path:
        yield shape == shape_of(condition.path)
    told = _COMPARE[condition.compare](value, condition.value)
    yield as_text(told, str(condition.value) if condition.compare is Compare.EQ else None) if text else told
