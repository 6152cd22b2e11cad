"""A node whose site changes is the same node: each record counts once, under the site where it is now."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
import pytest

from edge.cli import platform_main
from edge.platform.areas.population import population
from edge.platform.areas.sites import set_areas
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.intake.commands_due import Following, answers_due, photographs_due
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.database_records import read_database
from edge.platform.intake.gaps import missing, requests
from edge.platform.intake.leader import roll_up
from edge.platform.intake.questions import MOST_OPEN, answer, delete, questions
from edge.platform.intake.registry import NOWHERE, Registry
from edge.platform.intake.whose_card import holder
from edge.platform.replay import MOST_COMMANDS, VALID_FOR
from edge.wire import (
    Health,
    ImageHeader,
    Info,
    Key,
    ModelInfo,
    Reply,
    Status,
    Stored,
    StoreHealth,
    encode_batch,
    encode_message,
    image_parts,
    image_properties,
)
from tests.clocks import NOON
from tests.platform.fleet import EVENING, VILLAGES, all_due, epoch, moment, moths, nodes_known
from tests.platform.test_database_intake import waits_for_a_lock
from tests.platform.test_telling_people import START, alert
from tests.records import MOTH, count, interval
from tests.test_alarms import Trap
from tests.waiting import wait_until

RAN = ModelInfo(name="pests", version="0.1.0", sha256="", labels=[MOTH[0]])


class Station:
    """What a worker does with messages, one after the other."""

    def __init__(self, database: Database) -> None:
        self.database, self.intake = database, Intake(database)
        self.registry = Registry(self.intake)

    def hear(self, *messages: Message, are_carried: bool = False) -> None:
        for message in messages:
            self.intake.keep([message])
            self.registry.note([message], are_carried=are_carried)

    def moths(self, area: str = "33") -> list[tuple[int | None, int, int]]:
        """Count, nodes that looked and nodes known, of the first three nights."""
        while roll_up(self.database):
            pass
        nights, known = population(self.database, moths(area)), nodes_known(self.database, moths(area))
        return [(one.count, one.nodes, many) for one, many in zip(nights, known, strict=True)]

    def names(self) -> list[str]:
        return [name for (name,) in self.database.execute("SELECT site || '/' || node FROM node ORDER BY 1")]


@pytest.fixture
def station(database: Database) -> Station:
    return Station(database)


def records(site: str, *seqs: int, node: str = "a") -> Message:
    """Three moths a night, from the first one on."""
    return of_card(site, node, epoch(node), *seqs)


def of_card(site: str, node: str, card: UUID, *seqs: int) -> Message:
    stored = []
    for seq in seqs:
        at = EVENING + timedelta(days=seq - 1)
        told = interval(counts=(count(MOTH, 3, 3, 3),), unit="new", start=moment(at), end=moment(at))
        stored.append(Stored(Key(node, card, seq), told))
    return Message(f"fieldeye/v1/{site}/{node}/records", encode_batch(stored))


def card_of(site: str, card: str, number: int) -> Message:
    """The first record of a card in node a."""
    told = interval(counts=(count(MOTH, number),), unit="new", start=moment(EVENING), end=moment(EVENING))
    return Message(f"fieldeye/v1/{site}/a/records", encode_batch([Stored(Key("a", epoch(card), 1), told)]))


def info(site: str, *, node: str = "a", card: str | None = None, area: str = VILLAGES["a"], retained: bool = False,
         zone: str = "Asia/Shanghai", capabilities: tuple[str, ...] = ("replay",)) -> Message:  # fmt: skip
    """Without capabilities: as it stands on a stick, with what models that ran can tell."""
    told = Info(
        software="fieldeye", version="0", epoch=str(epoch(card or node)), area_code=area, time_zone=zone,
        capabilities=list(capabilities), models=[] if capabilities else [RAN],
    )  # fmt: skip
    return Message(f"fieldeye/v1/{site}/{node}/info", encode_message(told), retained)


def status(
    site: str, session: int, *, node: str = "a", state: Literal["online", "stopped"] = "online", retained: bool = False
) -> Message:
    told = Status(state=state, session=session, connection=1, utc=NOON)
    return Message(f"fieldeye/v1/{site}/{node}/status", encode_message(told), retained)


def health(
    site: str, last_seq: int, *, node: str = "a", utc: datetime = NOON, retained: bool = False, questions: int = 0
) -> Message:
    store = StoreHealth(waiting=0, last_seq=last_seq, questions=questions)
    told = Health(utc=utc, clock="synced", session=2, uptime_s=1.0, store=store)
    return Message(f"fieldeye/v1/{site}/{node}/health", encode_message(told), retained)


def test_a_node_whose_site_changes_is_renamed_with_all_that_it_told(station: Station) -> None:
    station.hear(status("s", 1), info("s"), records("s", 1, 2))
    station.hear(status("t", 2), info("t"), records("t", 3), health("t", 4))
    assert station.moths() == [(3, 1, 1)] * 3
    assert station.names() == ["t/a"]
    state = station.database.execute("SELECT (status->>'session')::int FROM node").fetchone()
    assert state == (2,)
    (asked,) = all_due(requests, station.database, NOON)
    assert (asked[0], asked[1].first, asked[1].last) == ("fieldeye/v1/t/a/cmd/replay", 4, 4)
    assert all_due(requests, station.database, NOON) == []
    station.database.execute("UPDATE ledger SET asked = now() + '1 day'")  # the database's clock was ahead
    assert len(all_due(requests, station.database, NOON)) == 1
    gone = Reply(code="done", epoch=str(epoch("a")), gone=[(4, 4)])
    station.hear(Message("fieldeye/v1/t/a/reply/replay", encode_message(gone)))
    station.database.execute("UPDATE ledger SET asked = NULL")
    assert all_due(requests, station.database, NOON) == []
    assert {one.site for one in read_database(station.database)} == {"t"}


def replied_gone(first: int, last: int) -> Message:
    told = Reply(code="done", epoch=str(epoch("a")), gone=[(first, last)])
    return Message("fieldeye/v1/s/a/reply/replay", encode_message(told))


def test_records_that_a_node_calls_gone_before_it_has_made_them_are_asked_for(station: Station) -> None:
    station.hear(info("s"), records("s", 1, 3), replied_gone(2, 10_000), health("s", 6))
    (asked,) = all_due(requests, station.database, NOON)
    assert (asked[1].first, asked[1].last) == (4, 6)
    station.hear(replied_gone(4, 10_000), replied_gone(7, 10_000), health("s", 9))
    station.database.execute("UPDATE ledger SET asked = NULL")
    (asked,) = all_due(requests, station.database, NOON)
    assert (asked[1].first, asked[1].last) == (7, 9)


def test_of_a_former_card_no_more_is_gone_than_came_of_it(station: Station) -> None:
    station.hear(info("s"), records("s", 1, 3), info("s", card="b"), health("s", 900), replied_gone(2, 900))
    gone = "SELECT gone::text FROM ledger WHERE epoch = %s"
    assert station.database.execute(gone, (epoch("a"),)).fetchall() == [("{[2,4)}",)]


def test_a_node_that_names_no_replay_is_not_asked_for_one(station: Station) -> None:
    for capabilities in ((), ("image",)):
        station.hear(info("s", capabilities=capabilities), records("s", 1, 3), health("s", 3))
        assert all_due(requests, station.database, NOON) == []
    station.hear(info("s"))
    assert [topic for topic, _ in all_due(requests, station.database, NOON)] == ["fieldeye/v1/s/a/cmd/replay"]


def test_a_card_from_before_its_first_record_keeps_no_other_node_from_being_asked_for_what_is_missing(
    station: Station,
) -> None:
    station.hear(info("s"), records("s", 1), health("s", 0))
    station.hear(info("s", node="b"), records("s", 1, node="b"), health("s", 2, node="b"))
    assert asked_of(station) == [("s/b", 2, 2)]


def heard(station: Station) -> datetime | None:
    ((at,),) = station.database.execute("SELECT heard FROM node").fetchall()
    return at  # type: ignore[no-any-return]


def is_now(at: datetime | None) -> bool:
    return at is not None and datetime.now(UTC) - at < timedelta(minutes=5)


def test_a_node_is_heard_by_what_it_says_and_not_by_what_the_broker_tells_again(station: Station) -> None:
    for live in (status("s", 1), info("s"), health("s", 0)):
        station.hear(live)
        assert is_now(heard(station))
        long_ago = datetime.now(UTC) - timedelta(days=10)
        station.database.execute("UPDATE node SET heard = %s", (long_ago,))
        station.hear(status("s", 1, retained=True), info("s", retained=True), health("s", 0, retained=True))
        assert heard(station) == long_ago


def test_a_node_that_runs_on_an_older_copy_of_its_card_is_told_once_and_a_late_health_is_none(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    def hear(last_seq: int) -> list[str]:
        station.hear(health("s", last_seq, utc=datetime.now(UTC) + VALID_FOR))  # ten minutes after the one before
        return [record.message for record in caplog.records]

    station.hear(info("s"), records("s", *range(1, 10)))
    assert hear(7) == [], "records were faster"
    station.hear(health("s", 7), health("s", 5, utc=datetime.now(UTC) + VALID_FOR, retained=True))
    assert hear(9) == []
    station.hear(info("s", card="b"))
    assert hear(0) == [], "a new card counts from one"
    station.hear(of_card("s", "a", epoch("b"), 1))
    assert hear(1) == []
    station.hear(info("s"))
    assert hear(5) == []
    assert hear(5) == hear(6) == ["card_put_back"]
    assert station.database.execute("SELECT card_back FROM node WHERE card_back IS NOT NULL").rowcount == 1
    (told,) = caplog.records
    assert "numbers went back to 5, and up to 9 came before" in told.why  # type: ignore[attr-defined]


def test_a_node_is_heard_each_time_its_records_are_carried_in(station: Station) -> None:
    for first in (1, 3):
        station.hear(records("s", first, first + 1), info("s"), are_carried=True)
        assert is_now(heard(station))
        station.database.execute("UPDATE node SET heard = now() - interval '30 days'")


def test_a_new_database_takes_when_a_node_was_heard_from_what_the_broker_kept(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.hear(info("s", retained=True))
    assert heard(station) is None
    station.hear(health("s", 0, utc=datetime.now(UTC) + timedelta(days=3), retained=True))
    assert heard(station) is None, "its clock is wrong"
    (told,) = caplog.records
    assert (told.message, "4319 min ahead" in told.why) == ("clock_ahead", True)  # type: ignore[attr-defined]
    station.hear(health("s", 0, utc=NOON - timedelta(days=1), retained=True), status("s", 1, retained=True))
    assert heard(station) == NOON
    station.hear(health("s", 0, utc=NOON - timedelta(days=2)))
    assert is_now(heard(station)), "it speaks, whatever its clock says"


def test_a_clock_that_was_not_set_or_tells_no_zone_is_held_against_no_other(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=3)
    unset = Health(utc=ahead, clock="unsynced", session=1, uptime_s=1.0)
    for told in (unset, msgspec.structs.replace(unset, clock="synced", utc=ahead.replace(tzinfo=None))):
        station.hear(Message("fieldeye/v1/s/a/health", encode_message(told)))
        assert is_now(heard(station))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("330106011001", "330106011001"), ("330106011", "330106011000"), ("330106", "330106000000"),
        ("3301", "330100000000"), ("33", "330000000000"),
        *((other, NOWHERE) for other in ("", "3", "33010601100", "3301060110011", "33010a", "３３０１０６")),
    ],
)  # fmt: skip
def test_an_area_that_is_told_down_to_a_county_counts_there(station: Station, told: str, code: str) -> None:
    station.hear(info("s", area=told))
    assert in_areas(station, code) == ["s/a"]


def test_a_position_that_is_off_the_globe_or_half_told_is_none(station: Station) -> None:
    poles, kept = [(90.0, 180.0), (-90.0, -180.0)], []
    none = [(90.01, 0.0), (-90.01, 0.0), (0.0, 180.01), (0.0, -180.01), (None, 1.0), (1.0, None)]
    for latitude, longitude in [*poles, *none]:
        told = Info(
            software="fieldeye", version="0", epoch=str(epoch("a")), latitude_deg=latitude, longitude_deg=longitude
        )
        station.hear(Message("fieldeye/v1/s/a/info", encode_message(told)))
        kept += station.database.execute("SELECT latitude_deg, longitude_deg FROM node").fetchall()
    assert kept == [*poles, *[(None, None)] * 6]


@pytest.mark.parametrize("zone", ["CST", "localtime"])
def test_a_place_that_cannot_be_read_is_one_line_in_the_log(
    station: Station, zone: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        station.hear(info("s", area="Hangzhou", zone=zone), info("t", node="b", area="330106"))
    assert [(one.message, one.node) for one in caplog.records] == [  # type: ignore[attr-defined]
        ("area_code_refused", "a"), ("time_zone_refused", "a"),
    ]  # fmt: skip
    why = [one.why for one in caplog.records]  # type: ignore[attr-defined]
    assert ("'Hangzhou' is not" in why[0], f"'{zone}' is no zone" in why[1]) == (True, True)


def test_in_whatever_order_the_new_site_is_told_each_record_counts_once(station: Station) -> None:
    orders = list(permutations(("status", "info", "new", "again", "late")))
    for number, order in enumerate(orders):
        node = f"n{number}"
        tells = {
            "status": status("t", 2, node=node),
            "info": info("t", node=node),
            "new": records("t", 3, node=node),
            "again": records("t", 1, 2, node=node),
            "late": records("s", 2, 3, node=node),
        }
        station.hear(status("s", 1, node=node), info("s", node=node), records("s", 1, node=node))
        station.hear(*[tells[each] for each in order])
    assert station.moths() == [(3 * len(orders), len(orders), len(orders))] * 3
    assert {name[:2] for name in station.names()} == {"t/"}


def test_a_site_that_was_put_right_before_the_first_record_came_is_one_node(station: Station) -> None:
    station.hear(info("s"), status("t", 2), info("t"), records("s", 1), records("t", 2))
    assert station.names() == ["t/a"]
    assert station.moths()[:2] == [(3, 1, 1)] * 2


def test_an_info_that_the_broker_or_a_stick_kept_from_before_moves_nobody_back(station: Station) -> None:
    kept = (status("s", 1), info("s", area=VILLAGES["e"], retained=True))
    station.hear(info("s", area=VILLAGES["e"]), records("s", 1), status("t", 2), info("t"))
    station.hear(*kept)
    station.hear(info("s", area=VILLAGES["e"], capabilities=()), are_carried=True)
    station.hear(info("t", area=VILLAGES["e"], capabilities=()), are_carried=True)
    assert station.names() == ["s/a", "t/a"]
    told = station.database.execute("SELECT model, labels, info->'models' FROM model_labels JOIN node USING (node_id)")
    assert told.fetchall() == [("pests@0.1.0", [MOTH[0]], None)], "what its models tell holds"
    placed = station.database.execute("SELECT area_code, since IS NULL FROM node ORDER BY site DESC").fetchall()
    assert placed == [(VILLAGES["a"], True), ("000000000000", True)]
    assert station.moths() == [(3, 1, 1), (None, 0, 1), (None, 0, 1)]


def test_what_takes_a_retained_message_away_says_nothing_of_the_node_and_is_not_set_aside(station: Station) -> None:
    station.hear(info("s"), health("s", 3), status("s", 1))
    before = station.database.execute("SELECT * FROM node").fetchall()
    channels = ("info", "status", "health", "summary")
    station.hear(*(Message(f"fieldeye/v1/{site}/a/{channel}", b"") for channel in channels for site in "st"))
    assert station.database.execute("SELECT * FROM node").fetchall() == before
    assert station.database.execute("SELECT topic FROM quarantine").fetchall() == []


@pytest.mark.parametrize("are_carried", [False, True])
def test_a_node_that_moved_while_the_platform_was_away_is_renamed_by_the_newer_start(
    station: Station, *, are_carried: bool
) -> None:
    if are_carried:
        station.hear(info("s", capabilities=()), records("s", 1), are_carried=True)
        station.hear(info("t", capabilities=()), records("t", 2), are_carried=True)
    else:
        station.hear(status("s", 1), info("s"), records("s", 1))
        station.hear(status("t", 2), info("t", retained=True), info("s", retained=True))
    assert station.names() == ["t/a"]


@pytest.mark.parametrize("are_carried", [False, True])
def test_what_the_broker_keeps_of_two_sites_leaves_a_node_at_the_one_of_its_newer_start(
    station: Station, *, are_carried: bool
) -> None:
    if are_carried:
        station.hear(info("t", capabilities=()), are_carried=True)
    station.hear(records("t", 1), status("s", 1), status("t", 2))
    station.hear(info("s", area=VILLAGES["e"], retained=True), info("t", retained=True), records("t", 2))
    assert station.moths(VILLAGES["a"])[:2] == [(3, 1, 1)] * 2


def test_nodes_of_one_name_that_change_places_keep_their_own_records(station: Station) -> None:
    station.hear(info("s", card="b"), info("t", card="c", area=VILLAGES["c"]))
    station.hear(card_of("s", "b", 5), card_of("t", "c", 7))
    station.hear(info("t", card="b"), info("s", card="c", area=VILLAGES["c"]))
    station.hear(card_of("t", "b", 5), card_of("s", "c", 7))
    assert [station.moths(VILLAGES[node])[0][0] for node in "ac"] == [5, 7]
    rows = station.database.execute("SELECT site, area_code FROM node ORDER BY site").fetchall()
    assert rows == [("s", VILLAGES["c"]), ("t", VILLAGES["a"])]


def test_a_batch_and_a_change_of_site_do_not_wait_for_each_other(station: Station, url: str) -> None:
    """The second change of a ledger's row in a transaction looks at its node, which a new site locks."""
    station.hear(info("s"), records("s", 1))
    with open_database(url) as worker, open_database(url) as leader, ThreadPoolExecutor() as threads:
        intake = Intake(worker)
        assert intake.keep([records("s", 1)]) == (0, 1, 0)
        with worker.transaction():
            intake.keep([records("s", 2)])
            moved = threads.submit(Station(leader).hear, info("t", zone="Europe/Berlin"))
            wait_until(lambda: waits_for_a_lock(station.database), within_s=40)
            assert intake.keep([records("s", 3)]) == (1, 0, 0)
        moved.result(40)
    assert station.moths() == [(3, 1, 1)] * 3


