"""How screens look and behave: frame, theme and parts. It knows no business and is given the viewer.

A context's `pages.py` uses only what is exported here; no colours, pixels or CSS classes outside this folder.
Each part's docstring shows how to call it; `/gallery` shows them all; `docs/guides/add-a-page.md` walks through one.

In     nothing
Out    nothing
Holds  nothing (language and theme live in the viewer's cookies)
Ask    page, mount, View
"""

from .actions import Dialog, button, confirm, dialog, download_button, enable, hand_over, icon_button, menu, toast, undo
from .display import (
    Badge,
    Code,
    Facts,
    Progress,
    Value,
    badge,
    code,
    empty,
    error_panel,
    facts,
    link,
    notice,
    paragraph,
    picture,
    progress,
    value,
)
from .filing import Attached, attached
from .form import Field, Form, fields_of, form
from .format import ABSENT, ago, duration, moment, number, percent, quantity, size, unit_text
from .frame import Health
from .inputs import Choice, RangePicker, chips, choice, post_form, search_box, time_range, upload
from .job import Job, Tell, job
from .language import LANGUAGES, mark
from .layout import Tabs, columns, heading, plain_page, row, section, split, stack, tabs, tiles
from .match import Match, Source, Target, match
from .mount import mount
from .network import Arrow, Network, Node, network
from .registry import Page, page, pages
from .scene import Body, Scene, scene
from .search import Hit, Provider
from .steps import Step, Wizard, wizard
from .symbols import Symbol, symbols
from .synoptic import Sign, Signs, Synoptic, synoptic
from .synoptic_editor import Editor, Leaf, synoptic_editor
from .table import Ask, Column, Rows, Table, table
from .tile import Bars, Gauge, Sparkline, Tile, bars, gauge, sparkline, tile
from .timeline import Instant, Lane, Stretch, Timeline, timeline
from .tree import Tree, TreeNode, tree
from .trend import Curve, Line, Trend, trend
from .view import View, text

__all__ = [
    "ABSENT",
    "LANGUAGES",
    "Arrow",
    "Ask",
    "Attached",
    "Badge",
    "Bars",
    "Body",
    "Choice",
    "Code",
    "Column",
    "Curve",
    "Dialog",
    "Editor",
    "Facts",
    "Field",
    "Form",
    "Gauge",
    "Health",
    "Hit",
    "Instant",
    "Job",
    "Lane",
    "Leaf",
    "Line",
    "Match",
    "Network",
    "Node",
    "Page",
    "Progress",
    "Provider",
    "RangePicker",
    "Rows",
    "Scene",
    "Sign",
    "Signs",
    "Source",
    "Sparkline",
    "Step",
    "Stretch",
    "Symbol",
    "Synoptic",
    "Table",
    "Tabs",
    "Target",
    "Tell",
    "Tile",
    "Timeline",
    "Tree",
    "TreeNode",
    "Trend",
    "Value",
    "View",
    "Wizard",
    "ago",
    "attached",
    "badge",
    "bars",
    "button",
    "chips",
    "choice",
    "code",
    "columns",
    "confirm",
    "dialog",
    "download_button",
    "duration",
    "empty",
    "enable",
    "error_panel",
    "facts",
    "fields_of",
    "form",
    "gauge",
    "hand_over",
    "heading",
    "icon_button",
    "job",
    "link",
    "mark",
    "match",
    "menu",
    "moment",
    "mount",
    "network",
    "notice",
    "number",
    "page",
    "pages",
    "paragraph",
    "percent",
    "picture",
    "plain_page",
    "post_form",
    "progress",
    "quantity",
    "row",
    "scene",
    "search_box",
    "section",
    "size",
    "sparkline",
    "split",
    "stack",
    "symbols",
    "synoptic",
    "synoptic_editor",
    "table",
    "tabs",
    "text",
    "tile",
    "tiles",
    "time_range",
    "timeline",
    "toast",
    "tree",
    "trend",
    "undo",
    "unit_text",
    "upload",
    "value",
    "wizard",
]
