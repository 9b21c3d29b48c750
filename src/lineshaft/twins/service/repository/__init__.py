"""The AAS repository: documents, their values, their history and their files, by rights on places."""

from .binding import machine_values
from .projection import Projection
from .repository import Repository

__all__ = ["Projection", "Repository", "machine_values"]
