"""Questions and writes over HTTP: shapes, formats, pages, and who is refused."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.clock import now_us
from lineshaft.security import PLATFORM, AuditFilter, Grant, Role

ARROW = "application/vnd.apache.arrow.stream"
Write = Callable[..., Awaitable[None]]
DAY = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


def at(clock: str) -> str:
    return f"2026-03-01T{clock}Z"


@pytest.fixture
async def filled(write: Write) -> None:
    await write(
        ("acme/hall/oven/temperature", 180, at("10:00:00")),
        ("acme/hall/oven/temperature", 190, at("10:00:30")),
        ("acme/hall/oven/temperature", 200, at("10:01:00")),
        ("acme/hall/oven/state", "HEATING", at("10:00:00")),
    )


async def test_series_are_listed_searched_and_paged(served: Any, filled: None) -> None:
    async with served.client() as client:
        everything = (await client.get("/api/v1/series")).json()
        assert [item["path"] for item in everything["items"]] == ["acme/hall/oven/state", "acme/hall/oven/temperature"]
        assert [item["kind"] for item in everything["items"]] == ["text", "number"]
        first = (await client.get("/api/v1/series", params={"limit": 1})).json()
        second = (await client.get("/api/v1/series", params={"limit": 1, "cursor": first["next"]})).json()
        assert second["items"][0]["path"] == "acme/hall/oven/temperature"
        found = (await client.get("/api/v1/series", params={"search": "TEMP oven"})).json()
        assert [item["path"] for item in found["items"]] == ["acme/hall/oven/temperature"]


async def test_buckets_come_as_columns_of_json(served: Any, filled: None) -> None:
    asked = {**DAY, "path": ["acme/hall/oven/temperature", "acme/hall/no"], "every": "1m", "aggregate": "band,count"}
    async with served.client() as client:
        answer = (await client.get("/api/v1/query", params=asked)).json()
    assert answer == {
        "series": [
            {
                "path": "acme/hall/oven/temperature",
                "ts": [at("10:00:00"), at("10:01:00")],
                "min": [180.0, 200.0],
                "max": [190.0, 200.0],
                "mean": [185.0, 200.0],
                "count": [2, 1],
            }
        ],
        "unknown": ["acme/hall/no"],
        "more": False,
        "source": "raw",
        "width_s": 60.0,
        "next": None,
    }


async def test_the_same_question_may_come_as_a_body_and_go_as_arrow_csv_or_parquet(served: Any, filled: None) -> None:
    asked = {**DAY, "subtree": "acme/hall", "every": "day", "aggregate": ["max"], "zone": "Asia/Tokyo"}
    async with served.client() as client:

        async def ask(kind: str) -> Any:
            answer = await client.post("/api/v1/query", json=asked, headers={"Accept": kind})
            assert answer.headers["content-type"].startswith(kind)
            assert json.loads(answer.headers["Lineshaft-Answer"])["unknown"] == []
            return answer.content

        tables = [
            pa.ipc.open_stream(await ask(ARROW)).read_all(),
            pq.read_table(io.BytesIO(await ask("application/vnd.apache.parquet"))),
            pyarrow.csv.read_csv(io.BytesIO(await ask("text/csv"))),
        ]
    for table in tables:
        assert table["path"].to_pylist() == ["acme/hall/oven/temperature"]
        assert table["max"].to_pylist() == [200.0]
        assert table["ts"].to_pylist()[0].isoformat() == "2026-02-28T15:00:00+00:00"


async def test_raw_rows_come_in_pages_with_words_and_quality(served: Any, filled: None) -> None:
    asked: dict[str, Any] = {**DAY, "subtree": "acme", "limit": 3}
    async with served.client() as client:
        first = (await client.get("/api/v1/query", params=asked)).json()
        second = (await client.get("/api/v1/query", params={**asked, "cursor": first["next"]})).json()
    rows = [
        (one["path"].rpartition("/")[2], ts, number, text, quality)
        for page in (first, second)
        for one in page["series"]
        for ts, number, text, quality in zip(one["ts"], one["number"], one["text"], one["quality"], strict=True)
    ]
    assert sorted(rows, key=str) == [
        ("state", at("10:00:00"), None, "HEATING", 0),
        ("temperature", at("10:00:00"), 180.0, None, 0),
        ("temperature", at("10:00:30"), 190.0, None, 0),
        ("temperature", at("10:01:00"), 200.0, None, 0),
    ]
    assert second["next"] is None


async def test_newest_values_are_told_with_their_age(served: Any, filled: None) -> None:
    async with served.client() as client:
        found = (await client.get("/api/v1/series/latest", params={"pattern": "acme/**/temperature"})).json()
    assert [(one["path"], one["value"], one["quality"]) for one in found] == [
        ("acme/hall/oven/temperature", 200.0, "good")
    ]
    assert found[0]["age_s"] > 0


WRONG_QUESTIONS: list[tuple[dict[str, str], str]] = [
    ({"path": "a/b", "aggregate": "meen"}, "'meen' is not an aggregate."),
    ({"path": "a/b", "every": "1 fortnight"}, "'1 fortnight' is not a bucket."),
    ({"path": "a/b", "start": "yesterday"}, "'yesterday' is not a time."),
    ({}, "The question names no series."),
    ({"path": "a/b", "evry": "1m"}, "query.evry: Extra inputs are not permitted."),
    ({"path": "a/b", "every": "day", "zone": "Europe/Berln"}, "'Europe/Berln' is not a time zone."),
    ({"path": "a/b", "cursor": "x!"}, "'x!' is not a cursor of ours."),
]


async def test_a_wrong_question_is_answered_with_a_sentence(served: Any) -> None:
    async with served.client(await everywhere(served)) as client:
        for asked, sentence in WRONG_QUESTIONS:
            answer = await client.get("/api/v1/query", params=asked)
            assert (answer.status_code, answer.json()["title"]) == (400, sentence)


async def everywhere(served: Any) -> str:
    made = await served.security.tokens.create(PLATFORM, name="all", grants=[Grant(role=Role.VIEWER)])
    secret: str = made.secret
    return secret


async def test_a_stranger_is_refused_audited_and_finds_nothing(served: Any, filled: None) -> None:
    path = "acme/hall/oven/temperature"
    async with served.client(served.stranger) as client:
        for asked in (
            client.get("/api/v1/query", params={"path": path}),
            client.get("/api/v1/query", params={"subtree": "acme"}),
            client.get("/api/v1/series/latest", params={"path": path}),
            client.get("/api/v1/export", params={"path": path}),
            client.get("/api/v1/live/events", params={"path": path}),
            client.post("/api/v1/samples", json={"samples": [{"path": path, "value": 1}]}),
        ):
            answer = await asked
            assert (answer.status_code, answer.json()["code"]) == (403, "security.not_allowed"), answer.url
        assert (await client.get("/api/v1/series")).json() == {"items": [], "next": None}
        assert (await client.get("/api/v1/series", params={"subtree": "acme"})).json()["items"] == []
        assert (await client.get("/api/v1/query", params={"pattern": "**"})).json()["series"] == []
    assert {(entry.action, entry.subject) for entry in await served.denied()} == {
        ("telemetry.read", path),
        ("telemetry.read", "acme"),
        ("telemetry.series", "acme"),
        ("telemetry.live", path),
        ("telemetry.write", path),
    }


async def test_a_viewer_may_not_write_and_nothing_is_written_when_one_path_is_outside(served: Any) -> None:
    rows = [{"path": "acme/a", "value": 1}, {"path": "other/b", "value": 2}]
    async with served.client(served.viewer) as client:
        assert (await client.post("/api/v1/samples", json={"samples": rows[:1]})).status_code == 403
    async with served.client() as client:
        answer = await client.post("/api/v1/samples", json={"samples": rows})
        assert (answer.status_code, "other/b" in answer.json()["title"]) == (403, True)
    assert await served.messages() == 0


async def test_samples_may_come_as_arrow_packed_or_not(served: Any) -> None:
    table = pa.table(
        {
            "path": ["acme/a", "acme/a", "acme/b"],
            "ts": pa.array([1_772_000_000_000, 1_772_000_001_000, 1_772_000_000_000], pa.timestamp("ms", "UTC")),
            "value": [1.5, None, 2.5],
            "quality": pa.array([0, 0x80, 0x40], pa.uint8()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Content-Type": ARROW, "Content-Encoding": "gzip"}
    async with served.client() as client:
        answer = await client.post("/api/v1/samples", content=gzip.compress(bytes(sink.getvalue())), headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"written": 3})
        await served.stored(3)
        asked = {"subtree": "acme", "start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
        found = (await client.get("/api/v1/query", params=asked)).json()["series"]
    assert [(one["path"], one["number"], one["quality"]) for one in found] == [
        ("acme/a", [1.5, None], [0, 0x80]),
        ("acme/b", [2.5], [0x40]),
    ]


WRONG_BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"{", {}, 400, "The body is not a batch of samples"),
    (b'{"samples": [{"path": "a b", "value": 1}]}', {}, 400, "'a b' is not a plant path"),
    (
        b'{"samples": [{"path": "acme/a", "value": 1, "ts": "2026-01-01T00:00:00"}]}',
        {},
        400,
        "samples[0].ts has no zone.",
    ),
    (b'{"samples": [{"path": "acme/a", "value": 1, "quality": "fine"}]}', {}, 400, "samples[0].quality is 'fine'."),
    (b"not arrow", {"Content-Type": ARROW}, 400, "The body is not an Arrow stream"),
    (b"x" * 1_100_000, {}, 413, "The body is larger than 1 MB."),
    (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 413, "The body is larger than 1 MB."),
    (b"plain", {"Content-Encoding": "gzip"}, 400, "The body is not gzip"),
    (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 400, "The gzip body ends too early."),
    (b"{}", {"Content-Encoding": "br"}, 400, "The content encoding 'br' is not known."),
]


async def test_a_wrong_body_is_refused_with_a_sentence_and_nothing_written(served: Any) -> None:
    async with served.client() as client:
        for body, headers, status, sentence in WRONG_BODIES:
            answer = await client.post("/api/v1/samples", content=body, headers=headers)
            assert (answer.status_code, answer.json()["title"][: len(sentence)]) == (status, sentence)
    assert await served.messages() == 0


async def test_an_export_streams_everything_in_any_format(served: Any, filled: None) -> None:
    asked = {**DAY, "subtree": "acme/hall"}
    async with served.client() as client:
        csv = (await client.get("/api/v1/export", params=asked)).text
        parquet = await client.get("/api/v1/export", params={**asked, "format": "parquet"})
        arrow = await client.get("/api/v1/export", params={**asked, "format": "arrow"})
        nothing = await client.get("/api/v1/export", params={**asked, "start": "2026-03-01T23:00:00Z"})
    assert csv.splitlines() == [
        '"path","ts","number","text","quality"',
        '"acme/hall/oven/state",2026-03-01 10:00:00.000000Z,,"HEATING",0',
        '"acme/hall/oven/temperature",2026-03-01 10:00:00.000000Z,180,,0',
        '"acme/hall/oven/temperature",2026-03-01 10:00:30.000000Z,190,,0',
        '"acme/hall/oven/temperature",2026-03-01 10:01:00.000000Z,200,,0',
    ]
    assert parquet.headers["content-disposition"] == 'attachment; filename="lineshaft.parquet"'
    assert pq.read_table(io.BytesIO(parquet.content)).equals(pa.ipc.open_stream(arrow.content).read_all())
    assert nothing.text.splitlines() == ['"path","ts","number","text","quality"']


async def test_the_audit_log_says_once_who_writes_where(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = (
        await served.security.tokens.create(
            PLATFORM,
            name="gateway",
            grants=[Grant(role=Role.ENGINEER, subtree="acme/telegraf"), Grant(role=Role.ENGINEER, subtree="acme/lab")],
        )
    ).secret

    async def written(*paths: str) -> list[tuple[str, str, object]]:
        async with served.client(secret) as client:
            rows = [{"path": path, "value": 1} for path in paths]
            assert (await client.post("/api/v1/samples", json={"samples": rows})).status_code == 200
        found = await served.security.guard.entries(PLATFORM, AuditFilter(action="telemetry.write"))
        return [(entry.actor.split(" ")[0], entry.subject, entry.after) for entry in reversed(found)]

    first = ("gateway", "acme/telegraf", {"such_as": "acme/telegraf/a"})
    assert await written("acme/telegraf/a", "acme/telegraf/b") == [first]
    assert await written("acme/telegraf/c") == [first]
    both = [first, ("gateway", "acme/lab", {"such_as": "acme/lab/ph"})]
    assert await written("acme/telegraf/c", "acme/lab/ph") == both
    monkeypatch.setattr("lineshaft.telemetry.service.intake.NOTE_EVERY_S", 0.0)
    assert await written("acme/lab/ph") == [*both, both[1]], "an hour later"


async def test_an_operator_may_not_write_samples(served: Any) -> None:
    made = await served.security.tokens.create(
        PLATFORM, name="panel", grants=[Grant(role=Role.OPERATOR, subtree="acme")]
    )
    async with served.client(made.secret) as client:
        for answer in (
            await client.post("/api/v1/samples", json={"samples": [{"path": "acme/a", "value": 1}]}),
            await client.post("/api/v2/write?org=acme&bucket=b", content=b"m f=1"),
            await client.post("/api/v1/import", content=b"path,ts,value\nacme/a,1700000000,1\n"),
        ):
            assert answer.status_code == 403
    assert await served.messages() == 0
    assert [e.action for e in await served.denied()] == ["telemetry.import", "telemetry.write", "telemetry.write"]


async def test_series_are_listed_with_the_units_machines_said(served: Any) -> None:
    told = SampleBatch(
        paths=["acme/oven/temperature", "acme/oven/state"],
        index=np.array([0, 1], dtype=np.int32),
        ts=np.array([now_us(), now_us()]),
        number=np.array([1.0, 2.0]),
        quality=np.zeros(2, dtype=np.uint8),
        units={"acme/oven/temperature": "Cel"},
    )
    await served.bus.publish(samples_subject("acme", "box"), told.encode())
    await served.stored(2)
    async with served.client() as client:
        found = (await client.get("/api/v1/series")).json()["items"]
    assert [(one["path"], one["unit"]) for one in found] == [("acme/oven/state", ""), ("acme/oven/temperature", "Cel")]
