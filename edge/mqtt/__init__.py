"""Sends what the store holds to an MQTT 5 broker, and says how the node is."""

from edge.mqtt.pace import Pace
from edge.mqtt.probe import Step, probe
from edge.mqtt.publisher import Publisher
from edge.mqtt.secret import Secret, load_client, read_secret

__all__ = ["Pace", "Publisher", "Secret", "Step", "load_client", "probe", "read_secret"]
