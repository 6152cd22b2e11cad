"""SIGTERM and Ctrl-C, for commands that run until they are told to stop."""

import logging
import signal
from threading import Event
from types import FrameType

log = logging.getLogger("fieldeye")


def stop_on_signal(*stops: Event) -> None:
    """SIGTERM and Ctrl-C set all `stops`: a loop ends in order and commits what it has counted."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        log.info("stop_asked", extra={"signal": signal.Signals(number).name})
        for stop in stops:
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
