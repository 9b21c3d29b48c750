"""What an edge box told last, and whether that was lately."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from .model import BoxReport, Health, State

_DARK_AFTER_S = 5.0


class Heard:
    """The latest report of a box."""

    def __init__(self, report: BoxReport) -> None:
        self.report = report
        self.health = {health.connection: health for health in report.health}
        self._at = time.monotonic()

    @property
    def lately(self) -> bool:
        return time.monotonic() - self._at < _DARK_AFTER_S

    def told(self) -> Iterator[Health]:
        """The health of its connections; unknown when nothing was heard lately."""
        for health in self.report.health:
            yield health if self.lately else replace(health, state=State.UNKNOWN, rate=0.0)
