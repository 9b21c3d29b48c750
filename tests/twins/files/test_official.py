"""T51 and T52 by the official examples and schemas of metamodel 3.1, as the sources of aas-core3.1 carry them."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import aas_core3_1.jsonization as jsonization31
import aas_core3_1.xmlization as xmlization31
import jsonschema
import pytest
from lxml import etree

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import files
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service import Repository

from .conftest import ALL_KINDS, DATA

SOURCES = DATA.parent / "aas" / "aas_core3_1-1.0.0.tar.gz"
KINDS = {"assetAdministrationShells": Kind.SHELL, "submodels": Kind.SUBMODEL, "conceptDescriptions": Kind.CONCEPT}


@cache
def everything() -> dict[str, bytes]:
    """The test data by path below `test_data/`."""
    if not SOURCES.is_file():
        pytest.skip(f"The official examples are not at hand: {SOURCES.name} is not below LINESHAFT_DATA/aas.")
    with tarfile.open(SOURCES) as packed:
        members = [one for one in packed.getmembers() if one.isfile() and "/test_data/" in one.name]
        return {one.name.split("/test_data/", 1)[1]: packed.extractfile(one).read() for one in members}  # type: ignore[union-attr]


def examples(start: str, end: str) -> Iterator[tuple[str, bytes]]:
    yield from ((name, data) for name, data in everything().items() if name.startswith(start) and name.endswith(end))


def test_t51_every_official_json_example_is_read_clean_and_to_the_letter() -> None:
    good = dict(examples("Json/ContainedInEnvironment/Expected/", ".json"))
    assert len(good) == 2_560
    odd = {}
    for name, data in good.items():
        read = files.read(data, strict=True)
        if read.environment != json.loads(data):
            odd[name] = read.environment
    assert odd == {}


def test_t51_every_official_xml_example_is_read_as_aas_core_reads_it() -> None:
    good = dict(examples("Xml/ContainedInEnvironment/Expected/", ".xml"))
    assert len(good) == 2_560
    odd = []
    for name, data in good.items():
        read = files.read(data, strict=True)
        if read.environment != jsonization31.to_jsonable(xmlization31.environment_from_str(data.decode())):
            odd.append(name)
    assert odd == []


@pytest.mark.parametrize(("form", "count"), [("Json", 2_064), ("Xml", 1_765)])
def test_t51_every_official_wrong_example_is_named_or_refused(form: str, count: int) -> None:
    """An event payload is no environment and is refused; that lists are empty in an environment does no harm."""
    told: Counter[str] = Counter()
    for name, data in examples(f"{form}/", f".{form.lower()}"):
        if "/Unexpected/" in name:
            told[_outcome(name, data)] += 1
    assert told.total() == count
    assert set(told) == {"named", "refused", "empty lists"}
    assert (told["empty lists"], told["refused"] < 40) == (3, True)


def _outcome(name: str, data: bytes) -> str:
    try:
        report = files.read(data).report
    except files.BadFile as refused:
        return "refused" if 0 < len(refused.message) < 300 else name
    if report.clean:
        return "empty lists" if "/MinLengthViolation/environment/" in name.replace("Env", "env") else name
    return "named"


async def test_t51_every_official_example_comes_back_from_the_store_to_the_letter(db: Database) -> None:
    await db.open(["lineshaft.security", "lineshaft.twins"])
    repository = Repository(db, Guard(db), "acme")
    whole: dict[str, list[dict[str, Any]]] = {group: [] for group in KINDS}
    for number, (_, data) in enumerate(examples("Json/ContainedInEnvironment/Expected/", ".json")):
        for group, documents in json.loads(data).items():
            # The examples share their ids, so each gets its own.
            whole[group] += [one | {"id": f"urn:{number}:{at}"} for at, one in enumerate(documents)]
    taken = await repository.take_in(PLATFORM, whole)
    assert (taken.created, taken.refused) == (sum(map(len, whole.values())), ())
    for group, kind in KINDS.items():
        after, found = None, []
        while True:
            page = await repository.page(PLATFORM, kind, after=after, limit=1_000)
            found += [json.loads(one.body) for one in page.documents]
            if (after := page.after) is None:
                break
        assert {one["id"]: one for one in found} == {one["id"]: one for one in whole[group]}


def schema_of_xml() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(io.BytesIO(everything()["schema.xsd"])))


def test_t52_what_is_written_as_31_is_valid_by_the_official_schemas() -> None:
    as_xml, as_json = (files.to_bytes(ALL_KINDS, form=form, version="3.1")[0] for form in ("xml", "json"))
    schema_of_xml().assertValid(etree.fromstring(as_xml))
    jsonschema.validate(json.loads(as_json), json.loads(everything()["schema.json"]))
    with pytest.raises(etree.DocumentInvalid):
        schema_of_xml().assertValid(
            etree.fromstring(as_xml.replace(b"<idShort>", b"<idLong>").replace(b"</idShort>", b"</idLong>"))
        )


def test_t52_every_official_example_is_written_as_valid_xml() -> None:
    schema, odd = schema_of_xml(), []
    for name, data in examples("Json/ContainedInEnvironment/Expected/", ".json"):
        written = files.to_bytes(json.loads(data), form="xml", version="3.1")[0]
        if not schema.validate(etree.fromstring(written)) or files.read(written).environment != json.loads(data):
            odd.append(name)
    assert odd == []
