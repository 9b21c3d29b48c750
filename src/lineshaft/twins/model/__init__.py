"""Nouns and pure rules of twins: types, nodes, state, proposals."""

from .nodes import (
    ICONS,
    Change,
    Deed,
    Draft,
    Level,
    Point,
    Step,
    Twin,
    check_draft,
    check_place,
    level_at,
    moved,
    points_of,
)
from .proposal import Found, Proposed, propose, unit_in_name
from .state import (
    Attention,
    Brief,
    Condition,
    Counts,
    Group,
    Overview,
    PointState,
    Sample,
    Trouble,
    TwinState,
    activity_of,
    attention_of,
    condition_of,
    count,
    judge_point,
    leading,
    worst,
)
from .types import Activity, AssetType, Property, Running, Words, called, check_name, check_type, say

__all__ = [
    "ICONS", "Activity", "AssetType", "Attention", "Brief", "Change", "Condition", "Counts", "Deed", "Draft", "Found",
    "Group", "Level", "Overview", "Point", "PointState", "Property", "Proposed", "Running", "Sample", "Step", "Trouble",
    "Twin", "TwinState", "Words", "activity_of", "attention_of", "called", "check_draft", "check_name", "check_place",
    "check_type", "condition_of", "count", "judge_point", "leading", "level_at", "moved", "points_of", "propose", "say",
    "unit_in_name", "worst",
]  # fmt: skip
