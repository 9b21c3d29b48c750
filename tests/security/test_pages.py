"""The screens of security do what they say, as a visitor without a browser sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from nicegui.testing import User as Visitor

import lineshaft.security.pages
from lineshaft.console import Code, Table
from lineshaft.console.frame import Toast
from lineshaft.console.simulation import visitor
from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError
from lineshaft.security import PLATFORM, Device, Grant, NewDevice, Role, Security, SignInFailed, Who
from lineshaft.security.model import differences
from lineshaft.security.pages.devices import sample_command
from lineshaft.security.pages.user import browser_of

from .conftest import PHRASE, signed_in


@asynccontextmanager
async def visiting(security: Security, who: Who | None, **options: Any) -> AsyncIterator[Visitor]:
    parts = ("guard", "users", "sessions", "tokens", "devices")
    async with visitor(who=who, services={name: getattr(security, name) for name in parts}, **options) as user:
        yield user


@pytest.fixture
async def root(security: Security) -> Who:
    return await signed_in(security, "root", (Role.ADMIN, ""))


def rows(user: Visitor, position: int = 0) -> list[dict[str, Any]]:
    """The rows of a table of the page."""
    tables = [e for e in user.client.elements.values() if isinstance(e, Table)]
    return tables[position].rows


def codes(user: Visitor) -> list[str]:
    return [e.state["content"] for e in user.client.elements.values() if isinstance(e, Code)]


async def loaded(user: Visitor, text: str) -> None:
    """Wait until a table has a row that says this."""
    for _ in range(40):
        if any(text in str(row) for e in user.client.elements.values() if isinstance(e, Table) for row in e.rows):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(text)


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what a click sets going."""
    async with asyncio.timeout(5):
        while not await true():
            await asyncio.sleep(0.05)


async def test_the_sign_in_page_says_what_was_wrong_and_repeats_nothing_of_the_address(security: Security) -> None:
    async with visiting(security, None) as user:
        await user.open("/sign-in?failed=security.too_many_attempts&wait=12&next=/x")
        await user.should_see("Wait 12 s, then try again.")
        await user.open("/sign-in?failed=<script>alert(1)</script>")
        await user.should_not_see("alert")
    async with visiting(security, None, language="zh") as user:
        await user.open("/sign-in?failed=security.sign_in_failed")
        await user.should_see("用户名或密码错误。")


async def test_settings_are_for_administrators(security: Security, ada: Who) -> None:
    async with visiting(security, ada) as user:
        for address in ("/settings/users", "/settings/devices", "/settings/audit", f"/settings/users/{ada.id}"):
            await user.open(address)
            await user.should_see("You may not open this page.")


async def test_an_administrator_sees_the_users_of_their_organisation(security: Security, ada: Who) -> None:
    boss = await signed_in(security, "boss", (Role.ADMIN, "acme"))
    await signed_in(security, "stranger", (Role.VIEWER, "other"))
    async with visiting(security, boss) as user:
        await user.open("/settings/users")
        await loaded(user, "Engineer on acme")
        assert [r["login"] for r in rows(user)] == ["ada", "boss"]


async def test_a_user_is_made_with_a_password_shown_once(security: Security, root: Who) -> None:
    async with visiting(security, root) as user:
        await user.open("/settings/users/add")
        user.find(marker="field-login").type("grace")
        user.find(marker="field-subtree").type("acme")
        user.find("Create user").click()
        await user.should_see("Password of grace")
        (password,) = codes(user)
    done = await security.sessions.sign_in("grace", password, origin="o")
    assert done.user.grants == (Grant(role=Role.VIEWER, subtree="acme"),)


async def test_an_account_without_a_role_is_asked_about_first(security: Security, root: Who) -> None:
    async with visiting(security, root) as user:
        await user.open("/settings/users/add")
        user.find(marker="field-login").type("grace")
        user.find("Create user").click()
        await user.should_see("Create the account without a role?")
        user.find("Cancel").click()
        await asyncio.sleep(0.2)
    assert "grace" not in {u.login for u in await security.users.list_(PLATFORM)}


async def test_the_sign_in_page_says_why_somebody_is_there(security: Security) -> None:
    async with visiting(security, None) as user:
        await user.open("/sign-in?next=/connections&ended=1")
        await user.should_see("Your session has ended. Sign in to go on where you were.")


async def test_a_user_is_disabled_and_the_deed_can_be_taken_back(security: Security, root: Who, ada: Who) -> None:
    async with visiting(security, root) as user:
        await user.open(f"/settings/users/{ada.id}")
        await user.should_see("Disable")
        user.find("Disable").click()

        async def disabled() -> bool:
            return (await security.users.get(root, ada.id)).disabled

        await eventually(disabled)
        await user.should_see("Enable")
        user.find(kind=Toast).trigger("act")

        async def enabled() -> bool:
            return not await disabled()

        await eventually(enabled)


async def test_roles_are_changed_on_screen(security: Security, root: Who, ada: Who) -> None:
    async with visiting(security, root) as user:
        await user.open(f"/settings/users/{ada.id}")
        await user.should_see("Save roles")
        user.find(marker="field-subtree").type("acme/berlin")
        user.find("Add role").click()
        user.find("Save roles").click()
        wanted = (Grant(role=Role.ENGINEER, subtree="acme"), Grant(role=Role.VIEWER, subtree="acme/berlin"))

        async def changed() -> bool:
            return (await security.users.get(root, ada.id)).grants == wanted

        await eventually(changed)


