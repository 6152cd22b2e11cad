"""Why the last run ended, and whether runs end too fast to go on looking: kept among the store's settings."""

import logging
from collections.abc import Sequence
from typing import Self

import msgspec

from edge.clock import Instant
from edge.errors import StoreError, ThreadStuckError
from edge.store import Store

log = logging.getLogger(__name__)
SETTING = "runs"
BAD_ENDS, WITHIN_S = 5, 1800.0  # so many within half an hour, also by the watchdog: the next would end like them
ASKED = "told to stop"
UNSAID = "without a word: power cut, kill or watchdog"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the node. `ended` is empty while it runs, and for ever if nobody could write it."""

    boot_id: str
    started_s: float  # monotonic
    ended: str = ""


class Runs:
    """`with Runs(store, now) as runs:` around a node's life; the end is written even when it is a fault."""

    def __init__(self, store: Store, now: Instant) -> None:
        self._store = store
        self._before = _read(store)
        self._this = Run(boot_id=now.boot_id, started_s=now.monotonic_s)
        self._reason = ASKED
        self._is_over = False

    @property
    def last_stop(self) -> str | None:
        """Why the run before this one ended, for people; None at the first start."""
        return (self._before[-1].ended or UNSAID) if self._before else None

    @property
    def end_too_fast(self) -> bool:
        """Did the last `BAD_ENDS` runs of this boot all end badly within `WITHIN_S`?"""
        return end_too_fast(self._before, self._this)

    @property
    def ends_well(self) -> bool:
        """Is nothing noted that would make this run a bad one?"""
        return self._reason == ASKED

    def note(self, reason: str) -> None:
        """Why this run is about to end, if not because it was told to."""
        self._reason = reason

    def settle(self) -> None:
        """The loop has ended as it was told to: a thread that does not end in time is no reason not to look again."""
        self._is_over = True

    def __enter__(self) -> Self:
        self._write(self._this)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        is_fault = error is not None and not (self._is_over and isinstance(error, ThreadStuckError))
        reason = f"fault: {type(error).__name__}: {error}" if is_fault else self._reason
        try:
            self._write(msgspec.structs.replace(self._this, ended=reason))
        except StoreError as why:
            if error is None:
                raise
            log.warning("run_end_not_kept", extra={"why": str(why)})  # `error` says what was lost

    def _write(self, this: Run) -> None:
        self._store.set_setting(SETTING, msgspec.json.encode([*self._before, this][-BAD_ENDS - 1 :]).decode())


def end_too_fast(before: Sequence[Run], this: Run) -> bool:
    """See Runs. A boot is another life: monotonic times of two boots cannot be compared."""
    last = before[-BAD_ENDS:]
    return (
        len(last) == BAD_ENDS
        and all(run.boot_id == this.boot_id and run.ended != ASKED for run in last)
        and this.started_s - last[0].started_s < WITHIN_S
    )


def _read(store: Store) -> tuple[Run, ...]:
    """A list that cannot be read is of no use, and no reason not to start."""
    try:
        return msgspec.json.decode(store.setting(SETTING) or "[]", type=tuple[Run, ...])
    except msgspec.DecodeError:
        return ()
