"""Run by Home Assistant's own Python: its parser takes the device, its schemas each entity, its templates render."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from homeassistant.components.mqtt import binary_sensor, discovery, sensor
from homeassistant.components.mqtt.models import MqttValueTemplate
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template

SCHEMAS = {"sensor": sensor.DISCOVERY_SCHEMA, "binary_sensor": binary_sensor.DISCOVERY_SCHEMA}


async def check(told: dict) -> None:
    """Raises whatever Home Assistant raises."""
    hass = HomeAssistant(tempfile.mkdtemp())
    assert discovery.TOPIC_MATCHER.match(told["topic"].removeprefix("homeassistant/")), "no topic of device discovery"
    _, _, node_id, object_id, _ = told["topic"].split("/")
    device = discovery._parse_device_payload(hass, told["payload"], object_id, node_id)  # noqa: SLF001 the real one
    assert device, "Home Assistant does not take the payload"
    configs = {}
    for name, entity in device["components"].items():
        config = dict(entity)
        platform = config.pop("platform")
        if not config:
            continue  # taken away
        discovery._merge_common_device_options(config, device)  # noqa: SLF001
        configs[name] = SCHEMAS[platform]({**config, "device": device["device"], "origin": device["origin"]})
    for name, message, wanted in told["states"]:
        template = Template(configs[name]["value_template"].template, hass)
        state = MqttValueTemplate(template).async_render_with_possible_json_value(told["messages"][message])
        assert str(state) == wanted, f"{name} after {message}: {state!r} and not {wanted!r}"
    broken = json.loads(told["payload"])
    broken["components"]["temperature"]["state_class"] = "measured"
    assert refuses(broken["components"]["temperature"]), "the check would miss a mistake"
    print(f"Home Assistant {__version__}: {len(configs)} entities, {len(told['states'])} states")  # noqa: T201
    await hass.async_stop(force=True)


def refuses(entity: dict) -> bool:
    """Does its schema find the mistake?"""
    try:
        sensor.DISCOVERY_SCHEMA(entity)
    except Exception:  # noqa: BLE001 voluptuous raises one of several
        return True
    return False


asyncio.run(check(json.loads(Path(sys.argv[1]).read_text())))
