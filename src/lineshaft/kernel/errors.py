"""Every error the platform raises on purpose, drawn as one tree.

    PlatformError
    ├── Invalid        400  the input is wrong; says what, where and how to mend it
    ├── Unauthorised   401  nobody knows who is asking
    ├── Forbidden      403  known, but not allowed
    ├── NotFound       404  no such thing
    ├── Conflict       409  the thing has changed or exists already
    ├── Unavailable    503  a machine or an engine does not answer now
    ├── Timeout        504  it did not answer in time
    └── Internal       500  a fault of ours

Contexts subclass these with a stable `code` such as `twins.not_found`.
"""

from __future__ import annotations

from typing import ClassVar


class PlatformError(Exception):
    """A sentence for people, a stable code for programs and a hint: the next step."""

    code: ClassVar[str] = "platform.error"
    status: ClassVar[int] = 500
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Invalid(PlatformError):
    """The input is wrong; the message names the place and the mend."""

    code = "platform.invalid"
    status = 400


class Unauthorised(PlatformError):
    """Nobody is signed in, or the token is unknown or has ended."""

    code = "platform.unauthorised"
    status = 401


class Forbidden(PlatformError):
    """The caller is known but lacks the role here."""

    code = "platform.forbidden"
    status = 403


class NotFound(PlatformError):
    """There is no such thing, or the caller may not know of it."""

    code = "platform.not_found"
    status = 404


class Conflict(PlatformError):
    """The thing exists already or was changed by someone else."""

    code = "platform.conflict"
    status = 409


class Unavailable(PlatformError):
    """A machine or an engine cannot serve now; trying again may help."""

    code = "platform.unavailable"
    status = 503


class Timeout(PlatformError):
    """An answer did not come in time."""

    code = "platform.timeout"
    status = 504


class Internal(PlatformError):
    """A fault of the platform itself."""

    code = "platform.internal"
    status = 500
