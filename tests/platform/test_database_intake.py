"""Each record once in PostgreSQL, whatever comes: repeated, late, out of order, broken, or of another version."""

import itertools
import random
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace as replace_fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from uuid import UUID, uuid4

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pika.spec import Basic, BasicProperties
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from edge.clock import ClockState, Instant
from edge.counts import Record
from edge.platform.broker.quorum_queue import QuorumQueue
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.gaps import requests
from edge.platform.intake.leader import roll_up
from edge.platform.intake.registry import Registry
from edge.platform.intake.spans import Spans, multirange_text
from edge.platform.tables import migrate
from edge.wire import Health, Info, Key, Reply, Status, Stored, StoreHealth, encode_batch, encode_message
from tests.clocks import NOON
from tests.platform.fleet import all_due
from tests.records import EPOCH, MOTH, alert, count, instant, interval, intervals, losses, lost, sighting, sightings
from tests.waiting import wait_until

EXAMPLES = Path(__file__).parents[2] / "docs/contract/examples"


def batch(*records: Record, node: str = "n1", first: int = 1, epoch: UUID = EPOCH) -> Message:
    stored = [Stored(Key(node, epoch, seq), record) for seq, record in enumerate(records, first)]
    return Message(f"fieldeye/v1/farm-3/{node}/records", encode_batch(stored))


def kept(database: Database) -> list[tuple[str, int]]:
    return database.execute(
        "SELECT node, seq FROM record JOIN ledger USING (ledger_id) JOIN node USING (node_id) ORDER BY 1, 2"
    ).fetchall()


def test_a_record_that_comes_again_is_not_counted_again(database: Database) -> None:
    intake = Intake(database)
    assert intake.keep([batch(sighting(), interval())]) == (2, 0, 0)
    assert intake.keep([batch(sighting(), interval(), sighting(9))]) == (1, 2, 0)
    assert Intake(database).keep([batch(sighting(), first=2)]) == (0, 1, 0)
    assert kept(database) == [("n1", 1), ("n1", 2), ("n1", 3)]


def test_a_record_whose_time_was_corrected_meanwhile_is_still_the_same(database: Database) -> None:
    intake = Intake(database)
    intake.keep([batch(sighting(0))])
    assert intake.keep([batch(sighting(40 * 86_400))]) == (0, 1, 0)  # another month's partition


@pytest.mark.parametrize("later", [instant(3600, boot_id="b" * 36), instant(7200)], ids=["another boot", "later"])
def test_a_card_that_was_put_back_is_told_by_a_number_that_comes_again_with_another_record(
    database: Database, caplog: pytest.LogCaptureFixture, later: Instant
) -> None:
    intake, first, end = Intake(database), sighting(at=instant(0, ClockState.UNSYNCED)), instant(3600)
    intake.keep([batch(first, interval(end=end))])
    intake.keep([batch(sighting(at=replace_fields(first.at, utc=NOON + timedelta(days=40))), interval(revision=1))])
    assert caplog.records == [], "a clock that was set and a late picture make no other record"
    for _ in range(2):
        assert intake.keep([batch(interval(end=later, revision=1), first=2), batch(first)]) == (0, 2, 0)
    (told,) = caplog.records
    assert (told.message, "as its number 2" in told.why) == ("card_put_back", True)  # type: ignore[attr-defined]


def test_a_higher_revision_takes_the_place_of_the_record_with_its_key_and_a_lower_one_does_not(
    database: Database,
) -> None:
    intake = Intake(database)
    told = [interval(counts=(count(MOTH, n, n, n + 3),), revision=n) for n in range(4)]
    assert intake.keep([batch(told[1])]) == (1, 0, 0)
    assert intake.keep([batch(told[3]), batch(told[2])]) == (1, 1, 0)
    assert intake.keep([batch(told[0]), batch(told[1]), batch(told[3])]) == (0, 3, 0)
    assert kept(database) == [("n1", 1)]
    assert database.execute("SELECT revision FROM interval_effort").fetchall() == [(3,)]
    assert database.execute("SELECT count, low, high FROM interval_count").fetchall() == [(3, 3, 6)]


