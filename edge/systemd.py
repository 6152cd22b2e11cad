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
