"""What can be asked about twins, and done to them."""

from .adoption import Adoption, enriched, found_in_nodes, found_in_tags
from .bulk import Bulk
from .now import Now
from .operations import Operations
from .receiving import Received, Receiving
from .repository import Projection, Repository
from .simulations import Altered, Computed, Simulations
from .twins import Twins
from .types import Types

__all__ = [
    "Adoption", "Altered", "Bulk", "Computed", "Now", "Operations", "Projection", "Received", "Receiving", "Repository",
    "Simulations", "Twins", "Types", "enriched", "found_in_nodes", "found_in_tags",
]  # fmt: skip
