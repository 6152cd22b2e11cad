"""Alerts out, to a real HTTP server and a real mail server: one a cause, quiet hours, tried again until taken."""

import json
import re
import socket
import ssl
from asyncio import sleep
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from email.header import decode_header, make_header
from email.message import Message as Letter
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from select import select
from threading import Event, Thread, Timer
from threading import enumerate as enumerate_threads
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Mailbox
from aiosmtpd.smtp import AuthResult

from edge.cli import platform_main
from edge.cli.telling import say
from edge.clock import ClockState
from edge.counts import Alert, Level
from edge.errors import StoreError, UsageError
from edge.languages import LANGUAGES, REVIEWED
from edge.platform.alerts.alert_letters import Risen
from edge.platform.alerts.alerts_due import AWAY_AGAIN, FIRST_AGAIN, MOST_A_DAY, MOST_AGAIN, MOST_AT_ONCE, MOST_TRIES
from edge.platform.alerts.recipients import add_recipient, is_quiet, remove_recipient
from edge.platform.alerts.telling_people import Away, Turn, tell_people
from edge.platform.alerts.webhook_and_mail import Failure, MailServer
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.words import CATALOGUES
from edge.wire import Info, Key, Stored, encode_batch, encode_message
from tests.broker import Broker
from tests.catalogues import read
from tests.clocks import SetClock
from tests.contract.golden import golden_bytes
from tests.platform.conftest import filled
from tests.platform.fleet import Fleet, epoch, moment
from tests.platform.postgres import Postgres
from tests.ports import free_port
from tests.records import EPOCH, MOTH
from tests.waiting import wait_until

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LATER = START + timedelta(hours=20)
TLS_BEGIN = b"\x16\x03\x03\x40\x00"  # of a server's first 16 KiB
NIGHTLY, WEEKLY = "adults/trap/night", "adults/trap/week"


@dataclass
class Hook:
    """A web server that keeps what it is told and answers `status`, once it is let `go`; it has moved to /new."""

    port: int
    status: int = 200
    reason: str | None = None
    go: Event = field(default_factory=Event)
    told: list[dict[str, Any]] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)  # of what it is told

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"


@pytest.fixture
def hook() -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.types.append(self.headers["Content-Type"])
            kept.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            kept.go.wait(40)
            self.send_response(kept.status, kept.reason)
            self.send_header("Location", "/new")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept = Hook(server.server_port)
    kept.go.set()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@contextmanager
def mail_server(
    password: str | None = None,
    bye: str = "221 Bye",
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    slow_for: str = "",
    most_bytes: int | None = None,
) -> Iterator[tuple[MailServer, list[Letter]]]:
    """It lets in who knows the password, and everybody if it has none; one it takes a second to know.

    It takes letters of the station alone, and over TLS alone where it has a certificate.
    """
    letters: list[Letter] = []

    def knows(*asked: Any) -> AuthResult:
        return AuthResult(success=asked[-1].password == str(password).encode(), handled=False)

    class Kept(Mailbox):
        def handle_message(self, message: Letter) -> None:
            letters.append(message)

        async def handle_MAIL(self, *told: Any) -> str:  # noqa: N802  aiosmtpd's name
            envelope, envelope.mail_from = told[2:4]
            return "250 OK" if envelope.mail_from == "station@example.org" else "550 who are you"

        async def handle_RCPT(self, *told: Any) -> str:  # noqa: N802  aiosmtpd's name
            envelope, address = told[2:4]
            await sleep(address == slow_for)
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_QUIT(self, *_: object) -> str:  # noqa: N802  aiosmtpd's name
            return bye

    controller = Controller(Kept(), hostname="127.0.0.1", port=free_port(), authenticator=knows,
                            auth_require_tls=False, auth_required=password is not None, ssl_context=tls,
                            tls_context=starttls, require_starttls=starttls is not None,
                            data_size_limit=most_bytes, ready_timeout=60)  # fmt: skip
    controller.start()
    try:
        yield MailServer(host="127.0.0.1", port=controller.port, sender="station@example.org", starttls=False), letters
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    with filled(postgres, two_nodes) as made:
        yield made


def two_nodes(database: Database) -> Fleet:
    fleet = Fleet(database)
    for node in "ac":
        fleet.place(node)
    return fleet


def levels(
    fleet: Fleet,
    node: str,
    *told: Level,
    label: str = MOTH[0],
    first: int = 1,
    card: UUID | None = None,
    start: datetime = START,
    unit: str = NIGHTLY,
    clock: ClockState = ClockState.SYNCED,
) -> None:
    """Alerts of a node, an hour apart."""
    stored = [
        Stored(Key(node, card or epoch(node), n), alert(start + timedelta(hours=n), level, label, unit, clock))
        for n, level in enumerate(told, first)
    ]
    fleet.intake.keep([Message(f"fieldeye/v1/s/{node}/records", encode_batch(stored))])


def alert(at: datetime, level: Level, label: str, unit: str = NIGHTLY, clock: ClockState = ClockState.SYNCED) -> Alert:
    return Alert(
        at=replace(moment(at), state=clock), camera="cam0", model="pests@0.1.0", label=label, eppo="",
        level=level, value=9.0, low=7.0, high=12.0, unit=unit, start_at=5.0, sure_at=8.0, reason=f"9 adults ({level}).",
        task="go_and_look", look_at="Look at ten plants.", source="the station",
    )  # fmt: skip


def tell_at_first(fleet: Fleet, address: str, kind: str = "webhook", prefix: str = "", **more: Any) -> None:
    """A recipient from before the first alert."""
    add_recipient(fleet.database, kind, address, prefix, **more)
    fleet.database.execute("UPDATE recipient SET since = %s", (START,))


def test_a_cause_is_told_when_its_level_rises_and_again_only_after_it_was_calm(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "look", "look", "act", "look", "act", "calm", "look")
    for _ in range(3):
        tell_people(fleet.database, None, LATER, {})
    assert [(one["level"], one["at"]) for one in hook.told] == [
        ("look", "2026-07-01T13:00:00Z"), ("act", "2026-07-01T15:00:00Z"), ("look", "2026-07-01T19:00:00Z"),
    ]  # fmt: skip
    assert len({one["id"] for one in hook.told}) == 3


