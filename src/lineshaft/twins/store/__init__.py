"""The only place that knows the tables of twins.

A twin is one document; what must be found or ordered is also a column. Paths are ordered byte by byte,
so a subtree is one range of an index. All functions take part in the caller's transaction.
"""

from .collecting import collect
from .contents import find_content, hold, keep_content, stands
from .desires import (
    claim,
    due_desires,
    find_desires,
    hurry,
    mark_overdue,
    next_due,
    overdue_desires,
    put_desire,
    release,
)
from .history import find_change, history, keep_change, last_id_at, last_versions, mark_undone, moved_from, revision
from .models import (
    drop_model,
    end_fault,
    faults,
    find_model,
    forget_fault,
    models,
    put_fault,
    put_model,
)
from .nodes import children_of, find, find_all, find_ids, of_type, page, readers_of, rebind, subtree, write
from .pictures import editions, find_edition, find_picture, keep_picture, pictures, pictures_showing
from .scenarios import change_scenario, drop_scenario, find_columns, find_scenario, put_scenario, scenarios
from .scenes import find_drawing, keep_drawing, put_scene, scene_versions
from .series import decline, drop_type, find_series, learn_units, note_series, put_type, types, unplaced

__all__ = [
    "change_scenario",
    "children_of",
    "claim",
    "collect",
    "decline",
    "drop_model",
    "drop_scenario",
    "drop_type",
    "due_desires",
    "editions",
    "end_fault",
    "faults",
    "find",
    "find_all",
    "find_change",
    "find_columns",
    "find_content",
    "find_desires",
    "find_drawing",
    "find_edition",
    "find_ids",
    "find_model",
    "find_picture",
    "find_scenario",
    "find_series",
    "forget_fault",
    "history",
    "hold",
    "hurry",
    "keep_change",
    "keep_content",
    "keep_drawing",
    "keep_picture",
    "last_id_at",
    "last_versions",
    "learn_units",
    "mark_overdue",
    "mark_undone",
    "models",
    "moved_from",
    "next_due",
    "note_series",
    "of_type",
    "overdue_desires",
    "page",
    "pictures",
    "pictures_showing",
    "put_desire",
    "put_fault",
    "put_model",
    "put_scenario",
    "put_scene",
    "put_type",
    "readers_of",
    "rebind",
    "release",
    "revision",
    "scenarios",
    "scene_versions",
    "stands",
    "subtree",
    "types",
    "unplaced",
    "write",
]