def test_of_two_revisions_that_come_at_once_the_higher_one_stays(database: Database) -> None:
    intake = Intake(database)
    for first in (0, 2):  # new, then in the place of the one before
        assert intake.keep([batch(interval(revision=first)), batch(interval(revision=first + 1))]) == (1, 1, 0)
        assert database.execute("SELECT revision FROM interval_effort").fetchall() == [(first + 1,)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.integers(1, 8)), min_size=1, max_size=25),
    st.integers(1, 7),
)
def test_whatever_order_batches_come_in_each_key_is_kept_once(
    database: Database, sent: list[tuple[str, int, int]], at_once: int
) -> None:
    epoch = uuid4()
    messages = [batch(*[sighting()] * many, node=node, first=first, epoch=epoch) for node, first, many in sent]
    intake = Intake(database)
    for first in range(0, len(messages), at_once):
        intake.keep(messages[first : first + at_once])
    rows = database.execute(
        "SELECT node, seq FROM record JOIN ledger USING (ledger_id) JOIN node USING (node_id) WHERE ledger.epoch = %s",
        (epoch,),
    ).fetchall()
    assert sorted(rows) == sorted({(node, first + n) for node, first, many in sent for n in range(many)})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(sightings | losses | intervals(), min_size=1, max_size=6))
def test_any_record_of_the_wire_is_kept_or_set_aside_and_none_vanishes(database: Database, any_: list[Record]) -> None:
    """Letters that PostgreSQL cannot hold, years that no month has, numbers of 53 bits."""
    epoch = uuid4()
    messages = [batch(record, first=seq, epoch=epoch) for seq, record in enumerate(any_, 1)]
    got = Intake(database).keep(messages)
    assert got.new + got.set_aside == len(any_)
    told = database.execute("SELECT count(*) FROM record JOIN ledger USING (ledger_id) WHERE epoch = %s", (epoch,))
    assert told.fetchone() == (got.new,)


def test_a_message_that_the_database_cannot_hold_does_not_keep_its_neighbours_out(database: Database) -> None:
    messages = [batch(sighting(n), first=n) for n in range(1, 9)]
    messages[4] = batch(sighting(label="nul \0"), first=5)
    assert Intake(database).keep(messages) == (7, 0, 1)
    topic, reason = database.execute("SELECT topic, reason FROM quarantine").fetchone() or ("", "")
    assert topic == messages[4].topic
    assert "refuses" in reason


def test_poison_is_set_aside_with_its_reason_and_once_however_often_it_comes(database: Database) -> None:
    poison = [
        Message("fieldeye/v1/farm-3/n1/records", b"\xff nonsense"),
        Message("fieldeye/v1/farm-3/n1/health", b"{"),
        Message("elsewhere", b""),
    ]
    for _ in range(2):
        assert Intake(database).keep([*poison, batch(sighting())]).set_aside == 3
    rows = database.execute("SELECT topic, payload, reason FROM quarantine ORDER BY quarantine_id").fetchall()
    assert [Message(*row[:2]) for row in rows] == poison
    assert all(row[2] for row in rows)


def test_of_a_long_message_the_first_64_kib_are_set_aside_and_it_is_known_again(database: Database) -> None:
    """Two hundred of 1 MB made 218 MB of table within half a minute, and on a full disk all nodes wait."""
    random_bytes = random.Random(1).randbytes(100_000)
    for payload in (random_bytes, random_bytes, random_bytes + b"x", random_bytes[:65_536]):
        Intake(database).keep([Message("fieldeye/v1/farm-3/n1/health", payload)])
    rows = database.execute("SELECT payload FROM quarantine").fetchall()
    assert rows == [(random_bytes[:65_536],)] * 3


