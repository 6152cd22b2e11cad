"""Why the broker cannot be used, as a word for logs and a sentence for the page."""

import socket
import ssl
from dataclasses import dataclass

from edge.errors import StoreError
from edge.status import LinkState


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason. `state` is what the page shows as a colour.

    `is_lasting`: the next try would cost the bytes of a whole connection and most likely end the same.
    `may_be_clock`: a clock that is not set yet may be all that is wrong.
    """

    state: LinkState
    word: str
    sentence: str
    is_lasting: bool = False
    may_be_clock: bool = False


UNHEARD = Trouble("connected", "no_subscriber", "nobody at the broker receives the records; they are kept")
DENIED = Trouble(
    "refused",
    "not_authorised",
    "the broker does not let this node publish its records, they are kept; correct the broker's ACL for this user",
)
SPENT = Trouble("connected", "budget_spent", "today's data budget is used up; all but alerts waits for tomorrow (UTC)")
SIGHTINGS_WAIT = Trouble(
    "connected", "sightings_wait", "little of today's data budget is left; sightings wait for tomorrow (UTC)"
)
SCARCE = Trouble(
    "lost", "budget_low", "little of today's data budget is left; the broker is dialled again within the hour"
)
NO_ANSWER = Trouble(
    "lost", "no_acknowledgement", "the broker is connected but does not acknowledge; trying again", is_lasting=True
)
CLOSED = Trouble("lost", "connection_lost", "the connection to the broker was lost; trying again")
SHUT_OUT = Trouble(
    "lost",
    "shut_out",
    "the broker, or what stands before it, ends the connection at the log-in; check that it runs and mqtt.port; if "
    "both are right, this node's certificate may be revoked or missing",
)
SHUT_OUT_PLAIN = Trouble(
    "lost",
    "shut_out",
    "the broker, or what stands before it, ends the connection at the log-in; check that it runs and mqtt.port; if "
    "both are right, it may want TLS (mqtt.tls)",
)
SILENT = Trouble(
    "lost",
    "no_answer",
    "the broker or the line does not answer; check the network, and that a broker of MQTT 5 listens at mqtt.port",
)
TWIN = Trouble(
    "connected", "taken_over", "another client used this node's name within a day; give each node its own node.node"
)
HANGING = Trouble("lost", "connect_hangs", "looking up or reaching the broker hangs; check DNS and the network")

TOO_LARGE = "too_large"
_REFUSALS = {  # MQTT 5 reason codes of CONNACK, PUBACK and DISCONNECT
    0x84: ("protocol", "the broker does not speak MQTT 5; use one that does"),
    0x85: ("client_id", "the broker does not accept this node's name; change node.node"),
    0x86: ("bad_login", "the broker does not accept user name and password; correct mqtt.username or the password"),
    0x87: ("not_authorised", "the broker does not allow this node; correct the broker's users and ACL"),
    0x88: ("unavailable", "the broker is not available; trying again"),
    0x89: ("busy", "the broker is busy; trying again"),
    0x8A: ("banned", "the broker has banned this node; ask who runs it"),
    0x8B: ("shutting_down", "the broker is shutting down; trying again"),
    0x8D: ("keepalive", "the broker heard nothing for too long; trying again"),
    0x8E: ("taken_over", "another client uses this node's name; give each node its own node.node"),
    0x95: (TOO_LARGE, "the broker does not take messages of this size; raise its limit for the size of a packet"),
    0x97: ("quota", "the broker's quota for this node is used up; ask who runs it"),
    0x9A: ("no_retain", "the broker keeps no retained messages; use one that does"),
    0x9B: ("no_qos", "the broker does not acknowledge messages (QoS 1); use one that does"),
    0x9C: ("moved", "the broker sends this node to another server; ask who runs it for its name and set mqtt.host"),
    0x9D: ("moved", "the broker has moved; ask who runs it for its new name and set mqtt.host"),
    0x9F: ("busy", "the broker is busy; trying again"),  # more at once than it takes, as all do after its restart
}
LOGIN_REFUSED = ("bad_login", "not_authorised")  # Mosquitto says the second for a wrong password
_TRANSIENT = (0x88, 0x89, 0x8B, 0x8D, 0x9F)
_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL


def no_commands(topics: str) -> Trouble:
    """Records go all the same."""
    sentence = f"the broker gives this node no commands; allow it to subscribe to {topics} in the broker's ACL"
    return Trouble("connected", "no_commands", sentence)


def store_fails(why: StoreError) -> Trouble:
    """The line is well, and nothing leaves."""
    return Trouble("connected", "store_fails", str(why))


def from_reason_code(code: int) -> Trouble:
    """What an MQTT 5 reason code of 0x80 or more means."""
    word, sentence = _REFUSALS.get(code, (f"code_{code:#04x}", f"the broker refuses with reason {code:#04x}"))
    if code in _TRANSIENT:
        return Trouble("lost", word, sentence)
    return Trouble("refused", word, sentence, is_lasting=True)


def from_exception(why: Exception, host: str, port: int) -> Trouble:
    """Why connecting failed."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return Trouble(
            "refused",
            "certificate",
            f"the certificate of {host} is not trusted ({why.verify_message}); check mqtt.ca_file and the node's clock",
            is_lasting=True,
            may_be_clock=why.verify_code == _NOT_YET_VALID,
        )
    where = {"host": host, "port": port, "why": why}
    for kinds, state, word, sentence in _FAILURES:
        if isinstance(why, kinds):
            return Trouble(state, word, sentence.format(**where))
    return Trouble("lost", "unreachable", f"{host}:{port} cannot be reached ({why}); check the network")


_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], LinkState, str, str], ...] = (
    (
        (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError),
        "lost",
        "tls",
        "{host}:{port} ends the connection before it is secured; check that the broker runs, mqtt.port and mqtt.tls",
    ),
    (ssl.SSLError, "refused", "tls", "{host}:{port} does not speak TLS as expected; check mqtt.port and mqtt.tls"),
    ((socket.gaierror, UnicodeError), "lost", "unknown_host", "the name {host} is not known; check mqtt.host and DNS"),
    (ConnectionRefusedError, "lost", "nobody_listens", "nobody listens at {host}:{port}; check that the broker runs"),
    (TimeoutError, "lost", "no_answer", "{host}:{port} does not answer; check the network and mqtt.port"),
)
