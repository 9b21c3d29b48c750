"""What exists in the plant, how it is built, and how it is now.

In     telemetry.SeriesGrew, telemetry.UnitsChanged
Out    TwinCreated, TwinChanged, TwinRetired
Holds  twins, their types, their history, series without a place (table prefix twins_)
Ask    Twins; Pictures; Simulations for what models of mechanisms compute, Scenarios for what they would
"""

from . import exports, files
from .errors import BadPicture, BadTwin, NoChange, NoModel, NoPicture, NoTwin, NoType, Outdated, Superseded, Taken
from .events import TwinChanged, TwinCreated, TwinRetired
from .model import (
    Activity,
    AssetType,
    Attention,
    Brief,
    Change,
    Condition,
    Counts,
    Deed,
    Draft,
    Found,
    Group,
    Level,
    Overview,
    Point,
    PointState,
    Property,
    Proposed,
    Running,
    Step,
    Trouble,
    Twin,
    TwinState,
    Words,
    say,
)
from .model.picture import Picture
from .model.simulation import Altered, Model, Scenario
from .service import (
    Bulk,
    Computed,
    Delivery,
    Footprints,
    Interfacing,
    Interlocks,
    LiveReads,
    MachineOperations,
    Metering,
    Operations,
    Outcome,
    PassportDesk,
    Pictures,
    Projection,
    Receiving,
    Repository,
    Scenarios,
    Scenes,
    Setpoints,
    Simulations,
    Twins,
    Wish,
    found_in_nodes,
    found_in_tags,
    unwrapped,
)
from .settings import TwinsSettings

__all__ = [
    "Activity", "Altered", "AssetType", "Attention", "BadPicture", "BadTwin", "Brief", "Bulk", "Change", "Computed",
    "Condition", "Counts", "Deed", "Delivery", "Draft", "Footprints", "Found", "Group", "Interfacing", "Interlocks",
    "Level", "LiveReads", "MachineOperations", "Metering", "Model", "NoChange", "NoModel", "NoPicture", "NoTwin",
    "NoType", "Operations", "Outcome", "Outdated", "Overview", "PassportDesk", "Picture", "Pictures", "Point",
    "PointState", "Projection", "Property", "Proposed", "Receiving", "Repository", "Running", "Scenario", "Scenarios",
    "Scenes", "Setpoints", "Simulations", "Step", "Superseded", "Taken", "Trouble", "Twin", "TwinChanged",
    "TwinCreated", "TwinRetired", "TwinState", "Twins", "TwinsSettings", "Wish", "Words", "exports", "files",
    "found_in_nodes", "found_in_tags", "say", "unwrapped",
]  # fmt: skip
