"""Temperature and humidity where the node stands: from a sensor on its I2C bus, or from another device over MQTT."""

from edge.climate.sensor import ClimateSensor, NoSensor, open_climate

__all__ = ["ClimateSensor", "NoSensor", "open_climate"]
