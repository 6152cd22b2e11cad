"""The broker's side of a fleet: Mosquitto's configuration, passwords and bridge, and the logins of who is no node."""

import base64
import hashlib

from edge.client_id import owned
from firmware_config.access import access_list, place_of, users
from firmware_config.files import File, public, secret
from firmware_config.fleet import HOME_ASSISTANT, PLATFORM, BridgeTable, Fleet, given_password
from firmware_config.keys import KeyStore, new_password
from firmware_config.revocation import revocation_list
from firmware_config.templates import HERE, fill
from firmware_config.tls import Identity, client_identity

ITERATIONS = 101  # as mosquitto_passwd: the passwords have 192 random bits, so that slowness would protect nothing
SALT_BYTES = 12  # Mosquitto 2.0 lets nobody in whose salt is shorter or longer


def broker_files(fleet: Fleet, keys: KeyStore, authority: Identity, broker: Identity) -> dict[str, File]:
    """Path below OUT -> file, for the broker's machine and for whoever reads the records."""
    return {
        "broker/mosquitto.conf": secret(_configuration(fleet, keys)),  # a bridge's password stands in it
        "broker/passwords": secret(_passwords(fleet, keys)),
        "broker/acl": secret(access_list(fleet)),
        "broker/chrony.conf": public((HERE / "mosquitto/chrony.conf").read_text("utf-8")),
        "broker/install.sh": File((HERE / "mosquitto/install.sh").read_bytes(), 0o755),
        "broker/ca.pem": public(authority.certificate_pem),
        "broker/revoked.pem": secret(revocation_list(keys, authority)),
        "broker/server.pem": public(broker.certificate_pem),
        "broker/server.key": secret(broker.key_pem),
        "platform/ca.pem": public(authority.certificate_pem),
        "platform/mqtt-password": secret(mqtt_password(keys, PLATFORM) + "\n"),
        "platform/mqtt-client": secret(client_identity(keys, authority, PLATFORM).both_pem),
        **(_home_assistant(keys, authority) if fleet.broker.home_assistant else {}),
    }


def mqtt_password(keys: KeyStore, user: str) -> str:
    """A user's password at the broker."""
    return keys.take(f"{place_of(user)}/mqtt-password", new_password)


def password_line(user: str, password: str, salt: bytes) -> str:
    """A line of Mosquitto's password file, form 7: PBKDF2-HMAC-SHA512."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, 64)
    return f"{user}:$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}\n"


def _passwords(fleet: Fleet, keys: KeyStore) -> str:
    lines = []
    for user in users(fleet):
        salt = keys.take_bytes(f"{place_of(user)}/mqtt-salt", SALT_BYTES)
        lines.append(password_line(user, mqtt_password(keys, user), salt))
    return "".join(lines)


def _home_assistant(keys: KeyStore, authority: Identity) -> dict[str, File]:
    """What its MQTT integration asks for, each in a file of its own."""
    client = client_identity(keys, authority, HOME_ASSISTANT)
    return {
        "home-assistant/ca.pem": public(authority.certificate_pem),
        "home-assistant/mqtt-password": secret(mqtt_password(keys, HOME_ASSISTANT) + "\n"),
        "home-assistant/client.pem": public(client.certificate_pem),
        "home-assistant/client.key": secret(client.key_pem),
    }


def _configuration(fleet: Fleet, keys: KeyStore) -> str:
    bridge = _bridge(fleet.bridge, fleet, keys) if fleet.bridge else ""
    return fill("mosquitto/mosquitto.conf", PORT=str(fleet.broker.port), SITE=fleet.site.site, BRIDGE=bridge)


def _bridge(bridge: BridgeTable, fleet: Fleet, keys: KeyStore) -> str:
    client = bridge.client_file
    password = given_password(fleet.path.parent / bridge.password_file, "bridge.password_file")
    return fill(
        "mosquitto/bridge.conf",
        HOST=bridge.host,
        PORT=str(bridge.port),
        SITE=fleet.site.site,
        REMOTE_ID=owned(f"fieldeye-{fleet.site.site}", password),
        # The broker keeps what waits under this id: a new password must not change it.
        LOCAL_ID=owned(f"local.fieldeye-{fleet.site.site}", keys.take("bridge-id", new_password)),
        USER=bridge.username,
        PASSWORD=password,
        CA=bridge.ca_file,
        CLIENT=f"bridge_certfile {client}\nbridge_keyfile {client}\n" if client else "",
    )
