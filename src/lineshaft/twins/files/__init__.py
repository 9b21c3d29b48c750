"""Files of the Asset Administration Shell, in and out: AASX, JSON and XML of metamodel 3.0 and 3.1."""

from lineshaft.twins.errors import BadFile, FileTooLarge

from .limits import Limits
from .naming import part_of
from .reading import Package, Supplement, read
from .report import Finding, Report
from .writing import FORMS, Attachment, Content, to_bytes, write

__all__ = [
    "FORMS", "Attachment", "BadFile", "Content", "FileTooLarge", "Finding", "Limits", "Package", "Report",
    "Supplement", "part_of", "read", "to_bytes", "write",
]  # fmt: skip
