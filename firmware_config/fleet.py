"""One fleet file as frozen records: what a site's nodes have in common, and what each has of its own.

No secret stands in it: passwords that a person gives are named by file, all others are made and kept in the key store.
"""

import tomllib
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Annotated, Any

from msgspec import Meta, Struct

from edge.config import (
    AdviceTable,
    AreaCode,
    CameraTable,
    ClimateTable,
    GateTable,
    Identifier,
    Language,
    ModelTable,
    PageTable,
    Phone,
    Port,
    PowerTable,
    StoreTable,
    convert,
)
from edge.errors import ConfigError, to_read
from firmware_config.keys import read_private
from firmware_config.names import (
    MOST_SSID_BYTES,
    Apn,
    Country,
    HostName,
    NodeName,
    PathThere,
    PublicKey,
    Ssid,
    UpdateKey,
    UserName,
    is_host,
    is_public_key,
)

TABLES = {"site", "wifi", "lte", "broker", "bridge"}
CA_FILE = "/etc/fieldeye/ca.pem"  # on a node: the site's authority
# Of each node: the phone is elsewhere, and the firewall opens this port alone; the code is a systemd credential.
PAGE = PageTable(host="0.0.0.0", claim_code_file="claim-code")  # noqa: S104
PLATFORM = "platform"  # the user that reads all records of the site
HOME_ASSISTANT = "home-assistant"  # the user that shows the nodes, where [broker] says so
UNSEEN = ("/boot", "/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  hidden by fieldeye.service


class SiteTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site]: what holds for each node."""

    site: Identifier
    country: Country  # which Wi-Fi channels the law allows
    time_zone: str = "UTC"
    language: Language = "en"
    area_code: AreaCode | None = None
    station_phone: Phone | None = None  # as page.station_phone of node.toml; so the next one
    technician_phone: Phone | None = None
    ssh_keys: tuple[PublicKey, ...] = ()  # of technicians; none: no SSH, and its port is closed
    security_updates: bool = True  # Debian's, at night, over no metered line (but see [lte]); False: none at all
    update_keys: tuple[UpdateKey, ...] = ()  # of others whose signed software and models the nodes take too


class WifiTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[wifi]: the site's network. Without it a node takes the cable."""

    ssid: Ssid
    password_file: str
    hidden: bool = False


class LteTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[lte]: the modem's subscription, for nodes that have one; it is used when there is no cheaper line."""

    apn: Apn
    username: UserName | None = None
    password_file: str | None = None
    security_updates: bool = False  # Debian's over the modem, too, in a week without any


class BrokerTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[broker]: where the nodes deliver."""

    host: HostName
    port: Port = 8883
    also_known_as: tuple[HostName, ...] = ()  # further names and addresses in its certificate
    home_assistant: bool = False  # one at this broker shows the nodes; it gets a login of its own


class BridgeTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[bridge]: the region's broker, to which the site's broker passes everything on."""

    host: HostName
    port: Port = 8883
    username: UserName
    password_file: str
    ca_file: PathThere = "/etc/ssl/certs/ca-certificates.crt"
    client_file: PathThere | None = None  # certificate and key, if the region's broker asks


class NodeEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One [[node]]. Its tables are those of node.toml."""

    node: NodeName
    camera: CameraTable
    crop: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    gate: GateTable = GateTable()
    model: ModelTable = ModelTable()
    store: StoreTable = StoreTable()
    advice: AdviceTable = AdviceTable()
    climate: ClimateTable | None = None
    power: PowerTable = PowerTable()
    daily_mb: Annotated[float, Meta(ge=0.001, le=1_000_000)] | None = None  # as mqtt.daily_mb there; so the next two
    daily_pictures_mb: Annotated[float, Meta(ge=0)] = 0.0
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30


class Fleet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole fleet file; files that it names are looked for beside `path`."""

    site: SiteTable
    broker: BrokerTable
    wifi: WifiTable | None = None
    lte: LteTable | None = None
    bridge: BridgeTable | None = None
    nodes: tuple[NodeEntry, ...]
    path: Path


