"""What can go wrong with people, keys and permissions.

PlatformError
├── Forbidden
│   ├── NotAllowed        the role is missing on that part of the plant
│   └── CrossSite         another site's page tried to act with our visitor's session
├── Unauthorised
│   ├── SignInFailed      name or password is wrong; never says which
│   ├── TokenRefused      unknown, ended or revoked
│   └── SessionEnded      signed out, ended or revoked while in use
├── TooManyAttempts  429  wait before the next attempt
├── Busy             503  more sign-ins at once than can be checked
├── Invalid
│   ├── WeakPassword
│   └── BadTopic          an MQTT topic filter that cannot be granted
├── Conflict
│   ├── NameTaken
│   └── LastAdmin         nobody could administer the platform afterwards
└── NotFound
    ├── UserNotFound, TokenNotFound, SessionNotFound, DeviceNotFound
"""

from __future__ import annotations

from lineshaft.kernel.errors import Conflict, Forbidden, Invalid, NotFound, PlatformError, Unauthorised, Unavailable


class NotAllowed(Forbidden):
    """The actor lacks the role on that part of the plant."""

    code = "security.not_allowed"


class CrossSite(Forbidden):
    """A page of another site tried to act with our visitor's session."""

    code = "security.cross_site"
    default_hint = "Use the console itself, or send a token in the Authorization header."


class SignInFailed(Unauthorised):
    """The name or the password is wrong; it never says which."""

    code = "security.sign_in_failed"
    default_hint = "Check both and try again, or ask an administrator for a new password."


class TokenRefused(Unauthorised):
    """The token is unknown, has ended or was revoked."""

    code = "security.token_refused"
    default_hint = "Create a new one under Settings, Tokens."


class SessionEnded(Unauthorised):
    """The session was signed out, has ended or was revoked while it was in use."""

    code = "security.session_ended"
    default_hint = "Sign in again."


class TooManyAttempts(PlatformError):
    """Sign-in has failed too often; the message says how long to wait."""

    code = "security.too_many_attempts"
    status = 429


class Busy(Unavailable):
    """More people sign in at once than can be checked."""

    code = "security.busy"
    default_hint = "Try again in a few seconds."


class WeakPassword(Invalid):
    """The password would be guessed."""

    code = "security.weak_password"
    default_hint = "Use at least 12 characters; four unrelated words make a good one."


class BadTopic(Invalid):
    """An MQTT topic filter that cannot be granted."""

    code = "security.bad_topic"
    default_hint = "Write filters such as acme/line-1/#, with + for one level and # for the rest."


class NameTaken(Conflict):
    """Somebody or something has that name already."""

    code = "security.name_taken"


class LastAdmin(Conflict):
    """Afterwards nobody could administer the platform."""

    code = "security.last_admin"
    default_hint = "Make somebody else administrator of the whole platform first."


class UserNotFound(NotFound):
    code = "security.user_not_found"


class TokenNotFound(NotFound):
    code = "security.token_not_found"


class SessionNotFound(NotFound):
    code = "security.session_not_found"


class DeviceNotFound(NotFound):
    code = "security.device_not_found"
