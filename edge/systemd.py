"""Speaks to systemd: ready, still alive, stopping. Without systemd every call does nothing."""

import os
import socket


def notify(state: str) -> bool:
    """Send one sd_notify(3) message, for instance READY=1; False when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    where = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
        speaker.sendto(state.encode(), where)
    return True


def watchdog_period_s() -> float | None:
    """How often systemd wants to hear WATCHDOG=1 at most, in s (WatchdogSec=); None: not at all."""
    usec = os.environ.get("WATCHDOG_USEC")
    return int(usec) / 1e6 if usec and os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()) else None
