"""Settings of the twins: adoption of series, staleness, and the unified namespace."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from lineshaft.kernel.config import Section

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


class FileSettings(Section):
    """How much an AAS file may ask of this process; what asks for more is refused before it is done."""

    file_mb: int = Field(default=512, ge=1)
    """The file itself, in MiB."""
    unpacked_mb: int = Field(default=2_048, ge=1)
    """All parts of a package together, unpacked, in MiB."""
    part_mb: int = Field(default=1_024, ge=1)
    """One part of a package, unpacked, in MiB."""
    ratio: int = Field(default=200, ge=2)
    """How many times larger than packed a part over 1 MiB may be."""
    parts: int = Field(default=10_000, ge=1)
    """Parts of a package."""
    depth: int = Field(default=64, ge=1, le=64)
    """Elements inside elements."""
    nodes: int = Field(default=40_000_000, ge=1)
    """JSON members and items, or XML elements, of one document."""
    text_mb: int = Field(default=128, ge=1)
    """Characters of one value, in millions."""
    attachment_mb: int = Field(default=64, ge=1, le=256)
    """One file attached to an element or as a thumbnail, in MiB."""


class HistorySettings(Section):
    """How far back the history of shells and submodels goes: the change feed, and their state at past moments.

    The history of the plant model, life-cycle records and the audit log are not shortened.
    """

    days: float = Field(default=365.0, ge=0)
    """Days of history; 0 keeps all of it. At least an hour, so that readers of the feed can follow."""
    most_lines: int = Field(default=100_000_000, ge=0)
    """Lines of the feed kept at most, whatever their age; 0 sets no bound."""

    @field_validator("days")
    @classmethod
    def _an_hour(cls, days: float) -> float:
        if 0 < days < 1 / 24:
            raise ValueError("history is kept for at least an hour (0.042 days), or for ever with 0")
        return days


class TwinsSettings(Section):
    """What exists in the plant, and its mirror on MQTT."""

    auto_adopt: bool = False
    """Give series that appear a place in the tree by their path, without asking."""
    stale_after_s: float = Field(default=600.0, gt=0)
    """When nothing has been heard from a machine for this long, its values are stale; a property may have
    a patience of its own, which then counts for it alone."""
    mirror: bool = True
    """Keep the unified namespace: current values as retained MQTT topics `uns/<path>`."""
    mirror_every_s: float = Field(default=1.0, ge=0.1)
    """A topic changes at most this often."""
    mirror_most_per_s: int = Field(default=2_000, ge=1)
    """Topics written in one second, all together; what is more waits, newest value first come."""
    acknowledge_s: float = Field(default=10.0, gt=0)
    """When no machine has acknowledged a desired value for this long, that is told."""
    desire_expires_s: float = Field(default=900.0, gt=0)
    """A desired value that no machine acknowledged for this long ends, and is never written afterwards."""
    browser_origins: list[str] = Field(default_factory=list)
    """Sites whose pages may use the AAS API in a browser, such as `https://ui.example.com`; each sends a token."""
    history: HistorySettings = HistorySettings()
    """How far back the history of shells and submodels goes."""
    files: FileSettings = FileSettings()
    """Limits of AAS files that are read."""

    @field_validator("browser_origins")
    @classmethod
    def _origins(cls, origins: list[str]) -> list[str]:
        for one in origins:
            if not _ORIGIN.fullmatch(one):
                raise ValueError(f"{one!r} is no origin: write scheme, host and port alone, as https://ui.example.com")
        return origins
