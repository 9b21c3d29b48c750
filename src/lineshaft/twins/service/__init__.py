"""What can be asked about twins, and done to them."""

from .adoption import Adoption, enriched, found_in_nodes, found_in_tags
from .bulk import Bulk
from .commands import Delivery, Interlocks, LiveReads, MachineOperations, Setpoints, Wish
from .copying import make_instance
from .footprints import Footprints, PartFootprint, RolledUp, Window
from .interfacing import Interfacing
from .metering import Metering
from .now import Now
from .operations import Operations
from .parcel import Parcel, unwrapped
from .passport_desk import PassportDesk, Read
from .pictures import Pictures
from .receiving import Received, Receiving
from .repository import Projection, Repository
from .running import Computed
from .scenarios import Outcome, Scenarios, span_of
from .scenes import Crowd, Looks, Offered, Scenes
from .simulations import Simulations, Standing
from .twins import Twins
from .types import Types
from .watching import Watched, Watching

__all__ = [
    "Adoption", "Bulk", "Computed", "Crowd", "Delivery", "Footprints", "Interfacing", "Interlocks", "LiveReads",
    "Looks", "MachineOperations", "Metering", "Now", "Offered", "Operations", "Outcome", "Parcel", "PartFootprint",
    "PassportDesk", "Pictures", "Projection", "Read", "Received", "Receiving", "Repository", "RolledUp", "Scenarios",
    "Scenes", "Setpoints", "Simulations", "Standing", "Twins", "Types", "Watched", "Watching", "Window", "Wish",
    "enriched", "found_in_nodes", "found_in_tags", "make_instance", "span_of", "unwrapped",
]  # fmt: skip
