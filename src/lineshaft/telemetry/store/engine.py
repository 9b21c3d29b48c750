"""One ClickHouse behind one URL: embedded in this process (chDB) or a server, same SQL, same client.

    chdb:///folder               embedded; the folder belongs to one process at a time
    clickhouse://user:pw@host    a server or cluster (clickhouses:// with TLS)

Calls block and are safe from any thread: each borrows one of a few client handles. Handles for
questions can only read.
"""

from __future__ import annotations

import fcntl
import os
import queue
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.telemetry.errors import StoreAway, StoreFault, StoreFull, StoreSlow, StoreTaken, TooMuch

READERS = 4
_WRITERS = 3
_MEGA = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine may take of the machine; servers have their own limits and only see the per-question ones."""

    memory_mb: int = 1024
    """All questions, inserts and merges of an embedded engine together."""
    question_mb: int = 512
    question_s: float = 30.0
    threads: int = 2


class _Handles:
    """A few client handles, opened when needed; who finds none free waits."""

    def __init__(self, connect: Callable[[], Client], most: int) -> None:
        self._connect = connect
        self._most = most
        self._free: queue.LifoQueue[Client] = queue.LifoQueue()
        self._lent = threading.Semaphore(most)
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Client]:
        with self._lent:
            if self._closed:
                raise StoreAway("The store is closed.", hint="This process is stopping.")
            try:
                client = self._free.get_nowait()
            except queue.Empty:
                client = self._connect()
            try:
                yield client
            finally:
                self._free.put(client)

    def close(self) -> None:
        """Wait until all are back, close them and lend no more."""
        self._closed = True
        for _ in range(self._most):
            self._lent.acquire()
        while not self._free.empty():
            self._free.get_nowait().close()
        self._lent.release(self._most)


class Engine:
    """Runs SQL and moves Arrow tables in and out; see the module for what a URL may be."""

    def __init__(self, url: str, *, limits: Limits | None = None) -> None:
        self.url = url
        self.limits = limits or Limits()
        self.embedded = url.startswith("chdb:")
        self._unknown: frozenset[str] = frozenset()
        """Settings that a server does not have because it is older."""
        self._readers = _Handles(partial(self._connect, reads_only=True), READERS)
        self._writers = _Handles(self._connect, _WRITERS)
        if self.embedded:
            self.folder.mkdir(parents=True, exist_ok=True)
            if _locked(self.folder / "status"):
                raise StoreTaken(f"The store in {self.folder} is held by another process.")
        else:
            self._create_database()
        self.command("SELECT 1")

    @property
    def folder(self) -> Path:
        """Where an embedded engine keeps its files."""
        return Path(unquote(urlsplit(self.url).path))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a SELECT; `{name:Type}` in it stands for a parameter. Text comes back as utf8."""
        with self._borrow(self._readers) as client:
            body = client.raw_query(sql, parameters=dict(parameters or {}), fmt="Arrow")
        return pa.ipc.open_file(pa.py_buffer(body)).read_all()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a small SELECT and return plain tuples."""
        with self._borrow(self._readers) as client:
            return [tuple(row) for row in client.query(sql, parameters=dict(parameters or {})).result_rows]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns nothing."""
        with self._borrow(self._writers) as client:
            client.command(sql, parameters=dict(parameters or {}))

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert rows by column name and return once they are on disk; absent columns get their defaults."""
        with self._borrow(self._writers) as client:
            if not self.embedded:
                client.insert_arrow(table, rows)
                return
            # A file in memory instead of the client's own temporary file, which a killed process leaves behind.
            descriptor = os.memfd_create("rows")
            try:
                name = f"/proc/self/fd/{descriptor}"
                with pa.OSFile(name, "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                    writer.write_table(rows)
                columns = ", ".join(rows.schema.names)
                client.command(f"INSERT INTO {table} ({columns}) FROM INFILE '{name}' FORMAT Arrow")
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close all handles; an embedded engine lets go of its folder."""
        self._readers.close()
        self._writers.close()

    @contextmanager
    def _borrow(self, handles: _Handles) -> Iterator[Client]:
        try:
            with handles.lend() as client:
                yield client
        except ClickHouseError as error:
            raise _told(error, self.url) from error
        except OSError as error:
            raise StoreAway(f"The store at {_shown(self.url)} does not answer: {error}.") from error

    def _connect(self, *, reads_only: bool = False) -> Client:
        settings = self._settings() | ({"readonly": 2} if reads_only else {})
        return self._embed(settings) if self.embedded else self._reach(settings)

    def _embed(self, settings: dict[str, Any]) -> Client:
        options = {
            "max_server_memory_usage": self.limits.memory_mb * _MEGA,
            "mark_cache_size": 64 * _MEGA,
            "index_mark_cache_size": 8 * _MEGA,
            "primary_index_cache_size": 64 * _MEGA,
            "mmap_cache_size": 100,
            "background_pool_size": 2,
        }
        return clickhouse_connect.get_client(
            interface="chdb", path=str(self.folder), chdb_options=options, settings=settings
        )

    def _reach(self, settings: dict[str, Any], *, database: str = "") -> Client:
        parts = urlsplit(self.url)
        secure = parts.scheme == "clickhouses"
        return clickhouse_connect.get_client(
            host=parts.hostname or "localhost",
            port=parts.port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=database or self._database,
            secure=secure,
            settings=settings,
            autogenerate_session_id=False,
            client_name="lineshaft",
        )

    @property
    def _database(self) -> str:
        return urlsplit(self.url).path.strip("/") or "lineshaft"

    def _create_database(self) -> None:
        if not self.url.startswith(("clickhouse://", "clickhouses://")):
            raise Invalid(
                f"The store's address {_shown(self.url)!r} is not known.",
                hint="Use chdb:///folder, clickhouse://user:password@host/database or clickhouses:// with TLS.",
            )
        if not re.fullmatch(r"\w+", self._database):
            raise Invalid(f"{self._database!r} is not a database name.", hint="Use letters, digits and '_'.")
        try:
            client = self._reach({}, database="default")
            client.command(f"CREATE DATABASE IF NOT EXISTS {self._database}")
            known = {row[0] for row in client.query("SELECT name FROM system.settings").result_rows}
            self._unknown = frozenset(self._settings()) - known
            client.close()
        except ClickHouseError as error:
            raise _told(error, self.url) from error

    def _settings(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "enable_alp_codec": 1,
            "optimize_on_insert": 0,  # duplicates wait for the merge: halves the cost of an insert
            "max_insert_block_size": 4_000_000,  # one insert is one part: small ones cost more to merge than to write
            "min_insert_block_size_rows": 4_000_000,
            "max_partitions_per_insert_block": 0,  # a device with a wild clock must not stop everybody
            "do_not_merge_across_partitions_select_final": 1,
            "max_threads": self.limits.threads,
            "max_memory_usage": self.limits.question_mb * _MEGA,
            "max_bytes_before_external_group_by": self.limits.question_mb * _MEGA // 2,
            "max_bytes_before_external_sort": self.limits.question_mb * _MEGA // 2,
            "max_execution_time": self.limits.question_s,
            "max_query_size": 8 * _MEGA,  # ids of many series are part of the question
            "output_format_arrow_string_as_string": 1,
            "output_format_arrow_compression_method": "none" if self.embedded else "lz4_frame",
            "session_timezone": "UTC",
        }
        return {name: value for name, value in wanted.items() if name not in self._unknown}


def _locked(file: Path) -> bool:
    """Whether another process has locked a file."""
    try:
        with file.open("r+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _shown(url: str) -> str:
    return re.sub(r"//[^@/]*@", "//", url)


def _told(error: ClickHouseError, url: str) -> PlatformError:
    text = str(error)
    code = getattr(error, "code", None) or int((re.search(r"Code: (\d+)", text) or [0, 0])[1])
    where = _shown(url)
    if code == 243 or "No space left" in text or "errno: 28" in text:
        return StoreFull(f"The store at {where} has no room on its disk.")
    if code in {241, 307, 396}:
        return TooMuch("The question needs more memory than it may have.")
    if code in {159, 160}:
        return StoreSlow("The question took too long.")
    if code in {0, 209, 210, 279} and not url.startswith("chdb:"):
        return StoreAway(f"The store at {where} does not answer: {text.splitlines()[0]}.")
    return StoreFault(f"The store at {where} refuses: {text.splitlines()[0][:1000]}.")
