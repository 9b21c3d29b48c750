"""The frame: who gets in, what the navigation holds, how pages fail, how the search asks."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import httpx
from fastapi import FastAPI
from nicegui import ui

from lineshaft.console import Health, Hit, View, button, heading, mount, page, paragraph, plain_page, tile
from lineshaft.console.registry import find
from lineshaft.console.search import TIMEOUT_S, SearchBox, gather
from lineshaft.console.simulation import follow, visitor
from lineshaft.console.view import _views
from lineshaft.kernel.errors import NotFound, Unauthorised, Unavailable

from .conftest import ANA, Grant, Show, Viewer


def nothing(view: View) -> None:
    """An empty page."""


async def test_nobody_is_sent_to_sign_in_with_the_way_back(fresh_pages: None) -> None:
    page("/secret", title="Secret", section="Plant")(nothing)
    async with visitor(who=None) as user:
        response = await user.http_client.get("/secret?tab=now")
    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in?next=/secret%3Ftab%3Dnow"


async def test_public_plain_pages_are_shown_to_nobody_without_navigation(fresh_pages: None) -> None:
    page("/plant", title="The plant", section="Plant")(nothing)

    @page("/welcome", title="Welcome", public=True, plain=True)
    def welcome(view: View) -> None:
        with plain_page(view.text("Search")):
            paragraph("Come in")

    async with visitor(who=None, language="zh") as user:
        await user.open("/welcome")
        await user.should_see("Come in")
        await user.should_see("搜索")
        await user.should_not_see("The plant")


async def test_navigation_holds_what_the_role_allows_in_order(fresh_pages: None) -> None:
    page("/b", title="Bees", section="Zoo", order=2)(nothing)
    page("/a", title="Ants", section="Zoo", order=1)(nothing)
    page("/c", title="Cats", section="Zoo", order=3, role=4)(nothing)
    page("/d/{name}", title="Dogs", section="Zoo")(nothing)
    async with visitor(who=ANA) as user:
        await user.open("/a")
        links = [e.props["href"] for e in user.client.elements.values() if "ls-nav-link" in e.classes]
        assert [link for link in links if link in {"/a", "/b", "/c", "/d/{name}"}] == ["/a", "/b"]
        await user.open("/c")
        await user.should_see("You may not open this page.")
        await user.should_see("Ask an administrator for the role it needs.")


async def test_addresses_carry_parts_and_queries_as_the_types_the_page_names(fresh_pages: None) -> None:
    got: dict[str, Any] = {}

    @page("/assets/{path:path}", title="Asset")
    async def asset(view: View, path: str, depth: int = 1, tab: str = "now") -> None:
        got.update(path=path, depth=depth, tab=tab)

    page("/assets/new", title="New asset")(nothing)
    visit = find("/assets/acme/line-1/filler?depth=2&tab=trend&other=x")
    assert visit is not None
    assert visit.arguments == {"path": "acme/line-1/filler", "depth": 2, "tab": "trend"}
    assert find("/assets/x?depth=deep").arguments == {"path": "x"}
    assert find("/assets/new").page.title == "New asset"
    assert find("/nowhere") is None
    async with visitor(who=ANA) as user:
        await user.open("/assets/acme/line-1?depth=3")
    assert got == {"path": "acme/line-1", "depth": 3, "tab": "now"}


async def test_a_failing_page_says_what_is_wrong_and_tries_again(show: Show) -> None:
    tries = []

    async def draw(view: View) -> None:
        tries.append(1)
        if len(tries) == 1:
            heading("Half drawn")
            raise Unavailable("The store does not answer.", hint="It is usually back within seconds.")
        heading("Here it is")

    async with show(draw) as user:
        await user.should_see("The store does not answer.")
        await user.should_see("It is usually back within seconds.")
        await user.should_not_see("Half drawn")
        user.find("Try again").click()
        await user.should_see("Here it is")


async def test_what_is_not_there_leads_to_the_overview_and_hides_no_technical_cause(show: Show) -> None:
    def draw(view: View) -> None:
        raise NotFound("There is no asset 'filler'.", hint="It may have been renamed.")

    async with show(draw) as user:
        await user.should_see("There is no asset 'filler'.")
        await user.should_see("To the overview")
        await user.should_not_see("Try again")
        await user.should_not_see("Technical cause")


async def test_a_fault_of_ours_is_told_without_its_insides_in_the_sentence(show: Show) -> None:
    def draw(view: View) -> None:
        raise RuntimeError("secret insides")

    async with show(draw) as user:
        await user.should_see("Something went wrong on our side.")
        await user.should_see("RuntimeError: secret insides")


async def test_a_slow_page_appears_later_and_the_answer_does_not_wait(show: Show) -> None:
    async def draw(view: View) -> None:
        await asyncio.sleep(1.8)
        heading("Late")

    async with show(draw) as user:
        await user.should_not_see("Late", retries=1)
        await user.should_see("Late", retries=20)


async def test_going_to_another_page_keeps_the_frame_and_stops_timers(fresh_pages: None) -> None:
    beats: list[str] = []

    @page("/one", title="One", section="Plant")
    def one(view: View) -> None:
        heading("Page one")
        view.every(0.05, lambda: beats.append("one"))

    @page("/two", title="Two", section="Plant")
    def two(view: View) -> None:
        heading("Page two")

    async with visitor(who=ANA) as user:
        client = await user.open("/one")
        await asyncio.sleep(0.3)
        assert beats
        follow(user, "/two")
        await user.should_see("Page two")
        await user.should_not_see("Page one")
        assert user.client is client
        seen = len(beats)
        await asyncio.sleep(0.3)
        assert len(beats) == seen
        assert client.title == "Two · Lineshaft"


async def test_timers_never_overlap_and_tell_a_failure_once(show: Show) -> None:
    running = 0
    most = 0

    async def beat() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        raise NotFound("The tag is gone.")

    async with show(lambda view: view.every(0.01, beat)) as user:
        await asyncio.sleep(0.5)
        toasts = [e for e in user.client.elements.values() if type(e).__name__ == "Toast"]
        assert most == 1
        assert [t.state["message"] for t in toasts] == ["The tag is gone."]


async def test_search_asks_everybody_and_leaves_out_who_is_late_or_fails(show: Show) -> None:
    async def good(who: Viewer, words: str, limit: int) -> list[Hit]:
        return [Hit(title=f"{who.name} {words}", address="/x")]

    async def late(who: Viewer, words: str, limit: int) -> list[Hit]:
        await asyncio.sleep(TIMEOUT_S * 2)
        return []

    async def broken(who: Viewer, words: str, limit: int) -> list[Hit]:
        raise RuntimeError("no index")

    views: list[View] = []
    async with show(views.append, search=[good]) as user:
        assert user.find(SearchBox).elements
        hits = await asyncio.wait_for(gather(views[0], [good, late, broken], "part"), TIMEOUT_S + 1)
    assert [(h.title, h.address) for h in hits] == [("Part", "/part"), ("Ana part", "/x")]
    assert await gather(views[0], [broken], "  ") == []


async def test_health_is_shown_in_the_bar(show: Show) -> None:
    async def health(who: Viewer) -> Health:
        return Health(state="lost", message="2 of 6 connections are lost", address="/connections")

    async with show(nothing, health=health) as user:
        await user.should_see("Lost", retries=10)


async def test_health_says_how_many_connections_work(show: Show) -> None:
    async def health(who: Viewer) -> Health:
        return Health(state="good", label="4 connected", message="The platform and all its connections work.")

    async with show(nothing, health=health, language="zh") as user:
        await user.should_see("4 个已连接", retries=10)


async def test_a_session_that_ends_elsewhere_closes_the_tab(show: Show, monkeypatch: Any) -> None:
    monkeypatch.setattr("lineshaft.console.frame.IDENTIFY_S", 0.05)
    answers = [ANA]
    sent: list[str] = []
    async with show(nothing, identify=lambda request: answers[0]) as user:
        user.client.run_javascript = lambda code, **_: sent.append(code)
        answers[0] = None
        await asyncio.sleep(0.3)
    assert 'lineshaft.leave("/sign-in?next=/part&ended=1")' in sent


async def test_a_deed_of_somebody_signed_out_meanwhile_leads_to_signing_in_again(show: Show) -> None:
    sent: list[str] = []

    def save() -> None:
        raise Unauthorised("Ana is no longer signed in.")

    async with show(lambda view: button("Keep", save)) as user:
        user.client.run_javascript = lambda code, **_: sent.append(code)
        user.find("Keep").click()
        await asyncio.sleep(0.1)
        await user.should_not_see("Ana is no longer signed in.")
    assert 'lineshaft.leave("/sign-in?next=/part&ended=1")' in sent


async def test_unknown_addresses_answer_people_with_a_panel_and_programs_with_a_problem(show: Show) -> None:
    async with show(nothing) as user:
        page_answer = await user.http_client.get("/nowhere")
        program = await user.http_client.get("/api/v1/nowhere", headers={"accept": "application/json"})
    assert page_answer.status_code == 404
    assert "There is no page at /nowhere." in page_answer.text
    assert program.status_code == 404
    assert program.json() == {"title": "Not found", "status": 404, "instance": "/api/v1/nowhere"}
    assert program.headers["content-type"] == "application/problem+json"


async def test_api_routes_added_before_the_console_stay_reachable(fresh_pages: None) -> None:
    app = FastAPI()
    app.get("/healthz")(lambda: {"ok": True})
    mount(app, identify=lambda _: ANA)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        assert (await client.get("/healthz")).json() == {"ok": True}


async def test_a_closed_tab_is_forgotten_with_all_it_showed(show: Show) -> None:
    async with show(lambda view: tile("Speed", 1.0, spark=[])) as user:
        tab = weakref.ref(user.client)
        before = len(_views)
        user.client.delete()
        user.client = None
        for _ in range(20):
            await asyncio.sleep(0.1)
            gc.collect()
            if tab() is None:
                break
        assert tab() is None
        assert len(_views) == before - 1


async def test_highest_role_opens_pages(fresh_pages: None) -> None:
    page("/admin", title="Admin", section="System", role=4)(lambda view: heading("For admins"))
    async with visitor(who=Viewer(grants=(Grant(1), Grant(4)))) as user:
        await user.open("/admin")
        await user.should_see("For admins")
        await user.should_see(kind=ui.menu)
