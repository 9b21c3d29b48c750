"""What can go wrong with the memory of the plant.

Unavailable  StoreAway      the store does not answer
             StoreFull      there is no room on its disk
Timeout      StoreSlow      a question took too long
Conflict     StoreTaken     another process holds the embedded store
             StreamChanged  the stream of samples is another one now
Invalid      TooMuch        a question needs more memory than it may have
             TooLarge       a body is larger than allowed
             TooManyBadRows a file is not what it was taken for
NotFound     NoJob          there is no such import
Internal     StoreFault     the store refuses something it should not
"""

from __future__ import annotations

from lineshaft.kernel.errors import Conflict, Internal, Invalid, NotFound, Timeout, Unavailable


class StoreAway(Unavailable):
    """The store does not answer."""

    code = "telemetry.store_away"
    default_hint = "Is it running, and is telemetry.url in plant.toml right? Samples wait on the bus meanwhile."


class StoreFull(Unavailable):
    """There is no room on the store's disk."""

    code = "telemetry.store_full"
    default_hint = "Free disk space or shorten telemetry.retention; samples wait on the bus and nothing is lost."


class StoreSlow(Timeout):
    """A question took too long."""

    code = "telemetry.store_slow"
    default_hint = "Ask for fewer series, a shorter range or wider buckets."


class StoreTaken(Conflict):
    """Another process holds the embedded store, which serves one process only."""

    code = "telemetry.store_taken"
    default_hint = "Only one process may run the telemetry role on an embedded store; use clickhouse:// for more."


class StreamChanged(Conflict):
    """The stream of samples was made anew or went back in time."""

    code = "telemetry.stream_changed"


class TooMuch(Invalid):
    """A question needs more memory than it may have."""

    code = "telemetry.too_much"
    default_hint = "Ask for fewer series, a shorter range or wider buckets."


class TooLarge(Invalid):
    """A body is larger than allowed."""

    code = "telemetry.too_large"
    status = 413


class TooManyBadRows(Invalid):
    """A file is not what it was taken for."""

    code = "telemetry.too_many_bad_rows"


class NoJob(NotFound):
    """There is no such import, or it is somebody else's."""

    code = "telemetry.no_job"


class StoreFault(Internal):
    """The store refuses something it should not."""

    code = "telemetry.store_fault"
