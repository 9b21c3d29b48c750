"""Signing in, keys and the audit log over HTTP; other sites, stolen and foreign keys are turned away."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI, Request, WebSocket

from lineshaft.kernel import http
from lineshaft.security import PLATFORM, Caretaker, Grant, Guard, Role, Security, identifier, install, router

from .conftest import PHRASE

HOME = "http://plant.local"
OURS = {"origin": HOME}


@pytest.fixture
async def app(security: Security) -> FastAPI:
    """An application with our routes and one that another context might have."""
    app = FastAPI()
    http.install(app)
    install(app, security)
    app.include_router(router(security), prefix="/api/v1")
    things: dict[str, str] = {"acme/line": "before"}
    app.state.things = things
    identify = identifier(security)

    @app.put("/api/v1/things/{path:path}")
    async def write(path: str, request: Request) -> dict[str, str]:
        who = http.caller(request)
        await security.guard.require(who, Role.ENGINEER, path, "things.write")
        things[path] = "after"
        return things

    @app.get("/api/v1/things/{path:path}")
    async def read(path: str, request: Request) -> str:
        who = http.caller(request)
        await security.guard.require(who, Role.VIEWER, path, "things.read")
        return things[path]

    @app.get("/again")
    async def again(request: Request) -> str:
        who = await identify(request)
        return who.name if who else ""

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.state.who.name if socket.state.who else "nobody")
        await socket.close()

    return app


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an address of its own and no cookies yet."""
    transport = httpx.ASGITransport(app=app, client=("10.0.0.7", 5))
    async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
        yield client


async def make(security: Security, login: str, role: Role, subtree: str) -> str:
    """A user with a token of the same grants; the token's text."""
    grants = (Grant(role=role, subtree=subtree),)
    user = await security.users.create(PLATFORM, login=login, password=PHRASE, grants=grants)
    done = await security.sessions.sign_in(login, PHRASE, origin="o")
    who = await security.standings.of_session(done.secret, "o")
    assert who is not None
    assert user.id == who.id
    return (await security.tokens.create(who, name=f"{login}-key", grants=grants)).secret


def bearer(text: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"authorization": f"{scheme} {text}"}


async def sign_in(web: httpx.AsyncClient, login: str, password: str = PHRASE) -> httpx.Response:
    return await web.post("/api/v1/session", json={"login": login, "password": password}, headers=OURS)


async def audit(security: Security, action: str) -> list[tuple[str, str, str, str]]:
    rows = await security.guard.entries(PLATFORM)
    return [(r.actor, r.subject, r.outcome.value, r.origin) for r in rows if r.action == action]


# -- tokens --------------------------------------------------------------------------------------


async def test_a_viewers_token_that_writes_is_refused_audited_and_changes_nothing(
    web: httpx.AsyncClient, app: FastAPI, security: Security
) -> None:
    key = await make(security, "vic", Role.VIEWER, "acme")
    assert (await web.get("/api/v1/things/acme/line", headers=bearer(key))).json() == "before"
    answer = await web.put("/api/v1/things/acme/line", headers=bearer(key))
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "security.not_allowed"
    assert answer.json()["title"] == (
        "vic-key (token of vic) is only viewer on acme/line; things.write needs the role engineer."
    )
    assert app.state.things == {"acme/line": "before"}
    assert await audit(security, "things.write") == [("vic-key (token of vic)", "acme/line", "denied", "10.0.0.7")]


async def test_a_token_of_another_organisation_reads_nothing(web: httpx.AsyncClient, security: Security) -> None:
    key = await make(security, "eve", Role.ADMIN, "other")
    answer = await web.get("/api/v1/things/acme/line", headers=bearer(key))
    assert answer.status_code == 403
    assert "before" not in answer.text
    assert await audit(security, "things.read") == [("eve-key (token of eve)", "acme/line", "denied", "10.0.0.7")]


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
async def test_a_token_comes_as_bearer_or_as_telegraf_writes_it(
    web: httpx.AsyncClient, security: Security, scheme: str
) -> None:
    key = await make(security, "vic", Role.VIEWER, "acme")
    told = (await web.get("/api/v1/session", headers=bearer(key, scheme))).json()
    assert (told["kind"], told["grants"]) == ("token", [{"role": "viewer", "subtree": "acme"}])


