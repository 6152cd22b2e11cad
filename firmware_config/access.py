"""Who comes in at the site's broker, and what each may say and hear there."""

from firmware_config.fleet import HOME_ASSISTANT, PLATFORM, Fleet

_TREE = "fieldeye/v1"
# As edge/mqtt/discovery.py has it; tests/firmware/test_broker.py holds the two together.
_DISCOVERY = "homeassistant/device/fieldeye_{site}_{node}/config"
_HEARD = ("status", "summary", "health")  # what Home Assistant reads of a node


def users(fleet: Fleet) -> list[str]:
    """Who has a name at the broker."""
    others = [HOME_ASSISTANT] if fleet.broker.home_assistant else []
    return [PLATFORM, *others, *(entry.node for entry in fleet.nodes)]


def place_of(user: str) -> str:
    """Where the key store keeps a user's secrets."""
    return user if user in {PLATFORM, HOME_ASSISTANT} else f"nodes/{user}"


def access_list(fleet: Fleet) -> str:
    """A node writes its own subtree and hears its own commands; the platform hears the site and commands it."""
    tree = f"{_TREE}/{fleet.site.site}"
    blocks = [_block(PLATFORM, [f"read {tree}/#", f"write {tree}/+/cmd/#"])]
    if fleet.broker.home_assistant:
        blocks.append(_block(HOME_ASSISTANT, ["readwrite homeassistant/#", *(f"read {tree}/+/{c}" for c in _HEARD)]))
    return "\n".join([*blocks, *(_block(entry.node, _of_node(fleet, entry.node)) for entry in fleet.nodes)])


def _of_node(fleet: Fleet, node: str) -> list[str]:
    own = f"{_TREE}/{fleet.site.site}/{node}"
    rights = [f"write {own}/#", f"read {own}/cmd/#"]
    if fleet.broker.home_assistant:
        rights += [f"write {_DISCOVERY.format(site=fleet.site.site, node=node)}", "read homeassistant/status"]
    return rights


def _block(user: str, rights: list[str]) -> str:
    return "\n".join([f"user {user}", *(f"topic {right}" for right in rights), ""])
