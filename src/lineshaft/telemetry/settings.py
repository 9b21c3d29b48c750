"""Settings of the plant's memory.

[telemetry]
url = "clickhouse://user:password@host/lineshaft"     # empty: embedded, in the data folder

[[telemetry.retention]]                               # the first rule that fits a series counts
pattern = "acme/*/vibration/**"
raw = 30                                              # days; what is not named is kept for ever
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lineshaft.kernel.config import Section
from lineshaft.kernel.errors import Invalid

DAY_S = 86_400


class RetentionRule(BaseModel):
    """How many days the samples of some series are kept at least; None is for ever.

    Rollups are kept at least as long as the samples: a late sample can only be worked in while they are there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    pattern: str = "**"
    """Glob over whole paths: `*` within one part, `**` across parts."""
    raw: int | None = Field(default=None, ge=1)
    """Every single sample."""
    seconds: int | None = Field(default=None, ge=1)
    """Rollups of one second, which only fast series have."""
    minutes: int | None = Field(default=None, ge=1)
    """Rollups of one minute."""
    hours: int | None = Field(default=None, ge=1)
    """Rollups of one hour."""

    @model_validator(mode="after")
    def _raw_goes_first(self) -> Self:
        for name in ("seconds", "minutes", "hours"):
            days = getattr(self, name)
            if days is not None and (self.raw is None or days < self.raw):
                raise ValueError(f"{name} = {days} is shorter than raw; give a raw of {days} days or fewer")
        return self


class TelemetrySettings(Section):
    """Where samples are stored, how fast, how long."""

    url: str = ""
    """`clickhouse://user:password@host/database` or `chdb:///folder`; empty is embedded in the data folder."""
    memory_mb: int = Field(default=1024, ge=256)
    """What an embedded store may take of the machine's memory."""
    question_mb: int = Field(default=384, ge=64)
    """Memory of one question."""
    threads: int = Field(default=2, ge=1, le=64)
    """Processors one question may use."""
    flush_s: float = Field(default=1.0, ge=0.05, le=10)
    """Samples are gathered at most this long before they are stored."""
    flush_rows: int = Field(default=2_000_000, ge=1_000, le=5_000_000)
    """Samples stored at once at most."""
    settle_s: float = Field(default=2.0, ge=0.1, le=60)
    """A bucket is rolled up this long after it ended; what comes later is worked in all the same."""
    fast_per_s: float = Field(default=20.0, ge=1)
    """Series with more samples a second also get rollups of one second."""
    replay_keep_s: float = Field(default=900, ge=0)
    """Messages stay on the bus this long after they were stored."""
    replay_keep_mb: int = Field(default=512, ge=1)
    """At most this much of them."""
    write_most_mb: int = Field(default=32, ge=1, le=1024)
    """Largest body of one write over HTTP, unpacked."""
    import_most_mb: int = Field(default=4096, ge=1)
    """Largest file that may be imported."""
    influx_path: str = "{org}/{bucket}/{measurement}/{tags}/{field}"
    """Where InfluxDB lines go: parts from {org} {bucket} {measurement} {field} {tag.NAME} {tags} (all other tags)."""
    retention: tuple[RetentionRule, ...] = ()
    """The first rule that fits a series counts; without one its samples are kept for ever."""

    @field_validator("influx_path")
    @classmethod
    def _places(cls, value: str) -> str:
        from .lineprotocol import placer

        try:
            placer(value, org="org", bucket="bucket")
        except Invalid as error:
            raise ValueError(str(error)) from error
        return value

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and not value.startswith(("chdb:///", "clickhouse://", "clickhouses://")):
            raise ValueError("the address starts with chdb:///, clickhouse:// or clickhouses://")
        return value

    def store_url(self, data: Path) -> str:
        """The address of the store; the embedded one lies in the data folder."""
        return self.url or f"chdb://{data.resolve() / 'telemetry'}"
