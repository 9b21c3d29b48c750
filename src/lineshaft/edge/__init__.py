"""Reads machines, writes setpoints, survives bad networks.

In     nothing: the flow begins here
Out    ConnectionChanged, ConnectionRemoved, ConnectionLost, ConnectionBack, SetpointWritten; sample batches on the bus
Holds  connections and their versions (table prefix edge_)
Ask    Edge
"""

from .connectors import Connector, ConnectorSettings, Host, Node, Problem, Readings, Sink, Tag
from .errors import BadConnection, CannotAsk, Changed, NoConnection, NoTag, NotWritable
from .events import ConnectionBack, ConnectionChanged, ConnectionLost, ConnectionRemoved, SetpointWritten
from .model import (
    MOST_SAMPLES,
    SAMPLES_STREAM,
    SAMPLES_SUBJECT,
    SCHEMA,
    CallResult,
    Connection,
    Health,
    SampleBatch,
    Seen,
    State,
    Trouble,
    WriteResult,
    read_columns,
    samples_subject,
    told_units,
)
from .secrecy import with_secrets, without_secrets
from .service import ConnectionView, ConnectorInfo, Edge
from .settings import SHELF, BadSettings, EdgeSettings, TagSettings, as_toml, build
from .store import ConnectionStore, Version

__all__ = [
    "MOST_SAMPLES",
    "SAMPLES_STREAM",
    "SAMPLES_SUBJECT",
    "SCHEMA",
    "SHELF",
    "BadConnection",
    "BadSettings",
    "CallResult",
    "CannotAsk",
    "Changed",
    "Connection",
    "ConnectionBack",
    "ConnectionChanged",
    "ConnectionLost",
    "ConnectionRemoved",
    "ConnectionStore",
    "ConnectionView",
    "Connector",
    "ConnectorInfo",
    "ConnectorSettings",
    "Edge",
    "EdgeSettings",
    "Health",
    "Host",
    "NoConnection",
    "NoTag",
    "Node",
    "NotWritable",
    "Problem",
    "Readings",
    "SampleBatch",
    "Seen",
    "SetpointWritten",
    "Sink",
    "State",
    "Tag",
    "TagSettings",
    "Trouble",
    "Version",
    "WriteResult",
    "as_toml",
    "build",
    "read_columns",
    "samples_subject",
    "told_units",
    "with_secrets",
    "without_secrets",
]
