"""One fleet file as frozen records: what a site's nodes have in common, and what each has of its own.

No secret stands in it: passwords that a person gives are named by file, all others are made and kept in the key store.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from edge.config import CameraTable, GateTable, Identifier, Language, ModelTable, Port, PowerTable, StoreTable, convert
from edge.errors import ConfigError
from firmware_config.keys import read_private

# A node's name is a level of a topic, a user at the broker, a folder and, behind "fieldeye-", a host name.
NodeName = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
HostName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")]  # or an address
UserName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")]
PublicKey = Annotated[str, Meta(pattern=r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [ -~]*)?$")]
UpdateKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]  # Ed25519, base64
PLATFORM = "platform"  # the user that reads all records of the site
HOME_ASSISTANT = "home-assistant"  # the user that shows the nodes, where [broker] says so


class SiteTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[site]: what holds for each node."""

    site: Identifier
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]  # which Wi-Fi channels the law allows
    time_zone: str = "UTC"
    language: Language = "en"
    area_code: Annotated[str, Meta(pattern=r"^[0-9]{12}$")] | None = None
    ssh_keys: tuple[PublicKey, ...] = ()  # of technicians; none: no SSH, and its port is closed
    security_updates: bool = True  # Debian's, by themselves at night; False where the line is too dear for some 100 MB
    update_keys: tuple[UpdateKey, ...] = ()  # of others whose signed software and models the nodes take too


class WifiTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[wifi]: the site's network. Without it a node takes the cable."""

    ssid: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,32}$")]
    password_file: str
    hidden: bool = False


class LteTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[lte]: the modem's subscription, for nodes that have one; it is used when there is no cheaper line."""

    apn: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    username: UserName | None = None
    password_file: str | None = None


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
    ca_file: str = "/etc/ssl/certs/ca-certificates.crt"  # on the broker's machine
    client_file: Annotated[str, Meta(pattern=r"^/[!-~]*$")] | None = None  # there too: certificate and key, if it asks


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
    power: PowerTable = PowerTable()


class Fleet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole fleet file; `folder` is where the files that it names are looked for."""

    site: SiteTable
    broker: BrokerTable
    wifi: WifiTable | None = None
    lte: LteTable | None = None
    bridge: BridgeTable | None = None
    nodes: tuple[NodeEntry, ...] = ()
    folder: Path = Path()


def load_fleet(path: Path) -> Fleet:
    """The fleet in a TOML file. Raises ConfigError with file, key and remedy."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{path}: {why}; mend that line") from why
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(f"{path}: cannot be read; give the path of a fleet file in UTF-8") from why
    entries = table.pop("node", [])
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: no node is listed; add a table [[node]] for each")
    if {"nodes", "folder"} & table.keys():
        raise ConfigError(f"{path}: unknown key nodes or folder; each node is a table [[node]]")
    nodes = tuple(_entry(entry, number, path) for number, entry in enumerate(entries, 1))
    _check_names([entry.node for entry in nodes], path)
    return convert({**table, "nodes": nodes, "folder": path.parent}, Fleet, str(path))


def given_password(path: Path, key: str) -> str:
    """The password in a file that a person has written; `key` names it in errors. Raises ConfigError."""
    password = read_private(path, key)
    if not password.isascii() or not password.isprintable():
        raise ConfigError(f"{key}: {path} must be one line of printable ASCII; write only the password into it")
    return password


def _entry(table: Any, number: int, path: Path) -> NodeEntry:
    name = table.get("node", number) if isinstance(table, dict) else number
    entry = convert(table, NodeEntry, f"{path}: node {name}")
    if entry.store.folder != StoreTable().folder:
        raise ConfigError(f"{path}: node {name}: store.folder is where the service may write; leave it out")
    return entry


def _check_names(names: list[str], path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: node {twice[0]} is listed twice; give each node a name of its own")
    for taken in {PLATFORM, HOME_ASSISTANT} & set(names):
        raise ConfigError(f"{path}: {taken} is another's user name at the broker; give that node another name")
