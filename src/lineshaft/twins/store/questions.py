"""Finds the few documents that can answer a question, through the element index.

A needle is a statement for numbers of documents; every answer is among those of each needle, but not all of those are
answers: whoever asks decides each of them by its document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.metamodel.query import Compare, Condition, Every, Field, Literal, Some
from lineshaft.twins.metamodel.references import normalised
from lineshaft.twins.model.graph import Wanted
from lineshaft.twins.model.repository import Edge, Kind

from .elements import SEMANTIC_MOST, TEXT_MOST, as_text
from .repository_tables import DOCUMENTS, ELEMENTS, LINKS, RELATIONS, SEMANTICS
from .tables import parts

Spoken: TypeAlias = Callable[[Wanted], Awaitable[Sequence[int]]]
"""Numbers of the submodels of which an element has a live value that fits."""
FEW = 100_000
"""Documents a question is decided for one by one; a needle with more is no help."""
_KINDS = {
    "aas": Kind.SHELL,
    "sm": Kind.SUBMODEL,
    "cd": Kind.CONCEPT,
    "aasdesc": Kind.SHELL_DESCRIPTOR,
    "smdesc": Kind.SUBMODEL_DESCRIPTOR,
}


@dataclass(frozen=True, slots=True)
class Needle:
    """Finds all answers: those that stand written by a statement, those that live values give by asking for them."""

    written: sa.Select[Any] | sa.CompoundSelect[Any]
    living: tuple[Wanted, ...] = ()


_FLIPPED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge", "eq": "eq"}
_DOCUMENT = {"idShort": "id_short", "id": "id", "semanticId": "semantic"}
_ASSET = {"assetKind": "asset_kind", "assetType": "asset_type"}


async def few(tx: Transaction, kind: Kind, condition: Condition, spoken: Spoken) -> set[int] | None:
    """Numbers among which all answers are; None when nothing narrows the question down."""
    found: set[int] | None = None
    for needle in needles(condition, kind):
        numbers = set((await tx.execute(needle.written.limit(FEW + 1))).scalars())
        for wanted in needle.living if len(numbers) <= FEW else ():
            numbers |= await _holding(tx, kind, await spoken(wanted))
        if len(numbers) <= FEW:
            found = numbers if found is None else found & numbers
            if not found:
                break
    return found


async def _holding(tx: Transaction, kind: Kind, submodels: Sequence[int]) -> set[int]:
    """The documents asked for that these submodels are, or belong to."""
    if kind is Kind.SUBMODEL:
        return set(submodels)
    found: set[int] = set()
    for some in parts(submodels):
        mine = sa.select(DOCUMENTS.c.number).where(DOCUMENTS.c.number.in_(some))
        found |= set((await tx.execute(_seen_from(kind, Kind.SUBMODEL, mine))).scalars())
    return found


def needles(condition: Condition, kind: Kind) -> list[Needle]:
    """Statements each of which finds all answers."""
    match condition:
        case Compare():
            return _of_group([condition], kind)
        case Every(parts, same):
            compared = [part for part in parts if isinstance(part, Compare)]
            groups = _together(compared) if same else [[one] for one in compared]
            nested = (needles(part, kind) for part in parts if not isinstance(part, Compare))
            return [*_each(_of_group(group, kind) for group in groups), *_each(nested)]
        case Some(parts):
            firsts = [needles(part, kind)[:1] for part in parts]
            return [_either([one for some in firsts for one in some])] if all(firsts) else []
    return []


def _either(needles_: Sequence[Needle]) -> Needle:
    living = tuple(one for needle in needles_ for one in needle.living)
    return Needle(sa.union(*(needle.written for needle in needles_)), living)


def _each(lists: Iterable[Sequence[Needle]]) -> Iterator[Any]:
    for some in lists:
        yield from some


def _together(compared: Sequence[Compare]) -> list[list[Compare]]:
    """Comparisons of one and the same element, by the path of the element; others alone."""
    groups: dict[object, list[Compare]] = {}
    for number, one in enumerate(compared):
        field, _, _ = _sides(one)
        key = field.path if field is not None and field.root == "sme" else number
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _sides(one: Compare) -> tuple[Field | None, str, Literal | None]:
    """Field, operator and literal, whichever side they stand on."""
    match one:
        case Compare(op, Field() as field, Literal() as literal):
            return field, op, literal
        case Compare(op, Literal() as literal, Field() as field) if op in _FLIPPED:
            return field, _FLIPPED[op], literal
    return None, "", None


def _of_group(group: Sequence[Compare], kind: Kind) -> list[Needle]:
    conditions: list[sa.ColumnElement[bool]] = []
    field: Field | None = None
    wanted = Wanted()
    for one in group:
        field, op, literal = _sides(one)
        if field is None or literal is None:
            continue
        if field.root != "sme":
            found = _document(field, op, literal)
            return [] if found is None else [Needle(_seen_from(kind, _KINDS[field.root], found))]
        conditions += _element(field, op, literal)
        wanted = _wanted(wanted, field, op, literal)
    if not conditions:
        return []
    found = _meant(group) if len(group) == 1 else None
    if found is None:
        found = sa.select(ELEMENTS.c.document).where(*conditions).distinct()
    written = _seen_from(kind, Kind.SUBMODEL, found)
    return [Needle(written, (wanted,) if wanted.compared else ())]


def _meant(group: Sequence[Compare]) -> sa.Select[Any] | None:
    """Of a semantic id alone: the indexes of elements begin with one, but hold only those that have a value."""
    field, op, literal = _sides(group[0])
    match field, op, literal:
        case Field(attribute=("semanticId",), path=()), "eq", Literal("str", str(text)):
            meaning = SEMANTICS.c.semantic == normalised(text)[:SEMANTIC_MOST]
            return sa.select(SEMANTICS.c.document).where(meaning, SEMANTICS.c.path != "").distinct()
    return None


def _wanted(wanted: Wanted, field: Field, op: str, literal: Literal) -> Wanted:
    """The same for elements that read a series; only what compares a value is answered by those."""
    wanted = replace(wanted, shape=_shape(field)) if field.path else wanted
    match field.attribute, op, literal:
        case ("semanticId",), "eq", Literal("str", str(text)):
            return replace(wanted, semantic=normalised(text)[:SEMANTIC_MOST])
        case ("idShort",), "eq", Literal("str", str(text)):
            return replace(wanted, id_short=text[:128])
        case ("value",), ("eq" | "starts-with"), Literal("str", str(text)):
            return replace(wanted, compared=(*wanted.compared, (op, text)))
        case ("value",), ("eq" | "gt" | "ge" | "lt" | "le"), Literal("num", number):
            return replace(wanted, compared=(*wanted.compared, (op, float(number))))
    return wanted


def _element(field: Field, op: str, literal: Literal) -> list[sa.ColumnElement[bool]]:
    """What an element's row must say; nothing where the index cannot tell."""
    columns = ELEMENTS.c
    told: sa.ColumnElement[bool] | None = None
    match field.attribute, op, literal:
        case ("semanticId",), "eq", Literal("str", str(text)):
            told = columns.semantic == normalised(text)[:SEMANTIC_MOST]
        case ("idShort",), "eq", Literal("str", str(text)):
            told = columns.id_short == text[:128]
        case ("value",), "eq", Literal("str", str(text)):
            told = as_text(columns.text == text[:TEXT_MOST], text)
        case ("value",), "starts-with", Literal("str", str(text)):
            told = as_text(columns.text.startswith(text[:TEXT_MOST], autoescape=True))
        case ("value",), ("eq" | "gt" | "ge" | "lt" | "le"), Literal("num", number):
            told = getattr(columns.number, f"__{op}__")(float(number))
    if told is None:
        return []
    return [told, columns.shape == _shape(field)] if field.path else [told]


