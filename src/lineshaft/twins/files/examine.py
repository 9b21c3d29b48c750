"""Goes once through an environment: leaves out what cannot be read, and lists what is wrong in the rest.

Structure is judged by the table of classes, content by the constraints. Elements of one make differ in idShort and
value only, so what is left of an element without those and without its children is its form; a form that was
right once is right again, and only the first of a kind costs the full check.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from aas_core3_1.verification import matches_xml_serializable_string

from .constraints import LIGHT, check_list, check_object, check_siblings, check_template, light_is_right
from .grammar import CHILDREN, CHOICES, CLASSES, ELEMENTS, IDENTIFIABLES, TAGGED, WHOLE, Member, What
from .limits import Limits
from .refusals import too_deep
from .report import Report, step
from .xml_in import Progress

_FORMS: Final = 50_000
_FORM: Final = 16_384
_NAMES = {What.TEXT: "text", What.ENUM: "text", What.BOOL: "true or false", What.LIST: "a list"}


class Examiner:
    """One pass over one environment; the objects given are changed in place."""

    def __init__(self, limits: Limits, report: Report, progress: Progress | None, *, odd_letters: bool) -> None:
        self._limits, self._report, self._progress = limits, report, progress
        self._odd_letters = odd_letters
        self._right: set[bytes] = set()
        self._elements = 0

    def environment(self, environment: dict[str, Any]) -> dict[str, Any]:
        """The environment with what can be read of it; lists that are missing stay missing."""
        found: dict[str, Any] = {}
        for name, items in environment.items():
            class_ = IDENTIFIABLES.get(name)
            if class_ is None:
                self._leave_out(name, "is not a member of an environment", items)
            elif not isinstance(items, list):
                self._leave_out(name, "is not a list", items)
            else:
                found[name] = self._identifiables(name, class_, items)
        return found

    def _identifiables(self, name: str, class_: str, items: list[Any]) -> list[dict[str, Any]]:
        kept: dict[str, dict[str, Any]] = {}
        for index, item in enumerate(items):
            path = f"{name}[{index}]"
            if self._identifiable(class_, item, path):
                first = kept.setdefault(item["id"], item)
                if first is not item:
                    what = "has an id that is here already" + ("" if first == item else ", with different content")
                    self._leave_out(path, what, item["id"], constraint="identifier")
        return list(kept.values())

    def _identifiable(self, class_: str, item: Any, path: str) -> bool:
        if not isinstance(item, dict):
            return self._leave_out(path, "is not an object", item)
        if isinstance(item.get("id"), str):
            path = step(item["id"])
        if item.get("modelType", class_) != class_:
            return self._leave_out(path, f"is not a {class_}", item["modelType"])
        if "modelType" not in item:
            self._report.add("structure", path, f"modelType {class_} is missing; its place says it.")
            item["modelType"] = class_
        slot = CHILDREN.get(class_)
        if not self._read(class_, item, path, 0, but=slot):
            return False
        if not check_object(class_, {n: v for n, v in item.items() if n != slot} if slot else item, path, self._report):
            return False
        if slot and slot in item:
            self._children(class_, item, slot, f"{path} › ", path, 1)
            check_template(item, path, self._report)
        return True

    def _children(self, class_: str, parent: dict[str, Any], slot: str, base: str, path: str, depth: int) -> None:
        """Examine the elements below `parent`, whose own paths begin with `base`."""
        items = parent[slot]
        if not isinstance(items, list):
            self._leave_out(f"{path} › {slot}", "is not a list", items)
            del parent[slot]
            return
        if items and depth > self._limits.depth:
            raise too_deep(self._limits.depth)
        if not items:
            self._report.add("metamodel", f"{path} › {slot}", "A list is either left out or has at least one item.")
        in_list = class_ == "SubmodelElementList"
        kinds = CHOICES["DataElement"] if class_ == "AnnotatedRelationshipElement" else ELEMENTS
        bad = [i for i, item in enumerate(items) if not self._element(item, base, i, kinds, depth, in_list=in_list)]
        for index in reversed(bad):
            del items[index]
        if in_list:
            check_list(parent, items, path, self._report)
        else:
            check_siblings(items, path, self._report)

    def _element(self, item: Any, base: str, at: int, kinds: tuple[str, ...], depth: int, *, in_list: bool) -> bool:
        kind = item.get("modelType") if type(item) is dict else None
        if kind not in kinds:
            found = item.get("modelType", "no modelType") if type(item) is dict else item
            return self._leave_out(f"{base}[{at}]", f"is not one of {', '.join(kinds)}", found)
        self._count()
        slot = CHILDREN.get(kind)
        form = item.copy()
        form.pop("idShort", None)
        for member in (slot,) if slot else LIGHT.get(kind, ()):
            form.pop(member, None)
        if not (self._seen(form) and light_is_right(kind, item)) and not self._full(
            kind, item, form, slot, _step(base, item, at, in_list=in_list), depth
        ):
            return False
        if slot and slot in item:
            path = _step(base, item, at, in_list=in_list)
            below = path if kind == "SubmodelElementList" else f"{path}."
            self._children(kind, item, slot, below, path, depth + 1)
        return True

    def _seen(self, form: dict[str, Any]) -> bool:
        if self._odd_letters:
            return False
        try:
            return orjson.dumps(form) in self._right
        except TypeError:  # deeper than orjson writes
            return False

    def _full(
        self, kind: str, item: dict[str, Any], form: dict[str, Any], slot: str | None, path: str, depth: int
    ) -> bool:
        """The full check of one element without its children; its form is remembered when nothing is wrong."""
        before = self._report.total
        if not self._read(kind, item, path, depth, but=slot):
            return False
        if not check_object(kind, {n: v for n, v in item.items() if n != slot}, path, self._report):
            return False
        if self._report.total == before and len(self._right) < _FORMS:
            key = orjson.dumps(form)
            if len(key) <= _FORM:
                self._right.add(key)
        return True

    def _read(
        self, class_: str, obj: dict[str, Any], path: str, depth: int, *, but: str | None = None, sep: str = " › "
    ) -> bool:
        """Whether the object has what its class must have; members that cannot be read are taken out of it."""
        if depth > self._limits.depth + 16:
            raise too_deep(self._limits.depth)
        members = CLASSES[class_]
        for name in list(obj):
            if name == but or (name == "modelType" and class_ in TAGGED):
                continue
            place = f"{path}{sep}{name}"
            member = members.get(name)
            if member is None:
                self._leave_out(place, f"is not a member of {class_}", obj.pop(name))
            elif not self._value(member, obj[name], place, depth):
                del obj[name]
        lacking = [m.name for m in members.values() if m.required and m.name not in obj]
        return not lacking or self._leave_out(path, f"lacks {' and '.join(lacking)}", class_)

    def _value(self, member: Member, value: Any, path: str, depth: int) -> bool:
        what = member.what
        if what <= What.ENUM:
            return self._text(member, value, path)
        if what is What.BOOL:
            return isinstance(value, bool) or self._wrong(path, what, value)
        if what is What.LIST:
            return self._list(member, value, path, depth)
        return self._object(member.of, value, path, depth)

    def _text(self, member: Member, value: Any, path: str) -> bool:
        if not isinstance(value, str):
            return self._wrong(path, What.TEXT, value)
        if self._odd_letters and not matches_xml_serializable_string(value):
            return self._leave_out(path, "has characters that no text may have", value, constraint="AASd-130")
        if member.words and value not in member.words:
            return self._leave_out(path, f"is none of the words of {member.of}", value)
        return True

    def _list(self, member: Member, value: Any, path: str, depth: int) -> bool:
        if not isinstance(value, list):
            return self._wrong(path, What.LIST, value)
        bad = [i for i, item in enumerate(value) if not self._object(member.of, item, f"{path}[{i}]", depth)]
        if bad and member.of in WHOLE:
            return self._leave_out(path, "is read whole or not at all", "")
        for index in reversed(bad):
            del value[index]
        return True

    def _object(self, class_: str, value: Any, path: str, depth: int) -> bool:
        if not isinstance(value, dict):
            return self._leave_out(path, "is not an object", value)
        if class_ in CHOICES or class_ in TAGGED:
            kinds = CHOICES.get(class_, (class_,))
            if value.get("modelType") not in kinds:
                return self._leave_out(
                    path, f"is not one of {', '.join(kinds)}", value.get("modelType", "no modelType")
                )
            class_ = value["modelType"]
            if class_ in ELEMENTS:
                self._count()
        return self._read(class_, value, path, depth + 1, sep=".")

    def _wrong(self, path: str, what: What, value: Any) -> bool:
        return self._leave_out(path, f"is not {_NAMES[what]}", value)

    def _leave_out(self, path: str, what: str, value: object, *, constraint: str = "structure") -> bool:
        self._report.add(constraint, path, f"It {what}; it is left out.", value, left_out=True)
        return False

    def _count(self) -> None:
        self._elements += 1
        if self._progress and self._elements % 5_000 == 0:
            self._progress(self._elements)


def _step(base: str, item: dict[str, Any], at: int, *, in_list: bool) -> str:
    name = item.get("idShort")
    return f"{base}[{at}]" if in_list or not isinstance(name, str) or not name else f"{base}{step(name)}"
