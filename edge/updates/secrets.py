"""New credentials for one node, sealed with a key that only its card and the fleet's key store hold.

The bundle passes through the broker, whose readers must not learn what is in it; the signature says who made it.
"""

import tomllib
from pathlib import Path

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from edge.durable import write_durably
from edge.errors import UpdateError
from edge.updates.manifest import Manifest

SEALED = "secrets.box"
KEY = "update-box"
ALLOWED = ("mqtt-client", "mqtt-password", "mqtt-password-next")


def seal(secrets: dict[str, str], key: bytes) -> bytes:
    """The content of a bundle: `secrets` by name, to be opened with the same 32 bytes."""
    return bytes(SecretBox(key).encrypt(msgspec.json.encode(secrets)))


def install_secrets(content: Path, manifest: Manifest, etc: Path) -> None:
    """Write the sealed secrets into `etc`/secrets, each whole or not at all. Raises UpdateError."""
    node = _node_name(etc / "node.toml")
    if manifest.node != node:
        raise UpdateError(f"these are the secrets of {manifest.node} and this is {node}; send them there")
    try:
        key = bytes.fromhex((etc / "secrets" / KEY).read_text("ascii").strip())
        opened = SecretBox(key).decrypt((content / SEALED).read_bytes())
        secrets = msgspec.json.decode(opened, type=dict[str, str])
    except (OSError, ValueError, CryptoError) as why:
        raise UpdateError(
            f"the secrets of this bundle cannot be opened here ({type(why).__name__}); make it anew"
        ) from why
    strange = sorted(secrets.keys() - set(ALLOWED))
    if strange:
        raise UpdateError(f"{strange[0]} is no secret that may be changed from afar; make the bundle anew")
    for name, text in secrets.items():
        _write_private(etc / "secrets" / name, text)


def _write_private(path: Path, text: str) -> None:
    """The file beside it exists before it holds anything, so that nobody else can ever read it."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    write_durably(path, f"{text}\n".encode())


def _node_name(path: Path) -> str:
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))["node"]
        return f"{table['site']}/{table['node']}"
    except (OSError, KeyError, TypeError, ValueError) as why:  # tomllib's error, and that of letters that are none
        raise UpdateError(f"{path}: does not say which node this is; copy the rendered file again") from why
