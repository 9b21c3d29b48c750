"""What the whole-platform tests share: patience that grows with the load of the machine."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lineshaft.kernel.errors import PlatformError

Check = Callable[[], Any | Awaitable[Any]]
Until = Callable[..., Awaitable[Any]]


def patience() -> float:
    """How many times slower than an idle machine this one is now."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="session")
def slowness() -> Callable[[], float]:
    """The factor by which a bound in seconds is stretched on a machine that has other work to do."""
    return patience


@pytest.fixture(scope="session")
def until() -> Until:
    """`await until(check, within_s=10)`: what `check` returns once that is true; what it last said otherwise."""

    async def wait(check: Check, *, within_s: float = 10.0) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s * patience()
        while True:
            try:
                found = check()
                found = await found if inspect.isawaitable(found) else found
                if found:
                    return found
                said: object = found
            except (AssertionError, PlatformError, OSError) as error:
                said = error
            if loop.time() > end:
                raise AssertionError(f"not true after {within_s * patience():.0f} s; at the end: {said!r}")
            await asyncio.sleep(0.1)

    return wait
