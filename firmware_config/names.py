"""What names, hosts and keys look like in a fleet file. Each pattern ends with its words, which an error says."""

import ipaddress
import re
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from msgspec import Meta

# A node's name is a level of a topic, a user at the broker, a folder and, behind "fieldeye-", a host name and the
# hotspot's SSID, which leaves it 23 of MOST_SSID_BYTES.
NodeName = Annotated[
    str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,21}[a-z0-9])?\Z(?#1 to 23 of the letters a to z, digits and, within, -)")
]
HostName = Annotated[  # or an address
    str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?\Z(?#a name as broker.lan, or an address)")
]
UserName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.@-]{1,64}\Z(?#1 to 64 of the letters A to Z and a to z, digits, _, ., @ and -)")
]
Country = Annotated[
    str, Meta(pattern=r"^(?!UK)[A-Z]{2}\Z(?#two capital letters of ISO 3166, as CN, or GB for the United Kingdom)")
]
Ssid = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,32}\Z(?#1 to 32 letters in one line)")]
Apn = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z(?#1 to 64 letters, digits, ., _ and -, as cmnet)")]
PathThere = Annotated[str, Meta(pattern=r"^/[!-~]*\Z(?#a path without spaces from / on, on the broker's machine)")]
UpdateKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=\Z(?#a key as update-keys/1.pub holds one)")]  # Ed25519
PublicKey = Annotated[
    str,
    Meta(
        pattern=r"^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [ -~]*)?\Z(?#a line of a .pub file: ssh-ed25519 AAAA…)"
    ),
]
MOST_SSID_BYTES = 32  # IEEE 802.11
_DNS = re.compile(r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\Z")
_DOTTED = re.compile(r"^[0-9.]+\Z")


def is_host(host: str) -> bool:
    """A name of DNS (RFC 1123), or an address; numbers with dots are an address or nothing."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_DNS.match(host)) and not _DOTTED.match(host)
    return True


def is_public_key(line: str) -> bool:
    """Is it whole?"""
    try:
        load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
