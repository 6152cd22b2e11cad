"""What nodes tell of themselves, in the database: place, health, state, what they no longer have."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from edge.clock import zone_of
from edge.errors import UsageError
from edge.platform.alerts.standing_alerts import note_standing
from edge.platform.areas.population import as_area
from edge.platform.database import BAD_VALUE, Database, only_row, storable
from edge.platform.decode import Heard, Message, decode
from edge.platform.intake.commands_due import note_reply
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.quarantine import set_aside
from edge.platform.intake.questions import keep_part
from edge.platform.intake.whose_card import holder, node_id, note_gone
from edge.platform.replay import VALID_FOR, spans_gone
from edge.wire import Health, Info, ModelInfo, Reply, Status, Topic, decode_message, read_image

NOWHERE = "0" * 12
# To PostgreSQL these are winter's time all year, so that an hour of each summer night would be of another one. By the
# places to which tzdata links them.
_BY_PLACE = {"CET": "Europe/Brussels", "EET": "Europe/Athens", "MET": "Europe/Brussels", "WET": "Europe/Lisbon"}
MOST_MODELS, MOST_LABELS, MODEL_LETTERS = 32, 200, 200  # of an `info`; intervals have no longer name of a model
# What the broker kept tells its own time: it may have lain there for days.
_HEARD = "greatest(heard, CASE WHEN NOT %(kept)s THEN now() WHEN %(utc)s <= now() THEN %(utc)s END)"
# The newest record that a node may have made of a card: it answers about no later one.
_COMMITTED = """
    SELECT ledger_id, greatest(upper(seen) - 1,
                               CASE WHEN node.epoch = ledger.epoch THEN (health->'store'->>'last_seq')::bigint END, 0)
    FROM ledger JOIN node USING (node_id)
    WHERE (node_name, ledger.epoch) = (%s, %s) AND node_id = holder_of(%s, %s, %s)
"""

# A card that comes back within a day was put back, or is in another device of the same name: these come in turn.
# By a `status` of now, behind its `info`: what a broker kept for a worker that was away is of cards that are gone.
_CARD = """
    UPDATE node SET former_epoch = heard_epoch, heard_epoch = epoch, card_since = now(), card_back = CASE
        WHEN former_epoch = epoch AND card_since BETWEEN now() - interval '1 day' AND now() THEN now()
        ELSE card_back END
    WHERE node_id = %(id)s AND epoch IS DISTINCT FROM heard_epoch
        AND %(utc)s BETWEEN now() - %(late)s AND now() + %(late)s
"""
_HIGHEST = "SELECT epoch, coalesce(upper(seen) - 1, 0) FROM node JOIN ledger USING (node_id, epoch) WHERE node_id = %s"


class Highest(NamedTuple):
    """Number that has come of a node's card, and when that was so."""

    epoch: UUID
    seq: int
    at: datetime  # UTC, of this machine