def test_what_the_station_answers_goes_to_where_the_node_is_now(station: Station) -> None:
    header = ImageHeader(kind="question", id="00000000-q1", bytes=5, who="Asha", note="what is this?")
    ((one, part),) = image_parts(header, b"photo")
    station.hear(info("s"), records("s", 1))
    station.hear(Message("fieldeye/v1/s/a/image", part, properties=image_properties(one)), info("t"))
    ((node_id,),) = station.database.execute("SELECT node_id FROM node").fetchall()
    assert answer(station.database, node_id, "00000000-q1", text="a moth", who="station", label=MOTH[0])
    assert [topic for topic, _ in all_due(answers_due, station.database)] == ["fieldeye/v1/t/a/cmd/answer"]


def test_what_the_station_answers_goes_to_the_name_that_the_node_has_now(station: Station) -> None:
    header = ImageHeader(kind="question", id="00000000-q1", bytes=5)
    ((one, part),) = image_parts(header, b"photo")
    station.hear(info("s"), records("s", 1), Message("fieldeye/v1/s/a/image", part, properties=image_properties(one)))
    station.hear(info("s", node="b", card="a"), of_card("s", "b", epoch("a"), 2), info("s", node="c"))
    ((node_id,),) = station.database.execute("SELECT node_id FROM question").fetchall()
    assert answer(station.database, node_id, "00000000-q1", text="a moth", who="station", label=MOTH[0])
    ((topic, command),) = answers_due(station.database, {("s", "b")})
    assert topic == "fieldeye/v1/s/b/cmd/answer"
    done = encode_message(Reply(code="done", id=command.id))
    outcomes = []
    for node in ("t/b", "s/b"):
        station.hear(Message(f"fieldeye/v1/{node}/reply/answer", done))
        outcomes += station.database.execute("SELECT outcome FROM question").fetchall()
    assert outcomes == [(None,), ("done",)]

    def due(ago: str = "1 h") -> list[str]:
        station.database.execute("UPDATE question SET told = now() - %s::interval", (ago,))
        return [topic.split("/")[3] for topic, _ in all_due(answers_due, station.database)]

    assert due() == [], "it has the answer"
    station.database.execute("UPDATE question SET outcome = NULL")
    station.hear(info("s"))
    assert due() == ["a"], "its former name again"
    assert due("-1 day") == ["a"], "the database's clock was ahead"
    station.hear(of_card("s", "b", epoch("a"), 1), info("s", node="b", card="a"))
    assert due() == ["a"], "copies of a card, one of which asked"


