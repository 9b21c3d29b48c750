"""What twins have machines do: values read now, values they should have."""

from .live import LiveReads

__all__ = ["LiveReads"]
