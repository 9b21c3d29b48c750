"""Hours of operation are counted from the samples of the series that says whether a machine runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import orjson
import pyarrow as pa
import pytest

from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import Kind as Sort
from lineshaft.kernel.terms import PlantPath, Quality, Value, series_id
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Historian, Live
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.twins import Draft, Level, Projection, Property, Repository, Twins
from lineshaft.twins.model import Running
from lineshaft.twins.model.record import PART, Entry, Happening
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import made_for, shell_id
from lineshaft.twins.service.hours import Hours

PRESS = PlantPath("acme/berlin/line-1/press")
HOUR = 3_600 * MICROS
START = 1_780_000_000 * MICROS
Sample = tuple[float, Value | None]
Store = Callable[[Sequence[Sample]], None]


@pytest.fixture
async def historian(engine: Engine, db: Database, guard: Guard) -> Historian:
    await db.open(["lineshaft.security", "lineshaft.telemetry", "lineshaft.twins"])
    await SeriesBook(db).add([NewSeries(id=series_id(f"{PRESS}/state"), path=f"{PRESS}/state", kind="number")])
    return Historian(LocalStore(engine), Catalogue(db), guard)


@pytest.fixture
def store(engine: Engine) -> Store:
    """Samples of the press's state, by hours since the beginning; None is a bad one."""
    sent = iter(range(1_000_000))

    def put(samples: Sequence[Sample]) -> None:
        numbers = [np.nan if value is None or isinstance(value, str) else float(value) for _, value in samples]
        engine.insert(
            "samples",
            pa.table(
                {
                    "series": pa.array(np.full(len(samples), series_id(f"{PRESS}/state"), np.uint64)),
                    "ts": pa.array([START + round(at * HOUR) for at, _ in samples]).view(pa.timestamp("us", tz="UTC")),
                    "number": pa.array(numbers),
                    "text": [value if isinstance(value, str) else "" for _, value in samples],
                    "quality": pa.array([int(Quality.BAD) * (value is None) for _, value in samples], pa.uint8()),
                    "seq": pa.array([next(sent) for _ in samples], pa.uint64()),
                }
            ),
        )

    return put


async def press(twins: Twins, running: Running, **said: object) -> None:
    state = Property(name="state", **said)
    await twins.create(PLATFORM, Draft(path=PRESS, level=Level.ASSET, properties=(state,), running=running))


@pytest.mark.parametrize(
    ("running", "said", "runs", "stops"),
    [
        (Running(property="state", above=0.5), {"kind": Sort.BOOLEAN}, 1.0, 0.0),
        (Running(property="state", above=100), {}, 412.5, 99.0),
        (
            Running(property="state", among=("producing",)),
            {"kind": Sort.ENUM, "values": ("idle", "producing")},
            1.0,
            0.0,
        ),
        (Running(property="state", among=("producing",)), {"kind": Sort.TEXT}, "Producing", "setup"),
    ],
)
async def test_a_state_counts_until_the_next_sample(
    historian: Historian, twins: Twins, db: Database, store: Store, running: Running, said: dict[str, object],
    runs: Value, stops: Value,
) -> None:  # fmt: skip
    await press(twins, running, **said)
    hours = Hours(db, historian)
    assert await hours.of(PRESS) is None
    store([(0, runs), (1, runs), (2.5, stops), (10, runs), (10.25, None), (12, runs), (12.5, stops)])
    hours = Hours(db, historian)
    assert await hours.of(PRESS) == pytest.approx(2.5 + 0.25 + 0.5, abs=1e-9)


async def test_what_came_since_is_added_and_a_running_machine_counts_until_now(
    historian: Historian, twins: Twins, db: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineshaft.twins.service.hours.FRESH_S", 0.0)
    await press(twins, Running(property="state", above=0.5), kind=Sort.BOOLEAN)
    hours = Hours(db, historian)
    store([(0, 1.0), (2, 0.0)])
    assert await hours.of(PRESS) == pytest.approx(2.0)
    store([(3, 1.0), (4, 0.0)])
    assert await hours.of(PRESS) == pytest.approx(3.0)
    since = (now_us() - START) / HOUR - 0.5
    store([(since, 1.0)])
    assert await hours.of(PRESS) == pytest.approx(3.5, abs=0.01)


async def test_a_property_with_a_patience_counts_no_longer_than_that(
    historian: Historian, twins: Twins, db: Database, store: Store
) -> None:
    await press(twins, Running(property="state", above=0.5), kind=Sort.BOOLEAN, stale_after_s=600.0)
    store([(0, 1.0), (2, 1.0), (2.05, 0.0)])
    assert await Hours(db, historian).of(PRESS) == pytest.approx(600 / 3600 + 0.05)


async def test_nobody_knows_the_hours_of_what_does_not_say_whether_it_runs(
    historian: Historian, twins: Twins, db: Database
) -> None:
    await twins.create(PLATFORM, Draft(path=PRESS, level=Level.ASSET))
    assert await Hours(db, historian).of(PRESS) is None
    assert await Hours(db, historian).of(PlantPath("acme/nowhere")) is None


async def test_the_record_shows_them_when_it_is_read_and_keeps_none(
    historian: Historian, twins: Twins, db: Database, guard: Guard, live: Live, store: Store
) -> None:
    await press(twins, Running(property="state", above=0.5), kind=Sort.BOOLEAN)
    store([(0, 1.0), (2.5, 0.0)])
    repository = Repository(db, guard, "acme", live=live, historian=historian)
    await Projection(twins, repository).all()
    shell = shell_id((await twins.get(PLATFORM, PRESS)).id)
    note = Entry(fact="", kind=Happening.NOTED, at_us=START, by="", text="oiled")
    await repository.records.add(PLATFORM, PRESS, note)
    document = orjson.loads((await repository.get(PLATFORM, Kind.SUBMODEL, made_for(shell, PART))).body)
    assert {e["idShort"]: e["value"] for e in document["submodelElements"] if "valueType" in e}[
        "OperatingHours"
    ] == "2.5"
    assert (await repository.records.of(PLATFORM, PRESS)).operating_hours == pytest.approx(2.5)
    was = await repository.at(PLATFORM, Kind.SUBMODEL, made_for(shell, PART), now_us())
    assert b"OperatingHours" not in was.body