@pytest.mark.parametrize("header", ["Bearer ls_0123_nothing", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer", "nonsense"])
async def test_a_key_that_is_none_is_answered_with_401_even_where_nobody_must_sign_in(
    web: httpx.AsyncClient, header: str
) -> None:
    answer = await web.get("/again", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_unknown_tokens_are_audited_together(web: httpx.AsyncClient, security: Security) -> None:
    for n in range(30):
        assert (await web.get("/again", headers=bearer(f"ls_{n:032x}_x"))).status_code == 401
    await security.guard.settle(everything=True)
    rows = [r for r in await security.guard.entries(PLATFORM) if r.action == "security.token.use"]
    assert [r.count for r in rows] == [29, 1]


async def test_a_token_is_made_once_listed_without_its_secret_and_revoked(
    web: httpx.AsyncClient, security: Security
) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    await sign_in(web, "ada")
    body = {"name": "ci", "grants": [{"role": "viewer", "subtree": "acme"}]}
    made = await web.post("/api/v1/tokens", json=body, headers=OURS)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key, which = made.json()["secret"], made.json()["id"]
    listed = await web.get("/api/v1/tokens")
    assert [t["name"] for t in listed.json()["items"]] == ["ada-key", "ci"]
    assert key not in listed.text
    assert (await web.get("/again", headers=bearer(key))).json() == "ci (token of ada)"
    assert (await web.delete(f"/api/v1/tokens/{which}", headers=OURS)).status_code == 204
    assert (await web.get("/again", headers=bearer(key))).status_code == 401


# -- sessions ------------------------------------------------------------------------------------


async def test_signing_in_sets_a_cookie_scripts_and_other_sites_cannot_use(
    web: httpx.AsyncClient, security: Security
) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    answer = await sign_in(web, "ADA")
    assert (answer.status_code, answer.json()["login"]) == (201, "ada")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert (await web.get("/again")).json() == "ada"
    assert (await web.get("/api/v1/me")).json()["grants"] == [{"role": "engineer", "subtree": "acme"}]
    assert (await web.delete("/api/v1/session", headers=OURS)).status_code == 204
    assert (await web.get("/api/v1/session")).status_code == 401


async def test_over_tls_the_cookie_is_secure_and_stays_so(app: FastAPI, security: Security) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://plant.local") as web:
        body = {"login": "ada", "password": PHRASE}
        answer = await web.post("/api/v1/session", json=body, headers={"origin": "https://plant.local"})
        assert answer.status_code == 201
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_planted_session_is_never_taken_over(web: httpx.AsyncClient, security: Security) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    await make(security, "mallory", Role.VIEWER, "acme")
    await sign_in(web, "mallory")
    planted = web.cookies["lineshaft_session"]
    await sign_in(web, "ada")
    assert web.cookies["lineshaft_session"] != planted
    web.cookies.set("lineshaft_session", planted)
    web.cookies.delete("lineshaft_session", domain="plant.local")
    assert (await web.get("/again")).json() == ""


async def test_a_wrong_password_says_nothing_and_too_many_say_wait(web: httpx.AsyncClient, security: Security) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    answers = [await sign_in(web, "ada", "wrong wrong wrong") for _ in range(6)]
    assert [a.status_code for a in answers] == [401] * 5 + [429]
    assert answers[0].json()["title"] == "The name or the password is wrong."
    assert "set-cookie" not in answers[0].headers


async def test_nobody_signed_in_gets_401(web: httpx.AsyncClient) -> None:
    for path in (
        "session",
        "users",
        "tokens",
        "devices",
        "audit",
        "audit.csv",
        "audit/verify",
        "roles",
        "sessions",
        "me",
    ):
        assert (await web.get(f"/api/v1/{path}")).status_code == 401, path


async def test_the_form_leads_on_or_back_with_a_reason_and_never_to_another_site(
    web: httpx.AsyncClient, security: Security
) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")

    async def post(password: str, then: str) -> str:
        form = {"user": "ada", "password": password, "next": then}
        answer = await web.post("/sign-in", data=form, headers=OURS)
        assert answer.status_code == 303
        return answer.headers["location"]

    assert await post(PHRASE, "/assets/acme?tab=now") == "/assets/acme?tab=now"
    for elsewhere in (
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nb",
        "",
    ):
        assert await post(PHRASE, elsewhere) == "/"
    assert await post("wrong wrong wrong", "/x") == "/sign-in?failed=security.sign_in_failed&next=%2Fx"
    assert (await web.post("/sign-out", headers=OURS)).headers["location"] == "/sign-in"
    assert (await web.get("/again")).json() == ""


# -- other sites -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://plant.local:81"},
        {"origin": "http://plant.local.evil.example"},
        {"referer": "https://evil.example/plant.local"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://[broken"},
        {},
    ],
)
async def test_another_sites_page_cannot_act_with_our_cookie(
    web: httpx.AsyncClient, app: FastAPI, security: Security, headers: dict[str, str]
) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    await sign_in(web, "ada")
    answer = await web.put("/api/v1/things/acme/line", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "security.cross_site")
    assert app.state.things == {"acme/line": "before"}
    assert (await web.get("/again", headers=headers)).json() == "ada"


@pytest.mark.parametrize("headers", [OURS, {"referer": f"{HOME}/x"}, {"sec-fetch-site": "same-origin"}])
async def test_our_own_pages_may(
    web: httpx.AsyncClient, app: FastAPI, security: Security, headers: dict[str, str]
) -> None:
    await make(security, "ada", Role.ENGINEER, "acme")
    await sign_in(web, "ada")
    assert (await web.put("/api/v1/things/acme/line", headers=headers)).status_code == 200
    assert app.state.things == {"acme/line": "after"}


async def test_another_sites_page_cannot_sign_a_visitor_in(web: httpx.AsyncClient, security: Security) -> None:
    await make(security, "mallory", Role.VIEWER, "acme")
    form = {"user": "mallory", "password": PHRASE}
    answer = await web.post("/sign-in", data=form, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_programs_with_a_token_need_no_origin(web: httpx.AsyncClient, app: FastAPI, security: Security) -> None:
    key = await make(security, "ada", Role.ENGINEER, "acme")
    assert (await web.put("/api/v1/things/acme/line", headers=bearer(key))).status_code == 200


async def test_a_proxy_in_front_is_named_by_the_public_address(security: Security) -> None:
    app = FastAPI()
    http.install(app)
    install(app, security, public_url="https://plant.example")
    await make(security, "ada", Role.ENGINEER, "acme")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://10.0.0.5:8080") as web:
        form = {"user": "ada", "password": PHRASE}
        answer = await web.post("/sign-in", data=form, headers={"origin": "https://plant.example"})
        assert answer.status_code == 303
        assert "Secure" in answer.headers["set-cookie"]
        assert (await web.post("/sign-in", data=form, headers={"origin": "https://evil.example"})).status_code == 403


async def test_every_answer_carries_safe_headers(web: httpx.AsyncClient) -> None:
    for path in ("/again", "/nowhere", "/api/v1/session"):
        headers = (await web.get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


async def test_a_socket_is_opened_by_our_own_pages_and_programs_only(app: FastAPI, security: Security) -> None:
    key = await make(security, "ada", Role.ENGINEER, "acme")
    done = await security.sessions.sign_in("ada", PHRASE, origin="o")
    cookie = {"cookie": f"lineshaft_session={done.secret}"}
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            ours = f"http://127.0.0.1:{port}"

            async def ask(headers: dict[str, str], origin: Any = None) -> Any:
                address = f"ws://127.0.0.1:{port}/live"
                async with websockets.connect(address, additional_headers=headers, origin=origin) as socket:
                    return await socket.recv()

            assert await ask(cookie, ours) == "ada"
            assert await ask(bearer(key)) == "ada-key (token of ada)"
            assert await ask({}) == "nobody"
            for headers, origin in ((cookie, "https://evil.example"), (cookie, None), (bearer("ls_0_0"), None)):
                with pytest.raises(websockets.InvalidStatus):
                    await ask(headers, origin)
    finally:
        server.should_exit = True
        await serving


# -- administration -----------------------------------------------------------------------------


async def test_users_are_made_changed_and_kept_out_over_http(web: httpx.AsyncClient, security: Security) -> None:
    key = bearer(await make(security, "boss", Role.ADMIN, "acme"))
    body = {"login": "eve", "password": PHRASE, "grants": [{"role": "viewer", "subtree": "acme"}]}
    made = await web.post("/api/v1/users", json=body, headers=key)
    assert (made.status_code, made.json()["home"]) == (201, "acme")
    which = made.json()["id"]
    assert PHRASE not in made.text
    change = {"grants": [{"role": "operator", "subtree": "acme/b"}], "disabled": True}
    changed = await web.patch(f"/api/v1/users/{which}", json=change, headers=key)
    assert (changed.json()["disabled"], changed.json()["grants"]) == (True, change["grants"])
    assert (await sign_in(web, "eve")).status_code == 401
    assert (await web.post(f"/api/v1/users/{which}/password", json={"password": "x"}, headers=key)).status_code == 400
    outside = {**body, "login": "mallory", "grants": [{"role": "viewer", "subtree": ""}]}
    assert (await web.post("/api/v1/users", json=outside, headers=key)).status_code == 403
    wrong = {**body, "login": "x", "grants": [{"role": "emperor", "subtree": ""}]}
    assert (await web.post("/api/v1/users", json=wrong, headers=key)).status_code == 400
    first = (await web.get("/api/v1/users?limit=1", headers=key)).json()
    second = (await web.get(f"/api/v1/users?limit=1&cursor={first['next']}", headers=key)).json()
    assert [first["items"][0]["login"], second["items"][0]["login"]] == ["boss", "eve"]
    for cursor in ("!!", "W10"):
        assert (await web.get(f"/api/v1/users?cursor={cursor}", headers=key)).status_code == 400


async def test_devices_are_made_rotated_and_revoked_over_http(web: httpx.AsyncClient, security: Security) -> None:
    key = bearer(await make(security, "boss", Role.ADMIN, "acme"))
    made = (await web.post("/api/v1/devices", json={"name": "press", "path": "acme/press"}, headers=key)).json()
    assert made["publish"] == ["acme/press/#"]
    rotated = (await web.post(f"/api/v1/devices/{made['id']}/rotate", headers=key)).json()
    assert rotated["password"] != made["password"]
    topics = {"subscribe": ["acme/press/cmd"]}
    changed = (await web.patch(f"/api/v1/devices/{made['id']}", json=topics, headers=key)).json()
    assert (changed["publish"], changed["subscribe"]) == (["acme/press/#"], ["acme/press/cmd"])
    listed = await web.get("/api/v1/devices", headers=key)
    assert "password" not in listed.text
    assert (await web.delete(f"/api/v1/devices/{made['id']}", headers=key)).status_code == 204
    assert (await web.get(f"/api/v1/devices/{made['id']}", headers=key)).status_code == 404


async def test_the_audit_log_is_read_filtered_paged_exported_and_checked(
    web: httpx.AsyncClient, app: FastAPI, security: Security
) -> None:
    viewer = bearer(await make(security, "vic", Role.VIEWER, "acme"))
    root = bearer(await make(security, "root", Role.ADMIN, ""))
    await security.guard.record(PLATFORM, "edge.change", "acme/line", before={"a": 1}, after={"a": "=1+1"})
    assert (await web.get("/api/v1/audit", headers=viewer)).status_code == 403
    page = (await web.get("/api/v1/audit?action=edge.", headers=root)).json()
    assert [(r["subject"], r["before"], r["after"]) for r in page["items"]] == [("acme/line", {"a": 1}, {"a": "=1+1"})]
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = (await web.get(f"/api/v1/audit?limit=3&cursor={cursor}", headers=root)).json()
        seen += [r["seq"] for r in page["items"]]
        cursor = page["next"]
    assert seen == list(range(len(seen), 0, -1))
    answer = await web.get("/api/v1/audit.csv", headers=root)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(r["seq"]) for r in rows] == seen
    assert (await web.get("/api/v1/audit.csv", headers=viewer)).status_code == 403
    assert (await web.get("/api/v1/audit/verify", headers=root)).json() == {
        "intact": True, "rows": len(seen), "broken_at": None, "reason": ""
    }  # fmt: skip
    paths = app.openapi()["paths"]
    assert {method for path in paths if "audit" in path for method in paths[path]} == {"get"}


async def test_a_name_that_is_a_formula_does_not_run_in_a_spreadsheet(
    web: httpx.AsyncClient, security: Security
) -> None:
    root = bearer(await make(security, "root", Role.ADMIN, ""))
    await security.guard.record(PLATFORM, "x", "=HYPERLINK(1)")
    rows = list(csv.DictReader(io.StringIO((await web.get("/api/v1/audit.csv", headers=root)).text)))
    assert rows[0]["subject"] == "'=HYPERLINK(1)"


async def test_the_roles_are_listed(web: httpx.AsyncClient, security: Security) -> None:
    key = bearer(await make(security, "vic", Role.VIEWER, "acme"))
    roles = (await web.get("/api/v1/roles", headers=key)).json()
    assert [(r["name"], r["level"]) for r in roles] == [("viewer", 1), ("operator", 2), ("engineer", 3), ("admin", 4)]


async def test_logs_hold_no_token_cookie_or_password(
    web: httpx.AsyncClient, security: Security, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = await make(security, "ada", Role.ADMIN, "")
    await sign_in(web, "ada")
    await sign_in(web, "ada", "wrong wrong wrong")
    await web.get("/again", headers=bearer(key))
    await web.get("/again", headers=bearer(key + "x"))
    await web.post("/api/v1/users", json={"login": "x", "password": PHRASE, "extra": 1}, headers=bearer(key))
    out = capsys.readouterr()
    told = out.out + out.err + caplog.text
    for secret in (key, key.split("_", 2)[2], web.cookies["lineshaft_session"], PHRASE, "wrong wrong wrong"):
        assert secret not in told


async def test_the_caretaker_writes_down_what_is_only_in_memory_when_it_stops(security: Security) -> None:
    guard: Guard = security.guard
    for _ in range(5):
        await guard.deny(PLATFORM, "a", "acme")
    worker = asyncio.create_task(Caretaker(security, period_s=0.01).run())
    await asyncio.sleep(0.1)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert [r.count for r in await guard.entries(PLATFORM)] == [4, 1]
