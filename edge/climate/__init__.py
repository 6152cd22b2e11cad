"""Temperature and humidity where the node stands: from a sensor on its I2C bus, or from another device over MQTT."""

from importlib import import_module

from edge.climate.i2c import I2cSensor
from edge.climate.sensor import ClimateSensor, NoSensor
from edge.climate.topic import TopicSensor
from edge.config import ClimateTable
from edge.errors import ConfigError, to_install

__all__ = ["ClimateSensor", "NoSensor", "open_climate"]


def open_climate(config: ClimateTable | None) -> ClimateSensor:
    """Raises ConfigError if a driver, a bus or a secret is missing. A sensor or broker that is silent is no error."""
    if config is None:
        return NoSensor()
    if config.kind == "mqtt":
        return TopicSensor(config)
    try:
        read, close = import_module(f"edge.climate.{config.kind}").opened(config.bus, config.address)
    except ImportError as why:
        install = to_install(f"climate.kind {config.kind}", "sensors", why)
        raise ConfigError(f"{install}; on a node from a card take kind mqtt") from why
    except OSError as why:
        where = f"climate.bus {config.bus}: /dev/i2c-{config.bus}"
        raise ConfigError(f"{where} cannot be opened ({why.strerror}); switch I2C on, or correct the number") from why
    return I2cSensor(read, config.every_s, close)
