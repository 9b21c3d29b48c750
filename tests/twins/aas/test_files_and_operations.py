"""Attachments, thumbnails and operations over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from lineshaft.kernel.errors import Conflict
from lineshaft.security import PLATFORM, AuditFilter, Who
from lineshaft.twins.api.aas.operations import duration
from lineshaft.twins.model.operations import ExecutionState, Invocation, Outcome

from .conftest import V31, A, S, Served
from .test_reading import is_result

ELEMENTS = f"{V31}/submodels/{S}/submodel-elements"
FILE = f"{ELEMENTS}/AllKinds.Fil"
OPERATION = f"{ELEMENTS}/AllKinds.Op"
SPEED = {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "5000"}
BODY = {"inputArguments": [{"value": SPEED}], "clientTimeoutDuration": "PT60S"}


def upload(content: bytes, name: str = "Prüfung 1.pdf", media: str = "application/pdf") -> dict[str, object]:
    return {"data": {"fileName": name}, "files": {"file": ("x", content, media)}}


async def test_t22_an_attachment_is_put_read_and_deleted(ada: httpx.AsyncClient) -> None:
    is_result(await ada.get(f"{FILE}/attachment"), 404)
    content = bytes(range(256)) * 40
    assert (await ada.put(f"{FILE}/attachment", **upload(content))).status_code == 204
    found = await ada.get(f"{FILE}/attachment")
    assert (found.content, found.headers["content-type"]) == (content, "application/pdf")
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''Pr%C3%BCfung%201.pdf"
    element = (await ada.get(FILE)).json()
    assert element["contentType"] == "application/pdf"
    assert element["value"].startswith("/aasx/files/")
    assert (await ada.delete(f"{FILE}/attachment")).status_code == 204
    is_result(await ada.get(f"{FILE}/attachment"), 404)
    assert (await ada.get(FILE)).status_code == 200


async def test_t22_only_a_file_has_an_attachment(ada: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    is_result(await ada.get(f"{ELEMENTS}/AllKinds.Prop/attachment"), 400)
    is_result(await ada.put(f"{ELEMENTS}/AllKinds.Prop/attachment", **upload(b"x")), 400)
    is_result(await ada.put(f"{FILE}/attachment", content=b"x"), 400)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    is_result(await ada.put(f"{FILE}/attachment", content=b"nonsense", headers=headers), 400)
    is_result(await ada.put(f"{FILE}/attachment", data={"fileName": "x"}, files={}), 400)
    is_result(await eve.put(f"{FILE}/attachment", **upload(b"x")), 403)
    is_result(await ada.get(f"{FILE}/attachment"), 404)


async def test_a_thumbnail_is_put_read_and_deleted(ada: httpx.AsyncClient) -> None:
    address = f"{V31}/shells/{A}/asset-information/thumbnail"
    assert (await ada.put(address, **upload(b"\x89PNG", "press.png", "image/png"))).status_code == 204
    found = await ada.get(address)
    assert (found.content, found.headers["content-type"]) == (b"\x89PNG", "image/png")
    told = (await ada.get(f"{V31}/shells/{A}/asset-information")).json()["defaultThumbnail"]
    assert told["contentType"] == "image/png"
    assert (await ada.delete(address)).status_code == 204
    is_result(await ada.get(address), 404)


class Doubler:
    """Doubles its argument; a negative one is refused, zero breaks it, and one above 9,000 never ends."""

    def __init__(self) -> None:
        self.asked: list[Invocation] = []
        self.go = asyncio.Event()

    def carries(self, invocation: Invocation) -> bool:
        return invocation.path == "AllKinds.Op"

    async def invoke(self, who: Who, invocation: Invocation) -> Outcome:
        self.asked.append(invocation)
        speed = int(invocation.inputs[0]["value"])
        if speed > 9_000:
            await asyncio.Event().wait()
        if speed < 0:
            raise Conflict("The guard door is open.", hint="Close it.")
        if speed == 1:
            await self.go.wait()
        return Outcome(outputs=(SPEED | {"idShort": "Twice", "value": str(2 * speed)},)) if speed else 1 / 0


@pytest.fixture
def doubler(served: Served) -> Doubler:
    handler = Doubler()
    served.operations.add(handler)
    return handler


def asked(speed: int, within: str = "PT60S") -> dict[str, object]:
    return {"inputArguments": {"Speed": speed}, "clientTimeoutDuration": within}


async def test_an_operation_without_a_machine_says_so_with_501(ada: httpx.AsyncClient) -> None:
    answer = await ada.post(f"{OPERATION}/invoke", json=BODY)
    assert (answer.status_code, set(answer.json())) == (501, {"messages"})
    assert "no machine" in answer.json()["messages"][0]["text"]


async def test_t20_an_operation_is_invoked_and_answers(
    served: Served, ada: httpx.AsyncClient, doubler: Doubler
) -> None:
    answer = await ada.post(f"{OPERATION}/invoke", json=BODY)
    twice = SPEED | {"idShort": "Twice", "value": "10000"}
    assert (answer.status_code, answer.json()) == (
        200, {"executionState": "Completed", "success": True, "outputArguments": [{"value": twice}]},
    )  # fmt: skip
    plain = await ada.post(f"{OPERATION}/invoke/$value", json=asked(21))
    assert plain.json() == {"executionState": "Completed", "success": True, "outputArguments": {"Twice": 42}}
    assert doubler.asked[1].inputs == ({**SPEED, "valueType": "xs:integer", "value": "21"},)
    (first, second) = await served.security.guard.entries(PLATFORM, AuditFilter(action="twins.operations"))
    assert (first.after, second.after) == (
        {"inputs": {"Speed": "21"}, "state": "Completed"}, {"inputs": {"Speed": "5000"}, "state": "Completed"},
    )  # fmt: skip


async def test_t20_what_the_machine_refuses_is_told(ada: httpx.AsyncClient, doubler: Doubler) -> None:
    assert "guard door" in is_result(await ada.post(f"{OPERATION}/invoke/$value", json=asked(-1)), 409)
    late = await ada.post(f"{OPERATION}/invoke/$value", json=asked(9_999, "PT0.05S"))
    assert (late.status_code, late.json()["executionState"], late.json()["success"]) == (200, "Timeout", False)


@pytest.mark.parametrize(
    "body", [5, {"inputArguments": 5}, {"inputArguments": [5]}, {"inputArguments": [{"value": 5}]},
             {"inputArguments": [{"value": {"modelType": "Nonsense"}}]}, {"clientTimeoutDuration": "soon"},
             {"clientTimeoutDuration": "PT0S"}, {"clientTimeoutDuration": "P99D"}, {"clientTimeoutDuration": 60}],
)  # fmt: skip
async def test_a_wrong_invocation_reaches_no_machine(ada: httpx.AsyncClient, doubler: Doubler, body: object) -> None:
    is_result(await ada.post(f"{OPERATION}/invoke", json=body), 400)
    assert doubler.asked == []


async def test_only_operators_invoke_and_only_operations(
    ada: httpx.AsyncClient, eve: httpx.AsyncClient, doubler: Doubler
) -> None:
    is_result(await eve.post(f"{OPERATION}/invoke", json=BODY), 403)
    is_result(await eve.post(f"{OPERATION}/invoke-async", json=BODY), 403)
    is_result(await ada.post(f"{ELEMENTS}/AllKinds.Prop/invoke", json=BODY), 400)
    is_result(await ada.post(f"{ELEMENTS}/AllKinds.None/invoke", json=BODY), 404)
    assert doubler.asked == []


async def ended(client: httpx.AsyncClient, status: str) -> httpx.Response:
    async with asyncio.timeout(10):
        while (answer := await client.get(status)).status_code == 200:
            await asyncio.sleep(0.02)
    return answer


async def test_t21_an_operation_runs_while_nobody_waits(ada: httpx.AsyncClient, doubler: Doubler) -> None:
    for tail in ("", "/$value"):
        body = asked(1) if tail else {"inputArguments": [{"value": SPEED | {"value": "1"}}]}
        doubler.go.clear()
        started = await ada.post(f"{OPERATION}/invoke-async{tail}", json=body)
        assert (started.status_code, started.content) == (202, b"")
        status = str(
            httpx.URL(f"http://h{OPERATION}/invoke-async{tail}").join(started.headers["location"]).raw_path, "ascii"
        )
        running = await ada.get(status)
        assert (running.status_code, running.json()) == (200, {"executionState": "Running"})
        doubler.go.set()
        moved = await ended(ada, status)
        assert moved.status_code == 302
        results = moved.headers["location"]
        outcome = (await ada.get(results + tail)).json()
        assert (outcome["executionState"], outcome["success"]) == ("Completed", True)
        assert outcome["outputArguments"] in ({"Twice": 2}, [{"value": SPEED | {"idShort": "Twice", "value": "2"}}])


@pytest.mark.parametrize(
    ("speed", "state", "says"),
    [(0, "Failed", "division"), (-1, "Failed", "guard door"), (9_999, "Timeout", "No answer")],
)
async def test_t21_a_late_failure_is_an_outcome(
    ada: httpx.AsyncClient, doubler: Doubler, speed: int, state: str, says: str
) -> None:
    started = await ada.post(f"{OPERATION}/invoke-async/$value", json=asked(speed, "PT0.1S"))
    handle = started.headers["location"].rpartition("/")[2]
    assert (await ended(ada, f"{OPERATION}/operation-status/{handle}")).status_code == 302
    outcome = await ada.get(f"{OPERATION}/operation-results/{handle}")
    assert (outcome.status_code, outcome.json()["executionState"], outcome.json()["success"]) == (200, state, False)
    assert says in outcome.json()["messages"][0]["text"]


async def test_t21_an_unknown_handle_is_404(ada: httpx.AsyncClient) -> None:
    is_result(await ada.get(f"{OPERATION}/operation-status/none"), 404)
    is_result(await ada.get(f"{OPERATION}/operation-results/none"), 404)


def test_durations_are_read() -> None:
    assert duration("P1DT2H3M4.5S") == timedelta(days=1, hours=2, minutes=3, seconds=4.5)
    assert duration(None) is None
    assert ExecutionState.TIMEOUT.ended
