"""What the routes ask: the repository, the operations of machines, files in and out."""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.twins.service import Bulk, Operations, Repository, Setpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services behind the AAS API."""

    repository: Repository
    operations: Operations
    bulk: Bulk
    setpoints: Setpoints | None = None
    """What values of elements that show machines are written through; without it they cannot be."""
    public_url: str = ""
    """Where people reach the platform when a proxy stands in front; else the Host of a request counts."""
