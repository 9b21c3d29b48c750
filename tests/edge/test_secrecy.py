"""Secrets in settings: hidden however deep they lie, and as they were when what was shown is saved back."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field

from lineshaft.edge import SHELF, BadConnection, ConnectionStore, Connector, ConnectorSettings, Edge, EdgeSettings
from lineshaft.edge.secrecy import completed, hidden
from lineshaft.kernel.config import Secret
from lineshaft.kernel.db import Database
from lineshaft.kernel.plugins import Plugin
from lineshaft.kernel.secrecy import names_secret, without_passwords
from lineshaft.security import PLATFORM, Guard


class Account(BaseModel):
    """Somebody a machine knows."""

    user: str
    pin: Secret


class VaultSettings(ConnectorSettings):
    """Secrets in every place a connector may declare one."""

    host: str = ""
    hosts: tuple[str, ...] = ()
    pin: Secret = Secret("")
    accounts: tuple[Account, ...] = ()
    headers: dict[str, Secret] = Field(default_factory=dict)
    more: dict[str, Any] = Field(default_factory=dict)
    plain_password: bool = False
    access_token: str = ""
    token_url: str = ""
    secret_word: Any = None
    private_key: Path | None = None
    url: str = ""


class Vault(Connector[VaultSettings]):
    """Talks to nobody."""

    name: ClassVar[str] = "vault"
    Settings: ClassVar[type[VaultSettings]] = VaultSettings


@pytest.fixture(autouse=True)
def _shelved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the vault on the shelf."""
    monkeypatch.setitem(sys.modules, "trial_vault", SimpleNamespace(CONNECTOR=Vault))
    monkeypatch.setitem(SHELF.plugins, "vault", Plugin(name="vault", module="trial_vault", manifest={}))


@pytest.fixture
async def edge(db: Database) -> Edge:
    await db.open(["lineshaft.security", "lineshaft.edge"])
    return Edge.offline(EdgeSettings(), organisation="acme", store=ConnectionStore(db), guard=Guard(db))


TAGS = [
    {"path": "a", "address": "1", "options": {"login": {"password": "s3cret-a"}, "note": "n"}},
    {"path": "b", "address": "2", "options": {"login": {"password": "s3cret-b"}, "hook": "http://u:s3cret-c@h/x"}},
]
RAW: dict[str, Any] = {
    "name": "safe",
    "host": "h",
    "pin": "s3cret-d",
    "accounts": [{"user": "joe", "pin": "s3cret-e"}, {"user": "eve", "pin": "s3cret-f"}],
    "headers": {"X-Key": "s3cret-g"},
    "more": {"apiKey": "s3cret-h", "depth": [{"client-secret": 51423, "limit": 5}], "tokens": ["s3cret-i", "s3cret-j"]},
    "plain_password": True,
    "access_token": "s3cret-k",
    "token_url": "http://h/token",
    "secret_word": "s3cret-l",
    "private_key": "key.pem",
    "url": "mqtt://joe:s3cret@l@h:1883/x",
    "tags": TAGS,
}
SHOWN: dict[str, Any] = {
    "name": "safe",
    "host": "h",
    "pin": "***",
    "accounts": [{"user": "joe", "pin": "***"}, {"user": "eve", "pin": "***"}],
    "headers": {"X-Key": "***"},
    "more": {"apiKey": "***", "depth": [{"client-secret": "***", "limit": 5}], "tokens": ["***", "***"]},
    "plain_password": True,
    "access_token": "***",
    "token_url": "http://h/token",
    "secret_word": "***",
    "private_key": "key.pem",
    "url": "mqtt://joe:***@h:1883/x",
    "tags": [
        {"path": "a", "address": "1", "options": {"login": {"password": "***"}, "note": "n"}},
        {"path": "b", "address": "2", "options": {"login": {"password": "***"}, "hook": "http://u:***@h/x"}},
    ],
}


async def kept(edge: Edge, name: str = "safe") -> dict[str, Any]:
    """The settings as the catalogue holds them."""
    return next(c.raw for c in await edge.export(PLATFORM) if c.name == name)


