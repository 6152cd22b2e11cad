"""What nodes tell of themselves, in the database: place, health, state, what they no longer have."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from edge.errors import UsageError
from edge.platform.acknowledged import note_seen, note_standing
from edge.platform.database import BAD_VALUE, Database
from edge.platform.decode import Heard, Message, decode
from edge.platform.intake import Highest, Intake, note_gone, storable
from edge.platform.population import as_area
from edge.platform.questions import keep_part, note_outcome
from edge.platform.replay import VALID_FOR, spans_gone
from edge.wire import Health, Info, ModelInfo, Reply, Status, Topic, decode_message, read_image

NOWHERE = "0" * 12
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

_HIGHEST = "SELECT epoch, coalesce(upper(seen) - 1, 0) FROM node JOIN ledger USING (node_id, epoch) WHERE node_id = %s"


def note(database: Database, intake: Intake, messages: Sequence[Message], *, are_carried: bool = False) -> int:
    """Take each in. What breaks the contract was set aside by the intake; what no table holds is, here: says how many.

    `are_carried`: by a stick, which may be old; its `info` is taken of a node that has told none itself.
    """
    aside = 0
    for message in messages:
        heard = decode(message) if not message.topic.endswith("/records") else None
        try:
            if isinstance(heard, Heard):
                with database.transaction():
                    _note(database, intake, heard, message, are_carried=are_carried)
        except (*BAD_VALUE, ValueError) as why:
            intake.set_aside(message, str(why).splitlines()[0])
            aside += 1
    return aside


def _note(database: Database, intake: Intake, heard: Heard, message: Message, *, are_carried: bool) -> None:
    if isinstance(heard.message, Info):
        is_live = not (are_carried or message.retained)
        node_id = _node_of_card(database, intake, heard.topic, UUID(heard.message.epoch), is_live=is_live)
        _note_info(database, intake, heard.topic, node_id, heard.message, is_carried=are_carried)
        if not message.retained:
            database.execute("UPDATE node SET heard = now() WHERE node_id = %s", (node_id,))
    elif isinstance(heard.message, Health):
        _note_health(database, intake, heard.topic, heard.message, is_kept=message.retained)
    elif isinstance(heard.message, Status):
        _note_column(database, intake, heard.topic, "status", heard.message, is_kept=message.retained)
    elif heard.topic.channel == "reply/replay":
        _note_reply(database, heard.topic, message.payload)
    elif heard.topic.channel in {"reply/answer", "reply/image"}:
        note_outcome(database, intake.node_id(*heard.topic[:2]), decode_message(message.payload, Reply))
    elif heard.topic.channel == "reply/seen":
        note_seen(database, intake.node_id(*heard.topic[:2]), decode_message(message.payload, Reply))
    elif heard.topic.channel == "image":
        header = read_image(message.properties, message.payload)
        if header.kind == "question":
            keep_part(database, intake.node_id(*heard.topic[:2]), header, message.payload)


def _note_health(database: Database, intake: Intake, topic: Topic, health: Health, *, is_kept: bool) -> None:
    _note_column(database, intake, topic, "health", health, is_kept=is_kept)
    node_id = intake.node_id(*topic[:2])
    note_standing(database, node_id, health.alerts, is_kept=is_kept)
    if _compare_clocks(intake, topic, health) and not is_kept:
        _compare_numbers(database, intake, topic, node_id, health)


def _compare_clocks(intake: Intake, topic: Topic, health: Health) -> bool:
    """Is its time one of this machine's clock? Each command is over when it comes to a node that is so far ahead."""
    if health.clock != "synced" or health.utc.tzinfo is None:
        return False
    ahead = health.utc - datetime.now(UTC)
    if ahead > VALID_FOR:
        why = f"{ahead // timedelta(minutes=1)} min ahead of this machine: what that sends it, as for gaps, has expired"
        intake.warn_once("clock_ahead", *topic[:2], why=f"{why}; set this machine's clock, or the node's")
    return ahead <= VALID_FOR


def _compare_numbers(database: Database, intake: Intake, topic: Topic, node_id: int, health: Health) -> None:
    """Of a store from an older copy of its card the next numbers have come before, and records are told by these.

    Held against what the ledger had before the node told this, by both clocks: records may overtake a `health`.
    """
    before = intake.highest.get(node_id)
    if before and health.utc <= before.at + VALID_FOR:
        return
    row = database.execute(_HIGHEST, (node_id,)).fetchone()
    last_seq = health.store.last_seq if health.store else None
    if row is None or last_seq is None:
        return
    epoch, seq = row
    intake.highest[node_id] = Highest(epoch, seq, datetime.now(UTC))
    if before and before.epoch == epoch and last_seq < before.seq:
        why = f"its numbers went back to {last_seq}, and up to {before.seq} came before: until then what it counts is"
        why += " dropped as repeated, for its store is an older copy; move that aside, as docs/platform.md says"
        intake.warn_once("card_put_back", *topic[:2], why=why)


