"""Holds samples, rollups and positions in ClickHouse: embedded (chDB) or a server, by one URL.

Engine                   SQL in, Arrow out; only the owner of an embedded store has one
LocalStore, RemoteStore  `await store.ask(sql)` in this process, or over the bus at the owner
Desk                     answers the remote ones
"""

from .asking import Desk, LocalStore, RemoteStore, Store
from .engine import Engine, Limits

__all__ = ["Desk", "Engine", "Limits", "LocalStore", "RemoteStore", "Store"]
