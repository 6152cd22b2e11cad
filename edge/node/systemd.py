"""Speaks to systemd and to the root units beside the service. Without systemd every call does nothing."""

import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from edge.durable import write_durably


def notify(state: str) -> None:
    """Send one sd_notify(3) message, for instance READY=1. One that cannot be sent ends no node: systemd misses it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    where = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
        speaker.sendto(state.encode(), where)


def say_well() -> None:
    """End the trial of new software and new models: `fieldeye-healthy.path` waits for this file."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    if folder:
        with suppress(OSError):  # on a tmpfs that is full: said again after the next start
            (Path(folder) / "healthy").touch()


def ask_clock(utc: datetime, boottime_s: float) -> bool:
    """Have the board's clock set: it was `utc` so many seconds after the boot. False where no root unit would do it.

    `fieldeye-set-clock.path` waits for this file, and does nothing once a server of time has set the clock.
    """
    folder = os.environ.get("RUNTIME_DIRECTORY")
    if not folder:
        return False
    try:
        write_durably(Path(folder) / "set-clock", f"{utc.timestamp():.0f} {boottime_s:.0f}\n".encode())
    except OSError:
        return False
    return True
