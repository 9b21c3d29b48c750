"""The repository of twins: reads, writes of values, pages, lookups, questions, import, bills of materials, graph.

    python bench/twins.py --case reads|writes|paging|lookup|descriptors|query|import|bom|graph|live-query|live-graph
        [--quick] [--peer PYTHON]

Every case uses the real service over SQLite with full syncs, `reads` the real HTTP API of a running platform. What is
measured runs in a process of its own, apart from the one that made the data, so that `rss_mb` is that of serving.
`--peer` is the interpreter of an environment with basyx-python-sdk, which is then measured beside `paging`, `lookup`
and `import`; the peer of `writes` is one transaction for each value, over the same tables.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import uvloop

import twins_made as made
from lineshaft.kernel.db import Database
from lineshaft.kernel.log import configure
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins.api.aas import Services, application
from lineshaft.twins.metamodel import query
from lineshaft.twins.model.graph import Compare, Condition
from lineshaft.twins.model.repository import Kind, Link, Verb
from lineshaft.twins.service import Bulk, Operations
from lineshaft.twins.service.repository import Repository
from report import figure, table
from twins_live import Machines, machines
from twins_reads import reads

Rows = list[tuple[object, ...]]
SM = Kind.SUBMODEL


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Repository]:
    """The repository of a data folder."""
    db = Database.at(folder)
    await db.open(["lineshaft.security", "lineshaft.twins"])
    yield Repository(db, Guard(db), "acme")
    await db.close()


@asynccontextmanager
async def hearing(repository: Repository) -> AsyncIterator[tuple[Repository, Machines]]:
    """The same documents in a repository that hears machines."""
    desk = repository._desk
    with tempfile.TemporaryDirectory(prefix="lineshaft-bus-") as folder:
        async with machines(Path(folder), desk.guard) as told:
            yield Repository(desk.db, desk.guard, "acme", live=told.live), told


def p99(seconds: list[float]) -> float:
    return float(np.percentile(seconds, 99)) * 1e3


def memory() -> float:
    return psutil.Process().memory_info().rss / 1e6


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Seconds and result."""
    began = time.perf_counter()
    result = await work()
    return time.perf_counter() - began, result


# ---- writes ----


async def fill_writes(repository: Repository, quick: bool) -> None:
    for part in made.in_parts("submodels", (made.submodel(n, 20) for n in range(500 if quick else 5_000)), 500):
        await repository.take_in(PLATFORM, part)


