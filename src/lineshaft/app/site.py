"""Everything a process serves on its address: the AAS API beside the rest, each behind the sign-in gate.

The AAS API does not pass through the layers screens need, so that a read of a twin costs what it must and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineshaft.kernel.config import HttpSettings
from lineshaft.security import api as security_web
from lineshaft.twins import TwinsSettings
from lineshaft.twins.api import aas

from .web import build_web

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .assembly import Platform

AAS = "/api/v3."


def build_site(platform: Platform, roles: set[str]) -> ASGIApp:
    """One application that sends each request where it belongs."""
    rest, twins = build_web(platform, roles), build_aas(platform)

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        is_aas = scope["type"] == "http" and scope["path"].startswith(AAS)
        await (twins if is_aas else rest)(scope, receive, send)

    return site


def build_aas(platform: Platform) -> ASGIApp:
    """The AAS API behind the gate, which tells refusals in its words."""
    public = platform.config.get(HttpSettings).public_url
    services = aas.Services(
        repository=platform.things.repository,
        operations=platform.things.operations,
        bulk=platform.things.bulk,
        setpoints=platform.things.setpoints,
        public_url=public,
    )
    gate = security_web.Gate(aas.application(services), platform.security, public, refuse=aas.refusal)
    return aas.opened(gate, platform.config.get(TwinsSettings).browser_origins)