async def test_a_token_is_shown_once_and_works(security: Security, ada: Who) -> None:
    async with visiting(security, ada) as user:
        await user.open("/settings/tokens/add")
        user.find(marker="field-name").type("notebook")
        user.find(marker="field-subtree").type("acme")
        user.find("Create token").click()
        await user.should_see("Token notebook")
        secret, command = codes(user)
        assert command == f'curl -H "Authorization: Bearer {secret}" http://test/api/v1/session'
        await user.open("/settings/tokens")
        await loaded(user, "notebook")
        assert secret not in str(rows(user))
    assert (await security.standings.of_token(secret, "o")).owner == ada.id


async def test_a_device_is_made_with_a_command_to_paste(security: Security, root: Who) -> None:
    async with visiting(security, root) as user:
        await user.open("/settings/devices/add")
        user.find(marker="field-name").type("press")
        user.find(marker="field-path").type("acme/press")
        user.find("Create device").click()
        await user.should_see("Credentials of press")
        login, command = codes(user)
        assert login.startswith("press\n")
        assert "mosquitto_pub -h 127.0.0.1 -p 1883 -u press -P" in command
        assert "-t acme/press/test" in command
    (made,) = await security.devices.list_(root)
    assert (made.publish, made.subscribe) == (("acme/press/#",), ())


@pytest.mark.parametrize(
    ("publish", "topic"),
    [(("a/b/#",), "a/b/test"), (("a/+/c",), "a/x/c"), (("#",), "test"), (("a",), "a"), ((), "test")],
)
def test_the_command_publishes_where_the_device_may(publish: tuple[str, ...], topic: str) -> None:
    device = Device(
        id="1", name="d", path="a", publish=publish, subscribe=(), created_at=now(), rotated_at=None, revoked_at=None
    )
    command = sample_command(NewDevice(device=device, password="p"), "plant.local:2883")
    assert command.startswith("mosquitto_pub -h plant.local -p 2883 -u d -P 'p'")
    assert f" -t {topic} -m " in command


async def test_a_row_of_the_audit_log_shows_before_and_after(security: Security, root: Who) -> None:
    await security.guard.record(PLATFORM, "edge.write", "acme/speed", before={"value": 100}, after={"value": 120})
    async with visiting(security, root) as user:
        await user.open("/settings/audit")
        await loaded(user, "acme/speed")
        newest = rows(user)[0]
        assert (newest["action"], newest["subject"], newest["outcome"]) == ("edge.write", "acme/speed", "Done")
        user.find(kind=Table).trigger("row", str(newest["seq"]))
        await user.should_see(f"Row {newest['seq']}")
        assert rows(user, 1) == [{"name": "value", "before": "100", "after": "120"}]


async def test_the_audit_log_is_checked_on_screen(security: Security, root: Who, db: Database) -> None:
    async with visiting(security, root) as user:
        await user.open("/settings/audit")
        user.find("Check the log").click()
        await user.should_see("The log is intact: 2 rows follow from each other.")
        async with db.begin() as tx:
            await tx.execute(sa.text("DROP TRIGGER security_audit_no_update"))
            await tx.execute(sa.text("UPDATE security_audit SET actor = 'Nobody' WHERE seq = 2"))
        user.find("Check the log").click()
        await user.should_see("The log was altered at row 2.")


async def test_one_changes_ones_own_password(security: Security, ada: Who) -> None:
    async with visiting(security, ada) as user:
        await user.open("/account")
        await user.should_see("Engineer on acme")
        user.find(marker="field-old").type(PHRASE)
        user.find(marker="field-new").type("another long phrase")
        user.find(marker="field-again").type("another long phrasf")
        user.find("Change password").click()
        await user.should_see("The two new passwords differ.")
        user.find(marker="field-again").clear().type("another long phrase")
        user.find("Change password").click()
        await user.should_not_see("The two new passwords differ.")

        async def changed() -> bool:
            rows = await security.guard.entries(PLATFORM)
            return rows[0].action == "security.user.password"

        await eventually(changed)
    await security.sessions.sign_in("ada", "another long phrase", origin="o")
    with pytest.raises(SignInFailed):
        await security.sessions.sign_in("ada", PHRASE, origin="o2")


async def test_a_page_of_somebody_kept_out_meanwhile_does_nothing_more(security: Security, root: Who) -> None:
    boss = await signed_in(security, "boss", (Role.ADMIN, "acme"))
    async with visiting(security, boss) as user:
        await user.open("/settings/users/add")
        user.find(marker="field-login").type("accomplice")
        user.find(marker="field-subtree").type("acme")
        await security.users.disable(root, boss.id)
        user.find("Create user").click()
        await asyncio.sleep(0.5)
    assert "accomplice" not in {u.login for u in await security.users.list_(PLATFORM)}
    with pytest.raises(PlatformError):
        await security.guard.current(boss)


def test_differences_name_what_changed_however_deep() -> None:
    before = {"a": 1, "grants": {"acme": "viewer", "": "admin"}, "same": [1]}
    after = {"a": 2, "grants": {"acme": "operator"}, "same": [1], "new": None}
    assert differences(before, after) == [
        ("a", 1, 2),
        ("grants.acme", "viewer", "operator"),
        ("grants.*", "admin", None),
    ]
    assert differences(None, {"x": 1}) == [("x", None, 1)]
    assert differences(None, None) == []


def test_browsers_are_named_in_two_words() -> None:
    chrome = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
    )
    assert browser_of(chrome) == "Chrome, Windows"
    assert browser_of("curl/8.1") == "curl"
    assert browser_of("") == "–"
    assert lineshaft.security.pages.__doc__
