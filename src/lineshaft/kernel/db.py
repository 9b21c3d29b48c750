"""The catalogue database: SQLite with full syncs, or PostgreSQL, behind one async door.

    async with db.begin() as tx:                  # one transaction, rolled back on any exception
        await tx.execute(insert(TWINS).values(...))
        tx.announce(TwinCreated(...))             # leaves with the transaction (outbox)

Writers of one SQLite file queue here instead of failing with "database is locked".
"""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.compiler import SQLCompiler

from .clock import now_us
from .errors import Invalid, Unavailable
from .facts import Fact, subject_of
from .ids import new_id
from .tasks import Threads
from .wire import encode

METADATA = sa.MetaData()
OUTBOX = sa.Table(
    "kernel_outbox",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
MIGRATIONS = sa.Table(
    "kernel_migrations",
    METADATA,
    sa.Column("context", sa.String(60), primary_key=True),
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("applied_us", sa.BigInteger, nullable=False),
)


READERS = 16
CACHE = "cache_size=-32000"
"""KiB of pages a connection to SQLite keeps; with the default of 2,000 the indexes of a big plant do not fit."""
JOURNAL = "wal_autocheckpoint=10000"
"""Pages (40 MB) after which the journal is taken into the file; with 1,000, every other busy transaction did that."""


class Transaction:
    """One open transaction of the catalogue."""

    def __init__(self, connection: AsyncConnection | _Reading) -> None:
        self._connection = connection
        self.announced = False

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._connection.dialect.name

    async def execute(
        self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> sa.CursorResult[Any]:
        """Run one SQLAlchemy Core statement."""
        result: Any = await self._connection.execute(statement, rows)
        return cast("sa.CursorResult[Any]", result)

    async def insert(self, table: sa.Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Many rows as they are, without SQLAlchemy looking at each: five times as fast."""
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        await self.many(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)

    async def many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """One statement, with `?` for values, for each of many rows as they are."""
        assert isinstance(self._connection, AsyncConnection)
        told = statement if self.dialect == "sqlite" else statement.replace("?", "%s")
        await self._connection.exec_driver_sql(told, list(rows))

    async def reserve(self, column: sa.Column[Any], count: int) -> int:
        """The first of `count` numbers an autoincrement column never had, for rows to be written with them.

        On PostgreSQL they follow each other only while no other transaction reserves.
        """
        table = column.table.name
        if self.dialect == "postgresql":
            sequence = sa.func.pg_get_serial_sequence(table, column.name)
            numbers = sa.select(sa.func.nextval(sequence)).select_from(sa.func.generate_series(1, count))
            return int(min((await self.execute(numbers)).scalars()))
        used = await self.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=table))
        return int(used.scalar() or 0) + 1

    async def all(self, statement: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        rows: Sequence[sa.RowMapping] = (await self._connection.execute(statement)).mappings().all()
        return rows

    async def first(self, statement: sa.Select[Any]) -> sa.RowMapping | None:
        row: sa.RowMapping | None = (await self._connection.execute(statement)).mappings().first()
        return row

    async def scalar(self, statement: sa.Select[Any]) -> Any:
        return (await self._connection.execute(statement)).scalar()

    async def announce(self, fact: Fact) -> None:
        """Publish a fact if, and only if, this transaction commits."""
        row = {"id": new_id(), "subject": subject_of(type(fact)), "body": encode(fact)}
        await self._connection.execute(sa.insert(OUTBOX).values(**row))
        self.announced = True


class _Reading:
    """A reading of SQLite in threads: a statement is one trip there, where the async driver makes four."""

    def __init__(self, engine: sa.Engine, threads: Threads) -> None:
        self.dialect = engine.dialect
        self._engine = engine
        self._threads = threads
        self._alone = threading.Lock()  # a cancelled reader may still be at work in its thread when we close
        self._connection: sa.Connection | None = None

    async def execute(self, statement: sa.Executable, rows: Any = None) -> Any:
        """The whole result of one statement."""
        return await self._threads.run(self._execute, statement, rows)

    def _execute(self, statement: sa.Executable, rows: Any) -> Any:
        with self._alone:
            if self._connection is None:
                self._connection = self._engine.connect()
            result = self._connection.execute(statement, rows)
            return result.freeze()() if result.returns_rows else result

    async def close(self) -> None:
        """End the transaction."""
        await self._threads.run(self._close)

    def _close(self) -> None:
        with self._alone:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class Database:
    """The catalogue of one process; `open` migrates first."""

    def __init__(self, url: str) -> None:
        self._url = _driver(url)
        self._sqlite = self._url.startswith("sqlite")
        self._writer = asyncio.Lock()
        self._engine: AsyncEngine | None = None
        self._reader: sa.Engine | None = None
        self._threads = Threads("catalogue", READERS)
        self._reading = asyncio.Semaphore(READERS)
        self._stamps: sqlite3.Connection | None = None
        """Writes nothing, so that the version it sees changes with every commit of the others."""
        self.outbox_filled = asyncio.Event()

    @classmethod
    def at(cls, folder: Path) -> Database:
        """The default: `catalogue.db` in the data folder."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{folder / 'catalogue.db'}")

    async def open(self, contexts: Iterable[str] = ()) -> None:
        """Connect and bring the tables of these contexts (package names) up to date."""
        engine = self._engine = self._engine or self._connect()
        try:
            async with engine.begin() as connection:
                await connection.run_sync(METADATA.create_all, tables=[OUTBOX, MIGRATIONS])
                for context in contexts:
                    await connection.run_sync(_migrate, context)
        except sa.exc.DBAPIError as error:
            await self.close()
            raise self._unopened(engine, error) from error

    def _unopened(self, engine: AsyncEngine, error: sa.exc.DBAPIError) -> Unavailable:
        place, hint = engine.url.database, "Is it the catalogue of a plant, and may this user write there?"
        if not self._sqlite:
            place, hint = str(engine.url), "Does the server run, and is database.url in plant.toml right?"
        why = str(error.orig).splitlines()[0].rstrip(".")
        return Unavailable(f"The catalogue {place} cannot be opened: {why}.", hint=hint)

    def _connect(self) -> AsyncEngine:
        engine = create_async_engine(self._url)
        if self._sqlite:
            sa.event.listen(engine.sync_engine, "connect", _durable_sqlite)
            sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
        self._reader = self._connect_reader() if self._sqlite and engine.url.database else None
        return engine

    def _connect_reader(self) -> sa.Engine:
        url = self._url.replace("sqlite+aiosqlite", "sqlite", 1)
        reader = sa.create_engine(url, pool_size=READERS, max_overflow=0, pool_use_lifo=True)
        sa.event.listen(reader, "connect", _durable_sqlite)
        sa.event.listen(reader, "connect", _small_cache)
        sa.event.listen(reader, "begin", _begin_immediate)
        return reader

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
        if self._reader is not None:
            self._reader.dispose()
            self._reader = None
        if self._stamps is not None:
            self._stamps.close()
            self._stamps = None

    def stamp(self) -> int | None:
        """Differs once anybody, in any process, has committed since; None when that cannot be told cheaply."""
        if not self._sqlite:
            return None
        if self._stamps is None:
            self._stamps = sqlite3.connect(self._connected().url.database or "", isolation_level=None, timeout=0)
        try:
            return int(self._stamps.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.OperationalError:
            return None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A writing transaction: commits at the end, rolls back on any exception."""
        async with self._lock(), self._connected().connect() as bare:
            connection = await bare.execution_options(lineshaft_write=True)
            async with connection.begin():
                tx = Transaction(connection)
                yield tx
            if tx.announced:
                self.outbox_filled.set()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A reading transaction; on SQLite it never waits for writers."""
        if self._reader is None:
            async with self._connected().connect() as connection:
                yield Transaction(connection)
            return
        async with self._reading:
            reading = _Reading(self._reader, self._threads)
            try:
                yield Transaction(reading)
            finally:
                await reading.close()

    async def row(self, statement: sa.Select[Any], **values: Any) -> Mapping[str, Any] | None:
        """The first row of one statement in a reading of its own: on SQLite one trip to a thread, and no more than
        the driver does there. Keep the statement: it is compiled once. Columns are given as the driver gives them."""
        if self._reader is None:
            async with self._connected().connect() as connection:
                found: Mapping[str, Any] | None = (await connection.execute(statement, values)).mappings().first()
                return found
        async with self._reading:
            return await self._threads.run(_ask, self._reader, statement, values)

    def _connected(self) -> AsyncEngine:
        if self._engine is None:
            raise Invalid("The catalogue is not open.", hint="Call `await db.open()` first.")
        return self._engine

    @asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        if not self._sqlite:
            yield
            return
        async with self._writer:
            yield


def _driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    if scheme not in drivers:
        raise Invalid(
            f"The database address starts with {scheme!r}, which is not known.",
            hint="Use sqlite:///path or postgresql://user:password@host/name.",
        )
    return f"{drivers[scheme]}://{rest}"


def _ask(reader: sa.Engine, statement: sa.Select[Any], values: dict[str, Any]) -> dict[str, Any] | None:
    compiled = _compiled(reader.dialect, statement)
    told = compiled.construct_params(values)
    connection = reader.raw_connection()
    try:
        cursor = connection.cursor()
        row = cursor.execute(compiled.string, [told[name] for name in compiled.positiontup or ()]).fetchone()
        return None if row is None else dict(zip((column[0] for column in cursor.description), row, strict=True))
    finally:
        connection.close()


@lru_cache(maxsize=64)
def _compiled(dialect: sa.Dialect, statement: sa.Select[Any]) -> SQLCompiler:
    return statement.compile(dialect=dialect)


def _durable_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", CACHE, JOURNAL):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _small_cache(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA cache_size=-8000")  # there are many readers; the system keeps the pages as well


def _begin_immediate(connection: sa.Connection) -> None:
    # Taking the write lock at once avoids the deadlock of two readers that both want to write.
    writing = connection.get_execution_options().get("lineshaft_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(connection: sa.Connection, context: str) -> None:
    done = set(connection.execute(sa.select(MIGRATIONS.c.name).where(MIGRATIONS.c.context == context)).scalars())
    folder = resources.files(context) / "migrations"
    names = sorted(f.name[:-3] for f in folder.iterdir() if f.name.endswith(".py") and f.name[0].isdigit())
    operations = Operations(MigrationContext.configure(connection))
    for name in names:
        if name in done:
            continue
        importlib.import_module(f"{context}.migrations.{name}").upgrade(operations)
        connection.execute(sa.insert(MIGRATIONS).values(context=context, name=name, applied_us=now_us()))