def part(name: str, payload: bytes, node: str = "a") -> Message:
    """Of a photograph of five bytes."""
    header = ImageHeader(kind="question", id=f"00000000-q{name}", bytes=5)
    return Message(f"fieldeye/v1/s/{node}/image", payload, properties=image_properties(header))


def test_a_photograph_that_did_not_come_whole_is_asked_for_until_the_node_says_that_it_has_gone(
    station: Station,
) -> None:
    def asked() -> dict[str, str]:
        station.database.execute(
            "UPDATE question SET received = received - '2 h'::interval, told = told - '2 h'::interval"
        )
        return {command.picture[9:]: command.id for _, command in photographs_due(station.database, {("s", "a")})}

    station.hear(
        info("s", capabilities=("image",)), health("s", 1), part("1", b"ph"), part("2", b"p"), part("3", b"photo")
    )
    assert all_due(photographs_due, station.database) == [], "it may still be on its way"
    due = asked()
    assert due.keys() == {"q1", "q2"}
    assert all_due(photographs_due, station.database) == [], "not twice within two minutes"
    gone = encode_message(Reply(code="not_kept", id=due["q2"]))
    station.hear(part("4", b"p"), Message("fieldeye/v1/s/a/reply/image", gone))
    station.hear(status("s", 1, state="stopped"))
    assert asked() == {}, "nobody is there"
    station.hear(status("s", 2), part("1", b"photo"))
    assert asked().keys() == {"q4"}


