"""Sparkplug B 3.0: a host application for edge nodes behind any MQTT broker."""

from .connector import SparkplugConnector
from .schema import DataType, Payload
from .settings import SparkplugSettings

CONNECTOR = SparkplugConnector

__all__ = ["CONNECTOR", "DataType", "Payload", "SparkplugConnector", "SparkplugSettings"]
