"""A Mosquitto of one's own on this machine, for demonstrations and measurements: nobody else can reach it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import BrokerError

STARTS_S = 5.0
STOPS_S = 2.0


def mosquitto() -> str | None:
    """The program, if it is installed; Debian keeps it where a user's PATH does not look."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise BrokerError("no free port on 127.0.0.1; end a program that listens there")


@contextmanager
def loopback_broker(program: str, folder: Path, port: int) -> Iterator[None]:
    """Mosquitto on 127.0.0.1:`port` as long as the block runs. Raises BrokerError if it does not start."""
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n")
    # A session of its own: Ctrl-C on the terminal must not end the broker before the node has said farewell.
    process = subprocess.Popen(  # noqa: S603 the program is Mosquitto, its path found above
        [program, "-c", str(config)], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _wait_for_port(process, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOPS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOPS_S)
        if process.stderr is not None:
            process.stderr.close()


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = time.monotonic() + STARTS_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            said = process.stderr.read().decode("utf-8", "replace").strip() if process.stderr else ""
            raise BrokerError(
                f"mosquitto ended at once ({said.splitlines()[-1:] or 'no reason given'}); run it by hand"
            )
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return
        time.sleep(0.02)
    raise BrokerError(f"mosquitto does not listen on port {port} after {STARTS_S:.0f} s; run it by hand")
