"""Where a broker is, and how it is said that nobody answers there, or no."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.reasoncodes import ReasonCode

from edge.client_id import owned
from edge.errors import BrokerError

NOT_SHARED = 0x9E  # MQTT 5, of SUBACK and DISCONNECT
_LOGIN, _MOVED = "check user name and password", "ask who runs it for its new name, and correct --broker"
# Of CONNACK; Mosquitto says "not authorised" for a wrong password.
_REMEDIES = {0x84: "use a broker that speaks MQTT 5", 0x86: _LOGIN, 0x87: _LOGIN, 0x9C: _MOVED, 0x9D: _MOVED}
LATER = (0x88, 0x89, 0x9F)  # of CONNACK: not available, busy, too many at once


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, and who asks."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_file: Path | None = None  # the certificate, with its key, by which the broker knows who asks
    client_key: str | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """As sentences name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def owned(self, name: str) -> str:
        """A client id that only this user of the broker can take."""
        return owned(name, self.password or self.client_key)

    @property
    def way_in(self) -> str:
        """What to try where it answers and lets nobody in."""
        add = "--tls where the broker wants it" if self.tls is None else "a --client-file that it trusts if it asks"
        return f"check the port, and add {add}"


def unreachable(address: BrokerAddress, why: OSError | ValueError) -> BrokerError:
    """Why connecting failed, without the operating system's number for it."""
    if isinstance(why, ssl.SSLCertVerificationError):
        says = f"is not trusted ({why.verify_message}); check --ca-file and the broker's certificate, then start again"
        return BrokerError(f"{address.where} {says}")
    if address.tls is not None and isinstance(why, ssl.SSLError | ConnectionResetError):
        return BrokerError(f"{address.where} does not speak TLS as expected; check the port, or leave out --tls")
    said = (why.strerror if isinstance(why, OSError) else None) or why
    return BrokerError(f"{address.where} cannot be reached ({said}); check --broker and that it runs")


def shut_out(address: BrokerAddress) -> BrokerError:
    """It answers, and ends each connection: another service, or a broker that wants TLS or a client's certificate."""
    return BrokerError(f"{address.where} answers but lets nobody in over MQTT; {address.way_in}")


def refused(address: BrokerAddress, reason: ReasonCode) -> BrokerError:
    """It answers, and does not let us in."""
    other = "try again later" if reason.value in LATER else "check its log"
    return BrokerError(f"{address.where} refuses ({reason}); {_REMEDIES.get(reason.value, other)}")


def not_shared(address: BrokerAddress) -> BrokerError:
    """It lets us in, and cannot share messages out among workers."""
    return BrokerError(f"{address.where} has no shared subscriptions; use a broker that has, or RabbitMQ with --queue")


def refused_topics(address: BrokerAddress, topics: Sequence[str], reasons: Sequence[ReasonCode]) -> BrokerError | None:
    """None where each subscription was granted. Reasons come in the order of the topics (MQTT 5, 3.9.3)."""
    refusals = [(topic, why) for topic, why in zip(topics, reasons, strict=False) if why.is_failure]
    if not refusals:
        return None
    if refusals[0][1].value == NOT_SHARED:
        return not_shared(address)
    names, why = ", ".join(topic for topic, _ in refusals), refusals[0][1]
    return BrokerError(f"{address.where} refuses the subscription to {names} ({why}); allow it in its ACL")