class Registry:
    """Owned by its intake's thread, whose connection it uses."""

    def __init__(self, intake: Intake) -> None:
        self._database, self._warn_once = intake.database, intake.warn_once
        self._highest: dict[int, Highest] = {}  # of nodes that told their `health`
        self._zones: frozenset[str] = frozenset()  # that the database knows: nights are reckoned there, too

    def note(self, messages: Sequence[Message], *, are_carried: bool = False) -> int:
        """Take each in. What breaks the contract the intake has set aside; what no table holds is, here: how many.

        `are_carried`: by a stick, which may be old; its `info` is taken of a node that has told none itself.
        """
        aside: list[tuple[Message, str]] = []
        for message in messages:
            if message.topic.endswith("/records") or not isinstance(heard := decode(message), Heard):
                continue
            try:
                with self._database.transaction():
                    self._note(heard, message, are_carried=are_carried)
            except (*BAD_VALUE, ValueError) as why:
                aside.append((message, str(why).splitlines()[0]))
        set_aside(self._database, aside)
        return len(aside)

    def _note(self, heard: Heard, message: Message, *, are_carried: bool) -> None:
        topic = heard.topic
        if isinstance(heard.message, Info):
            self._note_info(topic, heard.message, is_kept=message.retained, is_carried=are_carried)
        elif isinstance(heard.message, Health):
            self._note_health(topic, heard.message, is_kept=message.retained)
        elif isinstance(heard.message, Status):
            self._note_status(topic, heard.message, is_kept=message.retained)
        elif topic.channel == "reply/replay":
            _note_gone(self._database, topic, message.payload)
        elif topic.channel in {"reply/answer", "reply/image", "reply/seen"}:
            note_reply(self._database, self._node_id(topic), topic.channel, decode_message(message.payload, Reply))
        elif topic.channel == "image":
            header = read_image(message.properties, message.payload)
            if header.kind == "question":
                keep_part(self._database, self._node_id(topic), header, message.payload)

    def _node_id(self, topic: Topic, *, is_live: bool = True) -> int:
        return node_id(self._database, topic.site, topic.node, is_live=is_live)

    def _note_info(self, topic: Topic, info: Info, *, is_kept: bool, is_carried: bool) -> None:
        node = self._node_of_card(topic, UUID(info.epoch), is_live=not (is_carried or is_kept))
        place = (self._area_of(topic, info), *position(info), self._zone_of(topic, info), info.crop)
        runs = [one for one in info.models if one.sha256]  # of others labels alone
        self._database.execute(
            "SELECT place_node(node_id, %s, %s, %s, %s, %s, %s, %s) FROM"
            " (SELECT node_id FROM node WHERE node_id = %s AND (NOT %s OR info IS NULL"
            " OR NOT info ?| ARRAY['models', 'capabilities']) FOR NO KEY UPDATE) AS told",  # of a stick neither is kept
            (_json(msgspec.structs.replace(info, models=runs)), UUID(info.epoch), *place, node, is_carried),
        )
        if node is not None:
            for model in info.models[:MOST_MODELS]:
                _note_labels(self._database, node, model)
        if not is_kept:
            self._database.execute("UPDATE node SET heard = now() WHERE node_id = %s", (node,))

    def _node_of_card(self, topic: Topic, epoch: UUID, *, is_live: bool) -> int | None:
        """Which takes that site if it had another. None: an old `info` of a node that has moved since."""
        found = holder(self._database, topic.site, topic.node, epoch)
        node, site = found or (self._node_id(topic, is_live=is_live), topic.site)
        if site == topic.site:
            return node
        (moved,) = only_row(self._database, "SELECT move_node(%s, %s, %s, %s)", (node, epoch, topic.site, is_live))
        return None if moved is None else int(moved)

    def _area_of(self, topic: Topic, info: Info) -> str:
        """Where it counts: nowhere if its site has areas and that is none of them."""
        code = area_code(info.area_code)
        if info.area_code and not code.startswith(info.area_code):
            why = f"{info.area_code[:20]!r} is not 2, 4, 6, 9 or 12 digits, it counts nowhere"
            self._warn_once("area_code_refused", *topic[:2], why=f"{why}; mend area_code in its info")
        if only_row(self._database, "SELECT may_count_in(%s, %s)", (topic.site, code)) == (True,):
            return code
        why = f"not an area of site {topic.site}, it counts nowhere; fieldeye-platform site {topic.site} says which are"
        self._warn_once("area_refused", *topic[:2], area_code=code, why=why)
        return NOWHERE

    def _zone_of(self, topic: Topic, info: Info) -> str:
        """In which its nights are reckoned."""
        if not self._zones:
            names = self._database.execute("SELECT name FROM pg_timezone_names").fetchall()
            self._zones = frozenset(name for (name,) in names) - {"localtime"}  # this machine's
        told = _BY_PLACE.get(info.time_zone or "", info.time_zone or "UTC")
        zone = zone_of(told).key if told in self._zones else "UTC"  # known here and to the database
        if zone != told:
            why = f"{told[:40]!r} is no zone as Asia/Shanghai is, nights are of UTC; mend time_zone in its info"
            self._warn_once("time_zone_refused", *topic[:2], why=why)
        return zone

    def _note_health(self, topic: Topic, health: Health, *, is_kept: bool) -> None:
        node = self._node_id(topic, is_live=not is_kept)
        self._database.execute(
            f"UPDATE node SET health = %(told)s, heard = {_HEARD} WHERE node_id = %(id)s",  # noqa: S608  our own words
            {"id": node, "told": _json(health), "kept": is_kept, "utc": health.utc if is_kept else None},
        )
        note_standing(self._database, node, health.alerts, is_kept=is_kept)
        if self._compare_clocks(topic, health) and not is_kept:
            self._compare_numbers(topic, node, health)

    def _compare_clocks(self, topic: Topic, health: Health) -> bool:
        """Is its time one of this machine's clock? Each command is over when it comes to a node so far ahead."""
        if health.clock != "synced" or health.utc.tzinfo is None:
            return False
        ahead = health.utc - datetime.now(UTC)
        if ahead > VALID_FOR:
            minutes = ahead // timedelta(minutes=1)
            why = f"{minutes} min ahead of this machine: what that sends it, as for gaps, has expired"
            self._warn_once("clock_ahead", *topic[:2], why=f"{why}; set this machine's clock, or the node's")
        return ahead <= VALID_FOR

    def _compare_numbers(self, topic: Topic, node: int, health: Health) -> None:
        """Of a store from an older copy of its card the next numbers have come before, and records are told by these.

        Held against what the ledger had before the node told this, by both clocks: records may overtake a `health`.
        """
        before = self._highest.get(node)
        if before and health.utc <= before.at + VALID_FOR:
            return
        row = self._database.execute(_HIGHEST, (node,)).fetchone()
        last_seq = health.store.last_seq if health.store else None
        if row is None or last_seq is None:
            return
        epoch, seq = row
        self._highest[node] = Highest(epoch, seq, datetime.now(UTC))
        if before and before.epoch == epoch and last_seq < before.seq:
            why = f"its numbers went back to {last_seq}, and up to {before.seq} came before: until then what it counts"
            why += " is dropped as repeated, for its store is an older copy; move that aside, as docs/platform.md says"
            self._warn_once("card_put_back", *topic[:2], why=why)
            self._database.execute("UPDATE node SET card_back = now() WHERE node_id = %s", (node,))

    def _note_status(self, topic: Topic, status: Status, *, is_kept: bool) -> None:
        """A late last will never overrides a newer birth."""
        node = self._node_id(topic, is_live=not is_kept)
        self._database.execute(
            f"UPDATE node SET status = %(told)s, heard = {_HEARD} WHERE node_id = %(id)s"  # noqa: S608  our own words
            " AND (status IS NULL OR ((status->>'session')::numeric, (status->>'connection')::numeric)"
            " <= (%(session)s, %(connection)s))",
            {
                "id": node,
                "told": _json(status),
                "kept": is_kept,
                "utc": status.utc if is_kept else None,
                "session": status.session,
                "connection": status.connection,
            },
        )
        if not is_kept:
            self._database.execute(_CARD, {"id": node, "utc": status.utc, "late": VALID_FOR})