def test_a_photograph_of_which_nothing_came_is_asked_for_once_a_newer_one_has_come(station: Station) -> None:
    def expected() -> list[tuple[str, str]]:
        asked = "SELECT node, substr(id, 10) FROM question JOIN node USING (node_id) WHERE jpeg IS NULL ORDER BY id"
        return station.database.execute(asked).fetchall()

    def asked(node: str = "a") -> dict[str, str]:
        ago = "UPDATE question SET received = received - '2 h'::interval, told = told - '2 h'::interval"
        station.database.execute(ago)
        return {command.picture[9:]: command.id for _, command in photographs_due(station.database, {("s", node)})}

    station.hear(info("s", capabilities=("image",)), health("s", 1), records("s", 1), part("3", b"photo"))
    assert expected() == [], "another station may have had those before"
    station.hear(part("6", b"photo"))
    assert expected() == [("a", "q4"), ("a", "q5")]
    assert all_due(photographs_due, station.database) == [], "they may still be on their way"
    due = asked()
    assert due.keys() == {"q4", "q5"}
    gone = Message("fieldeye/v1/s/a/reply/image", encode_message(Reply(code="not_kept", id=due["q4"])))
    station.hear(gone, part("5", b"photo"), part("7", b"photo"))
    assert asked() == {}
    station.hear(info("s", node="b", card="a", capabilities=("image",)), health("s", 1, node="b"))
    station.hear(part("9", b"photo", node="b"), part("6000000000", b"photo", node="c"))
    assert expected() == [("a", "q4"), ("b", "q8")], "its card had the others under its former name"
    assert asked("b").keys() == {"q8"}
    station.hear(part(f"{9 + MOST_OPEN}", b"photo", node="b"))
    assert 90 < [node for node, _ in expected()].count("b") < MOST_OPEN, "no more than a node keeps"


