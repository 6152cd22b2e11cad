"""One node's files for the boot partition: cloud-init's, node.toml, and the secrets that `setup.sh` takes off it."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec
import tomli_w
import yaml

from edge.config import HOTSPOT_ADDRESS, MqttTable, NodeConfig, NodeTable, parse_config
from edge.errors import ConfigError
from edge.label import Label, label_svg
from firmware_config.access import place_of
from firmware_config.broker import mqtt_password
from firmware_config.files import File, public, secret
from firmware_config.fleet import CA_FILE, PAGE, Fleet, NodeEntry, given_password
from firmware_config.keys import KeyStore, new_code
from firmware_config.rotation import box_key, next_client, next_password
from firmware_config.sign import public_key, signing_key
from firmware_config.system import system_files
from firmware_config.templates import HERE
from firmware_config.tls import Identity

SSH_KEYS = "/home/technician/.ssh/authorized_keys"  # where cloud-init puts them, once


def node_files(fleet: Fleet, entry: NodeEntry, keys: KeyStore, authority: Identity) -> dict[str, File]:
    """Path below OUT -> file. Raises ConfigError."""
    card, place = f"nodes/{entry.node}", place_of(entry.node)
    hotspot = keys.take(f"{place}/hotspot-password", new_code)
    claim = keys.take(f"{place}/claim-code", new_code)
    client = next_client(keys, authority, entry.node)
    host, network = host_name(entry.node), network_config(fleet)
    label = Label(fleet.site.site, entry.node, host, hotspot, claim, f"http://{HOTSPOT_ADDRESS}:{PAGE.port}/")
    update = update_keys(fleet, keys)
    system = system_files(fleet, host, hotspot)
    return {
        f"{card}/user-data": public(user_data(fleet, entry)),
        f"{card}/meta-data": public(meta_data(host, network)),
        f"{card}/network-config": secret(network),
        f"{card}/fieldeye/node.toml": secret(node_toml(fleet, entry)),  # a camera's address may hold a password
        f"{card}/fieldeye/ca.pem": public(authority.certificate_pem),
        **{f"{card}/fieldeye/update-keys/{name}": public(key) for name, key in update.items()},
        f"{card}/fieldeye/authorized_keys": public("".join(f"{key}\n" for key in fleet.site.ssh_keys)),
        f"{card}/fieldeye/inventory": public(inventory(fleet, update, system)),
        f"{card}/fieldeye/secrets/mqtt-password": secret(mqtt_password(keys, entry.node) + "\n"),
        f"{card}/fieldeye/secrets/mqtt-password-next": secret(next_password(keys, entry.node) + "\n"),
        f"{card}/fieldeye/secrets/update-box": secret(box_key(keys, entry.node).hex() + "\n"),
        f"{card}/fieldeye/secrets/mqtt-client": secret(client.both_pem),
        f"{card}/fieldeye/secrets/claim-code": secret(claim + "\n"),
        f"{card}/fieldeye/setup.sh": File((HERE / "card/setup.sh").read_bytes(), 0o755),
        f"{card}/fieldeye/fieldeye-setup.service": public((HERE / "card/fieldeye-setup.service").read_text("utf-8")),
        **{f"{card}/fieldeye/{path}": file for path, file in system.items()},
        f"labels/{entry.node}.svg": secret(label_svg(label, fleet.site.language)),
    }


def update_keys(fleet: Fleet, keys: KeyStore) -> dict[str, str]:
    """File name -> line of the keys whose bundles the site's nodes take: the fleet's own and those of its file."""
    lines = [public_key(signing_key(keys)), *fleet.site.update_keys]
    return {f"{number}.pub": f"{line}\n" for number, line in enumerate(lines, 1)}


def inventory(fleet: Fleet, update: Iterable[str], system: Iterable[str]) -> str:
    """Where the card's keys and connections lie on the node: setup.sh takes away those of before that are not here."""
    trusted = [f"/etc/fieldeye/update-keys/{name}" for name in update]
    connections = [path.removeprefix("system") for path in system if path.endswith(".nmconnection")]
    return "".join(f"{path}\n" for path in [*trusted, *connections, *([SSH_KEYS] if fleet.site.ssh_keys else [])])


def host_name(node: str) -> str:
    """A node's name on the local network, and that of its hotspot."""
    return f"fieldeye-{node}"


