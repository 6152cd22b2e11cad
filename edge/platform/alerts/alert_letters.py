"""An alert as it goes out to one recipient: JSON for a webhook, a letter in the recipient's language for e-mail."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from typing import Any

from edge.clock import zone_of
from edge.counts import Task
from edge.languages import REVIEWED
from edge.languages.tasks import task_words
from edge.languages.units import threshold_unit_words
from edge.platform.sentences import code_words, level_words, taxon_words
from edge.platform.words import figure_words, gettext, number, speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class Risen:
    """An alert for one recipient: the level of a taxon before a camera has risen."""

    recipient_id: int
    kind: str
    address: str
    zone: str
    language: str  # of e-mails
    ledger_id: int
    seq: int
    tries: int
    site: str
    node: str
    area_code: str
    called: str | None  # that area, by a name that the station keeps
    at: datetime
    camera: str
    label: str
    eppo: str
    level: str
    value: float
    unit: str
    start_at: float
    reason: str
    task: Task | None  # None where months of records were taken away
    look_at: str
    source: str
    last_of: int | None  # how many of its node are sent in 24 hours, of the last of these alone

    def as_json(self) -> dict[str, Any]:
        """What a webhook gets. `id` is the same however often it is sent."""
        names = ("site", "node", "area_code", "at", "camera", "label", "eppo", "level", "value", "unit", "reason",
                 "look_at", "source")  # fmt: skip
        told = {name: getattr(self, name) for name in names}
        told |= {} if self.called is None else {"area": self.called}
        return {"id": f"{self.ledger_id}-{self.seq}", **told, "look_at": _look_at(self)}


def letter(risen: Risen, sender: str) -> EmailMessage:
    """Subject and text; names that nodes send cannot add headers.

    Raises MessageError, ValueError or OverflowError for what no letter can hold.
    """
    with speaking(risen.language):
        subject, text = _as_told(risen) if risen.language == "en" else _in_own_words(risen)
    told = EmailMessage()
    told["From"], told["To"] = sender, risen.address
    told["Date"] = datetime.now(UTC)  # not every server adds it (RFC 5322, 3.6), and one without is taken for spam
    told["Auto-Submitted"] = "auto-generated"  # no out-of-office answers this (RFC 3834)
    # Encoded whole: Python 3.11 loses blanks between encoded words of its own, and reads those that a name holds.
    told.set_raw("Subject", Header(" ".join(subject.split()), "utf-8", header_name="Subject").encode())
    told["Message-ID"] = f"<fieldeye-{risen.ledger_id}-{risen.seq}-{risen.recipient_id}@{sender.rpartition('@')[2]}>"
    told.set_content(text, cte="base64")  # not every server takes 8-bit letters, and smtplib does not ask
    return told


def _as_told(risen: Risen) -> tuple[str, str]:
    """Nodes tell in English."""
    area = f"area {risen.area_code}" if risen.area_code.strip("0") else "in no area"
    where = f"{_when(risen)} ({zone_of(risen.zone).key}), {area}"
    subject = f"{risen.level}: {risen.label} at {_node(risen)}"
    return subject, f"{risen.reason}\n\n{_look_at(risen)}\n\n{where}\n{risen.source}\n"


def _in_own_words(risen: Risen) -> tuple[str, str]:
    names = {"taxon": taxon_words(risen.label, ""), "node": _node(risen)}
    stands = gettext(
        "%(taxon)s at %(node)s, %(at)s (%(zone)s): %(value)s %(unit)s; the action level is %(start)s.",
        at=_when(risen),
        zone=zone_of(risen.zone).key,
        value=figure_words(risen.value, risen.start_at),
        unit=threshold_unit_words(risen.unit),
        start=number(risen.start_at, 3),
        **names,
    )
    to_do = (risen.task and task_words(risen.task)) or risen.look_at
    if risen.task == "follow_source":  # which says it there
        to_do = f"{to_do} {risen.look_at}"
    where = f"{code_words(risen.area_code, None)}\n{risen.source}"
    by_machine = gettext("These words were translated by a machine. Tell us what is wrong.")
    parts = (stands, to_do, _last(risen), where, "" if risen.language in REVIEWED else by_machine)
    subject = gettext("%(level)s: %(taxon)s at %(node)s", level=level_words(risen.level), **names)
    return subject, "\n\n".join(filter(None, parts)) + "\n"


def _node(risen: Risen) -> str:
    """And its area, if that has a name."""
    return ", ".join(filter(None, (f"{risen.site}/{risen.node}", risen.called)))


def _when(risen: Risen) -> str:
    return risen.at.astimezone(zone_of(risen.zone)).strftime("%Y-%m-%d %H:%M")


def _look_at(risen: Risen) -> str:
    return " ".join(filter(None, (risen.look_at, _last(risen))))


def _last(risen: Risen) -> str:
    if risen.last_of is None:
        return ""
    return gettext(
        "This is the last of %(most)s alerts of this node in 24 hours: "
        "what else it tells meanwhile is at the desk alone.",
        most=number(risen.last_of),
    )
