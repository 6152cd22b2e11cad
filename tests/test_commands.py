"""Commands over a real broker: each is checked, carried out once and answered with a code; a data budget holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from edge.backoff import Backoff
from edge.clock import Clock, ClockState, SystemClock
from edge.config import StoreTable
from edge.mqtt.budget import DAY_S, SPENT_EVERY_S, Budget
from edge.mqtt.bundles import is_worth_a_note
from edge.mqtt.commands import Commands
from edge.mqtt.images import Images
from edge.mqtt.replay import Replay, gaps
from edge.status import StatusBoard
from edge.store import ALERTS_ONLY, BATCH_RECORDS, LEAST_URGENT, MUST_GO, Draft, Store
from edge.updates.inbox import Inbox
from edge.wire import MAX_REPLAY_RECORDS, ImageCommand, Mark, ReplayCommand, Reply, UpdateCommand, encode_message
from tests.broker import Broker
from tests.clocks import SetClock
from tests.node import FAST, NODE, Node, Platform, running, to, wait_drained
from tests.records import alert, instant, interval, sighting
from tests.spoiling import refusing
from tests.test_store import open_store
from tests.waiting import wait_until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(StoreTable(folder=str(tmp_path)), NODE)
    yield opened
    opened.close()


def command(store: Store, first: int = 1, last: int = 10, **changes: object) -> ReplayCommand:
    fields = {"id": uuid4().hex, "expires": datetime.now(UTC) + timedelta(hours=1), "epoch": str(store.epoch)}
    return msgspec.convert({**fields, "first": first, "last": last, **changes}, ReplayCommand)


def commands_of(store: Store, clock: Clock | None = None, board: StatusBoard | None = None) -> Commands:
    clock = clock or SystemClock()
    inbox = Inbox(store._folder / "inbox")  # noqa: SLF001  where edge.app has it
    return Commands(store, clock, inbox, board or StatusBoard(clock.now()), UTC)


def answer(store: Store, sent: ReplayCommand | bytes, verb: str = "replay") -> str:
    payload = sent if isinstance(sent, bytes) else encode_message(sent)
    reply = commands_of(store).take(verb, payload)
    return "accepted" if reply is None else reply.code


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)


def test_a_replay_sends_what_is_kept_and_names_what_is_gone(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, to(broker.port), max_mb=2) as node:
        platform = Platform(broker)
        for n in range(17):
            last = max(node.commit(*(sighting(n) for _ in range(400))))
            wait_drained(node)
        first = node.store.health().first_seq
        assert first is not None
        assert first > 1
        wait_until(lambda: len(platform.read().counted) == last, within_s=10)  # acknowledged before they are delivered
        received = last + platform.seen.repeated
        platform.ask(command(node.store, first - 5, first + 24))
        wait_until(lambda: len(platform.replies()) == 1, within_s=5)
        (reply,) = platform.replies()
        assert (reply.code, reply.sent, reply.gone) == ("done", 25, [(first - 5, first - 1)])
        wait_until(lambda: len(platform.read().counted) + platform.seen.repeated == received + 25, within_s=5)
        assert len(platform.counted) == last
        assert node.link.acknowledged == last, "what comes again is no delivery more"


def test_a_command_is_carried_out_once_even_after_a_restart(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker)
        once: ReplayCommand | None = None
        for codes in (["done"], ["done", "repeated"]):
            with running(tmp_path, to(broker.port)) as node:
                node.commit(sighting())
                wait_drained(node)
                once = once or command(node.store, 1, 1)
                ask_once_connected(platform, node, once)
                wait_until(lambda codes=codes: [r.code for r in platform.replies()] == codes, within_s=5)  # type: ignore[misc]


def ask_once_connected(platform: Platform, node: Node, once: ReplayCommand) -> None:
    """The node has subscribed when its health is there: it asks before it speaks."""
    before = len(platform.messages.get("health", []))
    wait_until(
        lambda: len(platform.read().messages.get("health", [])) > before or node.link.acknowledged > 0, within_s=5
    )
    platform.ask(once)


def test_eight_replays_may_wait_and_the_ninth_is_told_to_come_again(store: Store) -> None:
    commands = commands_of(store)
    answers = [commands.take("replay", encode_message(command(store, n, n))) for n in range(1, 10)]
    assert [reply and reply.code for reply in answers] == [None] * 8 + ["busy"]


def test_records_that_a_waiting_replay_will_bring_are_not_sent_twice_and_may_be_asked_for_again_afterwards(
    store: Store,
) -> None:
    commands = commands_of(store)

    def code(first: int, last: int, **changes: object) -> str | None:
        reply = commands.take("replay", encode_message(command(store, first, last, **changes)))
        return reply and reply.code

    assert [code(1, 10), code(10, 12), code(1, 1), code(11, 12)] == [None, "busy", "busy", None]
    assert code(1, 10, epoch=str(uuid4())) == "wrong_epoch"
    assert code(1, 10, epoch=str(store.epoch).upper()) == "busy"
    commands.replays.clear()
    assert code(10, 12) is None
    assert code(1, 9, epoch=str(store.epoch).upper()) is None


def test_a_picture_that_waits_or_is_on_its_way_is_not_sent_twice_and_may_be_asked_for_again_afterwards(
    store: Store,
) -> None:
    clock = SetClock()
    commands, budget = commands_of(store, clock), Budget(store, None, clock.now())
    images = Images(store, clock, budget, commands, kept=Backoff(15, 900), keepalive_s=30, daily_mb=0, destination="")
    (key,) = store.commit([sighting()], bytes(3000))
    name = f"{str(store.epoch)[:8]}-{key.seq}"

    def code(picture: str = name, **more: object) -> str | None:
        fields = {"id": uuid4().hex, "expires": clock.now().utc + timedelta(hours=3), "picture": picture, **more}
        reply = commands.take("image", encode_message(msgspec.convert(fields, ImageCommand)))
        return reply and reply.code

    assert [code(), code(), code(box=(0, 0, 1, 1)), code(f"{name}0")] == [None, "busy", None, None]
    assert code(most_bytes=4000) is None
    for _ in range(2):
        assert images.next_part(clock.monotonic_s()) is not None
        assert code() == "busy"
        images.acknowledged(0.1)
    images.keep()
    assert [(reply.code, reply.sent) for reply in images.replies] == [("done", 3000)]
    assert [code(), code(), code(box=(0, 0, 1, 1))] == [None, "busy", "busy"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "accepted"),
        ({"expires": datetime(2026, 1, 1, tzinfo=UTC)}, "expired"),
        ({"epoch": str(uuid4())}, "wrong_epoch"),
        ({"last": MAX_REPLAY_RECORDS}, "accepted"),
        ({"last": MAX_REPLAY_RECORDS + 1}, "too_large"),
        ({"first": 10}, "accepted"),
        ({"first": 11}, "malformed"),
        ({"first": 2**63, "last": 2**63}, "malformed"),
    ],
)
def test_a_replay_is_answered_by_its_merits(store: Store, changes: dict[str, object], code: str) -> None:
    assert answer(store, command(store, **changes)) == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed"),
        (b"not json", "malformed"),
        (b"[]", "malformed"),
        (b'{"id":"x"}', "malformed"),
        (b'{"id":"../../etc","expires":"2036-01-01T00:00:00Z","epoch":"","first":1,"last":2}', "malformed"),
        (b'{"id":"12345678","expires":"2036-01-01T00:00:00Z","epoch":"","first":0,"last":2}', "malformed"),
        (b'{"id":"12345678","expires":"2036-01-01T00:00:00","epoch":"","first":1,"last":2}', "malformed"),
        (b'{"id":"\xff\xfe"}', "malformed"),
        (b"[" * 4096, "malformed"),
        (b" " * 4097, "too_large"),
    ],
)
def test_what_is_no_command_changes_nothing(store: Store, payload: bytes, code: str) -> None:
    assert answer(store, payload) == code
    assert store.audit_trail() == []


@pytest.mark.parametrize(
    ("verb", "payload", "told"),
    [
        ("replay", b'{"id":"12345678","expires":"tomorrow"}', ("malformed", "12345678")),
        ("reboot", b'{"id":"12345678"}', ("unknown_verb", "12345678")),
        ("replay", b'{"id":"12345678"}' + b" " * 4096, ("too_large", "12345678")),
        ("replay", b'{"id":"../../etc"}', ("malformed", None)),
        ("replay", b'{"id":12345678}', ("malformed", None)),
        ("replay", b'["12345678"]', ("malformed", None)),
        ("reboot", b"now", ("unknown_verb", None)),
    ],
)
def test_what_is_refused_unread_is_answered_by_its_id_if_that_is_one(
    store: Store, verb: str, payload: bytes, told: tuple[str, str | None]
) -> None:
    reply = commands_of(store).take(verb, payload)
    assert reply
    assert (reply.code, reply.id) == told


@pytest.mark.parametrize(
    ("verb", "name", "told"),
    [
        ("replay", "id", {"epoch": "", "first": 1, "last": 2}),
        ("image", "picture", {"picture": "0c9a64a1-41"}),
        ("answer", "question", {"question": "0c9a64a1-q1", "text": "a moth"}),
        ("model", "sha256", {"sha256": "0" * 64, "size_bytes": 1}),
    ],
)
def test_a_lines_end_is_no_part_of_an_id(store: Store, verb: str, name: str, told: dict[str, Any]) -> None:
    told = {"id": uuid4().hex, "expires": datetime.now(UTC) + timedelta(hours=1)} | told
    assert answer(store, msgspec.json.encode(told), verb) != "malformed"
    assert answer(store, msgspec.json.encode(told | {name: f"{told[name]}\n"}), verb) == "malformed"


@pytest.mark.parametrize(
    ("box", "code"),
    [([0.2, 0.2, 0.6, 0.6], "accepted"), ([0, 0, 1, 1], "accepted"), (None, "accepted"),
     ([0.2, 0.2, 0.2, 0.2], "malformed"), ([0.6, 0.6, 0.2, 0.2], "malformed"), ([0.2, 0.6, 0.6, 0.2], "malformed")],
)  # fmt: skip
def test_a_box_without_a_picture_in_it_is_refused(store: Store, box: list[float] | None, code: str) -> None:
    told = {"id": uuid4().hex, "expires": datetime.now(UTC) + timedelta(hours=1), "picture": "0c9a64a1-41", "box": box}
    assert answer(store, msgspec.json.encode(told), "image") == code


@pytest.mark.parametrize("verb", ["reboot", "Replay", "replay2", ""])
def test_a_verb_that_is_not_allowed_is_refused(store: Store, verb: str) -> None:
    assert answer(store, command(store), verb) == "unknown_verb"


def test_a_node_without_the_time_cannot_judge_expiry_and_replays_all_the_same(store: Store) -> None:
    clock = SetClock(datetime(2036, 1, 1, tzinfo=UTC), ClockState.UNSYNCED)
    late = command(store, expires=datetime(2026, 1, 1, tzinfo=UTC))
    assert commands_of(store, clock).take("replay", encode_message(late)) is None


def test_the_audit_trail_tells_what_was_asked_and_what_came_of_it(store: Store) -> None:
    answer(store, command(store, 3, 9, id="4f1c9a0e"))
    answer(store, command(store, id="4f1c9a0f", epoch=str(uuid4())))
    trail = [(entry.command, entry.what, entry.outcome) for entry in store.audit_trail()]
    assert trail == [("4f1c9a0f", "replay 1-10", "wrong_epoch"), ("4f1c9a0e", "replay 3-9", "accepted")]


@pytest.mark.parametrize(
    ("url", "outcome", "told"),
    [
        ("https://example.org/a@2/bundle?signature=secret", "done", "https://example.org/a@2/bundle"),
        ("https://example.org/a@2/bundle#secret", "done", "https://example.org/a@2/bundle"),
        ("https://example.org:8443/bundle?signature=secret", "done", "https://example.org:8443/bundle"),
        ("https://li:secret@example.org/bundle", "not_kept", "https://example.org/bundle"),
        ("https://[li@ly:secret@example.org/bundle", "not_kept", "https://example.org/bundle"),
        *((f"https://li:se{sign}cret@example.org/bundle", "not_kept", "https://…") for sign in "/?#"),
        ("https://li:53?cret@example.org/bundle", "done", "https://…"),  # as a host with a port
        ("https://li:se@c/ret@example.org/bundle", "not_kept", "https://…"),
    ],
)
def test_the_audit_trail_tells_where_a_bundle_lies_without_what_lets_one_in(
    store: Store, url: str, outcome: str, told: str
) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    asked = UpdateCommand(id=uuid4().hex, expires=expires, sha256="0" * 64, size_bytes=99, url=url)
    assert answer(store, encode_message(asked), "update") == outcome
    assert [one.what for one in store.audit_trail()] == [f"bundle 00000000 from {told}"]


@pytest.mark.parametrize("last_damaged", [5, 44])
def test_a_replay_names_damaged_records_as_gone_and_sends_those_after_them(
    last_damaged: int, store: Store, tmp_path: Path
) -> None:
    store.commit([sighting(n) for n in range(50)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET crc = crc + 1 WHERE seq BETWEEN 5 AND ? OR seq = 47", (last_damaged,))
    replay = Replay(command(store, 1, 60), 1)
    while not replay.is_done:
        replay.step(store)
    assert (replay.sent, replay.gone) == (53 - last_damaged, [(5, last_damaged), (47, 47)])


@pytest.mark.parametrize("last", [21, 10_000])
def test_a_replay_names_nothing_as_gone_that_was_not_made_when_it_was_asked_for(store: Store, last: int) -> None:
    store.commit([sighting(n) for n in range(20)])
    replay = Replay(command(store, 1, last), 1)
    assert len(replay.step(store)) == 20
    store.commit([sighting(20)])  # while the first batch was on its way
    while not replay.is_done:
        replay.step(store)
    assert (replay.sent, replay.gone) == (21, [])


def test_a_replay_of_an_empty_store_is_done_at_once(store: Store) -> None:
    replay = Replay(command(store, 1, 10_000), 1)
    assert replay.step(store) == []
    assert (replay.is_done, replay.gone) == (True, [])


@pytest.mark.parametrize(
    ("piece", "code", "have", "is_noted"),
    [
        ({"url": "https://example.org/bundle"}, "done", 0, True),
        ({"data": b"first"}, "done", 5, True),
        ({}, "done", 5, False),
        ({"offset": 5, "data": b"next"}, "done", 9, False),
        ({"offset": 5, "data": b"next"}, "not_kept", 0, True),
        ({"data": b"first"}, "busy", None, False),
        ({"offset": 95, "data": b"last"}, "done", 99, True),
    ],
    ids=[
        "an address",
        "the first piece",
        "a question how far it is",
        "a piece between",
        "a refusal",
        "come later",
        "the last piece",
    ],
)
def test_begin_end_and_trouble_of_a_bundle_are_noted_and_nothing_between(
    piece: dict[str, object], code: str, have: int | None, is_noted: bool
) -> None:
    fields = {"id": uuid4().hex, "expires": datetime.now(UTC), "sha256": "0" * 64, "size_bytes": 99}
    told = UpdateCommand(**fields | piece)  # type: ignore[arg-type]
    assert is_worth_a_note(told, Reply(id=told.id, code=code, have=have)) == is_noted  # type: ignore[arg-type]


def test_gaps_are_what_was_not_found() -> None:
    assert gaps(3, [4, 5, 9], 10) == [(3, 3), (6, 8), (10, 10)]
    assert gaps(3, [], 5) == [(3, 5)]
    assert gaps(1, [1, 2], 2) == []


def test_a_data_budget_keeps_sightings_back_first_and_ends_with_the_day(store: Store) -> None:
    budget = Budget(store, 1000, instant())
    allowed = []
    for spent in (700, 200, 200):
        budget.spend(spent, instant())
        allowed.append(budget.least_urgent(instant()))
    assert allowed == [LEAST_URGENT, MUST_GO, ALERTS_ONLY]
    assert budget.least_urgent(instant(DAY_S)) == LEAST_URGENT


def test_health_leaves_four_fifths_of_the_budget_to_records(store: Store) -> None:
    budget = Budget(store, 1_000_000, instant())
    wait_s = budget.least_wait_s(450)
    assert 86400 / wait_s * (450 + 214) == pytest.approx(200_000)
    assert Budget(store, None, instant()).least_wait_s(450) == 0


def test_pictures_leave_a_fifth_of_the_day_to_records_and_half_of_it_where_nobody_asked(store: Store) -> None:
    budget = Budget(store, 1_000_000, instant())
    budget.spend(100_000, instant())
    assert budget.image_room_bytes(instant(), asked=True) == 700_000 - 214
    assert budget.image_room_bytes(instant(), asked=False) == 400_000 - 214
    assert budget.unasked_room_bytes(50_000_000, instant()) == 400_000 - 214
    assert budget.image_room_bytes(instant(DAY_S), asked=True) == 800_000 - 214


@pytest.mark.parametrize(("most_bytes", "step_bytes"), [(1_000_000, 10_000), (None, 200_000)])
def test_what_was_sent_today_is_written_once_a_step_to_spare_the_card(
    store: Store, most_bytes: int | None, step_bytes: int
) -> None:
    budget = Budget(store, most_bytes, instant())
    budget.spend(step_bytes - 1, instant())
    budget.save()
    assert store.setting("sent_today") is None
    budget.spend(1, instant())
    budget.save()
    assert Budget(store, most_bytes, instant()).spent_bytes == step_bytes
    budget.spend(step_bytes - 1, instant())
    budget.save()
    assert Budget(store, most_bytes, instant()).spent_bytes == step_bytes


def test_a_restart_does_not_begin_a_new_day_of_the_budget(store: Store) -> None:
    budget = Budget(store, 1000, instant())
    budget.spend(900, instant())
    budget.save()
    assert Budget(store, 1000, instant()).spent_bytes == 900
    assert Budget(store, 1000, instant(DAY_S)).spent_bytes == 0


def test_what_an_earlier_version_kept_of_the_day_still_counts(store: Store) -> None:
    store.set_setting("sent_today", f"{instant().utc.date()} 900")
    assert Budget(store, 1000, instant()).spent_bytes == 900


@pytest.mark.parametrize(
    ("size_bytes", "hours"), [(10_000, [0, 5, 10, 15, 20]), (20_000, [0, 10]), (40_000, [0]), (60_000, [0])]
)
def test_pictures_that_nobody_asked_for_are_spread_over_the_day_of_a_node_that_starts_each_hour(
    store: Store, size_bytes: int, hours: list[int]
) -> None:
    sent = []
    for hour in range(24):
        clock = SetClock(datetime(2026, 7, 1, hour, 5, tzinfo=UTC))
        budget = Budget(store, None, clock.now())
        images = Images(
            store, clock, budget, commands_of(store, clock),
            kept=Backoff(15, 900), keepalive_s=30, daily_mb=0.05, destination="broker",
        )  # fmt: skip
        store.commit([sighting(hour)], bytes(size_bytes))
        if images.next_part(clock.monotonic_s()) is not None:
            sent.append(hour)
        budget.keep()
    assert sent == hours


def test_power_cuts_do_not_begin_a_new_day_of_the_budget_on_a_board_without_a_clock(store: Store) -> None:
    in_the_seventies = instant(-20_000 * DAY_S, ClockState.UNSYNCED)
    for _ in range(3):
        budget = Budget(store, 1000, in_the_seventies)
        budget.spend(100, in_the_seventies)
        budget.spend(200, instant())  # its clock was set
        budget.save()
    assert budget.spent_bytes == 800  # of the first start, what was sent before its clock was set is of another day
    assert budget.least_urgent(in_the_seventies) == budget.least_urgent(instant()) == MUST_GO
    assert budget.least_urgent(instant(DAY_S, ClockState.UNSYNCED)) == LEAST_URGENT
    a_day_up = replace(in_the_seventies, monotonic_s=in_the_seventies.monotonic_s + DAY_S)
    assert budget.least_urgent(a_day_up) == LEAST_URGENT


def test_a_clock_that_was_set_overrules_a_day_to_come_in_the_budget(store: Store) -> None:
    budget = Budget(store, 1000, instant(300 * DAY_S, ClockState.UNSYNCED))
    budget.spend(1000, instant(300 * DAY_S, ClockState.UNSYNCED))
    budget.save()
    assert Budget(store, 1000, instant(0, ClockState.UNSYNCED)).spent_bytes == 1000
    assert budget.least_urgent(instant(0, ClockState.UNSYNCED)) == ALERTS_ONLY
    assert budget.least_urgent(instant()) == LEAST_URGENT
    assert Budget(store, 1000, instant()).spent_bytes == 0


def test_a_node_that_sleeps_between_two_looks_goes_on_with_the_day_of_its_budget(tmp_path: Path) -> None:
    told = []
    with Broker() as broker:
        platform = Platform(broker)
        for start in range(3):
            with running(tmp_path, to(broker.port, daily_mb=1.0)) as node:
                wait_until(lambda start=start: len(healths(platform)) > start, within_s=10)  # type: ignore[misc]
                node.commit(interval(start))
                wait_drained(node)
            told.append(healths(platform)[start].link.sent_bytes_today)
        platform.client.leave()
    birth = told[0]
    assert told[1] > 2 * birth  # and what the first start told after it
    assert told[2] > told[1] + birth


def test_a_card_that_does_not_keep_the_budget_does_not_keep_the_publisher_from_its_end(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, to(broker.port)) as node:
        wait_until(node.is_connected, within_s=10)
        with refusing(tmp_path / "fieldeye.db", "INSERT ON setting"):
            node.end()
        assert node.link.state == "off"


def healths(platform: Platform) -> list[Any]:
    return platform.read().messages.get("health", [])


def test_in_the_last_fifth_of_the_budget_the_page_is_told_that_sightings_wait_while_intervals_go(
    tmp_path: Path,
) -> None:
    with metered(tmp_path, spent_bytes=85_000) as (clock, platform, node):
        goes, waits = sorted(node.commit(interval(1), sighting(1)))
        wait_until(lambda: platform.has({goes}), within_s=10)
        wait_until(lambda: node.link.acknowledged == 1, within_s=10)
        assert (node.link.state, node.link.word) == ("connected", "sightings_wait")
        assert not platform.has({waits})
        clock.advance(SPENT_EVERY_S)
        wait_until(lambda: Budget(node.store, 100_000, clock.now()).spent_bytes > 86_000, within_s=10)
        clock.jump(DAY_S, ClockState.SYNCED)
        wait_until(lambda: not node.link.word, within_s=10)
        node.commit(sighting(2))
        wait_until(lambda: platform.has({waits}), within_s=10)


def test_in_the_last_fifth_of_the_budget_a_replay_waits_for_tomorrow_and_who_asks_again_costs_nothing(
    tmp_path: Path,
) -> None:
    with metered(tmp_path, spent_bytes=85_000) as (clock, platform, node):
        history, expires = node.commit(interval(1), alert(1)), clock.now().utc + timedelta(hours=1)
        wait_until(lambda: platform.has(history), within_s=10)
        for changes in ({}, {}, {"epoch": str(uuid4())}):
            platform.ask(command(node.store, 1, 2, expires=expires, **changes))
        wait_until(lambda: len(platform.replies()) > 0, within_s=10)
        evening = node.commit(interval(2))
        wait_until(lambda: platform.has(evening), within_s=10)
        assert ([reply.code for reply in platform.replies()], platform.seen.repeated) == (["wrong_epoch"], 0)
        clock.jump(DAY_S, ClockState.SYNCED)
        wait_until(lambda: len(platform.replies()) > 1, within_s=10)
        assert (platform.replies()[-1].code, platform.read().seen.repeated) == ("done", 2)


def test_a_replay_is_sent_on_a_day_that_brings_more_sightings_than_its_data(tmp_path: Path) -> None:
    with metered(tmp_path, spent_bytes=85_000) as (clock, platform, node):
        history, expires = node.commit(*(interval(3600 * n) for n in range(5))), clock.now().utc + timedelta(hours=1)
        wait_until(lambda: platform.has(history), within_s=10)
        platform.ask(command(node.store, 1, 5, expires=expires))
        wait_until(lambda: len(node.publisher._parts.commands.replays) == 1, within_s=10)  # noqa: SLF001
        day = history | {key.seq for key in node.store.commit([sighting(n) for n in range(2000)])}
        clock.jump(DAY_S, ClockState.SYNCED)
        wait_until(lambda: len(platform.read().counted) > 800 and node.link.word == "sightings_wait", within_s=20)
        assert not platform.has(day)
        assert [(reply.code, reply.sent) for reply in platform.replies()] == [("done", 5)]
        clock.jump(DAY_S, ClockState.SYNCED)
        wait_until(lambda: platform.has(day), within_s=20)
        node.advance(clock, 1)
        wait_drained(node)


def test_once_the_budget_is_spent_the_summary_waits_and_the_newest_is_told_when_a_day_begins(tmp_path: Path) -> None:
    with metered(tmp_path, spent_bytes=100_000) as (clock, platform, node):
        for hour in range(2):
            _, told = sorted(node.commit(interval(3600 * hour), alert(hour)))
            wait_until(lambda told=told: platform.has({told}), within_s=10)  # type: ignore[misc]
        assert "summary" not in platform.messages
        clock.jump(DAY_S, ClockState.SYNCED)
        wait_until(lambda: "summary" in platform.read().messages, within_s=10)
        assert [summary.end for summary in platform.messages["summary"]] == [instant(2 * 3600).utc]


def test_corrections_go_again_once_a_day_through_starts_and_from_where_a_line_broke(tmp_path: Path) -> None:
    clock = SetClock()
    with closing(open_store(tmp_path)) as store:
        budget = Budget(store, None, clock.now())
        budget.spend(1, clock.now())
        budget.keep()
        clock.jump(DAY_S, ClockState.SYNCED)
        for before in (inf, 0.0):
            budget = Budget(store, None, clock.now())
            assert budget.corrections_before == before
            budget.spend(1, clock.now())
            budget.save()
    budget.corrections_before = 3.0
    budget.corrections_return([Mark(7, 1), Mark(9, 2)])
    assert budget.corrections_before == 10
    budget.corrections_return([])
    assert budget.corrections_before == 10


@pytest.mark.parametrize(("waiting", "told"), [(3, [(2, 0), (3, 0), (4, 0), (1, 1)]), (800, [])])
def test_corrections_go_again_after_what_waits_and_not_on_a_day_of_which_half_of_the_budget_is_spent(
    tmp_path: Path, waiting: int, told: list[tuple[int, int]]
) -> None:
    clock = SetClock()
    with closing(open_store(tmp_path)) as store:
        budget = Budget(store, 100_000, clock.now())
        for revision in range(2):
            store.commit_interval(interval(revision=revision), Draft(seq=revision or None, state=b"", pictures=()))
        store.mark_delivered([Mark(1, 1)])
        store.commit([interval(3600 * n) for n in range(waiting)])
        budget.spend(1, clock.now())
        budget.keep()
    clock.jump(DAY_S, ClockState.SYNCED)
    with Broker() as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port, daily_mb=0.1), clock=clock) as node:
            wait_until(lambda: platform.has(set(range(2, waiting + 2))), within_s=10)
            if told:
                wait_until(lambda: platform.read().told == told, within_s=10)
            node.advance(clock, SPENT_EVERY_S)
            alerted = node.commit(alert())
            wait_until(lambda: platform.has(alerted), within_s=10)
            assert platform.revisions(1) == [1] * bool(told)


@contextmanager
def metered(folder: Path, *, spent_bytes: int) -> Iterator[tuple[SetClock, Platform, Node]]:
    """A node that has spent so much of 100,000 bytes a day when it starts, and who listens to it."""
    clock = SetClock()
    with closing(open_store(folder)) as store:
        budget = Budget(store, 100_000, clock.now())
        budget.spend(spent_bytes, clock.now())
        budget.keep()
    with Broker() as broker:
        platform = Platform(broker)
        with running(folder, to(broker.port, daily_mb=0.1), clock=clock) as node:
            yield clock, platform, node


def test_records_wait_for_tomorrow_once_the_budget_is_spent_and_alerts_do_not(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port, daily_mb=0.02), replace(FAST, farewell_s=0.3)) as node:
            for n in range(30):
                node.commit(interval(n), *(sighting(n) for _ in range(39)))
            wait_until(lambda: "budget" in node.link.detail, within_s=10)
            for n in range(2):
                held, *told = sorted(node.commit(interval(30 + n), *(alert(n) for _ in range(BATCH_RECORDS + 1))))
                wait_until(lambda told=told: platform.has(set(told)), within_s=10)  # type: ignore[misc]
                assert not platform.has({held})
            wait_until(lambda: "budget" in node.link.detail, within_s=10)
            assert node.store.waiting().records > 500