def test_of_a_node_the_newest_that_were_set_aside_are_kept_whatever_others_send(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.intake.quarantine.MOST_KEPT", 3)
    intake = Intake(database)
    registry = Registry(intake)
    for n in range(5):
        intake.keep([Message(f"fieldeye/v1/farm-3/{node}/health", b"%d" % n) for node in ("n1", "n10")[: 2 - n % 2]])
        registry.note([Message("fieldeye/v1/farm-3/n1/image", b"%d" % n)])
        intake.keep([Message(topic, b"%d" % n) for topic in ("elsewhere", "x/y/z/z", "x/y/z/z/z")])
    kept = database.execute(
        "SELECT topic, array_agg(convert_from(payload, 'UTF8') ORDER BY quarantine_id) FROM quarantine GROUP BY topic"
    )
    assert dict(kept.fetchall()) == {
        "fieldeye/v1/farm-3/n1/health": ["4"], "fieldeye/v1/farm-3/n1/image": ["3", "4"],
        "fieldeye/v1/farm-3/n10/health": ["0", "2", "4"], "elsewhere": ["2", "3", "4"],
        "x/y/z/z": ["4"], "x/y/z/z/z": ["3", "4"],
    }  # fmt: skip


def test_two_workers_that_set_aside_messages_of_one_node_do_not_wait_for_what_the_other_takes_away(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.intake.quarantine.MOST_KEPT", 2)
    topic = "fieldeye/v1/farm-3/n1/health"
    Intake(database).keep([Message(topic, b"%d" % n) for n in range(2)])
    with open_database(url) as other:
        other.execute("SET lock_timeout = '1s'")
        with database.transaction():
            Intake(database).keep([Message(topic, b"3")])
            assert Intake(other).keep([Message(topic, b"4"), batch(sighting())]) == (1, 0, 1)
    Intake(database).keep([Message(topic, b"5")])
    assert database.execute("SELECT payload FROM quarantine").fetchall() == [(b"4",), (b"5",)]


LONG = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FA5), k=2000)))  # nothing makes it shorter


def test_a_text_too_long_for_an_index_is_set_aside_and_the_database_is_not_taken_for_lost(database: Database) -> None:
    """The wire's own limits keep such texts away from our indexes; a station may have made another one."""
    database.execute("CREATE INDEX ON alert (reason)")
    database.execute("CREATE INDEX ON node (crop)")
    good, intake = [batch(sighting(n), first=n) for n in (1, 2, 3)], Intake(database)
    assert intake.keep([good[0], batch(alert(reason=LONG), first=4), *good[1:]]) == (3, 0, 1)
    told = Info(software="fieldeye", version="0", epoch=str(EPOCH), crop=LONG)
    assert Registry(intake).note([Message("fieldeye/v1/farm-3/n1/info", encode_message(told))]) == 1
    reasons = [reason for (reason,) in database.execute("SELECT reason FROM quarantine")]
    assert ["index row" in reason for reason in reasons] == [True, True]


@pytest.mark.parametrize("topic", [f"fieldeye/v1/farm-3/n1/{LONG}", LONG])
def test_a_topic_of_any_length_is_set_aside(database: Database, topic: str) -> None:
    for _ in range(2):
        assert Intake(database).keep([Message(topic, b"x"), batch(sighting())]).set_aside == 1
    assert database.execute("SELECT topic FROM quarantine").fetchall() == [(topic[:300],)]


def test_records_lie_in_the_partition_of_their_month_and_wrong_clocks_apart(database: Database) -> None:
    first = replace_fields(instant(), utc=datetime(1, 1, 1, tzinfo=UTC))  # before its noon is no day of any calendar
    wrong = [sighting(at=instant(-86_400 * 365 * 50)), interval(start=first, end=first)]
    assert Intake(database).keep([batch(sighting(), *wrong)]) == (3, 0, 0)
    rows = database.execute("SELECT tableoid::regclass::text, seq FROM record ORDER BY seq").fetchall()
    assert rows == [("record_2026_07", 1), ("record_undated", 2), ("record_undated", 3)]


