"""Puts the node to sleep in time: when the battery is low, at night, or between two looks.

It only asks: a root unit (`fieldeye-halt.path`) sets the alarm and shuts down, so that everything is closed in order.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.clock import Clock, ClockState
from edge.config import CameraTable, NodeTable, PowerTable
from edge.durable import write_durably
from edge.power.gauge import Battery
from edge.power.schedule import LEAST_BETWEEN_S, LEAST_SLEEP_S, is_worth_staying_for, next_look, wake_at
from edge.updates.slots import LONGEST_INSTALLATION_S

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
LOW_TIMES = 3  # so many looks in a row: a motor or a radio that starts pulls the voltage down for a moment
CHARGING_S = 6 * 3600.0  # what an empty battery is given before it is tried again
AWAKE_S = 180.0  # after a start the node stays so long, for a person with a phone and for the broker
LOOKED_S = 60.0  # after the start, and each `every_s` later, the loop has looked: the model is loaded first
WAITS_S = 900.0  # and so long for a broker that takes nothing, or an update that does not come
AGAIN_S = 3600.0  # after it asked for the same reason: where nothing would wake the board, the root unit leaves it on
ASKED = "halt"  # the file in the service's runtime folder: a line with the UTC second to wake at, and `must` or `may`


@dataclass(frozen=True, slots=True)
class Halt:
    """Why to sleep, and until when."""

    reason: str
    until: datetime
    must: bool = False  # also if nothing would wake the board


class Keeper:
    """Owned by the loop. `read` gives the battery, None where there is no gauge; `is_idle` tells that nothing waits.

    `is_installing` tells that an update is being installed, or is about to be.
    `is_visited` tells that a person is at work on the page, from under whom only an empty battery takes the node.
    `ask` tells whether the word was left: one that was not is asked again with the next look.
    """

    def __init__(
        self,
        power: PowerTable,
        node: NodeTable,
        camera: CameraTable,
        clock: Clock,
        *,
        read: Callable[[], Battery | None],
        is_idle: Callable[[], bool],
        is_installing: Callable[[], bool],
        is_visited: Callable[[], bool],
        ask: Callable[[Halt], bool],
    ) -> None:
        self._power, self._node, self._camera, self._clock = power, node, camera, clock
        self._read, self._is_idle, self._is_visited, self._ask = read, is_idle, is_visited, ask
        self._is_installing = is_installing
        self._since_s = self._due_s = clock.monotonic_s()
        self._installing_since_s: float | None = None
        self._low = 0
        self._again_s: dict[str, float] = {}  # by reason, when it may be asked again
        self.battery: Battery | None = None  # the last reading, for health

    def beat(self) -> None:
        """The loop has turned."""
        now_s = self._clock.monotonic_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + LOOK_EVERY_S
        self.battery = self._read()
        halt = self._low_battery() or self._sleep(now_s)
        if halt is not None and now_s >= self._again_s.get(halt.reason, now_s) and self._ask(halt):
            log.warning("halt_asked", extra={"why": halt.reason, "until": halt.until.isoformat()})
            self._again_s[halt.reason] = now_s + AGAIN_S

    def _low_battery(self) -> Halt | None:
        low_v = self._power.low_v
        is_low = low_v is not None and self.battery is not None and self.battery.voltage_v < low_v
        self._low = self._low + 1 if is_low else 0
        if self._low < LOW_TIMES:
            return None
        return Halt("the battery is low", self._clock.now().utc + timedelta(seconds=CHARGING_S), must=True)

    def _sleep(self, now_s: float) -> Halt | None:
        """A node that does not know the time, has something to send or is worked on stays awake."""
        now = self._clock.now()
        if self._power.sleep == "never" or now.state is ClockState.UNSYNCED or now_s - self._since_s < AWAKE_S:
            return None
        if self._is_visited() or (now_s - self._since_s < WAITS_S and not self._is_idle()) or self._installs(now_s):
            return None
        latitude, longitude = self._node.latitude, self._node.longitude
        night = None if latitude is None or longitude is None else wake_at(now.utc, self._power, latitude, longitude)
        if night is not None:
            return Halt("it is night", night)
        every_s = self._camera.every_s
        if self._power.sleep != "between" or every_s <= LEAST_BETWEEN_S:
            return None
        look = next_look(now.utc, every_s)
        left_s, soon_s = (look - now.utc).total_seconds(), every_s - (now_s - self._since_s - LOOKED_S) % every_s
        stays = left_s <= LEAST_SLEEP_S or is_worth_staying_for(soon_s, left_s)
        return None if stays else Halt("until the next look", look)

    def _installs(self, now_s: float) -> bool:
        """Is an update being installed, and has been for no longer than one may take?"""
        if not self._is_installing():
            self._installing_since_s = None
            return False
        if self._installing_since_s is None:
            self._installing_since_s = now_s
        return now_s - self._installing_since_s < LONGEST_INSTALLATION_S


def ask_halt(halt: Halt) -> bool:
    """Leave word for the root unit; without systemd nothing happens. False where there is no room for a word."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    if not folder:
        return True
    try:
        write_durably(
            Path(folder) / ASKED, f"{int(halt.until.timestamp())} {'must' if halt.must else 'may'}\n".encode()
        )
    except OSError as why:
        log.warning("halt_not_asked", extra={"why": str(why)})
        return False
    return True
