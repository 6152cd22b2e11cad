"""Alerts from committed counts: what the last days say is held against the thresholds, and levels outlive a restart."""

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from edge.advice import Adviser, Days, Stand, begun, to_json, watched
from edge.advice.tellable import tellable
from edge.census import unit_of
from edge.clock import ClockState, Instant
from edge.config import NodeConfig
from edge.counts import Alert, Interval, TaxonCount, name_and_stage
from edge.errors import StoreError
from edge.label_sets import load
from edge.nights import begin_of, day_at
from edge.status import StatusBoard
from edge.store import Store
from edge.store.times import of_known_days
from edge.tally import ClassAccuracy

log = logging.getLogger(__name__)

SETTING = "standings"
FORMER_ELSEWHERE = "standings_elsewhere"  # of former software, whose standings do not say of which place they are
A_MOMENT = timedelta(milliseconds=1)  # the store searches up to an end that is left out


class Alarms:
    """Owned by the loop. `after` says which alerts a new interval raises; `show` what stands once those are kept."""

    def __init__(
        self, config: NodeConfig, accuracy: Mapping[str, ClassAccuracy], store: Store, board: StatusBoard
    ) -> None:
        self._mode, self._zone = config.camera.mode, ZoneInfo(config.node.time_zone)
        self._accuracy, self._store, self._board = accuracy, store, board
        self._label_sets = load(store)
        told = [name_and_stage(label) for label in accuracy]
        self._stages = frozenset((name, stage) for name, stage in told if stage)
        wanted = watched([name for name, _ in told], config.advice, config.node.crop)
        self._unit, stand = unit_of(config.camera), Stand.of(config.advice)
        rows = tellable(wanted, self._unit, stand, stages=self._stages, has_area=True)  # it may be calibrated yet
        eppo = {name_and_stage(label)[0]: known.eppo for label, known in accuracy.items()}
        is_here = (store.setting(FORMER_ELSEWHERE) or "0") == str(store.last_elsewhere)
        self._adviser = begun(rows, eppo, store.setting(SETTING), stand, store.last_elsewhere, is_former_here=is_here)
        self._clock_state = ClockState.UNSYNCED
        self._owes_times = False  # is yet to be put right when things were done?
        board.show(alerts=self._adviser.compared)

    def follow_clock(self, now: Instant) -> None:
        """Asked each time the loop turns: once the clock is set, what was found and done before has its time."""
        was, self._clock_state = self._clock_state, now.state
        if now.state is ClockState.UNSYNCED:
            return
        is_news = now.state is not was
        if is_news:
            self._adviser = self._timely(now)
            self.show()
            self._owes_times = True
        if not self._owes_times:
            return
        try:
            self._store.decisions.put_times_right(now)
            self._owes_times = False
        except StoreError as why:  # page and health say the time that the node took it for, until a next turn
            if is_news:
                log.warning("deeds_not_timed", extra={"why": str(why)})

    def after(self, newest: Interval) -> tuple[Alert, ...]:
        """What is to be committed now that `newest` is. Where the store cannot be read, the next interval decides."""
        if not self._adviser.standings and not self._adviser.dropped:
            return ()
        self._adviser = self._timely(newest.end)
        today = self._day_at(newest.end.utc)
        first_utc = begin_of(today - self._adviser.reach, self._mode, self._zone)
        try:
            stored = self._store.intervals_between(first_utc, newest.end.utc + A_MOMENT)
        except StoreError as why:
            log.warning("counts_not_read", extra={"why": str(why)})
            return ()
        intervals = of_known_days([one for one in stored if one.key.seq > self._store.last_elsewhere], newest)
        days = Days.of(intervals, self._unit, self._zone, today, self._range_of, self._stages, self._label_sets)
        self._adviser, alerts = self._adviser.advised(days, newest.end, newest.camera, newest.model)
        return alerts

    def show(self) -> None:
        """On the board, and into the store's settings for the next start."""
        self._board.show(alerts=self._adviser.compared)
        try:
            self._store.set_setting(SETTING, to_json(self._adviser))
        except StoreError as why:  # after a restart the same alert comes once more
            log.warning("standings_not_kept", extra={"why": str(why)})

    def _timely(self, now: Instant) -> Adviser:
        return self._adviser if now.state is ClockState.UNSYNCED else self._adviser.timely(now, self._day_at)

    def _day_at(self, utc: datetime) -> date:
        return day_at(utc, self._mode, self._zone)

    def _range_of(self, label: str, count: int, share: float) -> TaxonCount:
        """Of a name whose life stages are told apart, taken together, precision and recall are not known."""
        return self._accuracy.get(label, ClassAccuracy("", None, None)).counted(count, label, self._unit, share)
