"""The AAS repository: documents, their values, their history and their files, by rights on places."""

from .attachments import part_name
from .binding import without_machines
from .projection import Projection
from .repository import Repository
from .templates import Loaded
from .values import Along

__all__ = ["Along", "Loaded", "Projection", "Repository", "part_name", "without_machines"]
