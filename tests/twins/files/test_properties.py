"""Any environment the table of classes allows goes through every form and comes back as it was."""

from __future__ import annotations

import base64
import json
from typing import Any

import aas_core3_1.jsonization as jsonization31
import aas_core3_1.xmlization as xmlization31
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.twins import files
from lineshaft.twins.files.grammar import CHILDREN, CLASSES, ELEMENTS, IDENTIFIABLES, TAGGED, Member, What, options

ODD = ["", " ", "a", "\r\n\t", "<&>\"'", "]]>", " 中 \U0001f600 ", "\u0085\u2028", "&amp;", "x" * 300]
LETTERS = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
TEXT = st.sampled_from(ODD) | st.text(LETTERS, max_size=8)
NAMES = st.sampled_from(["Aa", "Speed", "a-b_c", "Z9", "LongerName_42"])
DEEPEST = 3
NESTS = {*CHILDREN.values(), "inputVariables", "outputVariables", "inoutputVariables"}


class Maker:
    """Draws objects of a class with any of its members; elements end after three levels."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def object(self, class_: str, depth: int) -> dict[str, Any]:
        if len(options(class_)) > 1:
            class_ = self._draw(st.sampled_from(options(class_)))
        (class_,) = options(class_)
        wished = self._draw(st.integers(0, (1 << len(CLASSES[class_])) - 1))
        made = {"modelType": class_} if class_ in TAGGED else {}
        for at, member in enumerate(CLASSES[class_].values()):
            ends = depth >= DEEPEST and (member.what >= What.OBJECT or member.name in NESTS)
            if member.required or (wished >> at & 1 and not ends):
                made[member.name] = self.value(member, depth)
        return made

    def value(self, member: Member, depth: int) -> Any:
        if member.what is What.ENUM:
            return self._draw(st.sampled_from(sorted(member.words)))
        if member.what is What.BOOL:
            return self._draw(st.booleans())
        if member.of == "base64":  # never empty: the other reader refuses an empty one in XML
            return base64.b64encode(self._draw(st.binary(min_size=1, max_size=4))).decode()
        if member.what is What.TEXT:
            return self._draw(NAMES if member.name == "idShort" else TEXT)
        if member.what is What.LIST:
            return [self.object(member.of, depth + 1) for _ in range(self._draw(st.integers(0, 2 if depth < 2 else 1)))]
        return self.object(member.of, depth + 1)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """Shells, submodels and concept descriptions, at most two of each."""
    make = Maker(draw)
    found = {name: [make.object(class_, 1) for _ in range(draw(st.integers(0, 2)))]
             for name, class_ in IDENTIFIABLES.items()}  # fmt: skip
    for items in found.values():
        for at, item in enumerate(items):
            item["id"] += str(at)
    return {name: items for name, items in found.items() if items}


@st.composite
def of_every_kind(draw: st.DrawFn) -> dict[str, Any]:
    """One submodel with an element of each of the fourteen kinds."""
    elements = [Maker(draw).object(kind, 2) for kind in ELEMENTS]
    return {"submodels": [{"modelType": "Submodel", "id": "urn:sm", "submodelElements": elements}]}


EASY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def through_everything(environment: dict[str, Any]) -> None:
    for form, inside in (("json", "xml"), ("xml", "xml"), ("aasx", "xml"), ("aasx", "json")):
        data, _ = files.to_bytes(environment, form=form, inside=inside)
        package = files.read(data)
        assert package.environment == environment
        assert [finding for finding in package.report.findings if finding.left_out] == []


@EASY
@given(environments())
def test_any_environment_comes_back_from_every_form(environment: dict[str, Any]) -> None:
    through_everything(environment)


@EASY
@given(of_every_kind())
def test_an_environment_of_all_fourteen_kinds_comes_back_from_every_form(environment: dict[str, Any]) -> None:
    through_everything(environment)


@EASY
@given(of_every_kind())
def test_what_is_written_is_what_another_reader_reads(environment: dict[str, Any]) -> None:
    as_json, _ = files.to_bytes(environment, form="json")
    as_xml, _ = files.to_bytes(environment, form="xml")
    from_json = jsonization31.environment_from_jsonable(json.loads(as_json))
    from_xml = xmlization31.environment_from_str(as_xml.decode())
    assert jsonization31.to_jsonable(from_json) == jsonization31.to_jsonable(from_xml) == environment


@EASY
@given(of_every_kind())
def test_what_is_written_as_30_is_read_back_without_a_structural_fault(environment: dict[str, Any]) -> None:
    as_xml, losses = files.to_bytes(environment, form="xml", version="3.0")
    as_json, _ = files.to_bytes(environment, form="json", version="3.0")
    from_xml, from_json = files.read(as_xml), files.read(as_json)
    assert from_xml.environment == from_json.environment
    assert not [f for f in from_xml.report.findings if f.left_out]
    if losses.clean:
        assert from_xml.environment == environment


@EASY
@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"{", b"<environment "]))
def test_any_bytes_are_read_or_refused_in_a_sentence(data: bytes, head: bytes) -> None:
    refused = ""
    try:
        files.read(head + data)
    except files.BadFile as error:
        refused = error.message
    assert refused.endswith(".")


WORDS = sorted({name for members in CLASSES.values() for name in members} | {"modelType"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


@EASY
@given(environments(), JSON, st.data())
def test_an_environment_with_a_foreign_value_somewhere_is_read_without_it(
    environment: dict[str, Any], foreign: Any, data: st.DataObject
) -> None:
    here: Any = environment
    while True:
        if not here:
            break
        key = data.draw(st.sampled_from(range(len(here)) if isinstance(here, list) else sorted(here)))
        if not isinstance(here[key], list | dict) or data.draw(st.integers(0, 3)) == 0:
            here[key] = foreign
            break
        here = here[key]
    once = files.read(json.dumps(environment).encode())
    twice = files.read(files.to_bytes(once.environment, form="json")[0])
    assert twice.environment == {name: items for name, items in once.environment.items() if items}
    assert not [f for f in twice.report.findings if f.left_out]