def test_a_photograph_that_never_comes_whole_is_asked_for_later_each_time_for_a_month_and_few_of_them_at_once(
    station: Station,
) -> None:
    def asked(received: str, told: str | None) -> int:
        ago = "UPDATE question SET received = now() - %s::interval, told = now() - %s::interval"
        station.database.execute(ago, (received, told))
        return len(all_due(photographs_due, station.database))

    station.hear(info("s", capabilities=("image",)), health("s", 1, questions=2), part("1", b"ph"))
    assert asked("3 h", None) == 0, "it sends by itself what waits"
    station.hear(health("s", 1))
    times = [("3 h", "1 h"), ("3 h", "2 h"), ("29 days", None), ("31 days", None)]
    assert [asked(*each) for each in times] == [0, 1, 1, 0]
    assert asked("3 h", "-1 day") == 1, "the database's clock was ahead"
    assert asked("-1 day", "-1 day") == 1, "as the first of it came, too"
    station.database.execute("UPDATE question SET told = now() - '10 min'::interval")
    assert all_due(photographs_due, station.database) == [], "as of one that came just now"
    station.hear(*(part(str(number), b"ph") for number in range(2, 11)))
    assert (asked("3 h", None), all_due(photographs_due, station.database)) == (MOST_COMMANDS, [])


def test_a_photograph_that_is_being_kept_is_asked_for_later_and_not_waited_for(station: Station, url: str) -> None:
    station.hear(info("s", capabilities=("image",)), health("s", 1), part("1", b"ph"), part("2", b"p"))
    station.database.execute("UPDATE question SET received = received - '2 h'::interval")
    station.database.execute("SET lock_timeout = '1s'")
    with open_database(url) as worker, worker.transaction():
        worker.execute("UPDATE question SET jpeg = 'photo' WHERE id = '00000000-q1'")
        assert [command.picture[9:] for _, command in all_due(photographs_due, station.database)] == ["q2"]


