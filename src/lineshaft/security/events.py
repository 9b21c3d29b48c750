"""What this context announces."""

from __future__ import annotations

from lineshaft.kernel.facts import Fact


class UserChanged(Fact, frozen=True, kw_only=True):
    """An account was made, changed, enabled, disabled or got a new password."""

    user: str
    change: str


class TokenChanged(Fact, frozen=True, kw_only=True):
    """A token was made or revoked."""

    token: str
    change: str


class DeviceChanged(Fact, frozen=True, kw_only=True):
    """A device was made, got new topics or a new password, or was revoked."""

    device: str
    change: str
