"""Settings of the twins: adoption of series, staleness, and the unified namespace."""

from __future__ import annotations

from pydantic import Field

from lineshaft.kernel.config import Section


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
