"""What stands above its action level and who takes care of it: told in `health`, taken from `cmd/seen`.

The page's "done" and the station's word stand in one place, kept beside the records: the later one counts.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from edge.advice import Standing, asks_again, key_of
from edge.clock import ClockState, Instant
from edge.status import StatusBoard
from edge.store import Deed, Store, if_readable
from edge.wire import SeenCommand, StandingAlert

SOMEBODY = "the station"  # where a command names nobody
SAME = timedelta(seconds=1)  # no level is left and reached again within it


def standing_alerts(board: StatusBoard, store: Store, zone: tzinfo) -> Iterator[StandingAlert]:
    """Each that is not calm, the most urgent first. Where people's decisions cannot be read, nobody has taken it on."""
    for one in board.snapshot().alerts:
        if one.level == "calm" or one.since is None or one.figure is None:
            continue
        deed = _holding(if_readable(store.decisions.deed, key_of(one), None), one, zone)
        yield StandingAlert(
            label=one.threshold.scientific_name,
            unit=one.threshold.unit,
            level=one.level,
            since=one.since.utc,
            value=round(one.figure.value, 3),
            start_at=one.threshold.low,
            who="" if deed is None else deed.who,
            done=None if deed is None else deed.utc,
            carried_out=deed is not None and not deed.is_taken_on,
        )


def _holding(deed: Deed | None, one: Standing, zone: tzinfo) -> Deed | None:
    """None where it asks again."""
    is_over = deed is not None and asks_again(one, deed.utc.astimezone(zone).date(), deed.about)
    return None if is_over else deed


def take_care(board: StatusBoard, store: Store, command: SeenCommand, now: Instant, zone: tzinfo) -> bool:
    """Keep the station's word for the page. Raises StoreError.

    False if nothing of the kind stands here, or who takes care of it said so here and the station did not know.
    """
    who = command.who or SOMEBODY
    for one in board.snapshot().alerts:
        told = (one.threshold.scientific_name, one.threshold.unit, one.level)
        if told == (command.label, command.unit, command.level) and _is_since(one.since, command.since):
            before = if_readable(store.decisions.deed, key_of(one), None)
            deed = _holding(before, one, zone)
            if deed is not None and not (deed.who == who or _is_known(command.former, deed.who)):
                return False
            if command.given_back:
                return before is None or store.decisions.undo(key_of(one), before)
            if deed is None or deed.who != who:  # else it came twice, and what is done since stays done
                about = None if one.figure is None else one.figure.value
                return store.decisions.do(key_of(one), Deed(who, now.utc, about, is_taken_on=True), now, after=before)
            return True
    return False


def _is_known(former: list[str] | None, who: str) -> bool:
    """To who speaks; a station of an earlier build does not say."""
    return former is None or who in [name or SOMEBODY for name in former]


def _is_since(since: Instant | None, told: datetime) -> bool:
    """The alert's record has whole milliseconds, and of a time that was corrected the word may have left before."""
    if since is None:
        return False
    return since.state is ClockState.CORRECTED or abs(since.utc - told) < SAME
