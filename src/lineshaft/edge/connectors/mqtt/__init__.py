"""MQTT 5 and 3.1.1: values out of any topics, from any broker or the built-in one.

CONNECTOR        the connector
Link, Will       one MQTT connection, for other connectors that speak over MQTT
BrokerSettings   how to reach a broker
Troubles         names each trouble once
"""

from .connector import MqttConnector
from .decoder import Decoder, Message
from .link import Link, Will
from .settings import BUILTIN, BrokerSettings, Endpoint, MqttSettings, Rule
from .source import BrokerSource, FrontSource, MessageSource
from .stand import BrokerStand, broker_stand
from .times import believable
from .troubles import Troubles

CONNECTOR = MqttConnector

__all__ = [
    "BUILTIN",
    "CONNECTOR",
    "BrokerSettings",
    "BrokerSource",
    "BrokerStand",
    "Decoder",
    "Endpoint",
    "FrontSource",
    "Link",
    "Message",
    "MessageSource",
    "MqttConnector",
    "MqttSettings",
    "Rule",
    "Troubles",
    "Will",
    "believable",
    "broker_stand",
]
