"""InfluxDB line protocol: read as its reference says, written so that Telegraf works unchanged."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.kernel.errors import Invalid
from lineshaft.telemetry.lineprotocol import Reader, placer

# As sent by Telegraf 1.3x with inputs.cpu, inputs.mem and inputs.modbus.
TELEGRAF = """\
cpu,cpu=cpu0,host=gateway usage_user=1.5075376884,usage_system=0.5025125628,usage_idle=97.9899497487 1772359200000000000
cpu,cpu=cpu-total,host=gateway usage_user=1.25,usage_system=0.75,usage_idle=98 1772359200000000000
mem,host=gateway total=8237453312i,available_percent=61.2,swap_free=0u 1772359200000000000
modbus,host=gateway,name=Energy\\ Meter\\ 1,slave_id=1 power=1520.5,on=true,state="RUN, \\"A\\"" 1772359201000000000
"""
TS = 1_772_359_200_000_000
PLACE = placer("{org}/{bucket}/{measurement}/{tags}/{field}", org="acme", bucket="telegraf")

Value = tuple[str, int, float | str]


def read(body: str, precision: str = "ns") -> tuple[list[Value], list[tuple[int, str]]]:
    lines = Reader(PLACE).read(body, precision=precision, now_us=7)
    batch = lines.batch()
    texts = [None] * len(batch) if batch.text is None else batch.text.to_pylist()
    values = [
        (batch.paths[slot].removeprefix("acme/telegraf/"), int(ts), text if text is not None else float(number))
        for slot, ts, number, text in zip(batch.index, batch.ts, batch.number, texts, strict=True)
    ]
    return values, [(bad.line, bad.message) for bad in lines.errors]


def test_what_telegraf_sends_is_read() -> None:
    values, errors = read(TELEGRAF)
    assert errors == []
    assert values == [
        ("cpu/cpu0/gateway/usage_user", TS, 1.5075376884),
        ("cpu/cpu0/gateway/usage_system", TS, 0.5025125628),
        ("cpu/cpu0/gateway/usage_idle", TS, 97.9899497487),
        ("cpu/cpu-total/gateway/usage_user", TS, 1.25),
        ("cpu/cpu-total/gateway/usage_system", TS, 0.75),
        ("cpu/cpu-total/gateway/usage_idle", TS, 98.0),
        ("mem/gateway/total", TS, 8237453312.0),
        ("mem/gateway/available_percent", TS, 61.2),
        ("mem/gateway/swap_free", TS, 0.0),
        ("modbus/gateway/Energy-Meter-1/1/power", TS + 1_000_000, 1520.5),
        ("modbus/gateway/Energy-Meter-1/1/on", TS + 1_000_000, 1.0),
        ("modbus/gateway/Energy-Meter-1/1/state", TS + 1_000_000, 'RUN, "A"'),
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("m f=1", ("m/f", 7, 1.0)),
        ("m f=-1.5e-3 5000", ("m/f", 5, -0.0015)),
        ("m f=.5", ("m/f", 7, 0.5)),
        ("m f=5.", ("m/f", 7, 5.0)),
        ("m f=-9i", ("m/f", 7, -9.0)),
        ("m f=T", ("m/f", 7, 1.0)),
        ("m f=FALSE", ("m/f", 7, 0.0)),
        ('m f="two\nlines"', ("m/f", 7, "two\nlines")),
        ('m f="a\\\\b\\"c\\d"', ("m/f", 7, 'a\\b"c\\d')),
        ('m f=""', ("m/f", 7, "")),
        ("m\\,1\\ 2,t\\ k=v\\=\\,x f\\=g=1", ("m,1-2/v=,x/f=g", 7, 1.0)),
        ("m,a=b=c f=1", ("m/b=c/f", 7, 1.0)),
        ("m\\x f=1", ("m-x/f", 7, 1.0)),
        ("m f=1 -5000", ("m/f", -5, 1.0)),
        ("  m f=1 5999\r", ("m/f", 5, 1.0)),
    ],
)
def test_one_line_is_read(line: str, value: Value) -> None:
    assert read(line) == ([value], [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("m", "missing fields"),
        ("m,t=1", "missing fields"),
        ("m f=", "a field must read name=value, not 'f='"),
        ("m f", "field 'f' has no value"),
        ("m f=1,,g=2", "field '' has no value"),
        ("m f=nan", "bad value 'nan'; text goes into double quotes"),
        ("m f=inf", "bad value 'inf'; text goes into double quotes"),
        ("m f=1_0", "bad value '1_0'; text goes into double quotes"),
        ("m f=abc", "bad value 'abc'; text goes into double quotes"),
        ("m f=-5u", "bad value '-5u'; text goes into double quotes"),
        ("m f=1.5i", "bad value '1.5i'; text goes into double quotes"),
        ('m f="open', "a field must read name=value at 'f=\"open'"),
        ('m f="a"b', "unexpected 'b' after a value"),
        ("m f=1 12:30", "bad timestamp '12:30'"),
        ("m f=1 99999999999999999999", "timestamp '99999999999999999999' is out of range for the precision"),
        ("m a b=1 5", "too many blanks"),
        (",t=1 f=1", "missing measurement"),
        ("m,t f=1", "field 't' has no value"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_count(line: str, why: str) -> None:
    values, errors = read(f"ok f=1\n\n# {line}\n{line}\nok f=2")
    kept = [value for path, _, value in values if path == "ok/f"]
    assert kept[0] == 1.0
    assert [number for number, _ in errors] == [4]
    assert why in errors[0][1]
    if line.count('"') % 2 == 0:  # an open quote swallows what follows, as in InfluxDB
        assert (kept, len(values)) == ([1.0, 2.0], 2)


@pytest.mark.parametrize(("precision", "ts"), [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)])
def test_precisions_scale_times(precision: str, ts: int) -> None:
    assert read("m f=1 1000", precision)[0] == [("m/f", ts, 1.0)]


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(Invalid, match="'h' is not a precision"):
        read("m f=1", "h")


words = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='\\\n\r"#'), min_size=1, max_size=8
)


def escaped(name: str, marks: str) -> str:
    return "".join(f"\\{c}" if c in marks else c for c in name)


@given(
    measurement=words.filter(lambda w: not w.isspace() and w == w.strip()),
    tags=st.dictionaries(words, words, max_size=3),
    fields=st.dictionaries(
        words, st.one_of(st.floats(allow_nan=False, allow_infinity=False), words), min_size=1, max_size=3
    ),
    ts=st.integers(0, 2**60),
)
def test_whatever_is_escaped_by_the_rules_comes_back(
    measurement: str, tags: dict[str, str], fields: dict[str, float | str], ts: int
) -> None:
    heard: list[tuple[str, dict[str, str], str]] = []

    def place(measurement: str, tags: Any, field: str) -> str:
        heard.append((measurement, dict(tags), field))
        return f"p/{len(heard)}"

    head = ",".join(
        [escaped(measurement, ", "), *(f"{escaped(k, ', =')}={escaped(v, ', =')}" for k, v in tags.items())]
    )
    told = ",".join(
        f'{escaped(k, ", =")}="{v}"' if isinstance(v, str) else f"{escaped(k, ', =')}={v!r}" for k, v in fields.items()
    )
    lines = Reader(place).read(f"{head} {told} {ts}", now_us=0)
    assert lines.errors == []
    assert heard == [(measurement, tags, name) for name in fields]
    assert [
        text if text is not None else number for text, number in zip(lines.text, lines.number, strict=True)
    ] == list(fields.values())
    assert lines.ts == [ts // 1000] * len(fields)


def test_a_template_places_values_and_leaves_out_missing_tags() -> None:
    place = placer("{tag.site}/{tag.line}/{measurement}/{tags}/{field}", org="o", bucket="b")
    assert place("motor", {"site": "berlin", "line": "1", "host": "gw/1"}, "rpm") == "berlin/1/motor/gw-1/rpm"
    assert place("motor", {"site": "berlin"}, "rpm") == "berlin/motor/rpm"
    with pytest.raises(Invalid, match=r"\{tagg\}"):
        placer("{tagg}/{field}", org="o", bucket="b")


# ---- over HTTP ----

TARGET = "/api/v2/write?org=acme&bucket=telegraf&precision=ns"


def telegraf(served: Any, token: str = "") -> httpx.AsyncClient:
    headers = {
        "Authorization": f"Token {token or served.engineer}",
        "User-Agent": "Telegraf/1.32.0 Go/1.23.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Encoding": "gzip",
    }
    return httpx.AsyncClient(base_url=served.url, headers=headers, timeout=10)


async def test_telegraf_writes_unchanged_and_its_values_can_be_queried(served: Any) -> None:
    async with telegraf(served) as client:
        answer = await client.post(TARGET, content=gzip.compress(TELEGRAF.encode()))
        assert (answer.status_code, answer.content) == (204, b"")
    await served.stored(12)
    asked = {"pattern": "**/usage_idle", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}
    async with served.client() as client:
        found = (await client.get("/api/v1/query", params=asked)).json()["series"]
    assert [(one["path"], one["ts"], one["number"]) for one in found] == [
        ("acme/telegraf/cpu/cpu-total/gateway/usage_idle", ["2026-03-01T10:00:00Z"], [98.0]),
        ("acme/telegraf/cpu/cpu0/gateway/usage_idle", ["2026-03-01T10:00:00Z"], [97.9899497487]),
    ]


async def test_refusals_speak_influx(served: Any) -> None:
    async with telegraf(served) as client:
        body = gzip.compress(b"ok f=1 1000\nbad\nok f=nan 2000\nok f=2 3000")
        partial = await client.post(TARGET, content=body)
        assert (partial.status_code, partial.json()) == (
            400,
            {
                "code": "invalid",
                "message": "partial write: 2 lines rejected, 2 values written: "
                "line 2: unable to parse 'bad': missing fields; "
                "line 3: unable to parse 'ok f=nan 2000': bad value 'nan'; text goes into double quotes",
                "line": 2,
            },
        )
        await served.stored(2)
        large = await client.post(TARGET, content=gzip.compress(b"#" * 2_000_000))
        assert (large.status_code, large.json()["code"]) == (413, "request too large")
        precise = await client.post(TARGET.replace("=ns", "=h"), content=gzip.compress(b"m f=1"))
        assert (precise.status_code, precise.json()["code"]) == (400, "invalid")
        latin = await client.post(TARGET, content=gzip.compress('m f="ü"'.encode("latin-1")))
        assert (latin.status_code, "UTF-8" in latin.json()["message"]) == (400, True)
    async with httpx.AsyncClient(base_url=served.url) as client:
        nobody = await client.post(TARGET, content=b"m f=1")
        assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthorized")


async def test_a_token_that_may_not_write_there_writes_nothing(served: Any) -> None:
    for token in (served.viewer, served.stranger):
        async with telegraf(served, token) as client:
            answer = await client.post(TARGET, content=gzip.compress(b"a f=1\nb f=2"))
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with telegraf(served, served.stranger) as client:
        assert (await client.post(TARGET.replace("acme", "other"), content=gzip.compress(b"a f=1"))).status_code == 204
    assert await served.messages() == 1
    assert [entry.action for entry in await served.denied()] == ["telemetry.write"] * 2


def test_a_body_of_a_megabyte_is_read_quickly() -> None:
    import time

    body = "\n".join(f"cpu,host=h{n % 50},cpu=c{n % 8} user={n / 7:.4f},idle={n}i {10**18 + n}" for n in range(20_000))
    reader, began = Reader(PLACE), time.process_time()
    lines = reader.read(body, now_us=0)
    assert len(lines.index) == 40_000
    assert lines.number[2:4] == [round(1 / 7, 4), 1.0]
    assert not np.isnan(lines.number).any()
    assert time.process_time() - began < 2