def _node_of_card(database: Database, intake: Intake, topic: Topic, epoch: UUID, *, is_live: bool) -> int | None:
    """Which takes that site if it had another. None: an old `info` of a node that has moved since."""
    node_id, site = intake.holder(*topic[:2], epoch) or (intake.node_id(*topic[:2], is_live=is_live), topic.site)
    if site == topic.site:
        return node_id
    row = database.execute("SELECT move_node(%s, %s, %s, %s)", (node_id, epoch, topic.site, is_live)).fetchone()
    return row[0] if row else None


def _area_of(intake: Intake, topic: Topic, info: Info) -> str:
    """Where it counts: nowhere if its site has areas and that is none of them."""
    code = area_code(info.area_code)
    if info.area_code and not code.startswith(info.area_code):
        why = f"{info.area_code[:20]!r} is not 2, 4, 6, 9 or 12 digits, it counts nowhere; mend area_code in its info"
        intake.warn_once("area_code_refused", *topic[:2], why=why)
    return code if intake.may_count_in(code, *topic[:2]) else NOWHERE


def _zone_of(intake: Intake, topic: Topic, info: Info) -> str:
    """In which its nights are reckoned."""
    zone = zone_name(info.time_zone, intake.known_zones())
    if info.time_zone and zone != info.time_zone:
        why = f"{info.time_zone[:40]!r} is no zone as Asia/Shanghai is, nights are of UTC; mend time_zone in its info"
        intake.warn_once("time_zone_refused", *topic[:2], why=why)
    return zone


def _note_info(
    database: Database, intake: Intake, topic: Topic, node_id: int | None, info: Info, *, is_carried: bool
) -> None:
    place = (_area_of(intake, topic, info), *position(info), _zone_of(intake, topic, info), info.crop)
    told = msgspec.structs.replace(info, models=[one for one in info.models if one.sha256])  # of others labels alone
    database.execute(
        "SELECT place_node(node_id, %s, %s, %s, %s, %s, %s, %s) FROM"
        " (SELECT node_id FROM node WHERE node_id = %s AND (NOT %s OR info IS NULL"
        " OR NOT info ?| ARRAY['models', 'capabilities']) FOR NO KEY UPDATE) AS told",  # of a stick neither is kept
        (_json(told), UUID(info.epoch), *place, node_id, is_carried),
    )
    if node_id is not None:
        for model in info.models[:MOST_MODELS]:
            _note_labels(database, node_id, model)


def _note_labels(database: Database, node_id: int, model: ModelInfo) -> None:
    """What a model can tell. Of one that does not say, or names too many to be true, what it said before holds."""
    name, labels = storable(f"{model.name}@{model.version}"), sorted({storable(label) for label in model.labels})
    if len(name) <= MODEL_LETTERS and 0 < len(labels) <= MOST_LABELS:
        database.execute("SELECT note_labels(%s, %s, %s)", (node_id, name, labels))


def _note_column(
    database: Database, intake: Intake, topic: Topic, column: str, message: Health | Status, *, is_kept: bool
) -> None:
    newer = " AND (status IS NULL OR ((status->>'session')::numeric, (status->>'connection')::numeric)"
    newer += " <= (%(session)s, %(connection)s))"
    node_id = intake.node_id(*topic[:2], is_live=not is_kept)
    told: dict[str, Any] = {"id": node_id, "told": _json(message), "kept": is_kept}
    told["utc"] = message.utc if is_kept else None
    if isinstance(message, Status):  # a late last will never overrides a newer birth
        told |= {"session": message.session, "connection": message.connection}
    query = f"UPDATE node SET {column} = %(told)s, heard = {_HEARD} WHERE node_id = %(id)s"  # noqa: S608  our own words
    database.execute((query + (newer if column == "status" else "")).encode(), told)


def _note_reply(database: Database, topic: Topic, payload: bytes) -> None:
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


def zone_name(name: str | None, in_database: frozenset[str]) -> str:
    """A time zone that is known here and to the database, which asks for its night; UTC for others."""
    try:
        return ZoneInfo(name).key if name and name in in_database else "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode().replace("\\u0000", "�")
