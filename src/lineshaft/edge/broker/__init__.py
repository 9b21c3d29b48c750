"""What connectors share that speak over an MQTT broker.

BrokerSettings   what users may set to reach a broker; `builtin` is the platform's own
Link, Will       one MQTT connection: batches in, acknowledgement by hand, MQTT 5 or 3.1.1
Troubles         names each trouble once, and a bounded number of them
micros           source times as devices write them, and whether they can be believed
broker_stand     a broker with a device on loopback, for fakes and trials
"""

from .link import MOST_WAITING, Link, Message, Will
from .settings import BUILTIN, BrokerSettings, Endpoint
from .stand import BrokerStand, broker_stand
from .times import believable, micros
from .troubles import Troubles

__all__ = [
    "BUILTIN",
    "MOST_WAITING",
    "BrokerSettings",
    "BrokerStand",
    "Endpoint",
    "Link",
    "Message",
    "Troubles",
    "Will",
    "believable",
    "broker_stand",
    "micros",
]