def node_toml(fleet: Fleet, entry: NodeEntry) -> str:
    """The node's configuration, only what differs from the defaults, checked as the node will. Raises ConfigError."""
    site, name = fleet.site, f"{fleet.path}: node {entry.node}"
    config = NodeConfig(
        node=NodeTable(
            site=site.site,
            node=entry.node,
            time_zone=site.time_zone,
            language=site.language,
            latitude=entry.latitude,
            longitude=entry.longitude,
            area_code=site.area_code,
            crop=entry.crop,
        ),
        camera=entry.camera,
        gate=entry.gate,
        model=entry.model,
        mqtt=MqttTable(
            host=fleet.broker.host,
            port=fleet.broker.port,
            ca_file=CA_FILE,
            username=entry.node,
            password_file="mqtt-password",  # noqa: S106  the name of a systemd credential
            next_password_file="mqtt-password-next",  # noqa: S106
            client_file="mqtt-client",
            home_assistant=fleet.broker.home_assistant,
            daily_mb=entry.daily_mb,
            daily_pictures_mb=entry.daily_pictures_mb,
            keepalive_s=entry.keepalive_s,
        ),
        store=entry.store,
        advice=entry.advice,
        climate=entry.climate,
        page=msgspec.structs.replace(
            PAGE, station_phone=fleet.site.station_phone, technician_phone=fleet.site.technician_phone
        ),
        power=entry.power,
    )
    text = "# Written by: python -m firmware_config render\n" + tomli_w.dumps(_without_defaults(config))
    if parse_config(text, name) != config:
        raise ConfigError(f"{name}: its node.toml does not say what the fleet file says; report it")
    return text


def meta_data(host: str, network: str) -> str:
    """cloud-init's meta-data. It reads another network-config only when the instance is another, too."""
    return f"instance-id: {host}-{hashlib.sha256(network.encode()).hexdigest()[:8]}\nlocal-hostname: {host}\n"


def user_data(fleet: Fleet, entry: NodeEntry) -> str:
    """cloud-init's user-data: name, time, who may log in; and the set-up, at each boot until it is done."""
    people = [_technician(fleet.site.ssh_keys)] if fleet.site.ssh_keys else []
    table: dict[str, Any] = {
        "hostname": host_name(entry.node),
        "manage_etc_hosts": True,
        "timezone": fleet.site.time_zone,
        "ssh_pwauth": False,
        "ssh_deletekeys": False,  # another Wi-Fi is another instance (meta_data), and the host is still the same
        "disable_root": True,
        "users": people,  # no default user: nobody has a password
        "bootcmd": [["/bin/sh", "-c", START_SETUP]],
    }
    return "#cloud-config\n" + yaml.safe_dump(table, sort_keys=False, width=1000)


# bootcmd runs at each boot. runcmd runs once, and never again when the power went while it ran.
START_SETUP = (
    "test -e /var/lib/fieldeye-setup/done || { "
    "install -m 0644 /boot/firmware/fieldeye/fieldeye-setup.service /etc/systemd/system/ && "
    "systemctl daemon-reload && systemctl start --no-block fieldeye-setup.service; }"
)


def network_config(fleet: Fleet) -> str:
    """netplan's network-config: the cable, and the site's Wi-Fi with the derived key instead of the password."""
    network: dict[str, Any] = {
        "version": 2,
        "renderer": "NetworkManager",
        "ethernets": {"eth0": {"dhcp4": True, "optional": True}},
    }
    wifi = fleet.wifi
    if wifi:
        password = given_password(fleet.path.parent / wifi.password_file, "wifi.password_file")
        point = {"password": pre_shared_key(wifi.ssid, password)} | ({"hidden": True} if wifi.hidden else {})
        network["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": fleet.site.country,
                "access-points": {wifi.ssid: point},
            }
        }
    return yaml.safe_dump({"network": network}, sort_keys=False, allow_unicode=True)


def pre_shared_key(ssid: str, password: str) -> str:
    """WPA's key in hexadecimal (IEEE 802.11-2020, J.4.1). Raises ConfigError for a password that WPA does not allow.

    64 digits are the key itself. A space at an end was hardly meant: the node would never find its network.
    """
    if re.fullmatch("[0-9A-Fa-f]{64}", password):
        return password.lower()
    if password != password.strip():
        raise ConfigError(
            "wifi.password_file: begins or ends with a space; take it away, or, if the password has it, write the key "
            "of 64 digits instead that wpa_passphrase gives"
        )
    if not 8 <= len(password) <= 63:
        raise ConfigError("wifi.password_file: a Wi-Fi password has 8 to 63 characters; correct the file")
    return hashlib.pbkdf2_hmac("sha1", password.encode(), ssid.encode(), 4096, 32).hex()


def _technician(keys: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": "technician",
        "groups": "adm,sudo,systemd-journal",
        "shell": "/bin/bash",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": list(keys),
    }


def _without_defaults(record: msgspec.Struct) -> dict[str, Any]:
    """A record as a TOML table, without what it would be anyway."""
    table = {}
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        if value is None or value == field.default:
            continue
        table[field.encode_name] = _plain(value)
    return table


def _plain(value: Any) -> Any:
    """A record, or each of several, as a table."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return _without_defaults(value) if isinstance(value, msgspec.Struct) else value
