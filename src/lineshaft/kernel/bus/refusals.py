"""Errors of the bus: what a server refuses, and how an answerer's error travels to the asker."""

from __future__ import annotations

from typing import Any

import msgspec

from lineshaft.kernel.errors import Internal, PlatformError, Unavailable

_FULL = {10023, 10047, 10077, 10122}  # no room in memory, store or stream


def refused(subject: str, error: dict[str, Any]) -> PlatformError:
    if error.get("err_code") in _FULL:
        return Unavailable(
            f"The bus has no room for {subject}: {error.get('description')}.",
            hint="Free disk space or raise bus.max_stream_gb; senders keep their data and try again.",
        )
    return Unavailable(f"The bus refuses a message on {subject}: {error.get('description')}.")


def pack_error(error: PlatformError) -> bytes:
    kind = next(k for k in type(error).__mro__ if k.__module__ == PlatformError.__module__)
    return msgspec.json.encode(
        {"kind": kind.__name__, "code": error.code, "message": error.message, "hint": error.hint}
    )


def unpack_error(body: bytes) -> PlatformError:
    from lineshaft.kernel import errors

    told = msgspec.json.decode(body)
    kind = getattr(errors, told["kind"], Internal)
    error: PlatformError = (_own(kind, told["code"]) or kind)(told["message"], hint=told["hint"])
    error.code = told["code"]  # type: ignore[misc]
    return error


def _own(kind: type[PlatformError], code: str) -> type[PlatformError] | None:
    """The error of a context that has a code, so that whoever asks can catch it by its name; None when unknown here."""
    for one in kind.__subclasses__():
        plain = one.__init__ is PlatformError.__init__
        found = one if plain and vars(one).get("code") == code else _own(one, code)
        if found is not None:
            return found
    return None