def test_a_month_that_comes_after_its_first_records_takes_them_in(database: Database) -> None:
    early = datetime(2031, 3, 5, tzinfo=UTC)
    database.execute("INSERT INTO record VALUES (1, 1, %s, 'lost', '{}'), (1, 2, '1970-01-01', 'lost', '{}')", (early,))
    database.execute("SELECT ensure_month(%s)", (date(2031, 3, 1),))
    rows = database.execute("SELECT tableoid::regclass::text, seq FROM record ORDER BY seq").fetchall()
    assert rows == [("record_2031_03", 1), ("record_undated", 2)]


@pytest.mark.parametrize("patience", ["10min", "1ms"])  # its turn; and having given that up, where to file it
def test_two_workers_that_meet_the_first_record_of_a_month_at_once_both_keep_theirs(
    database: Database, url: str, patience: str
) -> None:
    let_months_wait(database, patience)
    with open_database(url) as first, open_database(url) as second, ThreadPoolExecutor() as threads:
        other = Intake(second)
        with first.transaction():
            Intake(first).keep([batch(sighting())])
            kept_later = threads.submit(other.keep, [batch(sighting(), node="n2")])
            wait_until(lambda: waits_for_a_lock(database, "relation"), within_s=40)
        assert kept_later.result(40) == (1, 0, 0)
    assert kept(database) == [("n1", 1), ("n2", 1)]


def let_months_wait(database: Database, patience: str) -> None:
    """From now on, instead of a second."""
    database.execute(f"ALTER FUNCTION ensure_month SET lock_timeout = '{patience}'".encode())


@pytest.mark.parametrize(
    "held", ["SELECT FROM record_undated", "INSERT INTO record SELECT 1, 9, '2026-07-01 10:30Z', 'lost', '{}'"]
)  # as a backup does for hours, and a batch of a record that was a second ahead
def test_the_first_record_of_a_month_waits_for_no_backup_and_no_batch_and_finds_its_partition_later(
    database: Database, url: str, held: str
) -> None:
    months = "SELECT DISTINCT tableoid::regclass::text FROM record"
    with open_database(url) as other, ThreadPoolExecutor() as threads, other.transaction():
        other.execute(held.encode())
        assert threads.submit(Intake(database).keep, [batch(sighting())]).result(20) == (1, 0, 0)
        assert database.execute(months.encode()).fetchall() == [("record_undated",)]
    assert Intake(database).keep([batch(sighting(), first=2)]) == (1, 0, 0)
    assert database.execute(months.encode()).fetchall() == [("record_2026_07",)]
    assert database.execute("SELECT reason FROM quarantine").fetchall() == []


def test_a_batch_of_many_months_waits_for_a_backup_once(database: Database, url: str) -> None:
    many = [sighting(-month * 31 * 86_400) for month in range(40)]
    with open_database(url) as backup, ThreadPoolExecutor() as threads, backup.transaction():
        backup.execute("SELECT FROM record_undated")
        assert threads.submit(Intake(database).keep, [batch(*many)]).result(20) == (40, 0, 0)


def test_a_record_that_is_revised_while_its_month_is_made_stands_once(database: Database, url: str) -> None:
    let_months_wait(database, "1ms")
    revised = Intake(database)
    with open_database(url) as backup, backup.transaction():
        backup.execute("SELECT FROM record_undated")
        revised.keep([batch(interval())])
    with open_database(url) as other, open_database(url) as seen, ThreadPoolExecutor() as threads:
        with other.transaction():
            Intake(other).keep([batch(sighting(), node="n2")])
            kept_later = threads.submit(revised.keep, [batch(interval(revision=1))])
            wait_until(lambda: waits_for_a_lock(seen, "relation"), within_s=40)
        assert kept_later.result(40) == (1, 0, 0)
    assert kept(database) == [("n1", 1), ("n2", 1)]


