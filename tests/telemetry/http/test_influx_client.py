"""InfluxDB's own client for Python writes here as it would to InfluxDB: all it calls, all it understands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import lineshaft
from lineshaft.kernel.terms import series_id

influx = pytest.importorskip("influxdb_client", reason="needs influxdb-client, which is in lineshaft[test]")
START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def client(served: Any, token: str = "", *, gzip: bool = False) -> Any:
    return influx.InfluxDBClient(url=served.url, token=token or served.engineer, org="acme", enable_gzip=gzip)


async def in_client(served: Any, call: Callable[[Any], Any], token: str = "", *, gzip: bool = False) -> Any:
    """What a call of the client returns; it blocks, so it has a thread of its own."""

    def run() -> Any:
        with client(served, token, gzip=gzip) as made:
            return call(made)

    return await asyncio.to_thread(run)


def written(api: Any, record: Any, **options: Any) -> None:
    """One write at once, not in the background."""
    with api.write_api(write_options=influx.client.write_api.SYNCHRONOUS) as writer:
        writer.write("telegraf", record=record, **options)


async def rows(served: Any, path: str) -> list[tuple[datetime, float, str]]:
    found = served.owner.store.ask(
        f"SELECT ts, number, text FROM samples FINAL WHERE series = {series_id(path)} ORDER BY ts"
    )
    table = await found
    return [(row["ts"], row["number"], row["text"]) for row in table.to_pylist()]


async def test_it_finds_somebody_here_before_it_writes(served: Any) -> None:
    assert await in_client(served, lambda api: api.ping()) is True
    assert await in_client(served, lambda api: (api.version(), api.build())) == (lineshaft.__version__, "Lineshaft")
    async with httpx.AsyncClient(base_url=served.url) as anybody:
        assert (await anybody.head("/ping")).status_code == 204
        assert (await anybody.get("/health")).json() == {
            "name": "lineshaft",
            "version": lineshaft.__version__,
            "status": "pass",
            "message": "ready for writes",
            "checks": [],
        }


@pytest.mark.parametrize("precision", ["ns", "us", "ms", "s"])
async def test_points_keep_their_time_in_every_precision(served: Any, precision: str) -> None:
    point = influx.Point("m").tag("line", "1").field("f", 1.5).time(START, precision)
    await in_client(served, lambda api: written(api, point, write_precision=precision))
    await served.stored(1)
    assert await rows(served, "acme/telegraf/m/1/f") == [(START, 1.5, "")]


async def test_every_kind_of_field_arrives(served: Any) -> None:
    point = (
        influx.Point("m").tag("place", "hall 1, west=a").field("i", 3).field("b", True).field("s", 'a "b" \\ c, d=e f')
    )
    await in_client(served, lambda api: written(api, point.time(START)))
    await served.stored(3)
    place = "acme/telegraf/m/hall-1,-west=a"
    assert await rows(served, f"{place}/i") == [(START, 3.0, "")]
    assert await rows(served, f"{place}/b") == [(START, 1.0, "")]
    assert [text for _, _, text in await rows(served, f"{place}/s")] == ['a "b" \\ c, d=e f']


@pytest.mark.parametrize("gzip", [False, True])
async def test_its_background_writer_delivers_every_point(served: Any, gzip: bool) -> None:
    told: list[str] = []

    def write_many(api: Any) -> None:
        options = influx.WriteOptions(batch_size=100, flush_interval=200)
        with api.write_api(
            write_options=options,
            success_callback=lambda *_: told.append("success"),
            error_callback=lambda _to, _data, error: told.append(str(error)),
            retry_callback=lambda _to, _data, error: told.append(f"again: {error}"),
        ) as writer:
            for n in range(1000):
                writer.write("telegraf", record=influx.Point("n").field("v", n).time(START + timedelta(seconds=n)))

    await in_client(served, write_many, gzip=gzip)
    await served.stored(1000)
    assert set(told) == {"success"}
    assert await rows(served, "acme/telegraf/n/v") == [
        (START + timedelta(seconds=n), float(n), "") for n in range(1000)
    ]


@pytest.mark.parametrize(
    ("record", "token", "status", "code", "said"),
    [
        ("ok f=1 1000\nbad", "engineer", 400, "invalid", "partial write: 1 lines rejected, 1 values written: line 2"),
        ("m f=1", "viewer", 403, "forbidden", "acme"),
        ("m f=1", "ls_0_wrong", 401, "unauthorized", "The token is unknown"),
        ("#" * 2_000_000, "engineer", 413, "request too large", "larger than 1 MB"),
    ],
)
async def test_its_errors_carry_our_sentence(
    served: Any, record: str, token: str, status: int, code: str, said: str
) -> None:
    with pytest.raises(influx.rest.ApiException) as caught:
        await in_client(served, lambda api: written(api, record), getattr(served, token, token))
    assert (caught.value.status, json.loads(caught.value.body)["code"]) == (status, code)
    assert said in json.loads(caught.value.body)["message"]
    assert said in influx.client.exceptions.InfluxDBError(caught.value.response).message


async def test_what_is_not_answered_says_where_to_go(served: Any) -> None:
    with pytest.raises(influx.rest.ApiException) as caught:
        await in_client(served, lambda api: api.buckets_api().find_buckets())
    assert (caught.value.status, json.loads(caught.value.body)) == (
        404,
        {
            "code": "not found",
            "message": "Of InfluxDB's addresses only /api/v2/write is answered, not /api/v2/buckets. "
            "Read with /api/v1/query, and manage under /api/v1; see /api/docs.",
        },
    )
