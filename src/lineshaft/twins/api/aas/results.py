"""Errors as the AAS API tells them: a Result with messages, and not a single attribute besides."""

from __future__ import annotations

from http import HTTPStatus

import orjson

from lineshaft.kernel.clock import now
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.ids import new_id

JSON = "application/json"


class TooLarge(PlatformError):
    """The body is larger than this platform takes."""

    code = "twins.too_large"
    status = 413


class TooSlow(PlatformError):
    """The body pauses, or takes too long."""

    code = "twins.too_slow"
    status = 408


def result(text: str, status: int) -> bytes:
    """A Result of one message (IDTA-01002 3.1, clause 'Result')."""
    message = {
        "messageType": "Exception" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Error",
        "text": text.encode("utf-8", "replace").decode(),
        "code": str(status),
        "timestamp": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "correlationId": new_id(),
    }
    return orjson.dumps({"messages": [message]})


def headers_of(error: PlatformError) -> tuple[tuple[str, str], ...]:
    """What a status wants beside the body."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        return (("www-authenticate", "Bearer"),)
    allow = error.details.get("allow")
    return (("allow", str(allow)),) if allow else ()
