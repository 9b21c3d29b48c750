"""The tables that remember samples: raw rows, three levels of rollups, and how far the work has come.

    samples            one row per (series, ts); of two rows for one moment the one sent last (`seq`) counts
    rollup_1s _1m _1h  one row per series and bucket, of which the one with the highest `seq` counts
    fast_series        the series that have a rollup_1s, because they bring many samples a second
    leaving_series     the series of a retention rule, while it is carried out
    positions          how far each stream is stored, and how far each rollup is computed

A rollup row sums up the rows of its bucket so that wider buckets can be stitched from it exactly.
Rows are good when their quality is below 0x40 and they carry a number. In a bucket that starts at
`bucket` (UTC, seconds):

    count, good            rows of any kind; good rows
    min max sum            of the good values (NaN, NaN, 0 when there are none)
    min_us max_us          offset of the earliest good row with that value, µs from the bucket's start; 2^32 - 1
                           when there is none, and in rows computed before there was this column
    first last             first and last good value (NaN when there are none)
    first_us last_us       offset of the first and of the last row of any quality, µs from the bucket's start
    held_us                µs in which a good value held: from each good row to the next row of any quality
    area                   sum of value times µs over those spans, so area / held_us is the time-weighted mean
    gap_us                 the longest span between two neighbouring rows, 0 for one row
    open                   1 when the bucket's last row is good, so that `last` holds on beyond it
    seq                    highest `samples.seq` of the rows that went in

Between two buckets a value holds from `bucket + last_us` of the earlier one, if it is `open`, until
`bucket + first_us` of the later one.

What rollups know: the row of `positions` named after a level (`rollup_1m`; the newest by `at` counts) says
that every bucket that starts before `closed` (seconds since 1970 UTC) sums up all rows with a `seq` up
to its `seq`. Later buckets have no rows yet. Rows that came since with a higher `seq` are found by it
(`samples` has an index on it) and are worked in within seconds.

The `positions` of a stream (name, created) say up to which of its messages everything is stored;
`samples.seq` is the message's sequence plus `base`, so that a stream made anew goes on counting.

Samples are stored durably before their position is, and replacing tables forget what is stored twice:
so work that was cut off is simply done again.
"""

from __future__ import annotations

from typing import Final

SAMPLES: Final = "samples"
FAST: Final = "fast_series"
POSITIONS: Final = "positions"
LEAVING: Final = "leaving_series"
ROLLUPS: Final = {1: "rollup_1s", 60: "rollup_1m", 3600: "rollup_1h"}
"""Table of each rollup by its width in seconds. Series that are not in `fast_series` have no rows in rollup_1s."""

UNKNOWN_US: Final = (1 << 32) - 1
"""Stands for an offset that nobody knows; no bucket is that long."""

# Measured on a real recording and on jittered polls, see docs/decisions: ALP keeps decimals as integers,
# sums are no decimals, and Delta bears the jitter of polled times better than DoubleDelta.
_NUMBER: Final = "Float64 CODEC(ALP, ZSTD(1))"
_SUM: Final = "Float64 CODEC(ZSTD(3))"
_STEADY: Final = "CODEC(Delta, ZSTD(1))"
_SMALL: Final = "CODEC(ZSTD(1))"

# Every acknowledged insert and every merge is on disk before what it replaces is forgotten. Statistics of
# columns would take more room than small parts, and nothing asks for them.
_DURABLE: Final = """SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
    old_parts_lifetime = 30"""
_NO_STATISTICS: Final = ", auto_statistics_types = ''"
_KEPT: Final = _DURABLE + _NO_STATISTICS

_CREATE_SAMPLES: Final = f"""
CREATE TABLE IF NOT EXISTS {SAMPLES} (
    series   UInt64 CODEC(ZSTD(1)),
    ts       DateTime64(6, 'UTC') {_STEADY},
    number   {_NUMBER},
    text     String CODEC(ZSTD(1)),
    quality  UInt8 CODEC(ZSTD(1)),
    seq      UInt64 {_STEADY},
    INDEX by_seq seq TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree(seq)
PARTITION BY toYYYYMM(ts)
ORDER BY (series, ts)
{_KEPT}
"""

_CREATE_ROLLUP: Final = f"""
CREATE TABLE IF NOT EXISTS {{table}} (
    series    UInt64 CODEC(ZSTD(1)),
    bucket    DateTime('UTC') {_STEADY},
    count     UInt32 {_SMALL},
    good      UInt32 {_SMALL},
    min       {_NUMBER},
    max       {_NUMBER},
    min_us    UInt32 DEFAULT {UNKNOWN_US} {_SMALL},
    max_us    UInt32 DEFAULT {UNKNOWN_US} {_SMALL},
    sum       {_SUM},
    first     {_NUMBER},
    last      {_NUMBER},
    first_us  UInt32 {_SMALL},
    last_us   UInt32 {_SMALL},
    held_us   UInt32 {_SMALL},
    area      {_SUM},
    gap_us    UInt32 {_SMALL},
    open      UInt8 {_SMALL},
    seq       UInt64 {_STEADY},
    INDEX by_seq seq TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree(seq)
PARTITION BY {{partition}}
ORDER BY (series, bucket)
{_KEPT}
"""

_CREATE_FAST: Final = f"""
CREATE TABLE IF NOT EXISTS {FAST} (series UInt64) ENGINE = ReplacingMergeTree ORDER BY series {_KEPT}
"""

_CREATE_LEAVING: Final = f"""
CREATE TABLE IF NOT EXISTS {LEAVING} (series UInt64) ENGINE = MergeTree ORDER BY series {_KEPT}
"""

_CREATE_POSITIONS: Final = f"""
CREATE TABLE IF NOT EXISTS {POSITIONS} (
    name     String,
    created  String,
    base     UInt64,
    seq      UInt64,
    closed   Int64,
    at       DateTime64(6, 'UTC')
) ENGINE = ReplacingMergeTree(at) ORDER BY (name, created) {_KEPT}
"""


def moment(second: int) -> str:
    """A time in whole seconds since 1970 UTC, to compare `samples.ts` with.

    Not `toDateTime`: ClickHouse 26.9 then takes `ts < x` for `ts <= x - 1 s` and skips parts by mistake.
    """
    return f"fromUnixTimestamp64Micro({second * 1_000_000}, 'UTC')"


def statements(*, alp: bool = True, statistics: bool = True) -> list[str]:
    """What creates all tables and columns that are not there yet, with and without ALP and column statistics."""
    partitions = {1: "toYYYYMM(bucket)", 60: "toYYYYMM(bucket)", 3600: "toYear(bucket)"}
    rollups = [_CREATE_ROLLUP.format(table=table, partition=partitions[width]) for width, table in ROLLUPS.items()]
    grown = [
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} UInt32 DEFAULT {UNKNOWN_US} {_SMALL} AFTER {after}"
        for table in ROLLUPS.values()
        for name, after in (("min_us", "max"), ("max_us", "min_us"))
    ]
    made = [_CREATE_SAMPLES, *rollups, *grown, _CREATE_FAST, _CREATE_LEAVING, _CREATE_POSITIONS]
    if not alp:
        made = [statement.replace("ALP, ", "") for statement in made]
    if not statistics:
        made = [statement.replace(_NO_STATISTICS, "") for statement in made]
    return made
