"""Files of many shapes become the same samples; what is no sample is named by its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.kernel.clock import to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.telemetry.files import RAW, Format, Layout, encoded, read_blocks, reading, survey
from lineshaft.telemetry.model import RowTrouble

T0 = to_us(datetime(2025, 3, 30, 0, 30, tzinfo=UTC))
Row = tuple[str, int, float | None, str | None, int]


def rows_of(file: Path, layout: Layout | None = None) -> tuple[list[Row], list[RowTrouble]]:
    rows: list[Row] = []
    bad: list[RowTrouble] = []
    for block in read_blocks(file, layout or Layout()):
        batch = block.batch
        texts = [None] * len(batch) if batch.text is None else batch.text.to_pylist()
        for at in range(len(batch)):
            number = float(batch.number[at])
            rows.append(
                (
                    batch.paths[batch.index[at]],
                    int(batch.ts[at]),
                    None if np.isnan(number) else number,
                    texts[at],
                    int(batch.quality[at]),
                )
            )
        bad += block.bad
    return rows, bad


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(text.encode())
    return file


def test_a_long_file_with_numbers_words_and_qualities_is_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "path,ts,value,quality\n"
        "acme/a,2025-03-30T00:30:00Z,1.5,good\n"
        "acme/b,2025-03-30T02:30:00.25+02:00,RUN,\n"
        "acme/a,2025-03-30 00:30:01Z,true,64\n"
        "acme/a,2025-03-30 00:30:02Z,,bad\n",
    )
    rows, bad = rows_of(file)
    assert rows == [
        ("acme/a", T0, 1.5, None, 0),
        ("acme/b", T0 + 250_000, None, "RUN", 0),
        ("acme/a", T0 + 1_000_000, 1.0, None, 0x40),
        ("acme/a", T0 + 2_000_000, None, None, 0x80),
    ]
    assert bad == []


def test_every_bad_row_is_named_by_its_line_and_the_others_count(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "path,ts,value\n"
        "acme/a,2025-03-30T00:30:00Z,1\n"  # 2
        "acme/a b,2025-03-30T00:30:00Z,1\n"  # 3
        "acme/a,yesterday,1\n"  # 4
        "acme/a,2025-13-30T00:30:00Z,1\n"  # 5
        "acme/a,2025-03-30T00:30:00Z,1,2\n"  # 6
        "\n"  # 7: passed over
        "acme/a,2025-03-30T00:30:01Z,\n"  # 8
        ",2025-03-30T00:30:01Z,4\n"  # 9
        "acme/a,1960-01-01T00:00:00Z,4\n"  # 10
        "acme/a,2025-03-30T00:30:02Z,2\n",  # 11
    )
    rows, bad = rows_of(file)
    assert rows == [("acme/a", T0, 1.0, None, 0), ("acme/a", T0 + 2_000_000, 2.0, None, 0)]
    assert [(row.line, row.message) for row in bad] == [
        (3, "'acme/a b' is not a plant path"),
        (4, "'yesterday' is not a time"),
        (5, "'2025-13-30T00:30:00Z' is not a time"),
        (6, "The row has 4 columns instead of 3."),
        (8, "the row has no value"),
        (9, "'' is not a plant path"),
        (10, "'1960-01-01T00:00:00Z' is not a time"),
    ]


def test_lines_are_right_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 400)
    lines = [f"acme/a,{1_700_000_000 + i},{'x' if i % 50 == 0 else i}" for i in range(1000)]
    for i in range(13, 1000, 100):
        lines[i] = "acme/a"
    for i in range(17, 1000, 100):
        lines[i] = f"acme/a,never,{i}"
    rows, bad = rows_of(written(tmp_path, "path,ts,value\n" + "\n".join(lines) + "\n"))
    assert len(rows) == 980
    assert [row.line for row in bad] == sorted([*range(15, 1002, 100), *range(19, 1002, 100)])
    assert {ts for _, ts, *_ in rows} == {
        (1_700_000_000 + i) * 1_000_000 for i in range(1000) if i % 100 not in (13, 17)
    }


def test_a_wide_file_with_semicolons_and_local_times_is_read(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "\ufeffdatetime;Pressure [bar];Mode\n"
        "2025-03-30 01:30:00;1,5;AUTO\n"
        "2025-03-30 03:30:00;;AUTO\n"
        ";;\n"
        "2025-03-30 25:00:00;2;\n",
    )
    layout = Layout(prefix="acme/pump", zone="Europe/Berlin", decimal=",")
    rows, bad = rows_of(file, layout)
    assert sorted(rows) == [
        ("acme/pump/Mode", T0, None, "AUTO", 0),
        ("acme/pump/Mode", T0 + 3_600_000_000, None, "AUTO", 0),
        ("acme/pump/Pressure-[bar]", T0, 1.5, None, 0),
    ]
    assert bad == [RowTrouble(line=5, message="'2025-03-30 25:00:00' is not a time")]


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("1743294600", Layout()),
        ("1743294600000", Layout()),
        ("1743294600000000", Layout()),
        ("1743294600000000000", Layout()),
        ("1743294600.0", Layout()),
        ("30.03.2025 02:30:00", Layout(format="%d.%m.%Y %H:%M:%S", zone="Etc/GMT-2")),
        ("2025-03-30T00:30", Layout()),
        ("2025-03-30T02:30:00.0000000+02:00", Layout()),
    ],
)
def test_times_are_understood(tmp_path: Path, text: str, layout: Layout) -> None:
    rows, bad = rows_of(written(tmp_path, f"time,tag,value\n{text},acme/a,1\n"), layout)
    assert (rows, bad) == ([("acme/a", T0, 1.0, None, 0)], [])


def test_chosen_columns_go_to_chosen_paths(tmp_path: Path) -> None:
    file = written(tmp_path, "ts,a,b,c\n2025-03-30T00:30:00Z,1,2,3\n")
    rows, _ = rows_of(file, Layout(columns={"a": "acme/x/a", "c": "acme/y/c"}))
    assert rows == [("acme/x/a", T0, 1.0, None, 0), ("acme/y/c", T0, 3.0, None, 0)]


@pytest.mark.parametrize("wide", [False, True])
def test_parquet_gives_the_same_as_csv(tmp_path: Path, wide: bool) -> None:
    ts = pa.array([T0, T0 + 1], pa.int64()).cast(pa.timestamp("us", "UTC"))
    if wide:
        table = pa.table({"ts": ts, "acme/a": pa.array([1, None], pa.int32()), "acme/b": ["x", None]})
        expected = [("acme/a", T0, 1.0, None, 0), ("acme/b", T0, None, "x", 0)]
    else:
        table = pa.table(
            {
                "path": pa.array(["acme/a", "acme/b"]).dictionary_encode(),
                "ts": ts,
                "number": [1.0, None],
                "text": [None, "x"],
            }
        )
        expected = [("acme/a", T0, 1.0, None, 0), ("acme/b", T0 + 1, None, "x", 0)]
    pq.write_table(table, tmp_path / "data")
    assert rows_of(tmp_path / "data") == (expected, [])


def test_a_survey_names_every_path_and_counts_every_row(tmp_path: Path) -> None:
    file = written(tmp_path, "path,ts,value\nb/x,1743294600,1\na/x,1743294600,1\nb/x,1743294601,1\na x,1743294601,1\n")
    sheet = survey(file, Layout())
    assert (sheet.rows, sheet.paths) == (4, ("b/x", "a/x"))


@pytest.mark.parametrize(
    ("text", "layout", "message"),
    [
        ("when,a\n1,2\n", Layout(), "No column of the file seems to hold the times."),
        ("ts,a\n1,2\n", Layout(ts="tz"), "The file has no column 'tz'. Did you mean 'ts'?"),
        ("ts,a,a\n1,2,3\n", Layout(), "The file has two columns 'a'."),
        ("ts,a b,a.b\n1,2,3\n", Layout(), "Two columns would become a-b."),
        ("", Layout(), "The file has no header line."),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, text: str, layout: Layout, message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        rows_of(written(tmp_path, text), layout)
    assert str(caught.value).startswith(message)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes("ts,Größe\n1,2\n".encode("latin-1"))
    with pytest.raises(Invalid, match="UTF-8"):
        rows_of(tmp_path / "data")


@pytest.mark.parametrize("kind", [Format.CSV, Format.PARQUET])
def test_what_was_exported_can_be_imported_as_it_is(tmp_path: Path, kind: Format) -> None:
    ts = pa.array([T0, T0 + 1, T0 + 2, T0 + 3], pa.int64()).cast(pa.timestamp("us", "UTC"))
    rows: list[Row] = [
        ("acme/a", T0, 1.25, None, 0),
        ("acme/b", T0 + 1, None, 'RUN, "A"', 0x40),
        ("acme/a", T0 + 2, None, None, 0x81),
        ("acme/a", T0 + 3, -1e-12, None, 1),
    ]
    columns = list(zip(*rows, strict=True))
    table = pa.table(
        [
            pa.array(columns[0]).dictionary_encode(),
            ts,
            pa.array(columns[2], pa.float64()),
            pa.array(columns[3]),
            columns[4],
        ],
        names=RAW.names,
    )
    file = tmp_path / "export"
    file.write_bytes(encoded(table, kind))
    assert rows_of(file) == (rows, [])