def test_photographs_that_a_restored_backup_lacks_are_asked_for_one_after_the_other(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(number: int | str, payload: bytes = b"photo", node: str = "a") -> Message:
        header = ImageHeader(kind="question", id=f"00000000-q{number}", bytes=5)
        return Message(f"fieldeye/v1/s/{node}/image", payload, properties=image_properties(header))

    def asked(by: Following, node: str = "a") -> list[str]:
        due = by.photographs_due(station.database, {("s", node), ("s", "unheard")})
        return [f"{topic[14:]} {command.picture[9:]}" for topic, command in due]

    def let(limit: str, be: timedelta | int) -> None:
        monkeypatch.setattr(f"edge.platform.intake.commands_due.{limit}", be)

    first = Following()
    let("LOOK_AGAIN", timedelta())
    let("VALID_FOR", timedelta())  # other commands'
    station.hear(info("s", capabilities=("image",)), records("s", 1), health("s", 1, questions=2))
    assert asked(first) == [], "it sends by itself what waits"
    station.hear(health("s", 1), part("x-q99"), part(9), part(10, b"ph"))
    assert asked(first) == [], "that one is on its way"
    station.hear(part(10), info("s"))
    assert asked(first) == [], "it sends no photographs"
    station.hear(info("s", capabilities=("image",)))
    let("MOST_AT_ONCE", 0)
    assert asked(first) == [], "enough others are asked"
    let("MOST_AT_ONCE", 1)
    assert (asked(first), asked(first)) == (["a/cmd/image q11"], [])
    station.hear(part(11))
    assert (asked(first), asked(first)) == (["a/cmd/image q12"], [])
    station.hear(status("s", 1, state="stopped"))
    assert asked(Following()) == [], "nobody is there"
    station.hear(info("s", node="b", card="a", capabilities=("image",)), health("s", 1, node="b"))
    assert asked(Following(), "b") == ["b/cmd/image q12"]
    station.hear(status("s", 2), part(12))
    let("FOLLOWING_FOR", timedelta())
    assert asked(first) == [], "a person asked that meanwhile"
    let("FOLLOWING_AGAIN", timedelta())
    assert asked(first) == ["a/cmd/image q13"], "a day later"
    let("FOLLOWING_AGAIN", timedelta(days=1))
    station.hear(part(13, b"ph"))
    station.database.execute("UPDATE question SET outcome = 'not_kept' WHERE jpeg IS NULL")
    let("FOLLOWING_FOR", timedelta(hours=3))
    let("LOOK_AGAIN", timedelta(hours=1))
    second = Following()
    ((_, command),) = second.photographs_due(station.database, {("s", "a")})
    assert command.picture == "00000000-q14"
    assert command.expires > datetime.now(UTC) + timedelta(hours=2), "records that it has to send go before"
    assert asked(second) == []
    station.hear(part(14))
    assert asked(second) == [], "a look at a whole fleet is not for every turn"
    newest = next(one for one in questions(station.database) if one.id == "00000000-q14")
    assert delete(station.database, newest.node_id, newest.id, who="Li")
    station.database.execute("UPDATE question SET received = received - '2 h'::interval")
    assert all_due(photographs_due, station.database) == [], "a person deleted it at the desk"
    let("LOOK_AGAIN", timedelta())
    assert asked(Following()) == ["a/cmd/image q15"]


def test_an_alert_that_comes_again_under_the_new_site_has_not_risen_again(station: Station) -> None:
    stored = [Stored(Key("a", epoch("a"), 1), alert(START, "look", MOTH[0]))]
    for site in "st":
        station.hear(info(site), Message(f"fieldeye/v1/{site}/a/records", encode_batch(stored)))
    assert station.database.execute("SELECT site FROM risen_alert").fetchall() == [("t",)]


COUNTY_B = "330206011001"


@pytest.mark.parametrize("areas", [[], [COUNTY_B[:6]]], ids=["site without areas", "site with areas"])
def test_the_first_catch_at_each_place_of_a_trap_that_moves_is_news(
    areas: list[str], station: Station, tmp_path: Path
) -> None:
    set_areas(station.database, "t", areas)
    for site, hours, caught in (("s", 8, 14), ("t", 9, 14), ("t", 34, 0), ("t", 58, 0), ("s", 80, 14)):
        with closing(Trap(tmp_path, node="a", site=site)) as trap:
            trap.hour(hours, caught)
            area = COUNTY_B if site == "t" else VILLAGES["a"]
            told = Info(software="fieldeye", version="0", epoch=str(trap.store.epoch), area_code=area)
            station.hear(Message(f"fieldeye/v1/{site}/a/info", encode_message(told)))
            batch = trap.store.next_batch()
            station.hear(Message(f"fieldeye/v1/{site}/a/records", encode_batch(batch)))
            trap.store.mark_delivered([one.mark for one in batch])
    risen = station.database.execute("SELECT at, level FROM risen_alert ORDER BY seq").fetchall()
    assert [(at.day, at.hour, level) for at, level in risen] == [(1, 13, "look"), (1, 14, "look"), (4, 13, "look")]


def in_areas(station: Station, area: str) -> list[str]:
    rows = station.database.execute("SELECT site || '/' || node FROM node WHERE area_code ^@ %s ORDER BY 1", (area,))
    return [name for (name,) in rows]


def counted(station: Station, area: str) -> list[int | None]:
    return [count for count, _, _ in station.moths(area)]


def test_a_site_that_has_areas_counts_in_no_other_one_and_the_log_says_so_once(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    set_areas(station.database, "s", [COUNTY_B[:6], "44"])
    for _ in range(2):
        station.hear(info("s", area=VILLAGES["a"]), records("s", 1))
    assert (in_areas(station, "33"), in_areas(station, NOWHERE)) == ([], ["s/a"])
    assert [one.message for one in caplog.records] == ["area_refused"]
    assert "fieldeye-platform site s" in caplog.records[0].why  # type: ignore[attr-defined]
    station.hear(info("s", area=COUNTY_B))
    assert (in_areas(station, COUNTY_B[:6]), counted(station, COUNTY_B[:6])[0]) == (["s/a"], 3)
    set_areas(station.database, "s", [])
    station.hear(info("s", area=VILLAGES["a"]))
    assert in_areas(station, "33") == ["s/a"], "a site without areas counts where it says"


def test_nodes_that_run_no_more_go_along_when_their_county_gets_another_code(station: Station) -> None:
    """By the statement of docs/platform.md."""
    station.hear(info("s"), records("s", 1), health("s", 1))
    assert (counted(station, "330106"), counted(station, "330114")) == ([3, None, None], [None, None, None])
    statement = "SELECT place_node(" + Path("docs/platform.md").read_text("utf-8").partition("SELECT place_node(")[2]
    told = "SELECT health, status, info FROM node"
    before = station.database.execute(told).fetchall()
    station.database.execute(statement.partition(";")[0].encode())
    assert station.moths("330106")[0] == (3, 1, 1), "it was just heard"
    station.database.execute("UPDATE node SET heard = now() - interval '91 days'")
    station.database.execute(statement.partition(";")[0].encode())
    assert station.moths("330106")[0] == (None, 0, 0)
    assert station.moths("330114011")[0] == (3, 1, 1)
    assert station.database.execute(told).fetchall() == before


def test_a_site_that_has_areas_takes_no_node_of_another_county_whatever_card_it_names(station: Station) -> None:
    set_areas(station.database, "t", [COUNTY_B[:6]])
    station.hear(info("s"), records("s", 1))
    taken = card_of("t", "a", 900)  # with the key of the other one's first record
    gone = Reply(code="done", epoch=str(epoch("a")), gone=[(2, 3)])
    station.hear(info("t", area=COUNTY_B), taken, Message("fieldeye/v1/t/a/reply/replay", encode_message(gone)))
    station.hear(records("s", 2), health("s", 4))
    assert station.names() == ["s/a", "t/a"]
    assert (counted(station, VILLAGES["a"]), counted(station, COUNTY_B)[0]) == ([3, 3, None], 900)
    (asked,) = all_due(requests, station.database, NOON)
    assert (asked[0], asked[1].first, asked[1].last) == ("fieldeye/v1/s/a/cmd/replay", 3, 4)


def test_a_node_that_moves_within_the_areas_of_its_new_site_takes_its_history_along(station: Station) -> None:
    set_areas(station.database, "t", [VILLAGES["a"][:6]])
    station.hear(info("s"), records("s", 1), info("t"), records("t", 2))
    assert station.names() == ["t/a"]
    assert counted(station, "33")[:2] == [3, 3]


def test_a_node_that_moves_into_a_site_from_another_county_begins_there_and_counts_once(station: Station) -> None:
    set_areas(station.database, "t", [COUNTY_B[:6]])
    station.hear(info("s"), records("s", 1), info("t", area=COUNTY_B), records("t", 3, 2), health("t", 5))
    asked = [(command.first, command.last) for _, command in all_due(requests, station.database, NOON)]
    assert asked == [(4, 5)], "what is older counts where it was told"
    station.hear(*[records("t", *range(first, last + 1)) for first, last in asked])
    assert (counted(station, "3301"), counted(station, COUNTY_B)) == ([3, None, None], [None, 3, 3])


def test_a_node_that_stood_nowhere_yet_takes_its_history_into_a_site_that_has_areas(station: Station) -> None:
    set_areas(station.database, "t", [COUNTY_B[:6]])
    station.hear(info("bench", area=NOWHERE), records("bench", 1), info("t", area=COUNTY_B), records("t", 2))
    assert station.names() == ["t/a"]
    assert counted(station, COUNTY_B)[:2] == [3, 3]


def test_a_node_that_gets_another_name_and_its_former_one_again_counts_each_record_once(station: Station) -> None:
    station.hear(info("s"), records("s", 1))
    station.hear(info("s", node="b", card="a"), health("s", 2, node="b"))
    assert all_due(requests, station.database, NOON) == []
    station.hear(of_card("s", "b", epoch("a"), 2))
    assert all_due(requests, station.database, NOON) == []
    station.hear(info("s"), records("s", 4), health("s", 5))
    gaps = [(gap.site, gap.node, *gap.span) for gap in missing(station.database)]
    assert gaps == [("s", "a", 3, 3), ("s", "a", 5, 5)], "what nobody told"
    assert station.moths() == [(3, 1, 1), (3, 1, 2), (None, 0, 2)]
    assert station.names() == ["s/a", "s/b"], "the other name stays, a node that is silent"


def test_copies_of_a_card_that_run_under_two_names_share_their_past_and_nothing_else(station: Station) -> None:
    station.hear(info("s"), records("s", 1, 2, 4), health("s", 4))
    station.hear(info("s", node="b", card="a"), of_card("s", "b", epoch("a"), 2), health("s", 4, node="b"))
    asked = [(topic.split("/")[3], told.first, told.last) for topic, told in all_due(requests, station.database, NOON)]
    assert sorted(asked) == [("a", 3, 3), ("b", 3, 4)]


def asked_of(station: Station) -> list[tuple[str, int, int]]:
    """Site, node and numbers."""
    asked = [(topic.removeprefix("fieldeye/v1/"), told) for topic, told in all_due(requests, station.database, NOON)]
    return sorted((topic.removesuffix("/cmd/replay"), told.first, told.last) for topic, told in asked)


@pytest.mark.parametrize(
    ("told", "last", "of_b", "asked"),
    [
        ((5000,), 5000, (3000,), [("s/a", 1, 4999), ("s/b", 1, 2999)]),  # copies, a new database
        ((1, 2, 3), 3, (9,), [("s/b", 4, 8)]),  # a backup from before the new name
        ((1, 2, 3, 7, 8), 8, (9,), [("s/a", 4, 6), ("s/b", 4, 6)]),  # a gap at the new name
        ((1, 2, 3), 3, (3,), []),  # told again, as its answer was lost
        ((1, 2, 3, 4), 4, (6, 3), [("s/b", 4, 5)]),  # copies, of which the other one's fourth record is not this one's
    ],
)
def test_under_another_name_a_node_is_asked_for_what_its_card_has_told_under_none(
    station: Station, told: tuple[int, ...], last: int, of_b: tuple[int, ...], asked: list[tuple[str, int, int]]
) -> None:
    station.hear(info("s"), records("s", *told), health("s", last))
    station.hear(info("s", node="b", card="a"), of_card("s", "b", epoch("a"), *of_b))
    station.hear(health("s", max(of_b), node="b"))
    assert asked_of(station) == asked


def test_a_node_with_a_new_card_is_not_asked_for_numbers_of_its_former_one(station: Station) -> None:
    station.hear(info("s"), records("s", 1), info("s", card="c"), of_card("s", "a", epoch("c"), 1, 2), health("s", 3))
    assert [(told.epoch, told.first, told.last) for _, told in all_due(requests, station.database, NOON)] == [
        (str(epoch("c")), 3, 3)
    ]


def test_a_node_that_gets_another_name_and_site_is_asked_for_what_its_card_has_told_under_none(
    station: Station,
) -> None:
    set_areas(station.database, "t", [COUNTY_B[:6]])
    station.hear(info("s"), records("s", 1, 2), info("t", node="b", card="a", area=COUNTY_B))
    station.hear(of_card("t", "b", epoch("a"), 5), health("t", 5, node="b"))
    assert asked_of(station) == [("t/b", 3, 4)]


def test_whoever_names_the_card_of_another_site_keeps_that_from_nothing(station: Station) -> None:
    station.hear(
        info("s"), records("s", 1), info("t", node="b", card="a", area=COUNTY_B), of_card("t", "b", epoch("a"), 2, 3)
    )
    station.hear(health("s", 3))
    (asked,) = all_due(requests, station.database, NOON)
    assert (asked[0], asked[1].first, asked[1].last) == ("fieldeye/v1/s/a/cmd/replay", 2, 3)
    assert (counted(station, VILLAGES["a"]), counted(station, COUNTY_B)) == ([3, None, None], [None, 3, 3])


@pytest.mark.parametrize("has_records", [False, True])
def test_whose_a_card_is_costs_the_same_however_many_nodes_have_its_name(
    station: Station, *, has_records: bool
) -> None:
    station.hear(info("s"), *[records("s", 1)] * has_records)
    station.database.execute(
        "INSERT INTO node (site, node, epoch) SELECT 'farm' || n, 'a', gen_random_uuid() FROM generate_series(1, 500) n"
    )
    station.database.execute("INSERT INTO ledger (node_id, node_name, epoch) SELECT node_id, node, epoch FROM node"
                             " WHERE site ^@ 'farm'")  # fmt: skip
    station.database.execute("ANALYZE node, ledger")
    station.database.execute("SET track_functions = 'all'")
    with station.database.transaction():
        assert holder(station.database, "t", "a", epoch("a")) is not None
        looked_at = station.database.execute("SELECT pg_stat_get_xact_function_calls('may_count_in'::regproc)")
        assert looked_at.fetchone() in {(1,), (2,)}, "once, or once more to plan it"


def test_the_areas_of_a_site_are_set_and_told_by_a_command(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        ("--area 330206 44 44", "county-b counts in: 330206 44"), ("", "county-b counts in: 330206 44"),
        ("--area 330206000000 330206 440000", "county-b counts in: 330206 44"),
        ("--area 33", "county-b counts in: 33"), ("--anywhere", "county-b counts in: any area"),
    ):  # fmt: skip
        assert platform_main(["site", "county-b", "--database", url, *words.split()]) == 0
        told = capsys.readouterr().out
        assert says in told.splitlines()
        assert ("with --queue (RabbitMQ) when the node next connects" in told) == bool(words)


def test_an_empty_area_is_a_sentence_and_changes_nothing(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As a script's variable is that nobody set."""
    for area, code in (("33", 0), ("", 2)):
        assert platform_main(["site", "county-b", "--database", url, "--area", area]) == code
    assert "give 2, 4, 6, 9 or 12 digits, or say --anywhere" in capsys.readouterr().err
    assert platform_main(["site", "county-b", "--database", url]) == 0
    assert capsys.readouterr().out == "county-b counts in: 33\n"
