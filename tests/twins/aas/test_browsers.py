"""AAS clients that are pages of other sites: only those that are named, with a token, and they may read refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import ValidationError

from lineshaft.security.api import Gate
from lineshaft.twins import TwinsSettings
from lineshaft.twins.api.aas import Services, application, opened, refusal
from lineshaft.twins.service import Bulk

from .conftest import V31, A, S, Served, served_at
from .test_reading import is_result

UI, OTHER = "https://ui.example.com", "https://other.example.com"
ASKS = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization,content-type"}
VALUE = f"{V31}/submodels/{S}/submodel-elements/AllKinds.Prop/$value"


@pytest.fixture
async def url(served: Served) -> AsyncIterator[str]:
    services = Services(repository=served.repository, operations=served.operations, bulk=Bulk(served.repository))
    gate = Gate(application(services), served.security, refuse=refusal)
    assert opened(gate, []) is gate
    async with served_at(opened(gate, TwinsSettings(browser_origins=[UI]).browser_origins)) as address:
        yield address


async def test_a_browser_asks_first_and_only_for_sites_that_are_named(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as browser:
        told = await browser.options(VALUE, headers={"origin": UI, **ASKS})
        assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, UI)
        assert "PATCH" in told.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in told.headers
        refused = await browser.options(VALUE, headers={"origin": OTHER, **ASKS})
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)


async def test_a_page_of_a_named_site_reads_and_writes_with_a_token(url: str, served: Served) -> None:
    token = {"authorization": f"Bearer {served.engineer}"}
    async with httpx.AsyncClient(base_url=url, headers={"origin": UI}) as page:
        found = await page.get(f"{V31}/shells/{A}", headers=token)
        assert (found.status_code, found.headers["access-control-allow-origin"]) == (200, UI)
        assert "etag" in found.headers["access-control-expose-headers"]
        assert (await page.patch(VALUE, json=2.5, headers=token)).status_code == 204
        assert (await page.get(VALUE, headers=token)).json() == 2.5
        nobody = await page.get(f"{V31}/shells/{A}")
        is_result(nobody, 401)
        assert nobody.headers["access-control-allow-origin"] == UI
    async with httpx.AsyncClient(base_url=url, headers={"origin": OTHER}) as page:
        assert "access-control-allow-origin" not in (await page.get(f"{V31}/shells/{A}", headers=token)).headers


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://ui.example.com/", "https://a@b", "ui.example.com", "file://x"]
)
def test_what_is_no_origin_is_refused_in_the_configuration(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin: write scheme, host and port alone"):
        TwinsSettings(browser_origins=[origin])
