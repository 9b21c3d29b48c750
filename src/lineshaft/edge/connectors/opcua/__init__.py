"""The OPC UA connector: see README.md for addresses, limits and security."""

from .connector import OpcUa
from .settings import OpcUaSettings

CONNECTOR = OpcUa

__all__ = ["CONNECTOR", "OpcUa", "OpcUaSettings"]
