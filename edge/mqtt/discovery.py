"""What Home Assistant must be told to show a node by itself: one device with all of its entities, in one payload.

Device discovery as Home Assistant 2024.11 and later read it. States come from the topics that exist anyway (`summary`,
`health`); a field that is missing there is `None`, which Home Assistant shows as unknown, never as zero.
"""

import json
from math import ceil
from typing import Any

from edge.config import NodeTable
from edge.wire import Info, node_topic

STATUS_TOPIC = "homeassistant/status"  # "online" when Home Assistant has started: then it must be told again
ONLINE = b"online"
LATE_S = 120.0  # a connection may have to be made anew


def discovery_topic(node: NodeTable) -> str:
    """Where it is told: in two levels, as Home Assistant reads it, since in one no letter is left to part the names."""
    return f"homeassistant/device/fieldeye_{node.site}/{node.node}/config"


def discovery_payload(node: NodeTable, info: Info, *, health_s: float = 60.0, longest_sleep_s: float = 0.0) -> bytes:
    """The device: its entities, and where its availability is read from. About 5 kB, retained.

    `health_s`: the longest between two messages of health while the node is awake. One that sleeps says `stopped`
    before: what it told stands until its next start is overdue.
    """
    mode = info.cameras[0].mode if info.cameras else "live"
    topic = {channel: node_topic(node.site, node.node, channel) for channel in ("status", "summary", "health")}
    is_there = "value_json.state != 'offline'" if longest_sleep_s else "value_json.state == 'online'"
    available = f"{{{{ 'online' if {is_there} else 'offline' }}}}"
    every_s = {topic["summary"]: info.interval_s, topic["health"]: health_s}
    told = {
        "device": {
            "identifiers": [_device_id(node)],
            "name": node.node,
            "manufacturer": "Fieldeye",
            "model": ", ".join(f"{model.name} {model.version}" for model in info.models if model.sha256) or "no model",
            "sw_version": info.version,
            "suggested_area": node.site,
        },
        "origin": {"name": "fieldeye", "sw_version": info.version},
        "availability": [{"topic": topic["status"], "value_template": available}],
        "qos": 1,
        "components": {
            name: {
                "unique_id": f"{_device_id(node)}_{name}",
                **entity,
                **_expiry(every_s[entity["state_topic"]], longest_sleep_s),
            }
            for name, entity in (_of_summary(topic["summary"], mode) | _of_health(topic["health"])).items()
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _device_id(node: NodeTable) -> str:
    return f"fieldeye_{node.site}:{node.node}"  # `:` stands in no name: else a_b's c would be shown as a's b_c


def _expiry(every_s: float | None, longest_sleep_s: float) -> dict[str, int]:
    """After how many seconds a value is unavailable: two messages have not come, and the node does not sleep."""
    return {} if every_s is None else {"expire_after": ceil(2 * every_s + longest_sleep_s + LATE_S)}


def _of_summary(topic: str, mode: str) -> dict[str, dict[str, Any]]:
    """What was counted; the counts of each taxon with their ranges are attributes of it.

    A frame of a leaf may show two diseases, so the sum could be more than there are frames; the largest never is.
    """
    largest = "([0] + (value_json.counts | map(attribute='count') | list)) | max"
    total = largest if mode == "leaf" else "value_json.counts | sum(attribute='count')"
    most = "(value_json.counts | sort(attribute='count') | last).label if value_json.counts else 'none'"
    return {
        "counted": {
            **_sensor("Counted", topic, _if_there("value_json.counts", total), state_class="measurement"),
            "unit_of_measurement": "frames" if mode == "leaf" else "insects",
            "icon": "mdi:bug",
            "json_attributes_topic": topic,
        },
        "most": _sensor("Most", topic, _if_there("value_json.counts", most), icon="mdi:bug-outline"),
        "frames": {
            **_sensor("Frames looked at", topic, "{{ value_json.frames }}", state_class="measurement"),
            "unit_of_measurement": "frames",
            "entity_category": "diagnostic",
        },
        "counted_at": _sensor("Counted at", topic, "{{ value_json.end }}", device_class="timestamp"),
        "no_data": _problem("No data", topic, "value_json.no_data is defined"),
    }


def _of_health(topic: str) -> dict[str, dict[str, Any]]:
    """How the node is."""
    battery = _if_there("value_json.battery_share", "(value_json.battery_share * 100) | round")
    waiting = _if_there("value_json.store", "value_json.store.waiting")
    camera = _if_there("value_json.camera", "value_json.camera.state")
    entities = {
        "temperature": _measured("Processor temperature", topic, "cpu_temperature_c", "°C", "temperature"),
        "disk_free": _measured("Disk free", topic, "disk_free_mb", "MB", "data_size"),
        "memory": _measured("Memory", topic, "memory_mb", "MB", "data_size"),
        "battery_voltage": _measured("Battery voltage", topic, "battery_v", "V", "voltage"),
        "battery": _sensor("Battery", topic, battery, device_class="battery", unit_of_measurement="%"),
        "waiting": _sensor("Records waiting", topic, waiting, state_class="measurement", unit_of_measurement="records"),
        "camera": _sensor("Camera", topic, camera),
        "problem": {
            **_problem("Problem", topic, "value_json.problem is defined"),
            "json_attributes_topic": topic,
            "json_attributes_template": "{{ {'problem': value_json.problem | default('')} | tojson }}",
        },
    }
    return {name: {**entity, "entity_category": "diagnostic"} for name, entity in entities.items()}


def _measured(name: str, topic: str, field: str, unit: str, device_class: str) -> dict[str, Any]:
    template = _if_there(f"value_json.{field}", f"value_json.{field}")
    return _sensor(
        name, topic, template, device_class=device_class, unit_of_measurement=unit, state_class="measurement"
    )


def _sensor(name: str, topic: str, template: str, **more: str) -> dict[str, Any]:
    return {"platform": "sensor", "name": name, "state_topic": topic, "value_template": template, **more}


def _problem(name: str, topic: str, condition: str) -> dict[str, Any]:
    template = f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
    told = {"platform": "binary_sensor", "name": name, "state_topic": topic, "value_template": template}
    return {**told, "device_class": "problem"}


def _if_there(field: str, value: str) -> str:
    """`None`, which is unknown to Home Assistant, where the field is missing."""
    return f"{{{{ ({value}) if {field} is defined else None }}}}"
