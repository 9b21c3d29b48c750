"""The only place that knows the tables of twins.

A twin is one document; what must be found or ordered is also a column. Paths are ordered byte by byte,
so a subtree is one range of an index. All functions take part in the caller's transaction.
"""

from .history import find_change, history, keep_change, last_id_at, last_versions, mark_undone, moved_from, revision
from .models import (
    drop_model,
    end_fault,
    faults,
    find_content,
    find_model,
    forget_fault,
    keep_content,
    models,
    put_fault,
    put_model,
)
from .nodes import children_of, find, find_all, find_ids, of_type, page, rebind, subtree, write
from .scenarios import change_scenario, drop_scenario, find_columns, find_scenario, put_scenario, scenarios
from .series import decline, drop_type, find_series, learn_units, note_series, put_type, types, unplaced

__all__ = [
    "change_scenario",
    "children_of",
    "decline",
    "drop_model",
    "drop_scenario",
    "drop_type",
    "end_fault",
    "faults",
    "find",
    "find_all",
    "find_change",
    "find_columns",
    "find_content",
    "find_ids",
    "find_model",
    "find_scenario",
    "find_series",
    "forget_fault",
    "history",
    "keep_change",
    "keep_content",
    "last_id_at",
    "last_versions",
    "learn_units",
    "mark_undone",
    "models",
    "moved_from",
    "note_series",
    "of_type",
    "page",
    "put_fault",
    "put_model",
    "put_scenario",
    "put_type",
    "rebind",
    "revision",
    "scenarios",
    "subtree",
    "types",
    "unplaced",
    "write",
]
