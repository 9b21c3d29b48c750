"""`lineshaft demo`: a small plant of device fakes, running in the browser within seconds."""

from .command import register

__all__ = ["register"]
