"""Holds samples, rollups and positions in ClickHouse: embedded (chDB) or a server, by one URL.

Engine                   SQL in, Arrow out; only the owner of an embedded store has one
LocalStore, RemoteStore  `await store.ask(sql)` in this process, or over the bus at the owner
Desk                     answers the remote ones
Catalogue                which series there are
Reading                  rows, newest rows, parts of series for buckets, points of charts
"""

from .asking import Desk, LocalStore, RemoteStore, Store
from .catalogue import Catalogue
from .engine import Engine, Limits
from .reading import Reading, numbered

__all__ = ["Catalogue", "Desk", "Engine", "Limits", "LocalStore", "Reading", "RemoteStore", "Store", "numbered"]
