"""What every view asks: the records, states, configuration and clock of the node that this app shows."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, current_app

from edge.clock import Clock
from edge.config import NodeConfig
from edge.errors import StoreError
from edge.page.live import LivePicture
from edge.page.now.season import Season
from edge.page.photo.looker import Looker
from edge.page.recent import Recent
from edge.page.words import Moments
from edge.status import StatusBoard
from edge.store import Store


@dataclass(frozen=True, slots=True)
class Node:
    """The node, and what makes it begin again."""

    store: Store
    board: StatusBoard
    config: NodeConfig
    clock: Clock
    live: LivePicture
    recent: Recent
    season: Season
    looker: Looker
    begin_again: Callable[[], None] | None  # None in a demonstration, whose folder goes with it
    set_clock: Callable[[datetime], bool] | None

    @property
    def folder(self) -> Path:
        """Of the store, with calibration and settings beside it."""
        return Path(self.config.store.folder)

    def moments(self) -> Moments:
        """Now, as the reader says it."""
        return Moments(self.clock.now().utc, ZoneInfo(self.config.node.time_zone))


def node() -> Node:
    """That of this app."""
    return current_app.extensions["fieldeye"]  # type: ignore[no-any-return]


def read_ahead(app: Flask) -> None:
    """What the first reader would wait for, long before there is one; who reads is told why it cannot be read."""
    this: Node = app.extensions["fieldeye"]
    with suppress(StoreError):
        this.season.read(this.moments().today())