async def test_no_secret_is_shown_however_deep_it_lies(edge: Edge, db: Database) -> None:
    saved = await edge.save(PLATFORM, "vault", RAW)
    assert (await edge.get(PLATFORM, "safe")).connection.raw == SHOWN
    assert (await edge.versions(PLATFORM, "safe"))[0].raw == SHOWN
    assert hidden("vault", saved.raw) == SHOWN
    async with db.read() as tx:
        rows = await tx.all(sa.text("SELECT * FROM security_audit"))  # type: ignore[arg-type]
    assert "s3cret" not in str(rows)
    assert "51423" not in str(rows)
    assert await kept(edge) == RAW


async def test_what_was_shown_keeps_every_secret_when_saved_back(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    await edge.save(PLATFORM, "vault", SHOWN)
    assert await kept(edge) == RAW
    await edge.save(PLATFORM, "vault", {**SHOWN, "pin": "new", "timeout_s": 2.0})
    assert await kept(edge) == {**RAW, "pin": "new", "timeout_s": 2.0}


async def test_secrets_in_lists_stay_with_what_they_belong_to(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    _, eve = SHOWN["accounts"]
    more_tags = [{"path": "c", "address": "3"}, *reversed(SHOWN["tags"])]
    await edge.save(PLATFORM, "vault", {**SHOWN, "accounts": [eve], "tags": more_tags})
    now = await kept(edge)
    assert now["accounts"] == [RAW["accounts"][1]]
    assert now["tags"] == [more_tags[0], TAGS[1], TAGS[0]]
    await edge.save(PLATFORM, "vault", {**SHOWN, "accounts": [{**eve, "user": "eva"}], "tags": more_tags})
    assert (await kept(edge))["accounts"] == [{"user": "eva", "pin": "s3cret-f"}]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"accounts": [*SHOWN["accounts"], {"user": "new", "pin": "***"}]}, r"accounts\[2\]\.pin"),
        ({"more": {"tokens": ["***"]}}, r"more\.tokens\[0\]"),
        ({"more": {"other_token": "***"}}, r"more\.other_token"),
    ],
)
async def test_stars_that_stand_for_nothing_known_are_refused(edge: Edge, changed: dict[str, Any], place: str) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    with pytest.raises(BadConnection, match=rf"^{place} is \*\*\*, which stands for a secret that is not known here"):
        await edge.save(PLATFORM, "vault", {**SHOWN, **changed})
    assert await kept(edge) == RAW


async def test_a_new_connection_cannot_be_saved_with_stars(edge: Edge) -> None:
    with pytest.raises(BadConnection, match=r"pin is \*\*\*, .* Type it\."):
        await edge.save(PLATFORM, "vault", {"name": "new", "pin": "***"})
    await edge.save(PLATFORM, "vault", {"name": "old", "pin": "1"})
    with pytest.raises(BadConnection, match=r"password is \*\*\*"):
        await edge.save(PLATFORM, "mqtt", {"name": "old", "broker": "mqtt://h", "password": "***"})
    assert await kept(edge, "old") == {"name": "old", "pin": "1"}


def test_of_a_connector_that_is_not_installed_names_tell() -> None:
    assert hidden("gone", {"password": "x", "host": "h", "more": {"psk": "y"}}) == {
        "password": "***",
        "host": "h",
        "more": {"psk": "***"},
    }


def test_stars_in_an_address_stand_for_a_password_that_was_there() -> None:
    with pytest.raises(BadConnection, match=r"^url is \*\*\*"):
        completed("vault", {"name": "n", "url": "mqtt://joe:***@h"}, None)
    assert completed("vault", {"name": "n", "url": "mqtt://joe:new@h"}, None)["url"] == "mqtt://joe:new@h"


def test_stars_in_a_place_without_secrets_are_text() -> None:
    assert completed("vault", {"name": "n", "host": "***"}, None) == {"name": "n", "host": "***"}


