"""What of the operating system is configured: the files below `card/system/`, with a few places filled in."""

import uuid
from pathlib import Path

from firmware_config.files import File, public, secret
from firmware_config.fleet import Fleet
from firmware_config.templates import HERE, fill

SYSTEM = "card/system"
HOTSPOT = "etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection"


def system_files(fleet: Fleet, host: str, hotspot_password: str, page_port: int) -> dict[str, File]:
    """Path below the card's `fieldeye/` -> file; below `system/` they are named as on the node."""
    site = fleet.site
    values = {
        "HOST": host,
        "HOTSPOT_PASSWORD": hotspot_password,
        "HOTSPOT_UUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{host}.{site.site}")),
        "PAGE_PORT": str(page_port),
        "BROKER": fleet.broker.host,
        "SSH": "tcp dport 22 accept" if site.ssh_keys else "# no technician's key, no SSH",
    }
    return {str(path): _file(path, values) for path in _names()}


def _names() -> list[Path]:
    root = HERE / SYSTEM
    return sorted(path.relative_to(root.parent) for path in root.rglob("*") if path.is_file())


def _file(path: Path, values: dict[str, str]) -> File:
    text = fill(f"card/{path}", **values)
    if path.is_relative_to(f"system/{HOTSPOT}"):
        return secret(text)
    return File(text.encode(), 0o755) if text.startswith("#!") else public(text)