@pytest.mark.parametrize("name", ["sightings", "intervals", "losses"])
def test_golden_examples_of_the_contract_are_kept_in_their_decoded_form(database: Database, name: str) -> None:
    payload = bytes.fromhex("".join((EXAMPLES / f"{name}.cbor.hex").read_text().split()))
    got = Intake(database).keep([Message("fieldeye/v1/farm-3/n1/records", payload)])
    assert got.new > 0
    kinds = {row[0] for row in database.execute("SELECT body->>'kind' FROM record")}
    assert kinds == {{"sightings": "sighting", "intervals": "interval", "losses": "lost"}[name]}


def test_a_newer_nodes_fields_and_kinds_are_kept_beside_an_older_nodes(database: Database) -> None:
    newer = cbor2.loads(batch(sighting(), sighting(1)).payload)
    newer[99] = "a table that this program does not know"
    newer[9][0][98] = {"a": "field"}
    newer[9][1] = {0: 77, 1: 1}  # a kind that it does not know
    older = batch(sighting(), node="n2")
    got = Intake(database).keep([Message("fieldeye/v1/farm-3/n1/records", cbor2.dumps(newer)), older])
    assert got == (3, 0, 0)
    kinds = database.execute("SELECT kind FROM record JOIN ledger USING (ledger_id) ORDER BY node_id, seq").fetchall()
    assert [kind for (kind,) in kinds] == ["sighting", "unknown", "sighting"]


