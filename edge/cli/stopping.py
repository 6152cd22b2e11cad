"""SIGTERM and Ctrl-C, for commands that run until they are told to stop."""

import logging
import signal
from queue import SimpleQueue
from threading import Event, Thread

log = logging.getLogger(__name__)


def stop_on_signal(*stops: Event) -> None:
    """SIGTERM and Ctrl-C set all `stops`: a loop ends in order and commits what it has counted.

    A thread of its own sets them: a handler may run in the middle of `stop.wait`, for whose lock `stop.set` would wait
    for ever.
    """
    came: SimpleQueue[int] = SimpleQueue()  # the one that a handler may put into whatever it came upon

    def set_them() -> None:
        while True:
            log.info("stop_asked", extra={"signal": signal.Signals(came.get()).name})
            for stop in stops:
                stop.set()

    Thread(target=set_them, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: came.put(number))
