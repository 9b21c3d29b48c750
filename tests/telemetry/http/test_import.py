"""Imports in the background: progress, bad rows, permission, and going on after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lineshaft.kernel.clock import now, now_us
from lineshaft.telemetry.service import imports as importing


async def finished(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            told: dict[str, Any] = (await client.get(f"/api/v1/jobs/{job['id']}")).json()
            if told["state"] not in ("waiting", "running"):
                return told
            await asyncio.sleep(0.02)


async def send(client: httpx.AsyncClient, body: bytes, **told: str) -> dict[str, Any]:
    answer = await client.post("/api/v1/import", content=body, params=told)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def test_a_file_is_imported_with_its_bad_rows_named(served: Any, tmp_path: Path) -> None:
    rows = [f"acme/lab/p{n % 3},{1_700_000_000 + n},{n}" for n in range(12_000)]
    rows[500] = "acme/lab/p1,never,1"
    async with served.client() as client:
        job = await send(client, ("path,ts,value\n" + "\n".join(rows)).encode(), name="lab.csv")
        done = await finished(client, job)
        assert {k: done[k] for k in ("name", "state", "rows", "total", "written", "bad", "troubles", "message")} == {
            "name": "lab.csv",
            "state": "done",
            "rows": 12_000,
            "total": 12_000,
            "written": 11_999,
            "bad": 1,
            "troubles": [{"line": 502, "message": "'never' is not a time"}],
            "message": "",
        }
        await served.stored(11_999)
        asked = {"subtree": "acme/lab", "start": "2023-01-01T00:00:00Z", "every": "year", "aggregate": "count,sum"}
        found = (await client.get("/api/v1/query", params=asked)).json()["series"]
        assert [one["count"] for one in found] == [[4000], [4000], [3999]]
        assert sum(one["sum"][0] for one in found) == sum(range(12_000)) - 500
        assert [one["id"] for one in (await client.get("/api/v1/jobs")).json()["items"]] == [job["id"]]
    assert list((tmp_path / "imports").iterdir()) == []


async def test_a_wide_file_of_the_last_century_goes_below_a_place(served: Any) -> None:
    body = b"time;Flow [l/min];Mode\n1985-01-01 01:00:00;1,5;AUTO\n"
    async with served.client() as client:
        job = await send(client, body, prefix="acme/pump", decimal=",", name="old")
        assert (await finished(client, job))["written"] == 2
        await served.stored(2)
        asked = {"subtree": "acme/pump", "start": "1980-01-01T00:00:00Z"}
        found = (await client.get("/api/v1/query", params=asked)).json()["series"]
    assert [(one["path"], one["ts"], one["number"], one["text"], one["quality"]) for one in found] == [
        ("acme/pump/Flow-[l-min]", ["1985-01-01T00:00:00Z"], [1.5], [None], [0]),
        ("acme/pump/Mode", ["1985-01-01T00:00:00Z"], [None], ["AUTO"], [0]),
    ]


async def test_nothing_of_a_file_is_written_when_one_path_is_outside(served: Any) -> None:
    body = (
        "path,ts,value\n" + "".join(f"acme/a,{1_700_000_000 + n},1\n" for n in range(6000)) + "other/b,1700000000,1\n"
    )
    async with served.client() as client:
        told = await finished(client, await send(client, body.encode()))
        assert (told["state"], told["written"], "other/b" in told["message"]) == ("failed", 0, True)
    async with served.client(served.viewer) as client:
        answer = await client.post("/api/v1/import", content=body.encode())
        assert (answer.status_code, answer.json()["code"]) == (403, "security.not_allowed")
    assert await served.messages() == 0
    assert {entry.action for entry in await served.denied()} == {"telemetry.write", "telemetry.import"}


async def test_what_is_no_file_of_samples_is_said_in_a_sentence(served: Any) -> None:
    async with served.client() as client:
        for body, sentence in (
            (b"a,b\n1,2\n", "No column of the file seems to hold the times."),
            (b"\x00\xff\xfe", "The file is no text in UTF-8."),
            (b"PAR1 not really", "The file cannot be read:"),
        ):
            told = await finished(client, await send(client, body))
            assert (told["state"], told["message"][: len(sentence)]) == ("failed", sentence)
        large = await client.post("/api/v1/import", content=b"x" * (3 << 20))
        assert (large.status_code, large.json()["title"]) == (413, "The file is larger than 2 MB.")
        wrong = await client.post("/api/v1/import", content=b"", params={"zone": "Europe/Berln"})
        assert (wrong.status_code, wrong.json()["title"]) == (400, "'Europe/Berln' is not a time zone.")
        unknown = await client.post("/api/v1/import", content=b"", params={"zon": "UTC"})
        assert unknown.status_code == 400
        nothing = await client.get("/api/v1/jobs/nothing")
        assert (nothing.status_code, nothing.json()["code"]) == (404, "telemetry.no_job")


async def test_an_import_gives_up_on_a_file_that_is_something_else(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_BAD", 50)
    body = b"path,ts,value\n" + b"acme/a,never,1\n" * 200
    async with served.client() as client:
        told = await finished(client, await send(client, body))
    assert (told["state"], told["bad"], len(told["troubles"])) == ("failed", 200, 100)
    assert told["message"].startswith("More than 50 rows are no samples")


async def test_somebody_elses_import_is_unknown_and_administrators_see_all(served: Any) -> None:
    from lineshaft.security import PLATFORM, Grant, Role

    made = await served.security.tokens.create(PLATFORM, name="root", grants=[Grant(role=Role.ADMIN)])
    async with served.client() as client:
        job = await send(client, b"path,ts,value\nacme/a,1700000000,1\n")
    async with served.client(served.stranger) as client:
        assert (await client.get(f"/api/v1/jobs/{job['id']}")).status_code == 404
        assert (await client.delete(f"/api/v1/jobs/{job['id']}")).status_code == 404
        assert (await client.get("/api/v1/jobs")).json()["items"] == []
    async with served.client(made.secret) as client:
        assert len((await client.get("/api/v1/jobs")).json()["items"]) == 1


async def test_a_cancelled_import_stops_and_leaves_no_file(served: Any, tmp_path: Path, monkeypatch: Any) -> None:
    gate = asyncio.Event()
    write = importing.Intake.write

    async def slowly(self: Any, *args: Any, **more: Any) -> int:
        await gate.wait()
        return await write(self, *args, **more)

    monkeypatch.setattr(importing.Intake, "write", slowly)
    rows = "".join(f"acme/a,{1_700_000_000 + n},1\n" for n in range(100))
    async with served.client() as client:
        job = await send(client, f"path,ts,value\n{rows}".encode())
        told = (await client.delete(f"/api/v1/jobs/{job['id']}")).json()
        assert told["state"] == "cancelled"
        gate.set()
        await asyncio.sleep(0.1)
        assert (await client.get(f"/api/v1/jobs/{job['id']}")).json()["state"] == "cancelled"
    assert list((tmp_path / "imports").iterdir()) == []


async def test_an_import_that_was_cut_off_is_done_again_and_counts_once(served: Any, tmp_path: Path) -> None:
    """As after `kill -9`: the job says running, nobody has shown signs of life, its file is there."""
    from lineshaft.security import PLATFORM
    from lineshaft.telemetry.files import Layout
    from lineshaft.telemetry.model import Job, JobState
    from lineshaft.telemetry.store.jobs import Jobs

    db = served.security.guard._db
    file = tmp_path / "imports" / "cut"
    file.parent.mkdir(exist_ok=True)
    file.write_text("path,ts,value\nacme/a,1700000000,1\nacme/a,1700000001,2\n")
    job = Job(id="cut", name="cut", state=JobState.RUNNING, rows=1, written=1, created_at=now())
    who = msgspec.json.encode(PLATFORM).decode()
    async with db.begin() as tx:
        await Jobs(db).add(
            tx, job, owner_id="platform", who=who, file=str(file), layout=msgspec.json.encode(Layout()).decode()
        )
    async with asyncio.timeout(20):
        while (await Jobs(db).find("cut"))[0].state is not JobState.DONE:  # type: ignore[index]
            await asyncio.sleep(0.05)
    found = await Jobs(db).find("cut")
    assert found is not None
    assert (found[0].rows, found[0].written) == (2, 2)
    assert found[0].ended_at is not None
    await served.stored(2)


async def test_an_import_waits_while_the_bus_has_no_room(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lineshaft.kernel.errors import Unavailable

    publish, refusals = served.bus.publish, 2

    async def full(*args: Any, **more: Any) -> int:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Unavailable("The bus has no room.")
        return int(await publish(*args, **more))

    monkeypatch.setattr(served.bus, "publish", full)
    async with served.client() as client:
        told = await finished(client, await send(client, f"path,ts,value\nacme/a,{now_us()},1\n".encode()))
    assert (told["state"], told["written"], refusals) == ("done", 1, 0)