def _shape(field: Field) -> str:
    return "".join(f".{step}" if isinstance(step, str) else "[]" for step in field.path).removeprefix(".")


def _document(field: Field, op: str, literal: Literal) -> sa.Select[Any] | None:
    """Documents of the field's own kind."""
    if op != "eq" or literal.kind != "str":
        return None
    text = str(literal.value)
    mine = sa.select(DOCUMENTS.c.number).where(DOCUMENTS.c.kind == int(_KINDS[field.root]))
    last = field.attribute[-1]
    if len(field.attribute) == 1 and last in _DOCUMENT:
        text = normalised(text)[:SEMANTIC_MOST] if last == "semanticId" else text
        return mine.where(DOCUMENTS.c[_DOCUMENT[str(last)]] == text)
    if last in _ASSET:
        return mine.where(DOCUMENTS.c[_ASSET[str(last)]] == text)
    if field.root == "aas" and last in ("globalAssetId", "value") and "keys" not in field.attribute:
        named = LINKS.c.name == "globalAssetId" if last == "globalAssetId" else sa.true()
        return mine.where(DOCUMENTS.c.id.in_(sa.select(LINKS.c.shell).where(LINKS.c.value == text, named)))
    return None


def _seen_from(asked: Kind, found: Kind, needle: sa.Select[Any]) -> sa.Select[Any]:
    """From shells to their submodels, and back."""
    if asked is found:
        return needle
    held = RELATIONS.c.kind == Edge.HAS_SUBMODEL.value
    if asked is Kind.SHELL and found is Kind.SUBMODEL:
        ids = sa.select(DOCUMENTS.c.id).where(DOCUMENTS.c.number.in_(needle))
        return sa.select(RELATIONS.c.document).where(held, RELATIONS.c.target.in_(ids)).distinct()
    targets = sa.select(RELATIONS.c.target).where(held, RELATIONS.c.document.in_(needle))
    return sa.select(DOCUMENTS.c.number).where(DOCUMENTS.c.kind == int(Kind.SUBMODEL), DOCUMENTS.c.id.in_(targets))
