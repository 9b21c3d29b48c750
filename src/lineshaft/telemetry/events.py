"""What telemetry announces."""

from __future__ import annotations

from lineshaft.kernel.facts import Fact


class SeriesGrew(Fact, frozen=True, kw_only=True):
    """Samples came for paths that had none before; told before their first rows can be read."""

    paths: tuple[str, ...]
