"""What Home Assistant must be told to show a node by itself: one device with all of its entities, in one payload.

Device discovery as Home Assistant 2024.11 and later read it. States come from the topics that exist anyway (`summary`,
`health`); a field that is missing there is `None`, which Home Assistant shows as unknown, never as zero.
"""

import json
from math import ceil
from typing import Any

from edge.config import NodeTable
from edge.wire import Info, node_topic
from edge.wire.alerts import LEVELS

STATUS_TOPIC = "homeassistant/status"  # "online" when Home Assistant has started: then it must be told again
ONLINE = b"online"
LATE_S = 120.0  # a connection may have to be made anew
TOTAL = "value_json.counts | sum(attribute='count')"
LARGEST = "([0] + (value_json.counts | map(attribute='count') | list)) | max"
LARGEST_SHARE = f"(100 * ({LARGEST}) / value_json.frames) | round(1)"
# A unit of intervals -> mode, name, unit, and what can be said of all taxa together. What each has most of on one frame
# is of different frames, and a frame may show two diseases: neither adds up.
COUNTS = {
    "visits": ("live", "Visits", "visits", TOTAL),  # both of `live`: a pace that is too slow for visits tells the most
    "max_per_frame": ("live", "Most on one frame", "insects", LARGEST),
    "new": ("trap", "New insects", "insects", TOTAL),
    "affected_frames": ("leaf", "Frames with the most frequent disease", "%", LARGEST_SHARE),
}


def discovery_topic(node: NodeTable) -> str:
    """Where it is told: in two levels, as Home Assistant reads it, since in one no letter is left to part the names."""
    return f"homeassistant/device/fieldeye_{node.site}/{node.node}/config"


def discovery_payload(node: NodeTable, info: Info, *, health_s: float = 60.0, longest_sleep_s: float = 0.0) -> bytes:
    """The device: its entities, and where its availability is read from. About 6 kB, retained.

    `health_s`: the longest between two messages of health while the node is awake. One that sleeps says `stopped`
    before: what it told stands until its next start is overdue.
    What another mode counts is told as gone, and so is what former software summed: Home Assistant keeps an entity that
    is only left out.
    """
    mode = info.cameras[0].mode if info.cameras else "live"
    topic = {channel: node_topic(node.site, node.node, channel) for channel in ("status", "summary", "health")}
    is_there = "value_json.state != 'offline'" if longest_sleep_s else "value_json.state == 'online'"
    available = f"{{{{ 'online' if {is_there} else 'offline' }}}}"
    every_s = {topic["summary"]: info.interval_s, topic["health"]: health_s}
    entities = _of_summary(topic["summary"], mode) | _level(topic["health"]) | _of_health(topic["health"])
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
        "components": {name: {"platform": "sensor"} for name in ("counted", *COUNTS)}
        | {
            name: {
                "unique_id": f"{_device_id(node)}_{name}",
                **entity,
                **_expiry(every_s[entity["state_topic"]], longest_sleep_s),
            }
            for name, entity in entities.items()
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _device_id(node: NodeTable) -> str:
    return f"fieldeye_{node.site}:{node.node}"  # `:` stands in no name: else a_b's c would be shown as a's b_c


def _expiry(every_s: float | None, longest_sleep_s: float) -> dict[str, int]:
    """After how many seconds a value is unavailable: two messages have not come, and the node does not sleep."""
    return {} if every_s is None else {"expire_after": ceil(2 * every_s + longest_sleep_s + LATE_S)}


def _of_summary(topic: str, mode: str) -> dict[str, dict[str, Any]]:
    """What was counted; the counts of each taxon with their ranges are attributes of it."""
    most = "(value_json.counts | sort(attribute='count') | last).label if value_json.counts else 'none'"
    counts = {
        unit: {
            **_sensor(name, topic, _counted_in(unit, value), unit_of_measurement=words, state_class="measurement"),
            "icon": "mdi:bug",
            "json_attributes_topic": topic,
        }
        for unit, (of_mode, name, words, value) in COUNTS.items()
        if of_mode == mode
    }
    return counts | {
        "most": _sensor("Counted most", topic, _if_there("value_json.counts", most), icon="mdi:bug-outline"),
        "frames": {
            **_sensor("Frames looked at", topic, "{{ value_json.frames }}", state_class="measurement"),
            "unit_of_measurement": "frames",
            "entity_category": "diagnostic",
        },
        "counted_at": _sensor("Counted at", topic, "{{ value_json.end }}", device_class="timestamp"),
        "no_data": _problem("No data", topic, "value_json.no_data is defined"),
    }


def _level(topic: str) -> dict[str, dict[str, Any]]:
    """The most urgent level that stands; each is an attribute. Calm only where a count was compared with one."""
    calm = "'calm' if value_json.compared is defined else None"
    level = f"{{{{ value_json.alerts[0].level if value_json.alerts is defined else {calm} }}}}"
    return {
        "level": {
            **_sensor("Action level", topic, level, device_class="enum", icon="mdi:sprout"),
            "options": list(LEVELS),
            "json_attributes_topic": topic,
            "json_attributes_template": "{{ {'alerts': value_json.alerts | default([])} | tojson }}",
        }
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


def _counted_in(unit: str, value: str) -> str:
    """Unknown, too, where the interval has another unit, as the last one of a former mode."""
    return f"{{{{ ({value}) if value_json.counts is defined and value_json.unit == '{unit}' else None }}}}"


def _if_there(field: str, value: str) -> str:
    """`None`, which is unknown to Home Assistant, where the field is missing."""
    return f"{{{{ ({value}) if {field} is defined else None }}}}"
