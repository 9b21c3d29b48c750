"""OPC UA with certificates and passwords: who is let in, who is believed."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.edge.connectors import Host, Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings
from lineshaft.edge.connectors.opcua.fake import ReplayServer, Security
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import PlantPath

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAG = Tag(path=PlantPath("acme/x"), address="nsu=urn:lineshaft:replay;s=x")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplayServer]:
    """A server that has no endpoint without security."""
    folder = tmp_path_factory.mktemp("server")
    async with ReplayServer(["x"], security=Security(certificates=folder, open=False)) as server:
        await server.set({"x": 4.5})
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplayServer]:
    """A server with every endpoint that lets only one user in."""
    folder = tmp_path_factory.mktemp("guarded")
    security = Security(certificates=folder, users={"line": "s3cret"})
    async with ReplayServer(["x"], security=security) as server:
        await server.set({"x": 4.5})
        yield server


async def read(url: str, pki: Path, *, trial: bool = False, **settings: Any) -> float:
    """Connect and read one value."""
    connector = OpcUa(OpcUaSettings(url=url, pki=pki, **settings), [TAG], root=PlantPath("acme"))
    connector.host = Host(folder=pki, trial=trial)
    try:
        await asyncio.wait_for(connector.connect(), 10)
        readings = await asyncio.wait_for(connector.read(connector.plan([TAG])), 10)
        return float(readings.number[0])
    finally:
        await connector.close()


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
async def test_signed_and_encrypted_sessions_work(secure: ReplayServer, tmp_path: Path, mode: str, sink: Any) -> None:
    assert await read(secure.url, tmp_path, security=mode) == 4.5
    connector = OpcUa(OpcUaSettings(url=secure.url, pki=tmp_path, security=mode), [TAG], root=PlantPath("acme"))
    await connector.connect()
    task = asyncio.create_task(connector.subscribe(sink))
    await sink.until(lambda: sink.rows)
    await secure.set({"x": 5.5})
    await sink.until(lambda: sink.rows[-1].number == 5.5)
    await secure.set({"x": 4.5})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await connector.close()


async def test_our_identity_is_made_once_and_kept_private(secure: ReplayServer, tmp_path: Path) -> None:
    await read(secure.url, tmp_path, security="SignAndEncrypt")
    own = tmp_path / "own"
    first = (own / "certificate.der").read_bytes()
    assert stat.S_IMODE((own / "key.pem").stat().st_mode) == 0o600
    await read(secure.url, tmp_path, security="SignAndEncrypt")
    assert (own / "certificate.der").read_bytes() == first
    certificate = x509.load_der_x509_certificate(first)
    assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3000)


async def test_the_edges_own_folder_is_used_when_none_is_set(secure: ReplayServer, tmp_path: Path) -> None:
    connector = OpcUa(OpcUaSettings(url=secure.url, security="Sign"), [TAG], root=PlantPath("acme"))
    connector.host = Host(folder=tmp_path)
    await connector.connect()
    await connector.close()
    assert (tmp_path / "opcua" / "own" / "certificate.der").exists()


async def test_a_given_certificate_is_used(secure: ReplayServer, tmp_path: Path) -> None:
    await read(secure.url, tmp_path / "maker", security="Sign")
    own = tmp_path / "maker" / "own"
    pem = tmp_path / "client.pem"
    certificate = x509.load_der_x509_certificate((own / "certificate.der").read_bytes())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    given = {"certificate": pem, "private_key": own / "key.pem"}
    assert await read(secure.url, tmp_path / "other", security="SignAndEncrypt", **given) == 4.5
    assert not (tmp_path / "other" / "own").exists()


async def test_a_server_without_that_endpoint_says_what_it_offers(secure: ReplayServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await read(secure.url, tmp_path, security="Sign", policy="Aes256Sha256RsaPss")
    assert caught.value.message == f"{secure.url} offers no Aes256Sha256RsaPss Sign."
    assert "Basic256Sha256 Sign, Basic256Sha256 SignAndEncrypt" in caught.value.hint


async def test_a_server_that_wants_security_is_not_reached_without(secure: ReplayServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await read(secure.url, tmp_path)
    assert secure.url in caught.value.message
    assert "security" in caught.value.hint


async def test_the_first_certificate_is_remembered_and_another_refused(secure: ReplayServer, tmp_path: Path) -> None:
    await read(secure.url, tmp_path, trial=True, security="Sign")
    assert not (tmp_path / "servers").exists()
    await read(secure.url, tmp_path, security="Sign")
    (known,) = (tmp_path / "servers").iterdir()
    genuine = known.read_bytes()
    known.write_bytes((tmp_path / "own" / "certificate.der").read_bytes())
    with pytest.raises(Unavailable, match="another certificate than the one it showed first") as caught:
        await read(secure.url, tmp_path, security="Sign")
    assert str(known) in caught.value.hint
    assert (tmp_path / "rejected" / known.name).read_bytes() == genuine
    known.unlink()
    assert await read(secure.url, tmp_path, security="Sign") == 4.5


async def test_with_a_folder_only_listed_servers_are_believed(secure: ReplayServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is not among those in"):
        await read(secure.url, tmp_path, security="Sign", trust="folder")
    (refused,) = (tmp_path / "rejected").iterdir()
    (tmp_path / "trusted").mkdir()
    shutil.move(refused, tmp_path / "trusted")
    assert await read(secure.url, tmp_path, security="Sign", trust="folder") == 4.5


async def test_a_pinned_certificate_must_be_shown(secure: ReplayServer, tmp_path: Path) -> None:
    await read(secure.url, tmp_path, security="Sign")
    (known,) = (tmp_path / "servers").iterdir()
    pinned = {"security": "Sign", "trust": "any"}
    assert await read(secure.url, tmp_path, server_certificate=known, **pinned) == 4.5
    other = tmp_path / "own" / "certificate.der"
    with pytest.raises(Unavailable, match="shows another certificate than"):
        await read(secure.url, tmp_path, server_certificate=other, **pinned)


async def test_the_right_user_gets_in(guarded: ReplayServer, tmp_path: Path) -> None:
    login = {"user": "line", "password": "s3cret"}
    assert await read(guarded.url, tmp_path, security="SignAndEncrypt", **login) == 4.5
    assert await read(guarded.url, tmp_path, security="Sign", **login) == 4.5
    assert await read(guarded.url, tmp_path, **login) == 4.5  # the server offers to encrypt the password alone


@pytest.mark.parametrize("login", [{}, {"user": "line", "password": "wrong"}, {"user": "eve", "password": "s3cret"}])
async def test_nobody_else_does(guarded: ReplayServer, tmp_path: Path, login: dict[str, str]) -> None:
    with pytest.raises(Unavailable) as caught:
        await read(guarded.url, tmp_path, security="SignAndEncrypt", **login)
    assert "does not let" in caught.value.message
    assert "s3cret" not in str(caught.value)


async def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    login = {"user": "line", "password": "s3cret"}
    async with ReplayServer(["x"], security=Security(users={"line": "s3cret"})) as server:
        await server.set({"x": 4.5})
        with pytest.raises(Unavailable, match="would get the password of 'line' unencrypted"):
            await read(server.url, tmp_path, **login)
        assert await read(server.url, tmp_path, plain_password=True, **login) == 4.5
