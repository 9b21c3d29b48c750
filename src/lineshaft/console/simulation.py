"""Visits pages without a browser, for tests of screens.

    async def test_connections_are_listed() -> None:
        async with visitor(who=ANA, services={"edge": edge}) as user:
            await user.open("/connections")
            await user.should_see("Filler PLC")
            user.find("Add connection").click()
            user.find(marker="field-host").type("10.0.0.7")
            user.find(kind=Table).trigger("row", "plc-1")

The page is drawn by the real server and the real frame; only the browser is missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from nicegui import ui
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing.general import nicegui_reset_globals
from nicegui.testing.user import User

from .mount import mount


@asynccontextmanager
async def visitor(
    *, who: Any, services: Mapping[str, Any] | None = None, language: str = "en", **options: Any
) -> AsyncIterator[User]:
    """A simulated user who is signed in as `who` (None is nobody); options go to `mount`."""
    app = FastAPI()
    with nicegui_reset_globals():
        os.environ["NICEGUI_USER_SIMULATION"] = "true"
        mount(app, **{"identify": lambda _: who, "services": services, "language": language} | options)
        transport = httpx.ASGITransport(app)
        headers = {"accept": "text/html", "accept-language": language}
        try:
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client,
            ):
                yield User(client)
        finally:
            os.environ.pop("NICEGUI_USER_SIMULATION", None)
            ui.navigate, ui.notify, ui.download = Navigate(), notify, download


def follow(user: User, address: str) -> None:
    """Go to another page as a link of the console does, within the same tab."""
    client = user.client
    for listener in list(client.layout._event_listeners.values()):
        if listener.type == "lineshaftGo":
            client.handle_event({"id": client.layout.id, "listener_id": listener.id, "args": [json.dumps(address)]})
