"""Writes an environment as XML, piece by piece, in the order of the table of classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from .grammar import CLASSES, IDENTIFIABLES, TAGGED, Member, What, xml_name
from .report import Report

_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BOOLEANS: Final = {True: "true", False: "false"}


def write_xml(environment: dict[str, Any], version: str, report: Report) -> Iterator[bytes]:
    """The document in UTF-8; `environment` has been made fit for the version before."""
    namespace = f"https://admin-shell.io/aas/{version.replace('.', '/')}"
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<environment xmlns="{namespace}">'.encode()
    writer = _Writer(report)
    for name, class_ in IDENTIFIABLES.items():
        if name in environment:
            yield f"<{name}>".encode()
            for item in environment[name]:
                writer.item(item, class_, item["id"])
                yield from writer.pieces()
            yield f"</{name}>".encode()
    yield b"</environment>\n"


class _Writer:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._out: list[str] = []

    def pieces(self) -> Iterator[bytes]:
        """What has been written since the last call."""
        if self._out:
            yield "".join(self._out).encode()
            self._out.clear()

    def item(self, obj: dict[str, Any], class_: str, path: str) -> None:
        """An object with the tag of its class around it."""
        class_ = obj.get("modelType", class_)
        tag = xml_name(class_)
        self._out.append(f"<{tag}>")
        self._members(obj, class_, path)
        self._out.append(f"</{tag}>")

    def _members(self, obj: dict[str, Any], class_: str, path: str) -> None:
        found = 1 if class_ in TAGGED and "modelType" in obj else 0
        for name, member, opening, closing in _order(class_):
            if name in obj:
                found += 1
                self._out.append(opening)
                self._value(member, obj[name], path)
                self._out.append(closing)
        if found != len(obj):
            unknown = sorted(obj.keys() - CLASSES[class_].keys() - {"modelType"})
            self._report.add("structure", path, f"{class_} has no such members; they are left out.",
                             ", ".join(unknown), left_out=True)  # fmt: skip

    def _value(self, member: Member, value: Any, path: str) -> None:
        if member.what <= What.ENUM:
            self._out.append(self._escaped(value, path, member) if _SPECIAL.search(value) else value)
        elif member.what is What.BOOL:
            self._out.append(_BOOLEANS[value])
        elif member.what is What.OBJECT:
            self._members(value, member.of, path)
        elif member.what is What.CHOICE:
            self.item(value, member.of, path)
        else:
            for at, item in enumerate(value):
                self.item(item, member.of, f"{path} › {item.get('idShort', at)}" if "modelType" in item else path)

    def _escaped(self, text: str, path: str, member: Member) -> str:
        if _NEVER.search(text):
            self._report.add("AASd-130", f"{path} › {member.name}", "XML has no such characters; they are left out.",
                             text, left_out=True)  # fmt: skip
            text = _NEVER.sub("", text)
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


@cache
def _order(class_: str) -> tuple[tuple[str, Member, str, str], ...]:
    return tuple((name, member, f"<{name}>", f"</{name}>") for name, member in CLASSES[class_].items())