@pytest.mark.parametrize("name", ["password", "userPassword", "client-secret", "api_key", "bearerToken", "pwd"])
def test_a_secret_is_told_by_its_name(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", ["token_url", "password_file", "keyboard", "tokenizer", "passage", "host"])
def test_what_only_points_at_a_secret_or_sounds_like_one_is_none(name: str) -> None:
    assert not names_secret(name)


def test_passwords_in_addresses_are_found_whatever_they_hold() -> None:
    text = "a://u:p@ss:w@h/x b://:only@h c://u@h/y@z d://h:80/e@f"
    assert without_passwords(text, "***") == "a://u:***@h/x b://:***@h c://u@h/y@z d://h:80/e@f"


async def test_a_file_with_stars_changes_nothing_at_every_start(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    [declared] = await edge.export(PLATFORM)
    stars = [replace(declared, raw=SHOWN)]
    assert await edge.declare(PLATFORM, stars) == 1, "the file says it for the first time"
    assert await edge.declare(PLATFORM, stars) == 0
    assert await kept(edge) == RAW


async def test_one_connection_of_a_file_that_cannot_be_taken_over_stops_no_other(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    [declared] = await edge.export(PLATFORM)
    bad = replace(declared, name="bad", raw={"name": "bad", "pin": "***"})
    good = replace(declared, name="good", raw={"name": "good"})
    assert await edge.declare(PLATFORM, [bad, good]) == 1
    assert [c.name for c in await edge.export(PLATFORM)] == ["good", "safe"]


# ---- a secret goes only where it went ----

LEADS_ELSEWHERE = [
    {"host": "evil"},
    {"port": 1},
    {"edge": "another-box"},
    {"hosts": ["evil"]},
    {"url": "mqtt://joe:***@evil:1883/x"},
    {"url": "mqtt://joe:***@h:1884/x"},
    {"url": "mqtt://evil:1883/x"},
    {"url": ""},
    {"more": {**SHOWN["more"], "proxy_url": "http://evil"}},
    {"more": {**SHOWN["more"], "depth": [{"client-secret": "***", "limit": 5}, {"endpoint": "evil"}]}},
    {"tags": [{"path": "a", "address": "http://evil/a"}]},
    {"tags": [{"path": "a", "address": "1", "options": {"brokerUrl": "evil"}}]},
]


@pytest.mark.parametrize("changed", LEADS_ELSEWHERE, ids=str)
async def test_a_kept_secret_is_not_sent_elsewhere(edge: Edge, changed: dict[str, Any]) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    with pytest.raises(BadConnection, match=r"was given for another address .* Type it again"):
        await edge.save(PLATFORM, "vault", {**SHOWN, **changed})
    assert await kept(edge) == RAW
    assert len(await edge.versions(PLATFORM, "safe")) == 1


async def test_with_every_secret_typed_again_a_connection_may_lead_anywhere(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    await edge.save(PLATFORM, "vault", {**RAW, "host": "elsewhere"})
    assert (await kept(edge))["host"] == "elsewhere"
    with pytest.raises(BadConnection, match=r"^pin was given"):
        await edge.save(PLATFORM, "vault", {**RAW, "pin": "***"})


async def test_what_says_nothing_of_the_address_changes_freely(edge: Edge) -> None:
    await edge.save(PLATFORM, "vault", RAW)
    more = {"path": "c", "address": "nsu=http://maker.example/line;s=c"}
    changed = {"timeout_s": 9.0, "path": "hall", "tags": [*SHOWN["tags"], more], "url": "mqtt://eva:***@h:1883/x"}
    await edge.save(PLATFORM, "vault", {**SHOWN, **changed})
    assert await kept(edge) == {**RAW, **changed, "tags": [*TAGS, more], "url": "mqtt://eva:s3cret@l@h:1883/x"}


@pytest.mark.parametrize(
    ("connector", "raw", "weaker"),
    [
        ("opcua", {"url": "opc.tcp://h:4840", "security": "SignAndEncrypt"}, {"security": "None"}),
        ("opcua", {"url": "opc.tcp://h:4840"}, {"plain_password": True}),
        ("opcua", {"url": "opc.tcp://h:4840"}, {"trust": "any"}),
        ("mqtt", {"broker": "mqtts://h", "subscriptions": ["a"]}, {"verify_tls": False}),
        ("mqtt", {"broker": "mqtts://h", "subscriptions": ["a"]}, {"broker": "mqtt://h"}),
    ],
    ids=str,
)
async def test_a_kept_secret_is_not_sent_less_safely(
    edge: Edge, connector: str, raw: dict[str, Any], weaker: dict[str, Any]
) -> None:
    raw = {"name": "one", **raw, "user": "u"}
    await edge.save(PLATFORM, connector, {**raw, "password": "s3cret"})
    with pytest.raises(BadConnection, match=r"^password was given for another address"):
        await edge.save(PLATFORM, connector, {**raw, **weaker, "password": "***"})
    assert await kept(edge, "one") == {**raw, "password": "s3cret"}
