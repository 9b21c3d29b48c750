"""Names each sender whose messages cannot be stored once, and forgets it when it has been quiet for a while."""

from __future__ import annotations

from lineshaft.edge import Trouble
from lineshaft.kernel.clock import now
from lineshaft.kernel.log import get_log

log = get_log("telemetry")
_QUIET_S = 600.0
_MOST = 100


class Troubles:
    """Senders in trouble; at most a hundred are held, so that garbage cannot fill the memory."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Trouble, float]] = {}

    def note(self, place: str, message: str, *, at_s: float) -> None:
        """Take note of one more bad message; logged when its sender was fine so far."""
        known = self._seen.get(place)
        if known is None and len(self._seen) >= _MOST:
            return
        if known is None:
            log.error("samples cannot be stored", sender=place, why=message)
        trouble = known[0] if known else Trouble(place=place, message=message, since=now())
        self._seen[place] = (trouble, at_s)

    def forget_quiet(self, *, at_s: float) -> None:
        """Drop those from whom nothing bad came for ten minutes."""
        self._seen = {p: (t, last) for p, (t, last) in self._seen.items() if at_s - last < _QUIET_S}

    def all(self) -> tuple[Trouble, ...]:
        """Those there are now."""
        return tuple(trouble for trouble, _ in self._seen.values())
