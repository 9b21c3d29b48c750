"""Slows guessing down without locking anybody out for good.

Three counters of failed sign-ins, each with a few free tries and then a pause that doubles:

    account and origin   5 free, up to 15 minutes    somebody guesses from one place
    account             20 free, up to 30 seconds    many places guess together; not for places that have
                                                     signed in to the account before, so its owner still can
    origin              50 free, up to 1 minute      one place tries many accounts; many, as a whole plant
                                                     may stand behind one address

An attempt during a pause is refused unchecked and does not lengthen it. A counter is forgotten an hour
after its last failure. Accounts that do not exist are counted alike, so nobody learns which ones do.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass, replace

from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Transaction
from lineshaft.security.errors import TooManyAttempts
from lineshaft.security.store import attempts as store
from lineshaft.security.store.attempts import Attempts

FORGET_US = 3600 * MICROS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How many failures are free, and how long the pauses grow."""

    free: int
    most_s: float

    def after(self, failures: int) -> float:
        """Seconds to wait after that many failures."""
        return 0.0 if failures < self.free else min(self.most_s, 2.0 ** min(failures - self.free, 30))


PAIR = Rule(free=5, most_s=900)
ACCOUNT = Rule(free=20, most_s=30)
ORIGIN = Rule(free=50, most_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to sign in: the counters it falls under."""

    pair: str
    account: str
    origin: str

    @classmethod
    def of(cls, login: str, origin: str) -> Attempt:
        place = _network(origin)
        return cls(pair=_key("pair", login, place), account=_key("account", login), origin=_key("origin", place))

    @property
    def keys(self) -> tuple[str, str, str]:
        return (self.pair, self.account, self.origin)


async def enter(tx: Transaction, attempt: Attempt) -> None:
    """Let an attempt in or raise TooManyAttempts; counts it as failed until `passed` says otherwise.

    Counting before checking keeps a thousand guesses sent at once from all being the first.
    """
    now = now_us()
    known = {key: _faded(found, now) for key, found in (await store.hold(tx, attempt.keys)).items()}
    watched = [attempt.pair, attempt.origin]
    if not await store.is_trusted(tx, attempt.pair):
        watched.append(attempt.account)
    wait_us = max(known[key].open_us - now for key in watched)
    if wait_us > 0:
        wait = math.ceil(wait_us / MICROS)
        raise TooManyAttempts(f"Sign-in has failed too often; wait {wait} s.", hint="Then try again.", wait_s=wait)
    for key, rule in ((attempt.pair, PAIR), (attempt.account, ACCOUNT)):
        await _count(tx, key, rule, known[key], now)


async def failed(tx: Transaction, attempt: Attempt) -> None:
    """The password was wrong: the origin counts as well."""
    now = now_us()
    known = (await store.hold(tx, [attempt.origin]))[attempt.origin]
    await _count(tx, attempt.origin, ORIGIN, _faded(known, now), now)


async def passed(tx: Transaction, attempt: Attempt) -> None:
    """The password was right: this attempt was no failure, and the place is known from now on."""
    known = (await store.hold(tx, [attempt.account, attempt.pair]))[attempt.account]
    await store.save_attempts(tx, attempt.account, replace(known, failures=max(0, known.failures - 1)))
    await store.forget_attempts(tx, attempt.pair)
    await store.trust(tx, attempt.pair, now_us())


async def _count(tx: Transaction, key: str, rule: Rule, known: Attempts, now: int) -> None:
    failures = known.failures + 1
    open_us = now + int(rule.after(failures) * MICROS)
    await store.save_attempts(tx, key, Attempts(failures=failures, last_us=now, open_us=open_us))


def _faded(found: Attempts, now: int) -> Attempts:
    return Attempts() if now - found.last_us > FORGET_US else found


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _network(origin: str) -> str:
    """An IPv4 address itself, of an IPv6 address the /64 one subscriber owns."""
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return origin
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)
