"""T62 over the whole way: parts of the bill of materials, however deep, and the measured energy of making it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import orjson
import pyarrow as pa
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from tests.twins.conftest import person
from tests.twins.test_pages import field

from lineshaft.console.simulation import visitor
from lineshaft.kernel import http
from lineshaft.kernel.clock import MICROS, from_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound
from lineshaft.kernel.terms import PlantPath, Quality, series_id
from lineshaft.security import Guard, Role
from lineshaft.telemetry import Historian, Live
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.twins import Footprints, Metering, PassportDesk, Repository, Twins
from lineshaft.twins.api import footprints_router
from lineshaft.twins.errors import Cyclic
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service import Window
from lineshaft.twins.service.metering import method_of
from lineshaft.twins.submodels import check, grave, new_shell, template
from lineshaft.twins.submodels.bill_of_materials import Piece, build
from lineshaft.twins.submodels.carbon import Footprint, as_submodel, footprints_of

ADA, EVE = person("ada", Role.ENGINEER), person("eve", Role.VIEWER)
AT = PlantPath("acme/hall")
METER, POWER, LEVEL = (f"acme/hall/press/{name}" for name in ("energy", "power", "level"))
START = 1_780_000_000 * MICROS
HOUR = 3_600 * MICROS
T0 = from_us(START)
PRODUCT, SHELL = "https://acme.example/01/pump", "urn:acme:shell:pump"
GATE = ("A1", "A2", "A3")
Put = Callable[[str, Sequence[tuple[float, float | None]]], None]


@pytest.fixture
async def historian(engine: Engine, db: Database, guard: Guard) -> Historian:
    await db.open(["lineshaft.security", "lineshaft.telemetry", "lineshaft.twins"])
    units = {METER: "kW.h", POWER: "W", LEVEL: "mm"}
    await SeriesBook(db).add(
        [NewSeries(id=series_id(path), path=path, kind="number", unit=unit) for path, unit in units.items()]
    )
    return Historian(LocalStore(engine), Catalogue(db), guard)


@pytest.fixture
def put(engine: Engine) -> Put:
    """Samples of a series, by hours since the beginning; None is a bad one."""
    sent = iter(range(1_000_000))

    def write(path: str, samples: Sequence[tuple[float, float | None]]) -> None:
        rows = {
            "series": pa.array(np.full(len(samples), series_id(path), np.uint64)),
            "ts": pa.array([START + round(at * HOUR) for at, _ in samples]).view(pa.timestamp("us", tz="UTC")),
            "number": pa.array([np.nan if value is None else value for _, value in samples]),
            "text": [""] * len(samples),
            "quality": pa.array([int(Quality.BAD) * (value is None) for _, value in samples], pa.uint8()),
            "seq": pa.array([next(sent) for _ in samples], pa.uint64()),
        }
        engine.insert("samples", pa.table(rows))

    return write


@pytest.fixture
def repository(db: Database, guard: Guard) -> Repository:
    return Repository(db, guard, "acme")


@pytest.fixture
def footprints(repository: Repository, historian: Historian) -> Footprints:
    return Footprints(repository, Metering(historian))


async def thing(repository: Repository, name: str, *submodels: dict[str, Any]) -> str:
    asset = f"https://acme.example/01/{name}"
    shell = new_shell(f"urn:acme:shell:{name}", asset, submodels=submodels)
    await repository.create(ADA, Kind.SHELL, shell, place=AT.child(name))
    for one in submodels:
        await repository.create(ADA, Kind.SUBMODEL, one, place=AT.child(name))
    return asset


def told(name: str, kilograms: str) -> dict[str, Any]:
    one = Footprint(co2eq_kg=Decimal(kilograms), phases=GATE, methods=("ISO 14067",), published=T0)
    return as_submodel(f"urn:acme:pcf:{name}", one)


def bill(name: str, *pieces: Piece) -> dict[str, Any]:
    return build(f"urn:acme:bom:{name}", f"https://acme.example/01/{name}", pieces)


@pytest.fixture
async def product(repository: Repository) -> None:
    """A pump of four wheels of 1.2 kg and one frame, in which two plates of 0.5 kg are."""
    wheel, plate, frame = (f"https://acme.example/01/{name}" for name in ("wheel", "plate", "frame"))
    await thing(repository, "wheel", told("wheel", "1.2"))
    await thing(repository, "plate", told("plate", "0.5"))
    await thing(repository, "frame")
    parts = (Piece(name="Wheel", asset=wheel, count=4),
             Piece(name="Frame", asset=frame, parts=(Piece(name="Plate", asset=plate, count=2),)))  # fmt: skip
    await thing(repository, "pump", bill("pump", *parts))


def window(series: str = METER, hours: float = 4.0, factor: str = "0.48", pieces: str = "2") -> Window:
    return Window(
        series=series, start=T0, end=T0 + timedelta(hours=hours), factor=Decimal(factor), pieces=Decimal(pieces)
    )


async def test_t62_parts_of_all_levels_and_a_counter_add_up_to_exactly_8_8_kilograms(
    product: None, footprints: Footprints, put: Put
) -> None:
    assert (await footprints.of(ADA, PRODUCT)).total == Footprint(
        co2eq_kg=Decimal("5.8"), phases=GATE, methods=("ISO 14067",)
    )
    put(METER, [(-1, 90), (0, 100), (1, 104), (2, 105), (2.5, 2), (4, 7.5), (5, 99)])
    found = await footprints.of(ADA, PRODUCT, window())
    assert [(one.asset[-5:], one.amount) for one in found.parts] == [("wheel", Decimal(4)), ("plate", Decimal(2))]
    assert found.made is not None
    measured = found.made.measured
    assert (measured.energy_kwh, measured.method.value, measured.known) == (Decimal("12.5"), "counter", 1.0)
    assert found.made.process.co2eq_kg == Decimal("3.0")
    assert found.total is not None
    assert (found.total.co2eq_kg, found.total.phases) == (Decimal("8.8"), GATE)


async def test_t62_a_power_held_from_sample_to_sample_gives_the_same(
    product: None, footprints: Footprints, put: Put
) -> None:
    put(POWER, [(-1, 9_000), (0, 5_000), (1, 2_500), (2, None), (3, 5_000), (4, 70_000)])
    found = await footprints.of(ADA, PRODUCT, window(POWER))
    assert found.made is not None
    assert found.made.measured.energy_kwh == Decimal("12.5")
    assert found.made.measured.known == 0.75
    assert found.total is not None
    assert found.total.co2eq_kg == Decimal("8.8")


async def test_t62_it_is_kept_with_its_production_and_how_that_was_measured(
    product: None, footprints: Footprints, repository: Repository, put: Put
) -> None:
    put(METER, [(0, 100), (4, 112.5)])
    document = await footprints.record(ADA, SHELL, window())
    made = orjson.loads(document.body)
    assert grave(check(made, template("carbon"))) == []
    total, production = footprints_of(made)
    assert (total.co2eq_kg, total.phases) == (Decimal("8.8"), GATE)
    assert (production.co2eq_kg, production.phases) == (Decimal(3), ("A3",))
    said = made["submodelElements"][0]["value"][1]
    facts = {one["name"]: one["value"] for one in said["extensions"]}
    assert facts == {
        "energyMeter": METER, "energyMethod": "counter", "energyKwh": "12.5", "emissionFactorKgPerKwh": "0.48",
        "pieces": "2", "periodStart": T0.isoformat(), "periodEnd": (T0 + timedelta(hours=4)).isoformat(),
        "periodKnown": "1.0000",
    }  # fmt: skip
    assert "12.5 kWh by acme/hall/press/energy (growth of the counter)" in said["description"][0]["text"]
    again = await footprints.record(ADA, SHELL, window())
    assert orjson.loads(again.body)["idShort"] == "CarbonFootprint1"
    await thing(repository, "line", bill("line", Piece(name="Pump", asset=PRODUCT, count=3)))
    above = await footprints.of(ADA, "https://acme.example/01/line")
    assert above.total is not None
    assert (above.total.co2eq_kg, len(above.parts)) == (Decimal("26.4"), 1), (
        "a part that tells its own covers its parts"
    )


async def test_parts_shared_by_several_wholes_count_as_often_as_they_are_in(
    repository: Repository, footprints: Footprints
) -> None:
    screw = await thing(repository, "screw", told("screw", "0.01"))
    a, b = [
        await thing(repository, name, bill(name, Piece(name="Screw", asset=screw, count=6))) for name in ("aa", "bb")
    ]
    parts = (Piece(name="Aa", asset=a, count=2), Piece(name="Bb", asset=b), Piece(name="Screw", asset=screw, count=5))
    await thing(repository, "top", bill("top", *parts))
    found = await footprints.of(ADA, "https://acme.example/01/top")
    assert [(one.asset, one.amount) for one in found.parts] == [(screw, Decimal(23))]
    assert found.total is not None
    assert found.total.co2eq_kg == Decimal("0.23")


async def test_a_part_without_a_footprint_leaves_no_total_and_nothing_to_keep(
    product: None, repository: Repository, footprints: Footprints, put: Put
) -> None:
    put(METER, [(0, 0), (4, 1)])
    pcf = "urn:acme:pcf:plate"
    await repository.let_go(ADA, "urn:acme:shell:plate", pcf)
    found = await footprints.of(ADA, PRODUCT, window())
    assert (found.total, [one.footprint is None for one in found.parts]) == (None, [False, True])
    before = (await repository.get(ADA, Kind.SHELL, SHELL)).etag
    with pytest.raises(Invalid, match="Not every part tells its carbon footprint"):
        await footprints.record(ADA, SHELL, window())
    assert (await repository.get(ADA, Kind.SHELL, SHELL)).etag == before


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (window(LEVEL), "is in mm, which is neither energy nor power"),
        (window("acme/hall/press/none"), "is in no unit"),
        (window(hours=0), "cannot be measured"),
        (window(hours=24 * 500), "cannot be measured"),
        (window(factor="-1"), "The emission factor"),
        (window(factor="NaN"), "The emission factor"),
        (window(pieces="0"), "The number of products"),
        (window(POWER), "tells nothing of that time"),
    ],
)
async def test_what_cannot_be_measured_is_told(product: None, footprints: Footprints, wrong: Window, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        await footprints.of(ADA, PRODUCT, wrong)


@pytest.mark.parametrize(
    ("unit", "method"),
    [("kW.h", "counter"), ("MJ", "counter"), ("KWH", "counter"), ("kW", "power"), ("W", "power"), ("N.m", None),
     ("kN.m", None), ("NU", None), ("mm", None), ("", None)],
)  # fmt: skip
def test_a_torque_is_no_energy_though_it_has_its_dimension(unit: str, method: str | None) -> None:
    assert method_of(unit) == method


async def test_rights_on_the_meter_and_the_product_count(
    product: None, footprints: Footprints, repository: Repository, put: Put
) -> None:
    put(METER, [(0, 0), (4, 12.5)])
    pat = person("pat", Role.VIEWER, "acme/hall/pump")
    assert (await footprints.of(pat, PRODUCT)).total is None, "the parts are not theirs to see"
    with pytest.raises(Forbidden):
        await footprints.of(pat, PRODUCT, window())
    with pytest.raises(NotFound):
        await footprints.of(person("pam", Role.VIEWER, "acme/yard"), PRODUCT, window())
    assert (await footprints.of(EVE, PRODUCT, window())).total is not None
    with pytest.raises(Forbidden):
        await footprints.record(EVE, SHELL, window())
    assert [path for path, _ in await footprints.meters(EVE)] == [METER, POWER]


async def test_a_product_that_holds_itself_is_named(repository: Repository, footprints: Footprints) -> None:
    one, other = "https://acme.example/01/one", "https://acme.example/01/other"
    await thing(repository, "one", bill("one", Piece(name="Other", asset=other)))
    await thing(repository, "other", bill("other", Piece(name="One", asset=one)))
    with pytest.raises(Cyclic):
        await footprints.of(ADA, one)


@pytest.fixture
async def client(footprints: Footprints) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    http.install(app)
    app.include_router(footprints_router(footprints), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.who = ADA
        return await call_next(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://plant") as client:
        yield client


async def test_t62_over_http(product: None, client: httpx.AsyncClient, repository: Repository, put: Put) -> None:
    put(METER, [(0, 100), (4, 112.5)])
    at = f"/api/v1/twins/footprints/{encode_id(PRODUCT)}"
    plain = (await client.get(at)).json()
    assert (plain["co2eq_kg"], plain["made"], [one["co2eq_kg"] for one in plain["parts"]]) == (
        "5.8", None, ["4.8", "1"],
    )  # fmt: skip
    body = {"series": METER, "start": T0.isoformat(), "end": (T0 + timedelta(hours=4)).isoformat(),
            "factor_kg_per_kwh": "0.48", "pieces": "2"}  # fmt: skip
    found = (await client.post(at, json=body)).json()
    assert (Decimal(found["co2eq_kg"]), Decimal(found["made"]["co2eq_kg"])) == (Decimal("8.8"), Decimal(3))
    assert (found["made"]["energy_kwh"], found["made"]["method"], found["made"]["known"]) == ("12.5", "counter", 1.0)
    kept = await client.post(f"/api/v1/twins/footprints/{encode_id(SHELL)}/kept", json=body)
    assert kept.status_code == 201
    made = orjson.loads((await repository.get(ADA, Kind.SUBMODEL, kept.json()["submodel"])).body)
    assert footprints_of(made)[0].co2eq_kg == Decimal("8.8")
    wrong = await client.post(at, json=body | {"end": datetime(2999, 1, 1, tzinfo=UTC).isoformat()})
    assert wrong.status_code == 400


async def test_t62_on_screen_with_method_period_and_factor_and_kept_by_a_press(
    product: None, footprints: Footprints, repository: Repository, twins: Twins, live: Live, put: Put
) -> None:
    put(METER, [(0, 100), (4, 112.5)])
    services = {
        "twins": twins, "live": live, "repository": repository, "passports": PassportDesk(repository, footprints),
    }  # fmt: skip
    async with visitor(who=ADA, services=services) as user:
        await user.open(twin_address(SHELL, "passport"))
        await user.should_see("5.80 kg CO2 equivalent for one product", retries=50)
        entered = {"start": T0.isoformat(), "end": (T0 + timedelta(hours=4)).isoformat(), "pieces": "2"}
        for name, value in entered.items():
            field(user, name).set_value(value)
        field(user, "factor").set_value("much")
        user.find("Measure").click()
        await user.should_see("Enter a number.", retries=50)
        field(user, "factor").set_value("0.48")
        user.find("Measure").click()
        await user.should_see("8.80 kg CO2 equivalent for one product", retries=50)
        for told in (
            "3.00 kg CO2e",
            f"Growth of the counter: {METER}",
            "100\u00a0% known",
            "12.50 kWh / 2",
            "0.48 kg CO2e/kWh",
        ):
            await user.should_see(told)
        user.find("Keep it in the twin").click()
        await user.should_see("The footprint is in the twin now", retries=50)
    shell = orjson.loads((await repository.get(ADA, Kind.SHELL, SHELL)).body)
    kept = shell["submodels"][-1]["keys"][0]["value"]
    made = orjson.loads((await repository.get(ADA, Kind.SUBMODEL, kept)).body)
    assert [one.co2eq_kg for one in footprints_of(made)] == [Decimal("8.8"), Decimal(3)]