def _note_labels(database: Database, node: int, model: ModelInfo) -> None:
    """What a model can tell. Of one that does not say, or names too many to be true, what it said before holds."""
    name, labels = storable(f"{model.name}@{model.version}"), sorted({storable(label) for label in model.labels})
    if len(name) <= MODEL_LETTERS and 0 < len(labels) <= MOST_LABELS:
        database.execute("SELECT note_labels(%s, %s, %s)", (node, name, labels))


def _note_gone(database: Database, topic: Topic, payload: bytes) -> None:
    told = spans_gone(payload)
    if told is None:
        return
    epoch, spans = told
    row = database.execute(_COMMITTED, (topic.node, epoch, *topic[:2], epoch)).fetchone()
    ledger_id, committed = row or (None, 0)
    note_gone(database, [(ledger_id, first, min(last, committed)) for first, last in spans if first <= committed])


def area_code(code: str | None) -> str:
    """Twelve digits, of which those below a county or a province may be missing; zeros for what is none."""
    try:
        return as_area(code or "").ljust(len(NOWHERE), "0")
    except UsageError:
        return NOWHERE


def position(info: Info) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees if both are there and on the globe."""
    latitude, longitude = info.latitude_deg, info.longitude_deg
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None, None
    return latitude, longitude


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode().replace("\\u0000", "�")
