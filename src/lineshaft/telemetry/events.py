"""What telemetry announces."""

from __future__ import annotations

import msgspec

from lineshaft.kernel.facts import Fact


class SeriesGrew(Fact, frozen=True, kw_only=True):
    """Samples came for paths that had none before; told before their first rows can be read."""

    paths: tuple[str, ...]
    units: dict[str, str] = msgspec.field(default_factory=dict)
    """Path to unit in UCUM, as far as the machines said."""


class UnitsChanged(Fact, frozen=True, kw_only=True):
    """Machines say other units of series than before, or say them for the first time."""

    units: dict[str, str]
    """Path to unit in UCUM; empty where it is not said any more."""
