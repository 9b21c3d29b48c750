"""How the recorder is, for the health page, metrics and whoever waits for samples to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lineshaft.edge import Trouble


class Work(StrEnum):
    """What the recorder is doing."""

    STARTING = "starting"
    STORING = "storing"
    """It stores what comes."""
    CATCHING_UP = "catching up"
    """It is more than ten seconds behind."""
    FULL = "disk full"
    """It waits for room on the disk; samples wait on the bus, then at the edges."""
    WAITING = "waiting"
    """It waits for the store or the bus to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderHealth:
    """The recorder at one moment."""

    state: Work = Work.STARTING
    error: str = ""
    """Why it waits."""
    stored_seq: int = 0
    """Every sample with this `seq` or a lower one is stored."""
    stored_samples: int = 0
    """Since this process began."""
    rate: float = 0.0
    """Samples stored per second over the last seconds."""
    lag_messages: int = 0
    """Messages on the bus that are not stored yet."""
    lag_s: float = 0.0
    """Age of the oldest of them."""
    unread: int = 0
    """Messages that could not be stored, put aside in the stream UNREAD."""
    too_old: int = 0
    """Samples refused because their series is not kept that long."""
    missed: int = 0
    """Messages that left the bus before they were stored."""
    series: int = 0
    troubles: tuple[Trouble, ...] = ()
    """Senders whose messages could not be stored, each named once until its next good one."""
