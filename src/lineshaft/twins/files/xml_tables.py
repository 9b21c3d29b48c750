"""The table of classes as the XML reader wants it: by tag, what to do when it opens."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeAlias

from .grammar import CLASSES, ELEMENTS, TAGGED, Member, What, options, xml_name


class Entry(NamedTuple):
    """What a tag opens.

    TEXT ENUM BOOL   text of the member `key`
    OBJECT LIST      an object or a list that becomes the member `key`; inside, `table` holds
    CHOICE           nothing by itself: inside is one object, which becomes the member `key`
    """

    what: What
    key: str
    table: Table
    model_type: str = ""
    element: int = 0
    """1 when it is a submodel element, to be counted."""


Table: TypeAlias = dict[str, Entry]
_NOTHING: dict[str, Any] = {}


@cache
def environment_table(namespace: str) -> Table:
    """What may stand in an `<environment>` of a namespace; tables refer to each other as the classes do."""
    tables: dict[str, Table] = {class_: {} for class_ in CLASSES}
    for class_, members in CLASSES.items():
        for member in members.values():
            tables[class_][f"{namespace} {member.name}"] = _member(namespace, member, tables)
    return tables["Environment"]


def _member(namespace: str, member: Member, tables: dict[str, Table]) -> Entry:
    if member.what is What.OBJECT:
        return Entry(What.OBJECT, member.name, tables[member.of])
    if member.what in {What.LIST, What.CHOICE}:
        key = "" if member.what is What.LIST else member.name
        return Entry(member.what, member.name, _choice(namespace, member.of, key, tables))
    return Entry(member.what, member.name, _NOTHING)


def _choice(namespace: str, class_: str, key: str, tables: dict[str, Table]) -> Table:
    """The objects that may stand in a list (no key), or as the member `key`."""
    return {
        f"{namespace} {xml_name(option)}": Entry(
            What.OBJECT, key, tables[option], option if option in TAGGED else "", int(option in ELEMENTS)
        )
        for option in options(class_)
    }
