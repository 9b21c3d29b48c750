"""Whatever comes in, the answer is a Result with a status below 500, and nothing is changed by what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.kernel.db import Database
from lineshaft.security import Grant, Guard, Role, Who, WhoKind
from lineshaft.twins.api.aas import Services, application, routes
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.service import Bulk, Operations, Repository

from .conftest import AAS, ENVIRONMENT, SM, V30, V31, A, S, Served, fill
from .test_reading import is_result

GRANTS = (Grant(role=Role.ENGINEER, subtree="acme"),)
ADA = Who(id="ada", name="ada", kind=WhoKind.USER, grants=GRANTS, origin="test")
ODD_SEGMENTS = (
    f"{A} {S} {encode_id('none')} AllKinds AllKinds.List%5B0%5D AllKinds.Prop AllKinds.Op Second a ==== .. %00 %FF%FE "
    f"%2F [0] AllKinds. $value {'a' * 3000} {'x.y' * 200}"
).split()
NAMED = """id idShort modelType value submodelElements submodels keys type valueType assetInformation inputArguments
    $condition $eq $match name AllKinds Prop min endpoints submodelDescriptors semanticId statements language"""
ASKED = """limit cursor level extent assetIds semanticId idShort aasIds isCaseOf includeConceptDescriptions assetType
    assetKind aasId dataSpecificationRef"""
ODD_TEXTS = f"1 -1 core A ==== %00 %FF {'9' * 30} e30 W10 bnVsbA true {'x' * 4000}".split()
ODD_LEAVES = ["Submodel", "Property", "xs:int", "ModelReference", AAS, SM, 10**400, -1, "\x00", "$sm#id"]
MEDIA = [b"application/json", b"multipart/form-data; boundary=x", b"multipart/form-data", b"\xff"]
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20) | st.sampled_from(ODD_LEAVES)
SEGMENTS = st.sampled_from(ODD_SEGMENTS) | st.text(max_size=30).map(lambda text: encode_id(text) or "x")
NAMES = st.sampled_from(NAMED.split()) | st.text(max_size=8)
BODIES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
QUERIES = st.lists(st.tuples(st.sampled_from(ASKED.split()), st.sampled_from(["", *ODD_TEXTS])), max_size=3)
NESTED = b'{"a":' * 500 + b"1" + b"}" * 500
RAW = [b"", b"{", b"\xff\xfe", b"[" * 5000, NESTED, b'"\\ud800"', b"1e999", b"NaN", b'{"id":"\\u0000"}', b"--x"]
ROUTES = sorted({(route.method, route.address) for route in routes()})


async def asked(app: Any, method: str, path: str, query: str, body: bytes, media: bytes) -> tuple[int, bytes]:
    """Send one request straight into the application, with no client that would mend it."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"content-type", media)],
        "scheme": "http",
        "state": {"who": ADA},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"]), b"".join(one.get("body", b"") for one in sent[1:])


@pytest.fixture
async def app(db: Database) -> Any:
    await db.open(["lineshaft.security", "lineshaft.twins"])
    guard = Guard(db)
    repository = Repository(db, guard, "acme")
    await fill(repository)
    operations = Operations(repository, guard)
    return application(Services(repository=repository, operations=operations, bulk=Bulk(repository)))


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_no_input_makes_a_fault_of_ours(app: Any, data: st.DataObject) -> None:
    method, address = data.draw(st.sampled_from(ROUTES))
    while "{" in address:
        head, _, rest = address.partition("{")
        address = head + data.draw(SEGMENTS) + rest.partition("}")[2]
    query = "&".join(f"{name}={value}" for name, value in data.draw(QUERIES))
    writes = method not in ("GET", "DELETE")
    body = data.draw(BODIES.map(lambda one: json.dumps(one).encode()) | st.sampled_from(RAW)) if writes else b""
    mount, media = data.draw(st.sampled_from([V31, V30])), data.draw(st.sampled_from(MEDIA))
    status, told = await asked(app, method, mount + address, query, body, media)
    assert status < 500 or status == 501, f"{method} {address}?{query} {body[:200]!r}: {told!r}"
    if status >= 400:
        assert set(json.loads(told)) == {"messages"}


@pytest.mark.parametrize("body", RAW, ids=range(len(RAW)))
async def test_a_broken_body_changes_nothing(ada: httpx.AsyncClient, body: bytes) -> None:
    before = (await ada.get(f"{V31}/submodels/{S}")).content
    value = "/submodel-elements/AllKinds.Prop/$value"
    for method, tail in (("PUT", ""), ("PATCH", ""), ("PATCH", "/$value"), ("PATCH", "/$metadata"), ("PATCH", value)):
        is_result(await ada.request(method, f"{V31}/submodels/{S}{tail}", content=body), 400)
    assert (await ada.get(f"{V31}/submodels/{S}")).content == before


async def test_t54_deep_nesting_is_refused_and_the_process_lives(ada: httpx.AsyncClient) -> None:
    start = '{"modelType":"SubmodelElementCollection","idShort":"cc"'
    for levels in (70, 95, 10_000):
        text = f'{start},"value":[' * levels + start + "}" + "]}" * levels
        is_result(await ada.post(f"{V31}/submodels/{S}/submodel-elements", content=text), 400)
    key = '{"type":"ExternalReference","keys":[{"type":"GlobalReference","value":"x"}]'
    reference = f'{key},"referredSemanticId":' * 300 + key + "}" * 301
    body = f'{{"modelType":"Submodel","id":"deep","semanticId":{reference}}}'
    is_result(await ada.post(f"{V31}/submodels", content=body), 400)
    assert (await ada.get(f"{V31}/submodels/{S}?extent=withBlobValue")).json() == ENVIRONMENT["submodels"][0]


async def test_a_body_too_large_is_413_before_it_is_sent(served: Served) -> None:
    url = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {V31}/submodels HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {served.engineer}\r\n"
    writer.write(f"{head}Content-Length: {1 << 30}\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()
