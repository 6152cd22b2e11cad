"""What all the connections of a publisher work with."""

from collections.abc import Callable
from dataclasses import dataclass
from socket import socket

from edge.backoff import Backoff
from edge.clock import Clock, Instant
from edge.config import MqttTable, NodeTable
from edge.mqtt.budget import Budget
from edge.mqtt.commands import Commands
from edge.mqtt.figures import Figures
from edge.mqtt.images import Images
from edge.mqtt.pace import Pace
from edge.mqtt.trouble import Trouble
from edge.mqtt.window import Batches
from edge.status import StatusBoard
from edge.store import Store
from edge.wire import Health, Info, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Owned by the publisher's thread, from its start to its end."""

    config: MqttTable
    node: NodeTable
    store: Store
    board: StatusBoard
    clock: Clock
    health: Callable[[], Health]
    info: Callable[[], Info]
    pace: Pace
    figures: Figures
    budget: Budget
    commands: Commands
    images: Images
    batches: Batches
    longest_sleep_s: float  # switched off by its configuration; 0: never
    kept: Backoff  # how long to leave records alone that nobody wants now
    show: Callable[[Trouble | None, Instant | None], None]  # trouble or none, time of an acknowledgement
    handed: set[Mark]  # refused, or on their way when a connection ended: their records must not change any more
    woken: socket  # readable when something was committed