def load_fleet(path: Path) -> Fleet:
    """The fleet in a TOML file. Raises ConfigError with file, key and remedy."""
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # some editors on Windows begin a text with a mark
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{path}: {why}; mend that line") from why
    except (OSError, UnicodeDecodeError) as why:
        then = to_read(why, "give the path of a fleet file in UTF-8")
        raise ConfigError(f"{path}: cannot be read; {then}") from why
    except (ValueError, RecursionError) as why:  # thousands of digits, or of brackets
        raise ConfigError(f"{path}: a number or a list in it is too long to be read; write it again") from why
    entries = table.pop("node", [])
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: no node is listed; add a table [[node]] for each")
    for strange in sorted(table.keys() - TABLES):
        raise ConfigError(
            f"{path}: unknown key {strange}; known here: {', '.join(sorted(TABLES))}, and [[node]] for each node"
        )
    nodes = tuple(_entry(entry, number, path) for number, entry in enumerate(entries, 1))
    _check_names([entry.node for entry in nodes], path)
    fleet = convert({**table, "nodes": nodes, "path": path}, Fleet, str(path))
    _check_site(fleet, path)
    return fleet


def given_password(path: Path, key: str) -> str:
    """The password in a file that a person has written; `key` names it in errors. Raises ConfigError."""
    password = read_private(path, key, "write the password into it, as a text of mode 0600", f"chmod 600 {path}")
    if not password.isascii() or not password.isprintable():
        raise ConfigError(f"{key}: {path} must be one line of printable ASCII; write only the password into it")
    return password


def _entry(table: Any, number: int, path: Path) -> NodeEntry:
    named = table.get("node") if isinstance(table, dict) else None
    name = " ".join(named.split()) if isinstance(named, str) else number
    entry = convert(table, NodeEntry, f"{path}: node {name}")
    if entry.store.folder != StoreTable().folder:
        raise ConfigError(f"{path}: node {name}: store.folder is where the service may write; leave it out")
    if _is_unseen(entry.camera):
        raise ConfigError(
            f"{path}: node {name}: camera.source must be a path from / on, and below {', '.join(UNSEEN)} the node's "
            "service sees nothing; give a place such as /srv/pictures"
        )
    if entry.climate is not None:
        _check_climate(entry.climate, f"{path}: node {name}: climate")
    return entry


def _is_unseen(camera: CameraTable) -> bool:
    source = PurePosixPath("/", normpath(camera.source).lstrip("/"))  # two slashes before it would stay two
    return camera.is_path and (camera.source[:1] != "/" or any(map(source.is_relative_to, UNSEEN)))


def _check_climate(climate: ClimateTable, where: str) -> None:
    """What a card can carry of it. Raises ConfigError."""
    if climate.kind != "mqtt":
        raise ConfigError(
            f"{where}.kind {climate.kind} needs a driver and the I2C bus, which a card's service has not; "
            'take a sensor that publishes, kind = "mqtt"'
        )
    if climate.password_file is not None:
        raise ConfigError(
            f"{where}.password_file does not come with a card; let the sensor's topic be read without a password"
        )
    if climate.ca_file not in (None, CA_FILE):
        raise ConfigError(f"{where}.ca_file: a card holds {CA_FILE} alone; give that, or none")


def _check_site(fleet: Fleet, path: Path) -> None:
    """What a pattern cannot say. Raises ConfigError."""
    hosts = {
        "broker.also_known_as": fleet.broker.also_known_as,
        "broker.host": (fleet.broker.host,),
        "bridge.host": (fleet.bridge.host,) if fleet.bridge else (),
    }
    for key, host in ((key, host) for key, listed in hosts.items() for host in listed):
        if not is_host(host):
            port = key.partition(".")[0] + ".port"
            raise ConfigError(f"{path}: {key}: {host} is neither a name nor an address; a port stands in {port}")
    if fleet.bridge and (fleet.bridge.host, fleet.bridge.port) == (fleet.broker.host, fleet.broker.port):
        raise ConfigError(f"{path}: bridge.host is the site's own broker; name the region's, or leave [bridge] out")
    if fleet.wifi and len(fleet.wifi.ssid.encode()) > MOST_SSID_BYTES:
        raise ConfigError(f"{path}: wifi.ssid has more than {MOST_SSID_BYTES} bytes in UTF-8; no network is called so")
    if fleet.lte and fleet.lte.security_updates and not fleet.site.security_updates:
        raise ConfigError(
            f"{path}: lte.security_updates: site.security_updates is false, so none come over any line; make them agree"
        )
    for number, key in enumerate(fleet.site.ssh_keys, 1):
        if not is_public_key(key):
            raise ConfigError(f"{path}: site.ssh_keys: key {number} is damaged; copy the whole line of the .pub file")


def _check_names(names: list[str], path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: node {twice[0]} is listed twice; give each node a name of its own")
    for taken in {PLATFORM, HOME_ASSISTANT} & set(names):
        raise ConfigError(f"{path}: {taken} is another's user name at the broker; give that node another name")
