"""Alerts out to people: one a cause, not in the quiet hours, tried again until it is taken."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

import psycopg

from edge.platform.alerts.alert_letters import Risen
from edge.platform.alerts.alerts_due import AWAY_AGAIN, FIRST_AGAIN, MOST_AGAIN, MOST_TRIES, due
from edge.platform.alerts.recipients import who_sleeps
from edge.platform.alerts.webhook_and_mail import Failure, MailServer, mail, post
from edge.platform.database import Database, only_row, reachable, storable

MOST_LETTERS = 200  # of a reason
Away = dict[str, tuple[Failure, datetime]]  # server -> why it took nothing, and when
_ON_ITS_WAY = Failure("on its way", is_of_server=True)  # what stands there after a crash: sent again, never lost


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of the alerts that were due."""

    taken: int
    answers: Mapping[str, str]  # address -> why not, empty where all were taken


@reachable()
def tell_people(
    database: Database, mail_server: MailServer | None, now: datetime, away: Away, due_by: datetime | None = None
) -> Turn:
    """Send what is due by now or `due_by`, unless another `tell` is at it. What fails is tried again, ever more rarely.

    A server that is `away`, and so was found in this turn or one shortly before, is not asked and costs no try; without
    a mail server e-mails wait for one. Raises StoreError.
    """
    me = uuid4()
    if not _has_turn(database, me):
        return Turn(0, {})
    try:
        return _send_due(database, mail_server, now, me, away, due_by or now)
    finally:
        with suppress(psycopg.Error):  # else it lasts for a minute more
            database.execute("SELECT give_back_turn('tell', %s)", (me,))


def _has_turn(database: Database, me: UUID) -> bool:
    return only_row(database, "SELECT take_turn('tell', %s)", (me,)) == (True,)


def _send_due(
    database: Database, mail_server: MailServer | None, now: datetime, me: UUID, away: Away, due_by: datetime
) -> Turn:
    send: dict[str, Callable[[Risen], Failure | None]] = {"webhook": post}
    if mail_server is not None:
        send["email"] = partial(mail, mail_server)
    taken, answers = 0, dict[str, str]()
    for risen in due(database, now, due_by, kinds=send, quiet=who_sleeps(database, now)):
        if not _has_turn(database, me):  # it was held up for a minute, and another tells since
            break
        server = risen.address if risen.kind == "webhook" else risen.kind
        failure, since = away.get(server, (None, now))
        is_away = failure is not None and since <= now < since + AWAY_AGAIN  # a clock may be set back
        if not is_away:
            if _note(database, risen, _ON_ITS_WAY, now) is None:  # first: who keeps nothing would send it each turn
                continue
            failure, since = send[risen.kind](risen), now
        if failure and failure.is_of_server:
            away[server] = replace(failure, is_unsure=False), since
        taken += failure is None
        answers[risen.address] = _note(database, risen, failure, since) or answers.get(risen.address, "")
    return Turn(taken, answers)


def _note(database: Database, risen: Risen, failure: Failure | None, now: datetime) -> str | None:
    """Says why it was not taken; empty if it was, None for a recipient who was removed meanwhile."""
    is_away = failure is not None and failure.is_of_server and not failure.is_unsure
    again = AWAY_AGAIN if is_away else min(FIRST_AGAIN * 2**risen.tries, MOST_AGAIN)
    tries = risen.tries + (not is_away)
    why = storable(" ".join(failure.why.split()))[:MOST_LETTERS] if failure else ""
    done = None if failure else now
    noted = database.execute(
        "INSERT INTO told SELECT recipient_id, %s, %s, %s, %s, %s, %s FROM recipient WHERE recipient_id = %s"
        " ON CONFLICT (recipient_id, ledger_id, seq) DO UPDATE"
        " SET done = excluded.done, tries = excluded.tries, next_try = excluded.next_try, why = excluded.why",
        (risen.ledger_id, risen.seq, done, tries, now + again, why, risen.recipient_id),
    )
    if noted.rowcount == 0:
        return None
    return f"given up after {tries} tries: {why}" if why and tries == MOST_TRIES else why
