"""Compares what is needed with what is offered (IDTA 02020-1-0)."""

from .matching import Fit, Reason, fit, rank
from .reading import Capability, Condition, Role, Trait, capabilities_of, more_general

__all__ = [
    "Capability",
    "Condition",
    "Fit",
    "Reason",
    "Role",
    "Trait",
    "capabilities_of",
    "fit",
    "more_general",
    "rank",
]
