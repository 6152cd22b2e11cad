"""New credentials without a visit: first the node gets them beside the old ones, then the broker changes over.

A user has one password at the broker, so the node tries its second when the first is refused; whichever of the two the
broker knows at any moment opens it. Its new certificate is good at once, the old one until it is revoked.
"""

import secrets

from edge.errors import UsageError
from edge.updates.secrets import KEY, SEALED, seal
from firmware_config.broker import mqtt_password
from firmware_config.keys import KeyStore, new_password
from firmware_config.revocation import NEXT, revoke_certificate
from firmware_config.sign import next_counter, signed_bundle, signing_key
from firmware_config.tls import Identity, client_identity


def box_key(keys: KeyStore, place: str) -> str:
    """The key of a node's sealed bundles, in hexadecimal."""
    return keys.take(f"{place}/{KEY}", lambda: secrets.token_hex(32))


def next_password(keys: KeyStore, node: str, place: str) -> str:
    """What the node tries second: the password to come, else the present one once more."""
    return keys.take(_next(place), str) if keys.knows(_next(place)) else mqtt_password(keys, node)


def next_client(keys: KeyStore, authority: Identity, node: str, place: str) -> Identity:
    """What the node shows: the certificate to come, since `finish_rotation` revokes the present one; else that one."""
    return client_identity(keys, authority, node, place, suffix=NEXT if keys.knows(_next_client(place)) else "")


def rotation_bundle(keys: KeyStore, authority: Identity, site: str, node: str, place: str, wanted: int | None) -> bytes:
    """Begin, or go on with, a rotation: the bundle to send to the node, numbered as `next_counter` does.

    Raises UsageError, ConfigError.
    """
    if not keys.knows(f"{place}/{KEY}"):
        raise UsageError(f"{node}: its card was never rendered with a key for sealed bundles; render and visit it once")
    if _is_left_over(keys, authority, node, place):
        _forget_next(keys, place)
    told = {
        "mqtt-password": mqtt_password(keys, node),
        "mqtt-password-next": keys.take(_next(place), new_password),
        "mqtt-client": client_identity(keys, authority, node, place, suffix=NEXT).both_pem,
    }
    content = {SEALED: seal(told, bytes.fromhex(box_key(keys, place)))}
    counter = next_counter(keys, "secrets", wanted)
    return signed_bundle("secrets", str(counter), counter, content, signing_key(keys), node=f"{site}/{node}")


def finish_rotation(keys: KeyStore, authority: Identity, node: str, place: str) -> None:
    """From now on the broker's files know only the new credentials, and the old certificate is revoked.

    Raises UsageError.
    """
    if not keys.knows(_next(place)):
        raise UsageError(
            f"{node}: no rotation has begun; first: python -m firmware_config rotate FLEET {node} OUT.update"
        )
    if keys.knows(_next_client(place)):  # else the power went before the last line
        _change_over(keys, authority, node, place)
    _forget_next(keys, place)


def _is_left_over(keys: KeyStore, authority: Identity, node: str, place: str) -> bool:
    """Is what stands there for next of a rotation that a power cut ended? It is in use, so it would change nothing."""
    if not keys.knows(_next_client(place)):
        return True
    old, new = _old_and_new(keys, authority, node, place)
    return old.certificate == new.certificate


def _change_over(keys: KeyStore, authority: Identity, node: str, place: str) -> None:
    password = keys.take(_next(place), str)
    old, new = _old_and_new(keys, authority, node, place)
    if old.certificate != new.certificate:  # the same: the power went before it was forgotten
        revoke_certificate(keys, authority, old.certificate)
    keys.replace(f"{place}/mqtt-password", password)
    keys.replace(f"{place}/mqtt-client", new.both_pem)
    keys.keep()


def _old_and_new(keys: KeyStore, authority: Identity, node: str, place: str) -> tuple[Identity, Identity]:
    return client_identity(keys, authority, node, place), client_identity(keys, authority, node, place, suffix=NEXT)


def _forget_next(keys: KeyStore, place: str) -> None:
    keys.forget(_next_client(place))  # first: the password alone tells `--finish` that this is all that is left to do
    keys.forget(_next(place))


def _next_client(place: str) -> str:
    return f"{place}/mqtt-client{NEXT}"


def _next(place: str) -> str:
    return f"{place}/mqtt-password{NEXT}"
