"""Hashes, checks and judges passwords.

Argon2id with 19 MiB, two passes, one lane (OWASP's second choice): the larger defaults of the library
would let six people a second sign in, which is a self-made outage at every change of shift. Work runs
in threads, a few at a time; the rest queue in order, up to a bound.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from lineshaft.kernel.tasks import in_thread
from lineshaft.security.errors import Busy, WeakPassword
from lineshaft.security.settings import SecuritySettings

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 512
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = _HASHER.hash("the account does not exist")
"""Checked when there is no such account, so that an answer takes as long as for one that exists."""

_OFTEN_TRIED = frozenset({
    "password", "passw0rd", "passwort", "qwerty", "qwertz", "azerty", "letmein", "welcome", "iloveyou", "lineshaft",
    "administrator", "admin", "root", "changeme", "default", "secret", "monkey", "dragon", "football", "sunshine",
    "siemens", "schneider", "rockwell", "factory", "operator", "maintenance", "scada", "woaini", "abc", "asdfghjkl",
})  # fmt: skip


class Passwords:
    """Checks passwords without letting a crowd of them starve everything else."""

    def __init__(self, settings: SecuritySettings | None = None) -> None:
        settings = settings or SecuritySettings()
        self._least = settings.password_least
        self._at_once = asyncio.Semaphore(settings.sign_ins_at_once or max(1, (os.cpu_count() or 2) - 1))
        self._room = settings.sign_ins_waiting
        self._inside = 0

    async def hash(self, password: str) -> str:
        """The form in which a password is kept."""
        return await self._queued(_hash, _normal(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits; takes as long when nothing is stored."""
        return await self._queued(_verify, stored or _NOBODYS, _normal(password)) and stored is not None

    def judge(self, password: str, *, names: tuple[str, ...] = ()) -> None:
        """Raise WeakPassword when it would be guessed."""
        text = _normal(password).casefold()
        if len(text) < self._least:
            raise WeakPassword(f"The password has {len(text)} characters; at least {self._least} are needed.")
        if len(text) > LONGEST:
            raise WeakPassword(f"The password is longer than {LONGEST} characters.", hint="Use a shorter one.")
        if len(set(text)) < 5:
            raise WeakPassword("The password repeats a few characters.")
        if any(name and _core(name) == _core(text) for name in names):
            raise WeakPassword("The password is the name.")
        if _core(text) in _OFTEN_TRIED or _runs(text):
            raise WeakPassword("The password is one of those that are tried first.")

    async def _queued(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._inside >= self._room:
            raise Busy("Too many people sign in at this moment.")
        self._inside += 1
        try:
            async with self._at_once:
                return await in_thread(work, *args, **kwargs)
        finally:
            self._inside -= 1


def suggested() -> str:
    """A random password people can read to each other: 96 bits as four groups."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


def outdated(stored: str) -> bool:
    """Whether a hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(stored)


def _hash(password: str) -> str:
    return _HASHER.hash(password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """The same characters, however the keyboard composed them (NFKC, as in RFC 8265)."""
    return unicodedata.normalize("NFKC", password)


def _core(text: str) -> str:
    """A password without the decoration people add: `Password-2026!` is `password`."""
    return text.casefold().strip("0123456789!?.,-_#*+$%&@ ")


def _runs(text: str) -> bool:
    """Whether it just walks along the alphabet, the digits or the keyboard: `abcdefghijkl`, `123456789012`."""
    rows = (
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
    )
    return any(text in row or text in row[::-1] for row in rows)
