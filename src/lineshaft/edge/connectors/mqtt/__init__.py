"""MQTT 5 and 3.1.1: values out of any topics, from any broker or the built-in one."""

from .connector import MqttConnector
from .decoder import Decoder
from .settings import MqttSettings, Rule
from .source import BrokerSource, FrontSource, MessageSource

CONNECTOR = MqttConnector

__all__ = [
    "CONNECTOR",
    "BrokerSource",
    "Decoder",
    "FrontSource",
    "MessageSource",
    "MqttConnector",
    "MqttSettings",
    "Rule",
]