def test_a_record_that_comes_again_to_a_program_that_first_knows_its_kind_or_no_more_is_the_same(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    known = batch(sighting())
    later = cbor2.loads(known.payload)
    later[9][0] = {0: 77, 1: 0}
    unknown = known._replace(payload=cbor2.dumps(later))
    for node, told in (("n1", (unknown, known)), ("n2", (known, unknown))):
        topic = f"fieldeye/v1/farm-3/{node}/records"
        counted = [Intake(database).keep([one._replace(topic=topic)]) for one in told]
        assert counted == [(1, 0, 0), (0, 1, 0)]
    assert caplog.records == []


def test_a_taxon_keeps_its_code_where_a_node_tells_none_and_takes_one_that_was_put_right(database: Database) -> None:
    codes = []
    for seq, eppo in enumerate(("", "PLUTXX", "", "PLUTMA"), 1):
        Intake(database).keep([batch(interval(counts=(count((MOTH[0], eppo), 1),)), first=seq)])
        codes += database.execute("SELECT eppo FROM taxon").fetchall()
    assert codes == [("",), ("PLUTXX",), ("PLUTXX",), ("PLUTMA",)]


def test_a_card_that_makes_up_taxa_holds_up_no_other_and_fills_no_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message took a worker seven seconds: each name was written, and waited for, by itself."""
    monkeypatch.setattr("edge.platform.intake.database_intake.MOST_TAXA", 5000)
    database.execute(
        "CREATE TABLE writing ();"
        "CREATE FUNCTION note_writing() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO writing DEFAULT VALUES; RETURN NULL; END';"
        "CREATE TRIGGER each AFTER INSERT ON taxon FOR EACH STATEMENT EXECUTE FUNCTION note_writing()"
    )
    intake, moth = (
        Intake(database),
        [interval(n, counts=(count((MOTH[0], code), 1),)) for n, code in enumerate(("", "X"))],
    )
    for seq, first in enumerate((0, 3000, 0)):
        made_up = interval(counts=tuple(count((f"{n:x}", ""), 1) for n in range(first, first + 3000)))
        assert intake.keep([batch(made_up, *moth, first=1 + 3 * seq)]) == (3, 0, 0)
    assert database.execute("SELECT FROM writing").rowcount == 3, "the first ones are not remembered for ever"
    assert database.execute("SELECT eppo FROM taxon WHERE label = %s", (MOTH[0],)).fetchall() == [("X",)]
    told = "SELECT count(*), count(DISTINCT label) FROM interval_count JOIN taxon USING (taxon_id)"
    assert database.execute(told).fetchall() == [(9006, 6001)]


def test_what_a_node_says_is_lost_is_not_waited_for(database: Database) -> None:
    Intake(database).keep([batch(lost(2, 5), first=9)])
    assert database.execute("SELECT gone::text FROM ledger").fetchone() == ("{[2,6)}",)


def test_all_that_a_batch_or_a_reply_says_is_gone_is_written_at_once(database: Database) -> None:
    database.execute(
        "CREATE TABLE writing ();"
        "CREATE FUNCTION note_writing() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO writing DEFAULT VALUES; RETURN NULL; END';"
        "CREATE TRIGGER each AFTER UPDATE OF gone ON ledger FOR EACH STATEMENT EXECUTE FUNCTION note_writing()"
    )
    intake, batches = Intake(database), {"n1": range(1, 3000, 3), "n2": range(5000, 8000, 3)}
    whole = {node: [lost(first, first + 1) for first in firsts] for node, firsts in batches.items()}
    told = [batch(*records, node=node, first=19_001) for node, records in whole.items()]
    assert (intake.keep(told), len(kept(database))) == ((2000, 0, 0), 2000)
    replied = range(9000, 17_000, 2)
    reply = Reply(code="done", epoch=str(EPOCH), sent=0, gone=[(seq, seq) for seq in replied] + [(20_000, 20_005)])
    Registry(intake).note([Message("fieldeye/v1/farm-3/n1/reply/replay", encode_message(reply))])
    seqs = {node: {seq for first in firsts for seq in (first, first + 1)} for node, firsts in batches.items()}
    says = [(multirange_text(seqs["n1"].union(replied, [20_000])),), (multirange_text(seqs["n2"]),)]
    assert database.execute("SELECT gone::text FROM ledger ORDER BY node_name").fetchall() == says
    assert database.execute("SELECT FROM writing").rowcount == 2, "one for both nodes' batches, one for the reply"


def test_what_a_full_store_shed_round_intervals_is_asked_for_once_and_intervals_among_it_still_come(
    database: Database,
) -> None:
    intake, hours = Intake(database), range(21, 21 * 30 + 1, 21)  # behind twenty sightings each, of which none is left
    intake.keep([batch(interval(), first=seq) for seq in hours[:10]])
    intake.keep([batch(lost(1, hours[-1], count=600), first=hours[-1] + 1)])
    info = Info(software="fieldeye", version="0", epoch=str(EPOCH), capabilities=["replay"])
    store = StoreHealth(waiting=0, last_seq=hours[-1] + 1)
    health = Health(utc=NOON, clock="synced", session=1, uptime_s=1.0, store=store)
    gone = [(seq - 20, seq - 1) for seq in hours]
    reply = Reply(code="done", epoch=str(EPOCH), sent=30, gone=gone)

    def asked(*told: tuple[str, Info | Health | Reply]) -> list[tuple[int, int]]:
        Registry(intake).note([Message(f"fieldeye/v1/farm-3/n1/{on}", encode_message(one)) for on, one in told])
        database.execute("UPDATE ledger SET asked = NULL")
        return [(command.first, command.last) for _, command in all_due(requests, database, NOON)]

    def waits(records: int) -> tuple[str, Health]:
        return "health", replace(health, store=replace(store, waiting=records))

    assert asked(("info", info), waits(hours[-1])) == [], "what waits comes by itself"
    assert asked(waits(1)) == [(1, hours[-1] - 1)], "the newest"
    assert asked(waits(22)) == [(1, hours[-1] - 22)], "and what is missing before it"
    assert asked(("health", health)) == [(1, hours[-1])], "one command, for the holes are small"
    intake.keep([batch(interval(), first=seq) for seq in hours])
    assert asked(("reply/replay", reply)) == []
    assert [seq for _, seq in kept(database)] == [*hours, hours[-1] + 1]


def test_a_gap_without_end_costs_a_node_a_few_commands_a_turn(database: Database) -> None:
    intake = Intake(database)
    health = Health(utc=NOON, clock="synced", session=1, uptime_s=1.0, store=StoreHealth(waiting=0, last_seq=10**9))
    for node in ("n1", "n2"):
        intake.keep([batch(sighting(), node=node)])
        info = Info(software="fieldeye", version="0", epoch=str(EPOCH), capabilities=["replay"])
        told = (("info", info), ("health", health))
        Registry(intake).note([Message(f"fieldeye/v1/farm-3/{node}/{on}", encode_message(one)) for on, one in told])
    asked = all_due(requests, database, NOON)
    assert [(command.first, command.last) for _, command in asked[:2]] == [(2, 10_001), (10_002, 20_001)]
    assert Counter(topic for topic, _ in asked) == {f"fieldeye/v1/farm-3/{node}/cmd/replay": 8 for node in ("n1", "n2")}


@pytest.mark.parametrize("session", [1, 2**31, 2**53, 2**63])
def test_a_status_is_taken_whatever_number_its_session_has(database: Database, session: int) -> None:
    intake, states = Intake(database), []
    for state, number in (("online", session), ("offline", session), ("online", session + 1), ("offline", session)):
        told = Status(state=state, session=number, connection=number)  # type: ignore[arg-type]
        Registry(intake).note([Message("fieldeye/v1/farm-3/n1/status", encode_message(told))])
        states += database.execute("SELECT status->>'state' FROM node").fetchall()
    assert states == [("online",), ("offline",), ("online",), ("online",)]


def test_what_a_former_card_said_last_says_nothing_of_a_new_one(database: Database) -> None:
    intake, card = Intake(database), str(uuid4())

    def state_after(*told: Status | Info) -> str | None:
        topics = [f"fieldeye/v1/farm-3/n1/{'status' if isinstance(one, Status) else 'info'}" for one in told]
        Registry(intake).note([Message(*one) for one in zip(topics, map(encode_message, told), strict=True)])
        ((state,),) = database.execute("SELECT status->>'state' FROM node").fetchall()
        return state

    former, new = (Info(software="fieldeye", version="0", epoch=epoch) for epoch in (str(EPOCH), card))
    first, second = (Status(state="online", session=session, connection=1, utc=NOON) for session in (1, 2))
    assert state_after(replace(first, session=57), former) == "online"
    assert state_after(Status(state="offline", session=57, connection=1)) == "offline"
    assert state_after(first, new) is None
    assert state_after(second, new) == "online"
    assert state_after(former, replace(first, session=57), new, first) == "online", "as a node says it: `info` first"


@pytest.fixture
def shanghai(database: Database) -> Message:
    """A node that has kept its first evening, and tells now where it stands."""
    Intake(database).keep([_evening(1)])
    info = Info(software="fieldeye", version="0", epoch=str(EPOCH), time_zone="Asia/Shanghai")
    return Message("fieldeye/v1/farm-3/n1/info", encode_message(info))


def _evening(seq: int) -> Message:
    """19:00 to 20:00 in Shanghai, before noon in UTC."""
    at = (seq * 24 - 1) * 3600
    return batch(interval(at), first=seq)


def _misdated(database: Database) -> list[tuple[int]]:
    """Numbers of intervals under a night that is not theirs."""
    return database.execute(
        "SELECT seq FROM interval_effort JOIN node USING (node_id) WHERE night <> night_of(started, ended, time_zone)"
    ).fetchall()


def test_a_worker_that_does_not_lead_dates_nights_by_the_zone_that_the_leader_was_told(
    database: Database, url: str, shanghai: Message
) -> None:
    with open_database(url) as second:
        other = Intake(second)
        other.keep([_evening(2)])
        Registry(Intake(database)).note([shanghai])
        other.keep([_evening(3), batch(interval(), node="n2")])
    zones = database.execute("SELECT time_zone FROM node ORDER BY node")
    assert zones.fetchall() == [("Asia/Shanghai",), ("UTC",)]
    assert _misdated(database) == []


def test_a_batch_that_waits_for_a_node_to_move_is_dated_by_its_new_zone(
    database: Database, url: str, shanghai: Message
) -> None:
    with open_database(url) as second, ThreadPoolExecutor() as threads:
        other = Intake(second)
        other.keep([_evening(2)])
        with database.transaction():
            Registry(Intake(database)).note([shanghai])
            kept_later = threads.submit(other.keep, [_evening(3)])
            wait_until(lambda: waits_for_a_lock(database), within_s=40)
        assert kept_later.result(40) == (1, 0, 0)
    assert _misdated(database) == []


def waits_for_a_lock(database: Database, kind: str = "%") -> bool:
    """Does one other connection?"""
    rows = database.execute(
        "SELECT FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND wait_event LIKE %s AND datname = current_database()",
        (kind,),
    )
    return rows.rowcount == 1


def test_who_holds_all_advisory_locks_as_anybody_may_who_can_log_in_holds_nothing_up(
    database: Database, url: str, shanghai: Message
) -> None:
    with open_database(url) as qgis, open_database(url) as other:
        qgis.execute("SELECT pg_advisory_lock(7043000 + n) FROM generate_series(0, 9) AS n")
        for node in ("n1", "n2"):
            qgis.execute("SELECT pg_advisory_lock(7043004, hashtext(%s))", (node,))
        database.execute("SET statement_timeout = '2s'")
        assert Intake(database).keep([batch(interval(), first=2)]) == (1, 0, 0)
        assert Registry(Intake(database)).note([shanghai]) == 0
        assert roll_up(database) > 0
        assert migrate(database) == []
        turns, (one, two) = "SELECT take_turn('lead', %s)", (uuid4(), uuid4())
        assert [other.execute(turns, (me,)).fetchone() for me in (one, two, one)] == [(True,), (False,), (True,)]
        database.execute("UPDATE turn SET until = now() WHERE of_what = 'lead'")  # a minute later
        assert database.execute(turns, (two,)).fetchone() == (True,)
        database.execute("SELECT give_back_turn('lead', %s)", (two,))
        assert other.execute(turns, (one,)).fetchone() == (True,)
        database.execute("UPDATE turn SET until = now() + '1 day' WHERE of_what = 'lead'")  # the clock was ahead
        assert database.execute(turns, (two,)).fetchone() == (True,)


def test_a_photograph_out_of_a_queue_brings_its_header_along() -> None:
    queue, header = QuorumQueue("amqp://nowhere"), {"kind": "question", "id": "00000000-q1", "bytes": "5"}
    came = Basic.Deliver(routing_key="fieldeye.v1.farm-3.n1.image", delivery_tag=1)
    with closing(queue):
        queue._on_message(None, came, BasicProperties(headers={**header, "x-death": []}), b"photo")  # noqa: SLF001
        ((message, _, _),) = queue.take(Event(), 1)
    assert message == Message("fieldeye/v1/farm-3/n1/image", b"photo", properties=tuple(header.items()))


@given(st.sets(st.integers(1, 60)))
def test_numbers_as_a_multirange_are_the_same_numbers(seqs: set[int]) -> None:
    spans = [(int(first), int(end)) for first, end in re.findall(r"\[(\d+),(\d+)\)", multirange_text(seqs))]
    seen = Spans(Multirange([Range(first, end) for first, end in spans]))
    assert {seq for seq in range(70) if seq in seen} == seqs
    assert all(end < after for (_, end), (after, _) in itertools.pairwise(spans))
