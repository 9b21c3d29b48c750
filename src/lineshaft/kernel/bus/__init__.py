"""The bus: durable streams, plain messages, questions and answers, and the MQTT front.

    Bus          one connection: publish, read streams in order, consume with acknowledgement, ask, answer
    Front        the MQTT side: what devices published, retained topics, who may connect
    Retained     topics that keep their last message, written by the platform
    Nurse        starts a server anew that could not write
    server       configures and describes the embedded nats-server processes

NATS and MQTT libraries are used here and nowhere else.
"""

from .client import Bus, StreamSpec
from .fast import Message
from .front import Admission, Front, MqttMessage, MqttUser, hash_password
from .nurse import Nurse
from .retained import Retained
from .server import MONITORING_HOST, Credentials, Embedded, Endpoints

__all__ = [
    "MONITORING_HOST",
    "Admission",
    "Bus",
    "Credentials",
    "Embedded",
    "Endpoints",
    "Front",
    "Message",
    "MqttMessage",
    "MqttUser",
    "Nurse",
    "Retained",
    "StreamSpec",
    "hash_password",
]
