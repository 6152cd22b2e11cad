"""What of the operating system is configured: the files below `card/system/`, with a few places filled in."""

import io
import tarfile
import uuid
from pathlib import Path

from firmware_config.files import File, public, secret
from firmware_config.fleet import PAGE, Fleet, LteTable, given_password
from firmware_config.templates import HERE, fill

LTE = "etc/NetworkManager/system-connections/fieldeye-lte.nmconnection"
HOTSPOT = "etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection"
PROGRAMS = "usr/local/lib/fieldeye"
# What leads back is not on trial: these come with the card alone.
WATCHERS = (f"{PROGRAMS}/slots", f"{PROGRAMS}/system-files")


def system_files(fleet: Fleet, host: str, hotspot_password: str) -> dict[str, File]:
    """Path below the card's `fieldeye/` -> file; below `system/` they are named as on the node."""
    values = {
        "HOST": host,
        "HOTSPOT_PASSWORD": hotspot_password,
        "HOTSPOT_UUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{host}.{fleet.site.site}")),
        **_of_site(fleet),
    }
    files = {str(path): _file(path, values) for path in _names()}
    return files | (lte_files(fleet, fleet.lte, host) if fleet.lte else {})


def system_archive(fleet: Fleet) -> bytes:
    """What a bundle brings of it to each node of the site, as a tar: all but connections and the watchers."""
    values, packed = _of_site(fleet), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in _names():
            name = str(path.relative_to("system"))
            if name == HOTSPOT or name in WATCHERS:
                continue
            content, member = _file(path, values).content, tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if name.startswith(PROGRAMS) else 0o644
            archive.addfile(member, io.BytesIO(content))  # of no time and no owner: the same fleet gives the same file
    return packed.getvalue()


def _of_site(fleet: Fleet) -> dict[str, str]:
    return {
        "PAGE_PORT": str(PAGE.port),
        "BROKER": fleet.broker.host,
        "SECURITY": "1" if fleet.site.security_updates else "0",
        "METERED": "weekly" if fleet.lte and fleet.lte.security_updates else "never",
        "SSH": "tcp dport 22 accept" if fleet.site.ssh_keys else "# no technician's key, no SSH",
    }


def lte_files(fleet: Fleet, lte: LteTable, host: str) -> dict[str, File]:
    """The modem's connection. Its password may stand in it, and NetworkManager reads none that others may read."""
    login = f"username={lte.username}\n" if lte.username else ""
    if lte.password_file:
        password = given_password(fleet.path.parent / lte.password_file, "lte.password_file")
        login += f"password={_in_keyfile(password)}\n"
    identity = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"lte.{host}.{fleet.site.site}"))
    text = fill("card/optional/fieldeye-lte.nmconnection", LTE_UUID=identity, APN=lte.apn, LOGIN=login)
    return {f"system/{LTE}": secret(text)}


def _in_keyfile(text: str) -> str:
    """As GLib reads it: a backslash begins a sign of its own there, and a space before a value is none of it."""
    return text.replace("\\", r"\\").replace(" ", r"\s")


def _names() -> list[Path]:
    card = HERE / "card"
    return sorted(path.relative_to(card) for path in (card / "system").rglob("*") if path.is_file())


def _file(path: Path, values: dict[str, str]) -> File:
    text = fill(f"card/{path}", **values)
    if path == Path(f"system/{HOTSPOT}"):
        return secret(text)
    return File(text.encode(), 0o755) if text.startswith("#!") else public(text)
