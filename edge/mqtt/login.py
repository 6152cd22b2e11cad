"""Where and as whom a node connects, by its configuration and the secrets in its files."""

import ssl
from dataclasses import dataclass, replace

from edge.client_id import owned
from edge.config import MqttTable, NodeTable
from edge.mqtt.secret import Secret, load_client, read_secret, trusting


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where and as whom to connect."""

    host: str
    port: int
    client_id: str
    keepalive_s: int
    tls: ssl.SSLContext | None
    username: str | None
    password: Secret | None = None


def logins_of(config: MqttTable, node: NodeTable) -> list[Login]:
    """What to try, in turn when the broker refuses: one login, or two while its password changes over.

    Raises ConfigError.
    """
    login = Login(
        host=config.host,
        port=config.port,
        client_id=f"fieldeye_{node.site}:{node.node}",  # `:` stands in no name: else a_b's c would throw off a's b_c
        keepalive_s=config.keepalive_s,
        tls=tls_of(config) if config.tls else None,
        username=config.username,
    )
    if config.password_file is None:
        key = None if config.client_file is None else read_secret(config.client_file, "mqtt.client_file").reveal()
        logins = [replace(login, client_id=owned(login.client_id, key))]
    else:
        logins = [_with(login, read_secret(config.password_file, "mqtt.password_file"))]
    if config.next_password_file is not None:
        logins.append(_with(login, read_secret(config.next_password_file, "mqtt.next_password_file")))
    return logins


def _with(login: Login, password: Secret) -> Login:
    return replace(login, password=password, client_id=owned(login.client_id, password.reveal()))


def tls_of(config: MqttTable) -> ssl.SSLContext:
    """The authority that is trusted, and the node's own certificate. Raises ConfigError."""
    context = trusting(config.ca_file, "mqtt.ca_file")
    if config.client_file is not None:
        load_client(context, config.client_file, "mqtt.client_file")
    return context
