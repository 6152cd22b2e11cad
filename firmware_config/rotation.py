"""New credentials without a visit: first the node gets them beside the old ones, then the broker changes over.

A user has one password at the broker, so the node tries its second when the first is refused; whichever of the two the
broker knows at any moment opens it. Its new certificate is good at once, the old one until it is revoked.
"""

from edge.errors import UsageError
from edge.updates.secrets import KEY, SEALED, seal
from firmware_config.access import place_of
from firmware_config.broker import mqtt_password
from firmware_config.keys import KeyStore, new_password
from firmware_config.revocation import NEXT, revoke_certificate
from firmware_config.sign import next_counter, signed_bundle, signing_key
from firmware_config.tls import Identity, client_identity


def box_key(keys: KeyStore, node: str) -> bytes:
    """The key of a node's sealed bundles. Raises ConfigError."""
    return keys.take_bytes(f"{place_of(node)}/{KEY}", 32)


def next_password(keys: KeyStore, node: str) -> str:
    """What the node tries second: the password to come, else the present one once more."""
    return keys.take(_next(node), str) if keys.knows(_next(node)) else mqtt_password(keys, node)


def next_client(keys: KeyStore, authority: Identity, node: str) -> Identity:
    """What the node shows: the certificate to come, since `finish_rotation` revokes the present one; else that one."""
    return client_identity(keys, authority, node, suffix=NEXT if keys.knows(_next_client(node)) else "")


def rotation_bundle(keys: KeyStore, authority: Identity, site: str, node: str, wanted: int | None) -> bytes:
    """Begin, or go on with, a rotation: the bundle to send to the node, numbered as `next_counter` does.

    Raises UsageError, ConfigError.
    """
    if not keys.knows(f"{place_of(node)}/{KEY}"):
        raise UsageError(f"{node}: its card was never rendered with a key for sealed bundles; render and visit it once")
    if _is_left_over(keys, authority, node):
        _forget_next(keys, node)
    told = {
        "mqtt-password": mqtt_password(keys, node),
        "mqtt-password-next": keys.take(_next(node), new_password),
        "mqtt-client": client_identity(keys, authority, node, suffix=NEXT).both_pem,
    }
    content = {SEALED: seal(told, box_key(keys, node))}
    counter = next_counter(keys, "secrets", wanted)
    return signed_bundle("secrets", str(counter), counter, content, signing_key(keys), node=f"{site}/{node}")


def finish_rotation(keys: KeyStore, authority: Identity, node: str) -> None:
    """From now on the broker's files know only the new credentials, and the old certificate is revoked.

    Raises UsageError.
    """
    if not keys.knows(_next(node)):
        raise UsageError(
            f"{node}: no rotation has begun; first: python -m firmware_config rotate FLEET {node} OUT.update"
        )
    if keys.knows(_next_client(node)):  # else the power went before the last line
        _change_over(keys, authority, node)
    _forget_next(keys, node)


def _is_left_over(keys: KeyStore, authority: Identity, node: str) -> bool:
    """Is what stands there for next of a rotation that a power cut ended? It is in use, so it would change nothing."""
    if not keys.knows(_next_client(node)):
        return True
    old, new = _old_and_new(keys, authority, node)
    return old.certificate == new.certificate


def _change_over(keys: KeyStore, authority: Identity, node: str) -> None:
    password = keys.take(_next(node), str)
    old, new = _old_and_new(keys, authority, node)
    if old.certificate != new.certificate:  # the same: the power went before it was forgotten
        revoke_certificate(keys, authority, old.certificate)
    keys.replace(f"{place_of(node)}/mqtt-password", password)
    keys.replace(f"{place_of(node)}/mqtt-client", new.both_pem)
    keys.keep()


def _old_and_new(keys: KeyStore, authority: Identity, node: str) -> tuple[Identity, Identity]:
    return client_identity(keys, authority, node), client_identity(keys, authority, node, suffix=NEXT)


def _forget_next(keys: KeyStore, node: str) -> None:
    keys.forget(_next_client(node))  # first: the password alone tells `--finish` that this is all that is left to do
    keys.forget(_next(node))


def _next_client(node: str) -> str:
    return f"{place_of(node)}/mqtt-client{NEXT}"


def _next(node: str) -> str:
    return f"{place_of(node)}/mqtt-password{NEXT}"