async def writes(repository: Repository, quick: bool) -> Rows:
    """Values of 20 properties of many submodels by 1,000 writers, with 500 reads/s beside; then of one submodel."""
    count, seconds = (500, 6.0) if quick else (5_000, 60.0)
    took: list[float] = []
    waited: list[float] = []

    async def write(among: int, n: int, until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            id_ = f"https://example.com/ids/sm/{(n + done * 37) % among}"
            began = time.perf_counter()
            await repository.write_values(PLATFORM, id_, {f"Value{(n + done) % 20}": str(done)})
            waited.append(time.perf_counter() - began)
            done += 1
        return done

    async def read(until: float) -> None:
        dice, due = np.random.default_rng(1), time.perf_counter()
        while (now := time.perf_counter()) < until:
            due += 0.01
            await asyncio.sleep(max(due - now, 0))
            ids = [f"https://example.com/ids/sm/{n}" for n in dice.integers(0, count, 5)]
            took.extend([spent for spent, _ in [await timed(lambda i=i: repository.get(PLATFORM, SM, i)) for i in ids]])

    async def run(among: int, writers: int, seconds: float) -> float:
        began = time.perf_counter()
        until = began + seconds
        reading = asyncio.create_task(read(until))
        done = sum(await asyncio.gather(*(write(among, n, until) for n in range(writers))))
        spent = time.perf_counter() - began
        await reading
        return done / spent

    busy = time.process_time()
    many = await run(count, 1_000, seconds)
    cost = (time.process_time() - busy) / len(waited) * 1e6
    read_p99, write_p99 = p99(took), p99(waited)
    single = await run(1, 100, seconds / 3)
    alone = await one_by_one(repository, count, seconds / 6)
    figure("per_s", many, "1/s")
    figure("p99_ms", read_p99, "ms")
    figure("single_twin_per_s", single, "1/s")
    return [
        (
            "values of all twins, together",
            f"{many:,.0f}/s",
            f"p99 write {write_p99:.0f}, read {read_p99:.1f} ms",
        ),
        ("processor time for each value", f"{cost:.0f} us", "reads and the writers themselves included"),
        ("values of one twin", f"{single:,.0f}/s", "100 writers"),
        ("peer: one transaction for each value", f"{alone:,.0f}/s", "one writer, the same tables and audit"),
    ]


async def one_by_one(repository: Repository, count: int, seconds: float) -> float:
    began, done = time.perf_counter(), 0
    while time.perf_counter() < began + seconds:
        await repository.write_values(PLATFORM, f"https://example.com/ids/sm/{done % count}", {"Value0": str(done)})
        done += 1
    return done / (time.perf_counter() - began)


# ---- paging and lookup ----


async def fill_paging(repository: Repository, quick: bool) -> None:
    for part in made.in_parts("submodels", (made.submodel(n) for n in range(20_000 if quick else 1_000_000))):
        await repository.take_in(PLATFORM, part)


async def paging(repository: Repository, quick: bool) -> Rows:
    """Every page from the first to the last, then the page a hundred before the end again and again."""
    total = 20_000 if quick else 1_000_000
    took: list[float] = []
    seen, newest, after = 0, 0, None
    while True:
        spent, page = await timed(lambda at=after: repository.page(PLATFORM, SM, after=at, limit=100))
        took.append(spent)
        for document in page.documents:
            assert document.number > newest, "each comes once, in order"
            seen, newest = seen + 1, document.number
        after = page.after
        if after is None:
            break
    assert seen == total, f"{seen} of {total}"
    at = total - 100
    last = [(await timed(lambda: repository.page(PLATFORM, SM, after=at - 100, limit=100)))[0] for _ in range(500)]
    figure("p99_ms", p99(last), "ms")
    figure("last_to_first", p99(took[-100:]) / p99(took[:100]), "x")
    figure("rss_mb", memory(), "MB")
    return [
        (f"page of 100 at {at:,} of {total:,}", f"p99 {p99(last):.2f} ms", f"process {memory():.0f} MB"),
        ("first 100 pages", f"p99 {p99(took[:100]):.2f} ms", ""),
        ("last 100 pages", f"p99 {p99(took[-100:]):.2f} ms", f"{len(took):,} pages, each id once"),
    ]


async def fill_lookup(repository: Repository, quick: bool) -> None:
    shells = (made.shell(n, links=2) for n in range(33_334 if quick else 333_334))
    for part in made.in_parts("assetAdministrationShells", shells):
        await repository.take_in(PLATFORM, part)


async def lookup(repository: Repository, quick: bool) -> Rows:
    """One shell by one asset id, and by two."""
    dice, total = np.random.default_rng(2), 33_334 if quick else 333_334
    took: dict[int, list[float]] = {1: [], 2: []}
    for n in dice.integers(0, total, 4_000).tolist():
        links = [Link(name="serialNumber", value=f"SN{n}"), Link(name="batch", value=f"B{n}")][: 1 + n % 2]
        spent, (found, _) = await timed(lambda some=links: repository.shells_of(PLATFORM, some))
        assert found == [f"https://example.com/ids/aas/{n}"]
        took[len(links)].append(spent)
    figure("p99_ms", max(p99(one) for one in took.values()), "ms")
    figure("rss_mb", memory(), "MB")
    return [
        (f"shell by {n} of {total * 3:,} links", f"p99 {p99(one):.2f} ms", f"process {memory():.0f} MB")
        for n, one in took.items()
    ]


# ---- descriptors ----


async def fill_descriptors(repository: Repository, quick: bool) -> None:
    for first in range(0, 12_000 if quick else 120_000, 4_000):
        some = [made.descriptor(n) for n in range(first, first + 4_000)]
        await repository.in_bulk(PLATFORM, Kind.SHELL_DESCRIPTOR, Verb.CREATED, some)
    for part in made.in_parts("submodels", (made.submodel(n, 20) for n in range(6_000)), 2_000):
        await repository.take_in(PLATFORM, part)
    held = [tuple(f"https://example.com/ids/sm/{n * 3 + m}" for m in range(3)) for n in range(2_000)]
    shells = (made.shell(n, links=2, submodels=submodels) for n, submodels in enumerate(held))
    for part in made.in_parts("assetAdministrationShells", shells):
        await repository.take_in(PLATFORM, part)


async def descriptors(repository: Repository, quick: bool) -> Rows:
    """Pages of the registry through the API: of registered descriptors, and of those of our own shells behind them."""
    guard = Guard(repository._desk.db)
    bulk, operations = Bulk(repository), Operations(repository, guard)
    app = application(Services(repository=repository, operations=operations, bulk=bulk))

    async def signed_in(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"who": PLATFORM}
        await app(scope, receive, send)

    transport = httpx.ASGITransport(signed_in)
    took: list[float] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://bench/api/v3.1") as client:
        cursor = size = count = 0
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            spent, answer = await timed(lambda more=more: client.get(f"/shell-descriptors?limit=100{more}"))
            found = answer.json()
            took.append(spent)
            size, count = max(size, len(answer.content)), count + len(found["result"])
            cursor = found["paging_metadata"].get("cursor")
    assert count == (12_000 if quick else 120_000) + 2_000
    registered, own = took[:-20], took[-20:]
    figure("p99_ms", p99(registered), "ms")
    figure("own_p99_ms", p99(own), "ms")
    return [
        (f"page of 100 of {count:,} descriptors", f"p99 {p99(registered):.1f} ms", f"at most {size / 1e3:.0f} kB"),
        ("page of 100 of our own shells", f"p99 {p99(own):.1f} ms", "made when asked for, three submodels each"),
    ]


# ---- questions ----


async def fill_query(repository: Repository, quick: bool) -> None:
    count = 2_000 if quick else 20_000
    for part in made.in_parts("submodels", (made.submodel(n, 50) for n in range(count)), 500):
        await repository.take_in(PLATFORM, part)


async def fill_live_query(repository: Repository, quick: bool) -> None:
    count = 2_000 if quick else 20_000
    for part in made.in_parts("submodels", (made.submodel(n, 50, live=True) for n in range(count)), 500):
        await repository.take_in(PLATFORM, part)


async def ask_live(repository: Repository, quick: bool) -> Rows:
    """The same question, about elements of which every submodel reads one from a machine."""
    count = 2_000 if quick else 20_000
    paths, dice = [f"acme/live/{n}" for n in range(count)], np.random.default_rng(3)
    async with hearing(repository) as (alive, told):
        await told.say(paths, dice.uniform(40, 90, count))
        assert await _asked(alive) == 0
        await told.say(paths, values := dice.uniform(0, 100, count))
        found = await _asked(alive)
        assert found == int((values[::100] < 30).sum()), found
        rows = await ask(alive, quick)
        return [*rows, ("elements that read a series", f"{count:,}", f"{found} of {count // 100} fit now")]


async def _asked(repository: Repository) -> int:
    page = await repository.ask(PLATFORM, SM, _question(), limit=1_000)
    return len(page.documents)


def _question() -> query.Question:
    condition = {
        "$match": [
            {"$eq": [{"$field": "$sme#semanticId"}, {"$strVal": made.RARE}]},
            {"$lt": [{"$field": "$sme#value"}, {"$numVal": 30}]},
        ]
    }
    return query.parse({"$condition": condition}, "submodels")


async def ask(repository: Repository, quick: bool) -> Rows:
    """A semantic id that one submodel in a hundred has, with a bound on its value."""
    question = _question()
    took: list[float] = []
    for _ in range(30):
        spent, page = await timed(lambda: repository.ask(PLATFORM, SM, question, limit=100))
        took.append(spent)
    elements = 100_000 if quick else 1_000_000
    figure("ms", float(np.median(took)) * 1e3, "ms")
    figure("p99_ms", p99(took), "ms")
    hits = f"{len(page.documents)} submodels on the first page"
    return [(f"semantic id and value over {elements:,} elements", f"median {np.median(took) * 1e3:.1f} ms", hits)]


# ---- import ----


async def fill_import(repository: Repository, quick: bool) -> None:
    """Writes the AASX; the catalogue stays empty."""
    from lineshaft.twins.files import write

    documents = [made.submodel(n, 100) for n in range(500 if quick else 5_000)]
    with _aasx(repository).open("wb") as target:
        write({"submodels": documents}, target)
    with _aasx(repository).with_suffix(".json").open("wb") as target:  # the peer does not know the package's types
        write({"submodels": documents}, target, form="json")


def _aasx(repository: Repository) -> Path:
    return Path(repository._desk.db._connected().url.database or "").with_name("big.aasx")


async def take(repository: Repository, quick: bool) -> Rows:
    """An AASX read, examined against the constraints and taken in."""
    from lineshaft.twins.files import read

    began, busy = time.perf_counter(), time.process_time()
    package = read(_aasx(repository))
    read_s, read_cpu = time.perf_counter() - began, time.process_time() - busy
    taken = await repository.take_in(PLATFORM, package.environment)
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    assert not taken.refused
    assert taken.elements == (50_000 if quick else 500_000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    figure("ms", took * 1e3, "ms")
    figure("rss_mb", peak, "MB")
    told = f"{read_s:.1f} s to read and examine; peak {peak:.0f} MB"
    used = f"reading {read_cpu:.1f}, storing {cpu - read_cpu:.1f}"
    return [
        (f"AASX of {taken.elements:,} elements", f"{took:.1f} s", told),
        ("processor seconds", f"{cpu:.1f} s", used),
    ]


# ---- things ----


async def fill_bom(repository: Repository, quick: bool) -> None:
    await repository.take_in(PLATFORM, {"submodels": list(made.tree(4 if quick else 5, 10))})


async def bom(repository: Repository, quick: bool) -> Rows:
    """Five levels of ten parts each; the first question also reads the relations."""
    top = "https://example.com/ids/part/0"
    cold, bill = await timed(lambda: repository.graph.explode(PLATFORM, top))
    levels = 4 if quick else 5
    assert len(bill) == sum(10**n for n in range(1, levels + 1))
    assert bill.quantities[-1] == 3 * 2 ** (levels - 1)
    warm = [(await timed(lambda: repository.graph.explode(PLATFORM, top)))[0] for _ in range(30)]
    leaf = bill.parts[-1]
    used = [(await timed(lambda: repository.graph.where_used(PLATFORM, leaf)))[0] for _ in range(30)]
    figure("ms", float(np.median(warm)) * 1e3, "ms")
    figure("where_used_ms", float(np.median(used)) * 1e3, "ms")
    return [
        (f"explode {len(bill):,} parts", f"median {np.median(warm) * 1e3:.1f} ms", f"slowest {max(warm) * 1e3:.0f} ms"),
        ("where used, from the lowest level", f"median {np.median(used) * 1e3:.1f} ms", ""),
        ("first question after the start", f"{cold * 1e3:.0f} ms", f"reads the relations; process {memory():.0f} MB"),
    ]


async def fill_graph(repository: Repository, quick: bool) -> None:
    for part in made.factories(1 if quick else 11, 100, 100):
        await repository.take_in(PLATFORM, part)


async def fill_live_graph(repository: Repository, quick: bool) -> None:
    for part in made.factories(1 if quick else 11, 100, 100, live=True):
        await repository.take_in(PLATFORM, part)


async def graph_live(repository: Repository, quick: bool) -> Rows:
    """The same question, about sensors that say their temperature now."""
    paths = [f"acme/live/{f}-{n}" for f in range(1 if quick else 11) for n in range(10_000)]
    async with hearing(repository) as (alive, told):
        await told.say(paths, np.random.default_rng(4).uniform(0, 60, len(paths)))
        return await graph(alive, quick)


async def graph(repository: Repository, quick: bool) -> Rows:
    """All sensors two hops below a factory that are warmer than 50 degrees."""
    hot = Condition(semantic=made.TEMPERATURE, compare=Compare.GT, value=50)
    top = "https://example.com/ids/factory/0"
    cold, found = await timed(lambda: repository.graph.below(PLATFORM, top, hops=2, condition=hot, limit=10_000))
    assert 1_200 < len(found) < 2_200, len(found)
    warm = [
        (await timed(lambda: repository.graph.below(PLATFORM, top, hops=2, condition=hot, limit=10_000)))[0]
        for _ in range(20)
    ]
    sensors = 10_000 if quick else 110_000
    figure("ms", float(np.median(warm)) * 1e3, "ms")
    figure("rss_mb", memory(), "MB")
    name = f"{len(found):,} hits; {sensors * 3:,} nodes, {sensors * 4 + sensors // 10:,} edges"
    return [
        (
            name,
            f"median {np.median(warm) * 1e3:.0f} ms",
            f"max {max(warm) * 1e3:.0f} ms",
        ),
        ("first question after the start", f"{cold * 1e3:.0f} ms", f"reads the relations; process {memory():.0f} MB"),
    ]


CASES = {
    "writes": (fill_writes, writes),
    "paging": (fill_paging, paging),
    "lookup": (fill_lookup, lookup),
    "descriptors": (fill_descriptors, descriptors),
    "query": (fill_query, ask),
    "import": (fill_import, take),
    "bom": (fill_bom, bom),
    "graph": (fill_graph, graph),
    "live-query": (fill_live_query, ask_live),
    "live-graph": (fill_live_graph, graph_live),
}


async def step(name: str, which: int, folder: Path, quick: bool) -> None:
    """Fill (0) or measure (1), in this process."""
    async with opened(folder) as repository:
        rows = await CASES[name][which](repository, quick)
    if rows is not None:
        print("ROWS", json.dumps(rows))


async def in_a_process(*words: str, python: str = sys.executable) -> list[str]:
    """The lines a child prints."""
    child = await asyncio.create_subprocess_exec(python, *words, stdout=asyncio.subprocess.PIPE)
    told, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    return told.decode().splitlines()


async def main(name: str, quick: bool, peer: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lineshaft-twins-") as temporary:
        if name == "reads":
            rows, figures = await reads(5 if quick else 30)
        else:
            common = [__file__, "--case", name, "--folder", temporary, *(["--quick"] if quick else [])]
            await in_a_process(*common, "--step", "0")
            lines = await in_a_process(*common, "--step", "1")
            figures = [line for line in lines if line.startswith("FIGURE")]
            rows = json.loads(next(line for line in lines if line.startswith("ROWS")).removeprefix("ROWS"))
        if peer and name in ("paging", "lookup", "import"):
            script = str(Path(__file__).with_name("twins_peer.py"))
            told = await in_a_process(script, name, temporary, str(int(quick)), python=peer)
            rows += [json.loads(line) for line in told]
    table(f"Twins: {name}", ["what", "figure", "beside"], rows, method="SQLite, full syncs; one process serves")
    print("\n".join(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", required=True, choices=["reads", *CASES])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, under 30 seconds")
    parser.add_argument("--peer", default="", help="a Python with basyx-python-sdk")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    configure(level="error")
    if asked.folder:
        uvloop.run(step(asked.case, asked.step, asked.folder, asked.quick))
    else:
        uvloop.run(main(asked.case, asked.quick, asked.peer))
