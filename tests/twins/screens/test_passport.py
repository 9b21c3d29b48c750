"""Passports on screen: made by an engineer, scanned by anybody, seen by tiers; the footprint from the parts."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from nicegui.testing.user import User

from lineshaft.console.simulation import visitor
from lineshaft.kernel.errors import Forbidden, PlatformError
from lineshaft.security import Role
from lineshaft.twins import PassportDesk, Repository
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.pages.passport import passport_address
from lineshaft.twins.submodels import new, template
from lineshaft.twins.submodels.bill_of_materials import Archetype, Piece, build
from lineshaft.twins.submodels.carbon import Footprint, as_submodel
from lineshaft.twins.submodels.passport import Passport, Tier

from .conftest import ADA, EVE, PUMP, PUMP_ASSET, Visit, eventually, field, person, put, undo

PRODUCT = "https://acme.example/01/pump-7"
AT = twin_address(PUMP, "passport")
SAID = Passport(id="urn:acme:dpp-1", product=PRODUCT, operator="LEI-1", updated=datetime(2026, 3, 4, tzinfo=UTC))


@pytest.fixture
async def product(repository: Repository) -> None:
    plate = new(template("nameplate"), "urn:acme:plate", values={"URIOfTheProduct": PRODUCT, "SerialNumber": "4711"})
    wear = new(template("predictive_maintenance"), "urn:acme:wear")
    await put(repository, plate, wear)


@pytest.fixture
def scan(passports: PassportDesk) -> Callable[[str], Any]:
    @asynccontextmanager
    async def scanned(product: str) -> AsyncIterator[User]:
        async with visitor(who=None, services={"passports": passports}) as user:
            await user.open(passport_address(product))
            yield user

    return scanned


async def test_nothing_is_public_until_somebody_makes_the_passport(
    product: None, passports: PassportDesk, scan: Callable[[str], Any]
) -> None:
    async with scan(PRODUCT) as user:
        await user.should_see("There is no passport of", retries=50)
        await user.should_not_see("4711")
    with pytest.raises(NoDocument):
        await passports.read(None, PRODUCT)


async def test_an_engineer_makes_it_and_anybody_who_scans_the_code_sees_the_public_tier(
    product: None, visit: Visit, passports: PassportDesk, scan: Callable[[str], Any]
) -> None:
    async with visit(AT) as user:
        await user.should_see("Make a passport", retries=50)
        assert field(user, "product").value == PRODUCT
        field(user, "operator").value = "LEI-529900"
        user.find("Make the passport").click()
        await user.should_see("On the product", retries=50)
        await user.should_see("The passport is public now")
        images = [e for e in user.client.elements.values() if e.tag == "img"]
        svg = base64.b64decode(images[-1].props["src"].partition("base64,")[2]).decode()
        assert f"<title>{PRODUCT}</title>" in svg
    async with scan(PRODUCT) as anybody:
        await anybody.should_see("4711", retries=50)
        await anybody.should_see("LEI-529900")


async def test_taking_it_back_closes_the_public_page(product: None, visit: Visit, passports: PassportDesk) -> None:
    async with visit(AT) as user:
        await user.should_see("Make a passport", retries=50)
        field(user, "operator").value = "LEI-1"
        user.find("Make the passport").click()
        await user.should_see("The passport is public now", retries=50)
        undo(user)

        async def closed() -> bool:
            try:
                await passports.read(None, PRODUCT)
            except PlatformError:
                return True
            return False

        await eventually(closed)


async def test_each_tier_sees_what_it_may(product: None, passports: PassportDesk) -> None:
    await passports.make(ADA, PUMP, SAID)
    seen = {tier: [one["idShort"] for one in (await passports.read(ADA, PRODUCT, tier)).contents] for tier in Tier}
    assert seen[Tier.PUBLIC] == ["Nameplate"]
    assert len(seen[Tier.LEGITIMATE]) == len(seen[Tier.AUTHORITY]) == 2
    nobody = await passports.read(None, PRODUCT, Tier.AUTHORITY)
    assert [one["idShort"] for one in nobody.contents] == ["Nameplate"], "a tier is not for the asking"


async def test_who_may_not_see_the_product_sees_no_more_than_anybody(product: None, passports: PassportDesk) -> None:
    await passports.make(ADA, PUMP, SAID)
    with pytest.raises(NoDocument):
        await passports.read(person("vic", Role.VIEWER, "other"), PRODUCT, Tier.AUTHORITY)


async def test_a_passport_that_is_not_active_is_not_shown(
    product: None, passports: PassportDesk, repository: Repository
) -> None:
    made = await passports.make(ADA, PUMP, SAID)

    def archived(document: dict[str, Any]) -> dict[str, Any]:
        next(e for e in document["submodelElements"] if e["idShort"] == "dppStatus")["value"] = "Archived"
        return document

    await repository.change(ADA, Kind.SUBMODEL, made.id, archived)
    with pytest.raises(NoDocument):
        await passports.read(None, PRODUCT)


async def test_a_viewer_makes_no_passport(product: None, passports: PassportDesk, repository: Repository) -> None:
    with pytest.raises(Forbidden):
        await passports.make(EVE, PUMP, SAID)
    assert len((await repository.page(ADA, Kind.SUBMODEL)).documents) == 2


async def test_the_footprint_is_rolled_up_from_the_parts_and_lacking_ones_are_told(
    repository: Repository, passports: PassportDesk, visit: Visit
) -> None:
    def carbon(id_: str, kg: str) -> dict[str, Any]:
        return as_submodel(id_, Footprint(co2eq_kg=Decimal(kg), published=datetime(2026, 1, 1, tzinfo=UTC)))

    pieces = [Piece(name="Motor", asset="urn:motor", count=2), Piece(name="Case", asset="urn:case")]
    await put(repository, build("urn:bom", PUMP_ASSET, pieces, archetype=Archetype.ONE_DOWN))
    await put(repository, carbon("urn:c1", "1.2"), shell="urn:shell:motor", asset="urn:motor")
    assert (await passports.footprints.of(ADA, PUMP_ASSET)).total is None
    async with visit(AT) as user:
        await user.should_see("1 of 2 parts have no footprint yet.", retries=50)
    await put(repository, carbon("urn:c2", "3.0"), shell="urn:shell:case", asset="urn:case")
    found = await passports.footprints.of(ADA, PUMP_ASSET)
    assert found.total is not None
    assert found.total.co2eq_kg == Decimal("5.4")
    async with visit(AT) as user:
        await user.should_see("5.40 kg CO2 equivalent for one product", retries=50)
