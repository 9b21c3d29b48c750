"""What a machine's models compute beside it, and what they would have computed."""

from .screen import WhatIf

__all__ = ["WhatIf"]