@pytest.mark.parametrize("is_set", [False, True], ids=["wakes on one date", "clock ran ahead"])
def test_what_rises_after_a_calm_is_told_whatever_the_nodes_clock_said_before(
    is_set: bool, fleet: Fleet, hook: Hook
) -> None:
    tell_at_first(fleet, hook.address)
    wrong = ClockState.SYNCED if is_set else ClockState.UNSYNCED
    before = START + timedelta(days=9 if is_set else -200)
    levels(fleet, "a", "look", start=before, clock=wrong)
    levels(fleet, "a", "calm", first=2)
    start, clock = (START, ClockState.SYNCED) if is_set else (before, wrong)
    levels(fleet, "a", "look", first=3, start=start, clock=clock)
    tell_people(fleet.database, None, LATER + timedelta(days=20), {})
    assert [one["id"] for one in hook.told] == ["1-3"]
    rows = fleet.database.execute("SELECT seq FROM risen_alert ORDER BY seq").fetchall()
    assert rows == [(1,), (3,)]


def test_what_rises_before_one_camera_is_told_though_it_stands_higher_before_another(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    rises: list[tuple[str, Level]] = [("cam0", "act"), ("cam1", "look")]
    stored = [
        Stored(Key("a", epoch("a"), n), replace(alert(START + timedelta(hours=n), level, MOTH[0]), camera=camera))
        for n, (camera, level) in enumerate(rises, 1)
    ]
    fleet.intake.keep([Message("fieldeye/v1/s/a/records", encode_batch(stored))])
    tell_people(fleet.database, None, LATER, {})
    assert [(one["camera"], one["level"]) for one in hook.told] == rises


def test_a_webhook_gets_of_the_contracts_example_what_the_document_shows(fleet: Fleet, hook: Hook) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", Path("docs/platform.md").read_text("utf-8"), re.DOTALL)
    info = Info(software="fieldeye", version="0", epoch=str(EPOCH), area_code="330106")
    fleet.registry.note([Message("fieldeye/v1/farm-3/n1/info", encode_message(info))])
    fleet.intake.keep([Message("fieldeye/v1/farm-3/n1/records", golden_bytes("alerts"))])
    tell_at_first(fleet, hook.address, prefix="330106")
    tell_people(fleet.database, None, LATER, {})
    assert (hook.told, hook.types) == ([json.loads(shown)], ["application/json"])


def test_of_the_months_that_a_node_was_cut_off_only_what_still_stands_is_told(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "look", "calm", "look", "act")
    levels(fleet, "c", "look", "act", "calm")
    months_later = START + timedelta(days=90)
    levels(fleet, "c", "look", "calm", first=4, start=months_later - timedelta(hours=9))
    for day in range(3):
        tell_people(fleet.database, None, months_later + timedelta(days=day), {})
    assert [(one["node"], one["level"], one["at"]) for one in hook.told] == [
        ("a", "act", "2026-07-01T16:00:00Z"), ("c", "look", "2026-09-29T07:00:00Z"),
    ]  # fmt: skip


def test_a_turn_ranks_no_alerts_of_causes_that_are_over(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", *(("look", "calm") * 150))
    levels(fleet, "c", "act", start=(now := START + timedelta(days=90)))
    plans: list[str] = []
    fleet.database.add_notice_handler(lambda told: plans.append(told.message_primary or ""))
    fleet.database.execute("LOAD 'auto_explain'")
    for setting in ("log_min_duration = 0", "log_analyze = on"):
        fleet.database.execute(f"SET auto_explain.{setting}".encode())
    fleet.database.execute("SET client_min_messages = log")
    assert tell_people(fleet.database, None, now + timedelta(hours=2), {}).taken == 1
    (plan,) = (plan for plan in plans if "risen_alert" in plan)
    ranked = [float(rows) for rows in re.findall(r"WindowAgg .*actual.* rows=([\d.]+) ", plan)]
    assert max(ranked) == 1, plan


def test_what_was_told_of_causes_that_are_over_counts_among_a_days_twenty(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    for n in range(MOST_A_DAY):
        rise = START + timedelta(minutes=n) - timedelta(hours=2 * n)
        levels(fleet, "a", "look", "calm", label=f"over {n}", first=1 + 2 * n, start=rise)
    tell_people(fleet.database, None, START + timedelta(hours=25), {})
    levels(fleet, "a", "look", label="new", first=60, start=START - timedelta(hours=14))
    tell_people(fleet.database, None, START + timedelta(hours=47), {})
    assert len(hook.told) == MOST_A_DAY


def test_a_weekly_level_that_stands_is_told_though_the_nightly_one_rose_later_and_ended(
    fleet: Fleet, hook: Hook
) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "look", unit=WEEKLY)
    levels(fleet, "a", "act", "calm", first=2)
    tell_people(fleet.database, None, START + timedelta(days=3), {})
    assert [(one["level"], one["unit"]) for one in hook.told] == [("look", WEEKLY)]


def test_a_new_card_begins_calm_and_what_it_reaches_is_told(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    levels(fleet, "a", "act", "act", first=30, card=UUID(int=7))
    tell_people(fleet.database, None, LATER, {})
    assert [one["at"] for one in hook.told] == ["2026-07-01T13:00:00Z", "2026-07-02T18:00:00Z"]


def test_a_station_is_told_of_its_own_nodes_and_of_what_happens_from_now_on(fleet: Fleet, hook: Hook) -> None:
    levels(fleet, "a", "look")
    add_recipient(fleet.database, "webhook", hook.address, "")
    tell_people(fleet.database, None, LATER, {})
    assert hook.told == [], "an alert of long ago is no news"
    tell_at_first(fleet, hook.address, prefix="330106012000")
    levels(fleet, "c", "act")
    tell_people(fleet.database, None, LATER, {})
    assert [one["node"] for one in hook.told] == ["c"]


def test_who_is_given_another_area_is_told_of_what_rises_there_from_then_on(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address, prefix="330106012")
    levels(fleet, "a", "look")
    levels(fleet, "c", "look")  # and not told yet
    add_recipient(fleet.database, "webhook", hook.address, "")
    levels(fleet, "a", "act", first=2)
    tell_people(fleet.database, None, LATER, {})
    assert [(one["node"], one["level"]) for one in hook.told] == [("c", "look"), ("a", "act")]


@pytest.mark.parametrize(("clock", "told"), [(ClockState.SYNCED, []), (ClockState.UNSYNCED, ["look"])])
def test_an_alert_under_a_clock_that_is_not_set_is_of_when_it_came(
    fleet: Fleet, hook: Hook, clock: ClockState, told: list[str]
) -> None:
    add_recipient(fleet.database, "webhook", hook.address, "")
    rises: list[Level] = ["look", "calm"]
    levels(fleet, "a", *30 * rises, start=datetime(2020, 1, 1, tzinfo=UTC), clock=clock)
    tell_people(fleet.database, None, now := datetime.now(UTC), {})
    assert [one["level"] for one in hook.told] == told, "of a backlog the newest"
    assert all(one["at"] >= (now - timedelta(minutes=5)).isoformat() for one in hook.told)


def test_a_card_without_a_clock_tells_twenty_a_day_as_well(fleet: Fleet, hook: Hook) -> None:
    add_recipient(fleet.database, "webhook", hook.address, "")
    for rise in range(21):
        levels(
            fleet,
            "a",
            "look",
            "calm",
            first=2 * rise + 1,
            start=datetime(2020, 1, 1, tzinfo=UTC),
            clock=ClockState.UNSYNCED,
        )
        tell_people(fleet.database, None, datetime.now(UTC), {})
    assert len(hook.told) == 20


def test_what_is_not_taken_is_sent_again_ever_more_rarely_until_it_is(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status = 500
    for minutes in (0, 0.5, 1, 2, 3):
        assert tell_people(fleet.database, None, LATER + timedelta(minutes=minutes), {}).taken == 0
    assert len(hook.told) == 3, "at once, after one minute, after two more"
    assert fleet.database.execute("SELECT tries, why FROM told").fetchall() == [
        (3, "HTTPError: HTTP Error 500: Internal Server Error")
    ]
    hook.status = 204
    assert tell_people(fleet.database, None, LATER + timedelta(hours=1), {}).taken == 1
    assert tell_people(fleet.database, None, LATER + timedelta(hours=9), {}).taken == 0
    assert len({one["id"] for one in hook.told}) == 1, "so that the other side can tell a repetition"


def test_what_was_tried_under_a_clock_that_ran_ahead_does_not_wait_until_then(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status = 500
    assert tell_people(fleet.database, None, LATER + timedelta(days=30), {}).taken == 0
    hook.status = 200
    assert tell_people(fleet.database, None, LATER, {}).taken == 1


def test_a_webhook_that_has_moved_is_not_told_and_its_new_address_is(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status = 301
    turn = tell_people(fleet.database, None, LATER, {})
    new = hook.address.replace("/alerts", "/new")
    assert (turn.taken, turn.answers[hook.address].endswith(f"is not followed: give {new}")) == (0, True)


def test_a_webhook_whose_host_has_a_name_beyond_ascii_is_told(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, f"http://ｌｏｃａｌｈｏｓｔ:{hook.port}/alerts")  # as a Chinese keyboard writes it
    levels(fleet, "a", "act")
    assert tell_people(fleet.database, None, LATER, {}).taken == 1


@pytest.mark.parametrize(
    ("address", "at"),
    [
        ("https://x.中国?token=A", ("x.xn--fiqs8s", 443)),
        ("https://x.中国/?token=A.B", ("x.xn--fiqs8s", 443)),
        ("http://告警。example:8080", ("xn--4rr859j.example", 8080)),
        ("http://[::1]:8080/", ("::1", 8080)),
    ],
)
def test_what_stands_behind_a_webhooks_host_is_no_part_of_its_name(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, address: str, at: tuple[str, int]
) -> None:
    dialled: list[tuple[str, int]] = []

    def dial(address: tuple[str, int], _: float) -> NoReturn:
        dialled.append(address)
        raise ConnectionRefusedError

    of_alerts_alone = SimpleNamespace(create_connection=dial)
    monkeypatch.setattr("edge.platform.alerts.timed_calls.socket", of_alerts_alone)
    tell_at_first(fleet, address)
    levels(fleet, "a", "act")
    tell_people(fleet.database, None, LATER, {})
    assert dialled == [at]


def test_a_reason_that_no_text_holds_keeps_nobody_waiting(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status, hook.reason = 500, "nul \0"
    assert tell_people(fleet.database, None, LATER, {}) == Turn(0, {hook.address: "HTTPError: HTTP Error 500: nul �"})


def test_quiet_hours_hold_an_alert_back_and_it_comes_afterwards(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address, quiet=(time(21), time(6, 30)), zone="Asia/Shanghai")
    night = datetime(2026, 7, 4, 15, 0, tzinfo=UTC)  # 23:00 there
    levels(fleet, "a", "act", "calm", start=night)
    assert tell_people(fleet.database, None, night, {}).taken == 0
    assert tell_people(fleet.database, None, night + timedelta(hours=7, minutes=29), {}).taken == 0
    assert tell_people(fleet.database, None, night + timedelta(hours=7, minutes=30), {}).taken == 1


@pytest.mark.parametrize(("kind", "quiet"), [("webhook", (time(0), time(23, 59))), ("email", None)])
def test_where_nobody_may_be_told_no_alert_is_looked_at(
    fleet: Fleet, kind: str, quiet: tuple[time, time] | None
) -> None:
    """In a year of alerts it took seconds, at each turn of a night, or without a mail server."""
    tell_at_first(fleet, "http://127.0.0.1/" if kind == "webhook" else "li@example.org", kind, quiet=quiet)
    levels(fleet, "a", "act")
    scans = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relname = 'alert'"
    with fleet.database.transaction():
        before = fleet.database.execute(scans).fetchone()
        assert tell_people(fleet.database, None, LATER, {}) == Turn(0, {})
        assert fleet.database.execute(scans).fetchone() == before


def test_who_sleeps_does_not_hold_back_what_others_are_told(
    fleet: Fleet, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_AT_ONCE", 9)
    tell_at_first(fleet, f"{hook.address}/night", quiet=(time(0), time(23, 59)))
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", *(("act", "calm") * 9))
    assert tell_people(fleet.database, None, LATER, {}).taken == 9


def test_a_node_that_invents_causes_holds_back_no_other_and_is_told_twenty_times_a_day(
    fleet: Fleet, hook: Hook
) -> None:
    tell_at_first(fleet, hook.address)
    for n in range(3 * MOST_AT_ONCE):
        levels(fleet, "a", "act", label=f"x{n}", first=n + 1)
    levels(fleet, "c", "act", start=START + timedelta(days=9))
    for turn in range(4):
        tell_people(fleet.database, None, LATER + timedelta(seconds=10 * turn), {})
    assert [one["node"] for one in hook.told] == ["a", "c", *"a" * (MOST_A_DAY - 1)]
    last = "This is the last of 20 alerts of this node in 24 hours: what else it tells meanwhile is at the desk alone."
    assert [n for n, one in enumerate(hook.told) if last in one["look_at"]] == [MOST_A_DAY]
    newest = [f"x{n}" for n in range(3 * MOST_AT_ONCE)][-MOST_A_DAY:]
    assert [one["label"] for one in hook.told if one["node"] == "a"] == newest
    for n in range(MOST_A_DAY):
        levels(fleet, "a", "act", label=f"y{n}", first=500 + n)
    assert tell_people(fleet.database, None, LATER + timedelta(hours=20), {}).taken == 0
    levels(fleet, "a", "look", label="of the next day", first=999)
    turn = tell_people(fleet.database, None, LATER + timedelta(hours=25), {})
    assert turn.taken == 1, "what was held back is none of the next day's twenty"


def test_two_at_once_tell_each_alert_once(fleet: Fleet, hook: Hook, url: str) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.go.clear()
    with open_database(url) as other, ThreadPoolExecutor() as threads:
        first = threads.submit(tell_people, fleet.database, None, LATER, {})
        wait_until(lambda: len(hook.told) == 1, within_s=9)
        second = threads.submit(tell_people, other, None, LATER, {})
        wait_until(lambda: second.done() or len(hook.told) == 2, within_s=9)
        hook.go.set()
        assert (first.result(40), second.result(40)) == (Turn(1, {hook.address: ""}), Turn(0, {}))
        levels(fleet, "a", "calm", "look", first=2)
        assert tell_people(other, None, LATER, {}).taken == 1, "the first has had its turn"
    assert len(hook.told) == 2


def test_who_was_held_up_for_a_minute_leaves_the_rest_to_who_tells_since(fleet: Fleet, hook: Hook, url: str) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    levels(fleet, "c", "act")
    hook.go.clear()
    with open_database(url) as other, ThreadPoolExecutor() as threads:
        held_up = threads.submit(tell_people, fleet.database, None, LATER, {})
        wait_until(lambda: len(hook.told) == 1, within_s=9)
        other.execute("UPDATE turn SET until = now() WHERE of_what = 'tell'")
        assert other.execute("SELECT take_turn('tell', %s)", (UUID(int=7),)).fetchall() == [(True,)]
        hook.go.set()
        assert held_up.result(40) == Turn(1, {hook.address: ""})
    assert len(hook.told) == 1


def test_an_address_that_is_none_keeps_nobody_else_waiting(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, f"{hook.address}/odd")
    fleet.database.execute("UPDATE recipient SET address = 'http://[x'")  # as versions before took it
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    assert tell_people(fleet.database, None, LATER, {}).taken == 1
    assert fleet.database.execute("SELECT why FROM told WHERE done IS NULL").fetchall() == [
        ("ValueError: Invalid IPv6 URL",)
    ]


def test_a_database_that_goes_away_is_a_sentence(fleet: Fleet, url: str) -> None:
    with open_database(url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (fleet.database.info.backend_pid,))
    with pytest.raises(StoreError, match="the database has gone"):
        tell_people(fleet.database, None, LATER, {})


def fill_disk(database: Database, *, when: str = "true") -> None:
    """Of the table that says what was told."""
    database.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    )
    trigger = f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON told FOR EACH ROW WHEN ({when})"
    database.execute(f"{trigger} EXECUTE FUNCTION full_disk()".encode())


def free_disk(database: Database) -> None:
    database.execute("DROP FUNCTION full_disk CASCADE")


def test_on_a_full_disk_nothing_goes_out_until_there_is_space(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    fill_disk(fleet.database)
    for _ in range(3):
        with pytest.raises(StoreError, match=r"disk is full \(could not extend file\); free space on the"):
            tell_people(fleet.database, None, LATER, {})
    assert hook.told == [], "it would go out at each turn"
    free_disk(fleet.database)
    assert tell_people(fleet.database, None, LATER, {}) == Turn(1, {hook.address: ""})


def test_what_was_sent_when_the_program_ended_is_sent_again_once_and_later(fleet: Fleet, hook: Hook) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    fill_disk(fleet.database, when="new.why <> 'on its way'")
    with pytest.raises(StoreError, match="disk is full"):
        tell_people(fleet.database, None, LATER, {})
    free_disk(fleet.database)
    assert tell_people(fleet.database, None, LATER + timedelta(seconds=10), {}).taken == 0
    assert tell_people(fleet.database, None, LATER + AWAY_AGAIN, {}).taken == 1
    assert tell_people(fleet.database, None, LATER + MOST_AGAIN, {}).taken == 0
    assert [one["id"] for one in hook.told] == [hook.told[0]["id"]] * 2


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [((21, 6), 21, True), ((21, 6), 23, True), ((21, 6), 5, True), ((21, 6), 6, False), ((21, 6), 12, False),
     ((12, 14), 13, True), ((12, 14), 14, False), ((None, None), 3, False)],
)  # fmt: skip
def test_quiet_hours_may_run_over_midnight(hours: tuple[int | None, int | None], at: int, quiet: bool) -> None:
    first, last = (None if hour is None else time(hour) for hour in hours)
    assert is_quiet(first, last, time(at)) == quiet


def test_a_letter_says_what_where_and_what_to_do_and_names_cannot_add_headers(fleet: Fleet) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    levels(fleet, "a", "act", label="Moth\r\nBcc: everyone@example.org")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 1
    (letter,) = letters
    assert letter["Bcc"] is None
    assert letter["To"] == "li@example.org"
    assert abs(parsedate_to_datetime(letter["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Transfer-Encoding"] == "base64"
    assert subject_of(letter) == "act: Moth Bcc: everyone@example.org at s/a"
    says = "9 adults (act).\n\nLook at ten plants.\n\n2026-07-01 13:00 (UTC), area 330106011002\nthe station\n"
    assert text_of(letter) == says


def test_a_letter_says_in_its_recipients_language_what_stands_where_when_and_what_to_do(fleet: Fleet) -> None:
    tell_at_first(fleet, "li@example.org", "email", zone="Asia/Shanghai", language="zh")
    levels(fleet, "a", "act")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 1
    (letter,) = letters
    assert subject_of(letter) == "需要行动：小菜蛾 (Plutella xylostella)，s/a"
    stands = "s/a，2026-07-01 21:00（Asia/Shanghai），小菜蛾 (Plutella xylostella)：每个诱捕器每夜 9；防治指标为 5。"
    to_do = "今天请到田边查看十株作物：诱捕器诱到虫，说明成虫正在飞。"
    assert text_of(letter) == f"{stands}\n\n{to_do}\n\n统计用区划代码 330106011002\nthe station\n"


@pytest.mark.parametrize(
    ("language", "says"), [("en", "2026-07-01 13:00 (UTC), in no area\n"), ("zh", "\n\n不属于任何地区\n")]
)
def test_a_letter_of_a_node_in_no_area_says_so_in_place_of_zeros(fleet: Fleet, language: str, says: str) -> None:
    fleet.place("lost", area_code=None)
    tell_at_first(fleet, "li@example.org", "email", language=language)
    levels(fleet, "lost", "act")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 1
    text = text_of(letters[0])
    assert f"{says}the station\n" in text
    assert "000000" not in text


def test_letters_go_out_in_all_languages_and_a_machines_words_say_so(fleet: Fleet) -> None:
    for language in LANGUAGES:
        tell_at_first(fleet, f"{language}@example.org", "email", language=language)
    levels(fleet, "a", "look")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == len(LANGUAGES)
    subjects = {letter["To"].partition("@")[0]: subject_of(letter) for letter in letters}
    assert subjects["hi"] == "जाकर देखें: s/a पर हीरक पृष्ठ शलभ (Plutella xylostella)", "blanks, too"
    assert len({*subjects.values()}) == len(LANGUAGES)
    says_so = "These words were translated by a machine. Tell us what is wrong."
    by_machine = [read(CATALOGUES, language)[says_so].string for language in {*LANGUAGES} - {"en"}]
    assert all(by_machine), f"translate in edge/platform: {says_so}"
    for letter in letters:
        language, text = letter["To"].partition("@")[0], text_of(letter)
        assert ("Look at ten plants." in text) == (language == "en")
        assert any(says in text for says in by_machine) == (language not in REVIEWED)


def test_the_last_letter_of_a_days_twenty_says_so_in_its_language(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_A_DAY", 2)
    tell_at_first(fleet, "li@example.org", "email", language="zh")
    levels(fleet, "a", *(("act", "calm") * 3))
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 2
    last = "这是该监测点 24 小时内 2 条预警中的最后一条：在此期间它所报的其余内容只在工作台上显示。"
    assert [last in text_of(letter) for letter in letters] == [False, True]


def test_what_to_do_stands_as_the_node_told_it_where_the_record_was_taken_away(fleet: Fleet) -> None:
    tell_at_first(fleet, "li@example.org", "email", language="zh")
    levels(fleet, "a", "act")
    fleet.database.execute("DELETE FROM record")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 1
    assert "防治指标为 5。\n\nLook at ten plants.\n\n" in text_of(letters[0])


def test_an_address_beyond_ascii_keeps_no_other_waiting(fleet: Fleet) -> None:
    for name in ("li", "josé"):
        tell_at_first(fleet, f"{name}@example.org", "email")
    levels(fleet, "a", "act")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 2
    assert len(letters) == 2


def subject_of(letter: Letter) -> str:
    return str(make_header(decode_header(letter["Subject"])))


def text_of(letter: Letter) -> str:
    return bytes(letter.get_payload(decode=True)).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "label",
    ["=?utf-8?q?a=0D=0AReply-To:_evil@example.com=0D=0A=0D=0ASpray_X_today.?=", "us-ascii?\ud7ffAA==?=?b?=0A=0A=0D?=a"],
)
def test_a_name_in_encoded_words_is_no_header_and_no_text_and_keeps_nobody_waiting(
    fleet: Fleet, label: str, language: str
) -> None:
    tell_at_first(fleet, "li@example.org", kind="email", language=language)
    levels(fleet, "a", "act", label=label)
    levels(fleet, "c", "act")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 2
    poisoned, good = letters
    assert (poisoned["Reply-To"], text_of(poisoned).startswith("Spray")) == (None, False)
    assert MOTH[0] in subject_of(good)


def test_an_alert_at_the_end_of_the_calendar_keeps_nobody_waiting_and_is_named_whatever_got_out_after_it(
    fleet: Fleet,
) -> None:
    tell_at_first(fleet, "li@example.org", kind="email", zone="Asia/Shanghai")
    levels(fleet, "a", "act")
    levels(fleet, "c", "act", "calm", "look")
    fleet.database.execute("UPDATE alert SET at = '9999-12-31 23:59:59+00' WHERE ledger_id = 1")
    with mail_server() as (server, letters):
        turn = tell_people(fleet.database, server, LATER, {})
    assert (turn.taken, len(letters)) == (2, 2)
    assert turn.answers["li@example.org"].startswith("OverflowError: ")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "wrong"}, "SMTPAuthenticationError"),
        ({"port": 1}, "refused"),
        ({"sender": "fieldeye@localhost"}, "SMTPSenderRefused"),
    ],
)
def test_a_mail_server_that_takes_nothing_from_us_costs_no_alert_however_often_it_is_asked(
    fleet: Fleet, wrong: dict[str, Any], says: str
) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    levels(fleet, "a", "act", "calm", "look")
    with mail_server("right") as (server, letters):
        right = replace(server, user="station", password="right")  # noqa: S106
        mistaken = replace(right, **wrong)
        for turn in range(30):
            told = tell_people(fleet.database, mistaken, LATER + turn * AWAY_AGAIN, {})
            assert told.taken == 0
            assert list(told.answers) == ["li@example.org"]
        assert says in told.answers["li@example.org"]
        assert tell_people(fleet.database, right, LATER + 30 * AWAY_AGAIN, {}) == Turn(2, {"li@example.org": ""})
    assert [subject_of(letter).split(":")[0] for letter in letters] == ["act", "look"]


@pytest.mark.parametrize("begins", ["tls", "starttls"])  # from the first byte at a port of its own; else when asked to
def test_a_mail_server_takes_letters_over_tls_alone_once_its_authority_is_known(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    levels(fleet, "a", "act")
    with Broker(tls=True) as certified:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certified.folder / "server.pem", certified.folder / "server.key")
        with mail_server(**{begins: tls}) as (server, letters):
            if begins == "tls":  # only root may serve at 465
                monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.TLS_PORT", server.port)
            named = replace(server, host="localhost", starttls=True)
            told = tell_people(fleet.database, named, LATER, {})
            assert "certificate verify failed" in told.answers["li@example.org"]
            monkeypatch.setenv("SSL_CERT_FILE", str(certified.folder / "ca.pem"))
            assert tell_people(fleet.database, named, LATER + AWAY_AGAIN, {}) == Turn(1, {"li@example.org": ""})
            assert len(letters) == 1


@pytest.mark.parametrize(("kind", "tries"), [("webhook", [0, 1]), ("email", [0, 0])])
def test_a_server_that_takes_a_call_and_says_nothing_is_given_up_and_what_a_webhook_may_have_costs_a_try(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, kind: str, tries: list[int]
) -> None:
    """One that answers after half a minute would get the same alert every five minutes without end."""
    monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.LONGEST_S", 0.5)
    away: Away = {}
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
        tell_at_first(fleet, f"http://127.0.0.1:{port}/" if kind == "webhook" else "li@example.org", kind)
        levels(fleet, "a", "act", "calm", "act")
        silent = MailServer(host="127.0.0.1", port=port, sender="station@example.org", starttls=False)
        (why,) = tell_people(fleet.database, silent, LATER, away).answers.values()
    assert (why, [failure.is_of_server for failure, _ in away.values()]) == ("has not answered to the end", [True])
    assert [one for (one,) in fleet.database.execute("SELECT tries FROM told ORDER BY tries")] == tries


@pytest.mark.parametrize("kind", ["webhook", "email"])
def test_a_server_that_looks_an_alert_through_for_a_while_gets_it_once(
    fleet: Fleet, hook: Hook, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.GIVE_UP_S", 0.2)
    tell_at_first(fleet, hook.address if kind == "webhook" else "slow@example.org", kind)
    levels(fleet, "a", "act")
    hook.go.clear()
    Timer(0.5, hook.go.set).start()
    with mail_server(slow_for="slow@example.org") as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 1
    assert len(hook.told) + len(letters) == 1


def test_a_letter_that_is_too_long_for_a_mail_server_keeps_no_other_from_it(fleet: Fleet) -> None:
    for recipient, language in (("li@example.org", "hi"), ("wang@example.org", "en")):
        tell_at_first(fleet, recipient, "email", language=language)
    levels(fleet, "a", "act")
    with mail_server(most_bytes=900) as (server, letters):
        told = tell_people(fleet.database, server, LATER, {})
    assert (told.taken, len(letters), told.answers["wang@example.org"]) == (1, 1, "")
    assert "552" in told.answers["li@example.org"]


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("http", b"HTTP/1.1 200 OK\r\nX: "), ("https", TLS_BEGIN), ("email", b"220 "), ("email by TLS", TLS_BEGIN)],
)
def test_a_server_that_answers_byte_by_byte_is_away_after_a_while_and_the_others_are_told(
    fleet: Fleet, hook: Hook, monkeypatch: pytest.MonkeyPatch, kind: str, begin: bytes
) -> None:
    """Each byte begins a wait anew: one such server kept every alert from everybody."""
    monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.LONGEST_S", 0.5)
    away: Away = {}
    with dripping_server(begin) as port:
        monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.TLS_PORT", port if kind == "email by TLS" else 465)
        address = f"{kind}://127.0.0.1:{port}/" if kind.startswith("http") else "li@example.org"
        tell_at_first(fleet, address, "webhook" if kind.startswith("http") else "email")
        tell_at_first(fleet, hook.address)
        levels(fleet, "a", "act")
        slow = MailServer(host="127.0.0.1", port=port, sender="station@example.org", starttls=False)
        told = tell_people(fleet.database, slow, LATER, away)
    assert told == Turn(1, {address: "has not answered to the end", hook.address: ""})
    assert [failure.is_of_server for failure, _ in away.values()] == [True]
    assert not [thread for thread in enumerate_threads() if isinstance(thread, Timer)]


def test_one_letter_that_a_mail_server_takes_too_long_for_costs_its_own_tries_and_no_other(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.alerts.webhook_and_mail.LONGEST_S", 0.5)
    for recipient in ("slow@example.org", "li@example.org"):
        tell_at_first(fleet, recipient, "email")
    levels(fleet, "a", "act")
    away: Away = {}
    with mail_server(slow_for="slow@example.org") as (server, letters):
        told = tell_people(fleet.database, server, LATER, away)
    assert told == Turn(1, {"slow@example.org": "has not answered to the end", "li@example.org": ""})
    assert (len(letters), away) == (1, {})


@contextmanager
def dripping_server(begin: bytes) -> Iterator[int]:
    """Its port; it answers its one caller with that, and then a byte at a time until the line is cut."""
    with socket.create_server(("127.0.0.1", 0)) as line, ThreadPoolExecutor(1) as threads:
        dripped = threads.submit(_drip, line, begin)
        yield line.getsockname()[1]
        dripped.result(40)


def _drip(line: socket.socket, begin: bytes) -> None:
    caller, _ = line.accept()
    with caller, suppress(ConnectionError):
        caller.sendall(begin)
        while not select([caller], [], [], 0.01)[0] or caller.recv(65_536):
            caller.sendall(b"a")


def test_a_letter_that_was_taken_is_told_whatever_the_server_says_at_the_end(fleet: Fleet) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    levels(fleet, "a", "act")
    with mail_server(bye="421 too many connections") as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}) == Turn(1, {"li@example.org": ""})
    assert len(letters) == 1


def test_a_mail_server_that_refuses_us_is_asked_once_a_turn(fleet: Fleet) -> None:
    for recipient in ("li@example.org", "wang@example.org"):
        tell_at_first(fleet, recipient, "email")
    levels(fleet, "a", *(("act", "calm") * 9))
    with refusing_server() as (port, asked):
        busy = MailServer(host="127.0.0.1", port=port, sender="station@example.org", starttls=False)
        told = tell_people(fleet.database, busy, LATER, {})
    assert "554" in told.answers["li@example.org"]
    assert len(asked) == 1


@pytest.mark.parametrize(("how", "code", "times"), [(["--once"], 1, 1), ([], 0, 2)])
def test_a_mail_server_that_refuses_us_is_asked_once_in_all_turns_of_five_minutes(
    fleet: Fleet, url: str, monkeypatch: pytest.MonkeyPatch, how: list[str], code: int, times: int
) -> None:
    """Accounts are locked for forty log-ins in a second."""
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_AT_ONCE", 3)
    eight_due(fleet, "li@example.org", "email")
    clock = SetClock(LATER)
    monkeypatch.setattr("edge.cli.telling.datetime", SimpleNamespace(now=lambda _zone: clock.now().utc))

    def between_turns(stop: Event) -> None:
        then = iter((lambda: levels(fleet, "c", "act"), lambda: clock.advance(AWAY_AGAIN.total_seconds()), stop.set))
        monkeypatch.setattr(stop, "wait", lambda _timeout: next(then)())

    monkeypatch.setattr("edge.cli.telling.stop_on_signal", between_turns)
    with refusing_server() as (port, asked):
        mail = ["--mail-server", f"127.0.0.1:{port}", "--no-starttls"]
        assert platform_main(["tell", "--database", url, *mail, *how]) == code
    assert len(asked) == times


def test_a_mail_server_that_is_back_gets_all_that_waited_also_while_turn_follows_upon_turn(fleet: Fleet) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    away: Away = {}
    levels(fleet, "a", "act")
    gone = MailServer(host="127.0.0.1", port=free_port(), sender="station@example.org", starttls=False)
    assert tell_people(fleet.database, gone, LATER, away).taken == 0
    levels(fleet, "c", "act")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER + AWAY_AGAIN / 2, away).taken == 0
        assert tell_people(fleet.database, server, LATER + AWAY_AGAIN, away).taken == 2
        levels(fleet, "d", "act")
        away["email"] = (Failure("away", is_of_server=True), LATER + timedelta(days=1))  # by a clock that was set since
        assert tell_people(fleet.database, server, LATER + AWAY_AGAIN, away).taken == 1
    assert len(letters) == 3


@contextmanager
def refusing_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """Its port, and who asked it."""
    asked: list[socket.socket] = []

    def refuse() -> None:
        with suppress(OSError):  # ends with the line
            while True:
                asked.append(line.accept()[0])
                with asked[-1] as caller:
                    caller.sendall(b"554 not now\r\n")

    with socket.create_server(("127.0.0.1", 0)) as line:
        thread = Thread(target=refuse, daemon=True)
        thread.start()
        yield line.getsockname()[1], asked
        line.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def test_a_webhook_whose_machine_is_away_costs_no_try_and_holds_back_no_other(fleet: Fleet, hook: Hook) -> None:
    away: Away = {}
    tell_at_first(fleet, f"http://127.0.0.1:{free_port()}/")
    levels(fleet, "a", "act")
    assert tell_people(fleet.database, None, LATER, away).taken == 0
    assert fleet.database.execute("SELECT tries, next_try FROM told").fetchall() == [(0, LATER + AWAY_AGAIN)]
    tell_at_first(fleet, hook.address)
    assert tell_people(fleet.database, None, LATER, away).taken == 1


def test_who_cannot_be_told_is_named_with_the_reason_once(
    fleet: Fleet, hook: Hook, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status = 500
    assert platform_main(["tell", "--database", url, "--once"]) == 1
    error = "HTTPError: HTTP Error 500: Internal Server Error"
    line = f"{hook.address} was not told of an alert ({error}); check the address and its server\n"
    assert capsys.readouterr().err == line
    said: dict[str, str] = {}
    now = datetime.now(UTC)
    for n in range(1, MOST_TRIES):
        say(tell_people(fleet.database, None, now + n * MOST_AGAIN, {}), said)
    assert capsys.readouterr().err == line + line.replace("(", f"(given up after {MOST_TRIES} tries: ")


def test_a_reason_is_told_again_after_an_alert_got_out(
    fleet: Fleet, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_at_first(fleet, hook.address)
    said: dict[str, str] = {}
    for n, (status, lines) in enumerate([(500, 1), (500, 0), (204, 0), (500, 1)]):
        hook.status = status
        levels(fleet, "a", "act", "calm", first=2 * n + 1)
        say(tell_people(fleet.database, None, LATER + n * MOST_AGAIN, {}), said)
        assert len(capsys.readouterr().err.splitlines()) == lines, n


def test_who_is_removed_while_others_are_told_is_told_nothing_and_ends_no_turn(
    fleet: Fleet, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [f"{hook.address}?{number}" for number in range(3)]
    for address in there:
        tell_at_first(fleet, address)
    levels(fleet, "a", "act")
    told: list[str] = []

    def post_and_remove(risen: Risen) -> None:
        told.append(risen.address)
        if len(there) == 3:
            there.remove(risen.address)
            remove_recipient(fleet.database, risen.address)
            remove_recipient(fleet.database, there.pop())

    monkeypatch.setattr("edge.platform.alerts.telling_people.post", post_and_remove)
    assert tell_people(fleet.database, None, LATER, {}).taken == 2
    assert told[1:] == there


def test_who_is_removed_is_told_nothing_and_one_who_is_not_there_names_who_is(
    fleet: Fleet, hook: Hook, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    remove = ["tell", "--database", url, "--remove"]
    assert platform_main(["tell", "--database", url, "--recipients"]) == 0
    assert capsys.readouterr().out == "nobody yet; give --add\n"
    assert platform_main([*remove, "li@example.org"]) == 2
    assert "give one of: nobody yet" in capsys.readouterr().err
    tell_at_first(fleet, hook.address)
    levels(fleet, "a", "act")
    hook.status = 500
    tell_people(fleet.database, None, LATER, {})
    assert platform_main([*remove, "li@example.org"]) == 2
    assert f"nobody is told at 'li@example.org'; give one of: {hook.address}" in capsys.readouterr().err
    assert platform_main([*remove, hook.address]) == 0
    assert capsys.readouterr().out == f"{hook.address} is told nothing from now on\n"
    assert tell_people(fleet.database, None, LATER + MOST_AGAIN, {}) == Turn(0, {})


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("webhook", "ftp://x"),
        ("webhook", "file:///etc/passwd"),
        ("email", "nobody"),
        ("sms", "+86"),
        ("email", "a@b\nBcc: c"),
        ("email", "a b@c"),
        ("email", "@"),
        ("webhook", "https://"),
        ("webhook", "http://[x"),
        ("webhook", "http://x:y/"),
        ("webhook", "http://x:0/"),
        ("webhook", "http://x/告警"),
        ("webhook", "https://user:pw@x/"),
        ("email", "a@[b"),
    ],
)
def test_an_address_of_no_such_kind_is_refused(still_url: str, kind: str, address: str) -> None:
    with open_database(still_url) as database, pytest.raises(UsageError, match="is no address for"):
        add_recipient(database, kind, address, "")


def test_without_a_mail_server_letters_wait_for_one_and_the_command_says_so(
    fleet: Fleet, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_at_first(fleet, "li@example.org", "email")
    levels(fleet, "a", "act")
    assert platform_main(["tell", "--database", url, "--once"]) == 0
    assert "1 recipients by e-mail wait" in capsys.readouterr().err
    assert fleet.database.execute("SELECT count(*) FROM told").fetchone() == (0,)


def test_whose_time_zone_the_machine_does_not_know_is_told_all_the_same_and_named(
    fleet: Fleet, hook: Hook, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one that was updated to Debian 13, where Asia/Calcutta is in tzdata-legacy alone."""
    tell_at_first(fleet, hook.address, quiet=(time(0), time(0)))
    fleet.database.execute("UPDATE recipient SET zone = 'Asia/Nowhere'")
    levels(fleet, "a", "act")
    assert platform_main(["tell", "--database", url, "--once"]) == 0
    assert len(hook.told) == 1
    says = f"{hook.address}: this machine does not know Asia/Nowhere, UTC is taken; install tzdata-legacy, or add them"
    assert capsys.readouterr().err == f"{says} once more with another --zone\n"
    for name, language in (("li", "en"), ("wang", "zh")):
        tell_at_first(fleet, f"{name}@example.org", "email", language=language)
    fleet.database.execute("UPDATE recipient SET zone = 'Asia/Nowhere'")
    with mail_server() as (server, letters):
        assert tell_people(fleet.database, server, LATER, {}).taken == 2
    english, chinese = sorted(map(text_of, letters))
    assert ("2026-07-01 13:00 (UTC)" in english, "2026-07-01 13:00（UTC）" in chinese) == (True, True)


def test_what_is_not_said_of_a_recipient_stays_as_it_was(
    url: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another zone made a township's recipient one of all areas, without quiet hours."""
    add = ["tell", "--database", url, "--add", "email", "li@example.org"]
    kept = "SELECT prefix, quiet_from, quiet_until, zone, language FROM recipient"
    night, hours = ["--quiet", "21:00-06:30"], (time(21), time(6, 30))
    for more, now in (
        (["--area", "330106011000", *night], ("330106011", *hours, "UTC", "en")),
        (["--language", "zh"], ("330106011", *hours, "UTC", "zh")),
        (["--zone", "Asia/Shanghai"], ("330106011", *hours, "Asia/Shanghai", "zh")),
        (["--quiet", "never"], ("330106011", time(0), time(0), "Asia/Shanghai", "zh")),
        (["--area", "all"], ("", time(0), time(0), "Asia/Shanghai", "zh")),
    ):
        assert platform_main([*add, *more]) == platform_main(["tell", "--database", url, "--recipients"]) == 0
        assert database.execute(kept.encode()).fetchall() == [now]
    told = capsys.readouterr().out.splitlines()
    assert told[4:6] == [
        "li@example.org is told from now on: Township 330106011, 1 node",
        "li@example.org: Township 330106011, 1 node, quiet 21:00-06:30 Asia/Shanghai, in zh",
    ]
    assert told[8:] == [
        "li@example.org is told from now on: All areas, 2 nodes",
        "li@example.org: All areas, 2 nodes, Asia/Shanghai, in zh",
    ]
    assert platform_main([*add[:4], "webhook", "https://x/", "--area", "all"]) == 0
    assert platform_main(["tell", "--database", url, "--recipients"]) == 0
    assert "https://x/: All areas, 2 nodes\n" in capsys.readouterr().out, "in no language"


def test_a_language_that_nobody_has_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        platform_main(["tell", "--database", "", "--add", "email", "li@example.org", "--language", "klingon"])
    assert "argument --language: invalid choice: 'klingon' (choose from " in capsys.readouterr().err


def test_the_command_adds_recipients_and_sends(
    fleet: Fleet, hook: Hook, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add = ["tell", "--database", url, "--add", "webhook", hook.address, "--area", "all", "--zone", "Asia/Shanghai"]
    assert platform_main([*add, "--quiet", "soon"]) == 2
    assert "write for example 21:00-06:30" in capsys.readouterr().err
    assert platform_main(add) == 0
    fleet.database.execute("UPDATE recipient SET since = %s", (START,))
    levels(fleet, "a", "act")
    assert platform_main(["tell", "--database", url, "--once"]) == 0
    assert [one["level"] for one in hook.told] == ["act"]


@pytest.mark.parametrize(("at_first", "code"), [(200, 0), (500, 1)])
def test_once_sends_each_alert_that_is_due_once_in_as_many_turns_as_it_takes_however_slow(
    fleet: Fleet, hook: Hook, url: str, monkeypatch: pytest.MonkeyPatch, at_first: int, code: int
) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_AT_ONCE", 3)
    monkeypatch.setattr("edge.cli.telling.say", lambda *_: setattr(hook, "status", 200))  # well after the first turn
    turns = count()  # a minute each
    monkeypatch.setattr(
        "edge.cli.telling.datetime", SimpleNamespace(now=lambda _zone: LATER + next(turns) * FIRST_AGAIN)
    )
    hook.status = at_first
    labels = eight_due(fleet, hook.address)
    assert platform_main(["tell", "--database", url, "--once"]) == code
    assert sorted(one["label"] for one in hook.told) == labels


def test_once_ends_where_quiet_hours_begin(fleet: Fleet, hook: Hook, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_AT_ONCE", 3)
    labels = eight_due(fleet, hook.address)
    tell_at_first(fleet, hook.address, quiet=(time(9), time(23)))
    turns = iter((LATER, LATER, LATER + timedelta(hours=2)))  # 10:00
    monkeypatch.setattr("edge.cli.telling.datetime", SimpleNamespace(now=lambda _zone: next(turns)))
    assert platform_main(["tell", "--database", url, "--once"]) == 0
    assert [one["label"] for one in hook.told] == labels[:3]


def test_after_a_turn_that_told_something_nobody_waits_for_the_next(
    fleet: Fleet, hook: Hook, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_AT_ONCE", 3)
    monkeypatch.setattr("edge.cli.telling.EVERY_S", 600.0)
    stops: list[Event] = []
    monkeypatch.setattr("edge.cli.telling.stop_on_signal", stops.append)  # signals come to the main thread alone
    labels = eight_due(fleet, hook.address)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(platform_main, ["tell", "--database", url])
        try:
            wait_until(lambda: len(hook.told) == len(labels), within_s=2)
        finally:
            stops[0].set()
        assert ended.result(40) == 0


def eight_due(fleet: Fleet, address: str, kind: str = "webhook") -> list[str]:
    """Their labels."""
    tell_at_first(fleet, address, kind)
    labels = [f"x{n}" for n in range(8)]
    for n, label in enumerate(labels, start=1):
        levels(fleet, "a", "act", label=label, first=n)
    return labels
