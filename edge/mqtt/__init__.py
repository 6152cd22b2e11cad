"""Sends what the store holds to an MQTT 5 broker, and says how the node is."""

from edge.mqtt.pace import Pace
from edge.mqtt.probe import probe
from edge.mqtt.publisher import Publisher
from edge.mqtt.secret import Secret, load_client, read_secret, secret_path, trusting

__all__ = ["Pace", "Publisher", "Secret", "load_client", "probe", "read_secret", "secret_path", "trusting"]
