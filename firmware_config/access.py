"""Who comes in at the site's broker, and what each may say, hear and ask for there.

The rules are for Mosquitto's plugin dynamic_security. An `acl_file` lets all subscribe to all and looks only at what is
then passed on: who asked for records without a right to hear them took the platform's share of them, and had the broker
acknowledge what nobody received.
"""

import json
from collections.abc import Iterable

from firmware_config.fleet import HOME_ASSISTANT, PLATFORM, Fleet

_TREE = "fieldeye/v1"
# All that a node says (docs/contract), one by one: below a wildcard a stolen card could retain without end.
# tests/firmware/test_broker.py holds this and the contract together.
_SAID = ("status", "info", "health", "records", "summary", "image")
_REPLIES = ("replay", "image", "answer", "seen", "update", "model", "doctor")
# As edge/mqtt/discovery.py has it; tests/firmware/test_broker.py holds the two together.
_DISCOVERY = "homeassistant/device/fieldeye_{site}/{node}/config"
_HEARD = ("status", "summary", "health")  # what Home Assistant reads of a node

_Rules = list[dict[str, str | bool]]


def users(fleet: Fleet) -> list[str]:
    """Who has a name at the broker."""
    others = [HOME_ASSISTANT] if fleet.broker.home_assistant else []
    return [PLATFORM, *others, *(entry.node for entry in fleet.nodes)]


def place_of(user: str) -> str:
    """Where the key store keeps a user's secrets."""
    return user if user in {PLATFORM, HOME_ASSISTANT} else f"nodes/{user}"


def access_list(fleet: Fleet) -> str:
    """JSON. A node says what is its own and hears its own commands; the platform hears the site and commands it."""
    tree = f"{_TREE}/{fleet.site.site}"
    rights = {PLATFORM: _rights(says=[f"{tree}/+/cmd/+"], hears=[f"{tree}/#"], patterns=["#", "$share/#"])}
    if fleet.broker.home_assistant:
        theirs = ["homeassistant/#"]
        hears = [*theirs, *(f"{tree}/+/{c}" for c in _HEARD)]
        rights[HOME_ASSISTANT] = _rights(says=theirs, hears=hears, patterns=hears)
    rights |= {entry.node: _of_node(fleet, entry.node) for entry in fleet.nodes}
    rules = {
        "defaultACLAccess": {
            "publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True
        },
        "clients": [{"username": user, "roles": [{"rolename": user}]} for user in rights],
        "roles": [{"rolename": user, "acls": acls} for user, acls in rights.items()],
    }  # fmt: skip
    return json.dumps(rules, indent=1) + "\n"


def _of_node(fleet: Fleet, node: str) -> _Rules:
    own = f"{_TREE}/{fleet.site.site}/{node}"
    says = [f"{own}/{channel}" for channel in (*_SAID, *(f"reply/{verb}" for verb in _REPLIES))]
    hears = [f"{own}/cmd/+"]  # as edge/wire's command_filter
    if fleet.broker.home_assistant:
        says.append(_DISCOVERY.format(site=fleet.site.site, node=node))
        hears.append("homeassistant/status")
    return _rights(says=says, hears=hears)


def _rights(*, says: Iterable[str], hears: Iterable[str], patterns: Iterable[str] = ()) -> _Rules:
    """What it hears may be subscribed to word for word, and whatever fits `patterns`.

    Of a node no pattern: a session keeps each of its subscriptions, up to 64 kB long, and the broker writes them with
    each message.
    """
    given = {
        "publishClientSend": says,
        "publishClientReceive": hears,
        "subscribeLiteral": hears,
        "subscribePattern": patterns,
    }
    return [{"acltype": right, "topic": topic, "allow": True} for right, topics in given.items() for topic in topics]
