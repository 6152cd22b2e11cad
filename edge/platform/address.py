"""Where a broker is, and how it is said that nobody answers there."""

import ssl
from dataclasses import dataclass, field

from edge.errors import BrokerError


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, and who asks."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def unreachable(host: str, port: int, why: OSError | ValueError) -> BrokerError:
    """Why connecting failed, without the operating system's number for it."""
    said = (why.strerror if isinstance(why, OSError) else None) or why
    return BrokerError(f"{host}:{port} cannot be reached ({said}); check --broker and that it runs")
