"""Photographs that farmers ask about, and an answer's way back to the node."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from flask.testing import FlaskClient

from edge.clock import SystemClock
from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.shared_subscription import SharedSubscription
from edge.platform.database import open_database
from edge.platform.decode import Message
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person
from edge.platform.intake.commands_due import answers_due
from edge.platform.intake.leader import Leader
from edge.platform.intake.questions import MOST_OPEN, answer, assembled, delete, holes, questions
from edge.platform.intake.worker_metrics import WorkerMetrics
from edge.store.questions import KEPT_QUESTIONS, SPARED_PART
from edge.wire import MAX_PHOTO_BYTES, ImageCommand, ImageHeader, Reply, encode_message, image_properties
from edge.wire.instants import ClockWord
from tests.broker import Broker
from tests.clocks import NOON
from tests.node import running, to
from tests.page.visitors import form_on, swahili_link
from tests.platform.conftest import fresh
from tests.platform.desk.visitors import JPEG, PASSWORD, ask, begins_at, first_asked, log_in, token
from tests.platform.fleet import Fleet, all_due
from tests.platform.postgres import Postgres
from tests.platform.test_database_intake import waits_for_a_lock
from tests.platform.working import at_work
from tests.records import MOTH
from tests.waiting import wait_until


def test_a_township_cannot_answer_open_or_delete_a_question_of_the_next(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    other = first_asked(fleet.database, "c")
    assert client.get(f"/questions/{other.node_id}/{other.id}.jpg").status_code == 404
    form = {"token": token(client), "text": "mine"}
    for address in (f"/questions/{other.node_id}/{other.id}", f"/questions/{other.node_id}/{other.id}/delete"):
        refused = client.post(address, data=form)
        assert (refused.status_code, "This question is no longer here" in refused.text) == (404, True)
    assert first_asked(fleet.database, "c") == other


@pytest.mark.parametrize("form", ["", "/delete"])
def test_the_address_of_a_form_leads_to_the_questions(still: FlaskClient, form: str) -> None:
    answer = still.get(f"/questions/1/00000000-q1{form}")
    assert (answer.status_code, answer.location) == (303, "/questions")


def test_an_answer_is_sent_until_the_node_has_it(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    assert client.get(f"/questions/{mine.node_id}/{mine.id}.jpg").data == JPEG
    form = {"token": token(client), "text": "  a moth, leave it ", "label": f"{MOTH[0].lower()} "}
    assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form).status_code == 302
    ((topic, command),) = all_due(answers_due, fleet.database)
    assert topic == "fieldeye/v1/s/a/cmd/answer"
    assert (command.question, command.text, command.who, command.label) == (
        mine.id,
        "a moth, leave it",
        "town",
        MOTH[0],
    )
    assert all_due(answers_due, fleet.database) == [], "not twice within two minutes"
    _reply(fleet, Reply(code="busy", id=command.id))
    assert "On its way to the node" in client.get("/questions").text
    _reply(fleet, Reply(code="done", id=command.id))
    assert "The node has the answer" in client.get("/questions").text


def test_an_answer_goes_out_whatever_number_another_node_tells(fleet: Fleet, broker: Broker) -> None:
    mine, other = (first_asked(fleet.database, node) for node in "ac")
    health = '{"store": {"waiting": 0, "last_seq": 9223372036854775807}}'
    fleet.database.execute("UPDATE node SET health = %s WHERE node_id = %s", (health, other.node_id))
    assert answer(fleet.database, mine.node_id, mine.id, text="a moth", who="Li", label="")
    address = BrokerAddress(host="127.0.0.1", port=broker.port)
    with closing(SharedSubscription(address, name="leader")) as source:
        source.connect()
        wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
        leader = Leader(source, WorkerMetrics(), every_s=1.0)
        leader.hear([Message(f"fieldeye/v1/s/{node}/health", b"") for node in "ac"])
        leader.turn(fleet.database, 1.0)
    assert all_due(answers_due, fleet.database) == [], "it was sent"


def test_an_answer_that_is_corrected_while_it_is_sent_goes_out_corrected(fleet: Fleet, url: str) -> None:
    mine = first_asked(fleet.database, "a")
    assert answer(fleet.database, mine.node_id, mine.id, text="a moth", who="Li", label="")
    with open_database(url) as desk, open_database(url) as leader:
        leader.execute("SET lock_timeout = '1s'")
        with desk.transaction():
            assert answer(desk, mine.node_id, mine.id, text="a planthopper", who="Li", label="")
            assert all_due(answers_due, leader) == []
        commands = all_due(answers_due, leader)
    _reply(fleet, Reply(code="done", id=commands[0][1].id))
    assert [command.text for _, command in commands] == ["a planthopper"]
    assert [one.outcome for one in questions(fleet.database) if one.node == "a"] == ["done"]


def _reply(fleet: Fleet, reply: Reply) -> None:
    fleet.registry.note([Message("fieldeye/v1/s/a/reply/answer", encode_message(reply))])


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001])
def test_an_answer_that_the_node_would_refuse_is_refused_here(still: FlaskClient, still_url: str, text: str) -> None:
    with open_database(still_url) as database:
        mine = first_asked(database, "a")
    form = {"token": token(still), "text": text}
    refused = still.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
    assert (refused.status_code, begins_at(refused.text)) == (400, "text")
    assert swahili_link(refused.text) == "/questions"


def test_an_answer_with_line_breaks_is_as_long_as_the_browser_counts_it(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    text = "count ten\r\n" * 99 + "and tell us"  # 1,001 in the browser
    form = {"token": token(client), "text": text, "label": MOTH[0]}
    refused = client.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
    assert (refused.status_code, refused.text.count("<textarea")) == (400, 1)
    assert "and tell us</textarea>" in refused.text
    assert f'value="{MOTH[0]}"' in refused.text
    assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form | {"text": text[:-1]}).status_code == 302
    assert [command.text for _, command in all_due(answers_due, fleet.database)] == ["count ten\n" * 99 + "and tell u"]


def test_an_answer_to_a_question_that_a_colleague_has_answered_is_kept_back_until_it_is_sent_again(
    client: FlaskClient, fleet: Fleet
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    opened = form_on(client.get("/questions").text, address)
    for colleague in ("a moth", "a planthopper"):
        answer(fleet.database, mine.node_id, mine.id, text=colleague, who="Li", label="")
        refused = client.post(address, data=opened | {"text": "leave it"})
        assert "This question was answered meanwhile" in refused.text
        assert f"<b>Li</b>: {colleague}" in refused.text
        assert ">leave it</textarea>" in refused.text
        opened = form_on(refused.text, address)
    assert client.post(address, data=opened | {"text": "leave it"}).status_code == 302
    assert [command.text for _, command in all_due(answers_due, fleet.database)] == ["leave it"]


def test_a_second_tap_on_send_keeps_the_answer_as_it_was(client: FlaskClient, fleet: Fleet) -> None:
    """It was said that a colleague had answered meanwhile."""
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    form = form_on(client.get("/questions").text, address) | {"text": " a moth ", "label": MOTH[0]}
    assert client.post(address, data=form).status_code == 302
    ((_, command),) = all_due(answers_due, fleet.database)
    assert client.post(address, data=form).status_code == 302
    _reply(fleet, Reply(code="done", id=command.id))
    assert "The node has the answer" in client.get("/questions").text
    for other in ({"text": "a fly"}, {"label": ""}):
        assert "This question was answered meanwhile" in client.post(address, data=form | other).text


def test_an_answer_that_the_node_did_not_take_goes_out_again_when_it_is_sent_again(
    client: FlaskClient, fleet: Fleet
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    for _ in range(2):
        form = form_on(client.get("/questions").text, address) | {"text": "a moth"}
        assert client.post(address, data=form).status_code == 302
        ((_, command),) = all_due(answers_due, fleet.database)
        _reply(fleet, Reply(code="not_kept", id=command.id))
        assert "The node no longer keeps this question" in client.get("/questions").text


def test_of_a_deleted_question_only_who_deleted_it_and_when_is_kept_and_nothing_brings_it_back(
    client: FlaskClient, fleet: Fleet
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    opened = form_on(client.get("/questions").text, address) | {"text": "a moth", "label": MOTH[0]}
    assert client.post(address, data=opened).status_code == 302
    ((_, command),) = all_due(answers_due, fleet.database)
    page = client.get("/questions").text
    assert re.search(f'<details><summary>[^<]+</summary>\\s*<form method="post" action="{address}/delete">', page)
    form = form_on(page, f"{address}/delete")
    assert client.post(f"{address}/delete", data=form).status_code == 302
    assert client.post(f"{address}/delete", data=form).status_code == 302, "a second tap"
    assert delete(fleet.database, mine.node_id, mine.id, who="a colleague")
    _reply(fleet, Reply(code="done", id=command.id))
    refused = client.post(address, data=opened)  # a colleague had it open, and read that there is no such page
    assert (refused.status_code, "This question is no longer here: it was deleted" in refused.text) == (404, True)
    for number in range(1, MOST_OPEN + 5):  # the first is this one again; so many make room
        ask(fleet, "a", question=f"00000000-q{number}")
    assert client.get(f"{address}.jpg").status_code == 404
    kept = fleet.database.execute(
        "SELECT (jsonb_strip_nulls(to_jsonb(question)) - '{node_id,received,deleted}'::text[]) FROM question"
        " WHERE deleted BETWEEN now() - '1 min'::interval AND now()"
    ).fetchall()
    texts = dict.fromkeys(("who", "note", "guess", "eppo", "answer_label"), "")
    assert kept == [({"id": mine.id, "bytes": len(JPEG), "outcome": "not_kept", "deleted_by": "town", **texts},)]
    assert fleet.database.execute("SELECT FROM question_part").rowcount == 0


def test_a_node_that_asks_without_end_hides_no_question_of_another(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 5):
        ask(fleet, "b", question=f"00000000-q{number}")
    ask(fleet, "c", question="00000000-q2")
    listed = [f"{one.node} {one.id[9:]}" for one in questions(fleet.database)]
    assert listed[:6] == ["a q1", "c q1", "b q5", "b q6", "c q2", "b q7"], "the oldest of each, then the next of each"
    assert open_questions(fleet) == [f"q{number}" for number in range(5, MOST_OPEN + 5)]


def test_more_questions_than_the_page_holds_hide_no_answer_and_are_numbered(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client, "county")
    assert '<p class="about">The ' not in client.get("/questions").text
    fleet.database.execute(
        "INSERT INTO question (node_id, id, bytes, jpeg) SELECT node_id, 'm' || n, 3, 'abc' FROM node,"
        " generate_series(1, 48) AS n"
    )
    for one in questions(fleet.database)[:25]:
        assert answer(fleet.database, one.node_id, one.id, text=f"answer to {one.node} {one.id}", who="Li", label="")
    page = client.get("/questions").text
    assert re.findall(r'<p class="about">(The .*?)</p>', page) == [
        "The 100 first of 122 without an answer.", "The 20 last of 25 with an answer.",
    ]  # fmt: skip
    articles = page.split('<article class="question">')[1:]
    assert ["answer to" in one for one in articles] == [False] * 100 + [True] * 20


def open_questions(fleet: Fleet) -> list[str]:
    """Of node b, of which the photograph is whole."""
    listed = fleet.database.execute(
        "SELECT id FROM question JOIN node USING (node_id) WHERE node = 'b' AND jpeg IS NOT NULL AND answered IS NULL"
        " ORDER BY received"
    )
    return [name.removeprefix("00000000-") for (name,) in listed]


def test_half_a_photograph_makes_room_before_a_whole_one(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 1):
        header = ImageHeader(kind="question", id=f"00000000-q{number}", bytes=len(JPEG))
        told = Message("fieldeye/v1/s/b/image", JPEG[:9], properties=image_properties(header))
        fleet.registry.note([told])
    ask(fleet, "b", question="00000000-q999")
    assert open_questions(fleet) == ["q1", "q999"]
    halves = fleet.database.execute("SELECT id FROM question WHERE jpeg IS NULL ORDER BY received").fetchall()
    assert halves == [(f"00000000-q{number}",) for number in range(3, MOST_OPEN + 1)]


def test_an_answer_makes_room_for_another_question(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 1):
        ask(fleet, "b", question=f"00000000-q{number}")
    node_id = first_asked(fleet.database, "b").node_id
    assert answer(fleet.database, node_id, f"00000000-q{MOST_OPEN}", text="a moth", who="Li", label="")
    ask(fleet, "b", question="00000000-q999")
    assert open_questions(fleet) == [*(f"q{number}" for number in range(1, MOST_OPEN)), "q999"]


def test_a_question_that_is_answered_while_another_takes_its_place_stays(fleet: Fleet, url: str) -> None:
    for number in range(2, MOST_OPEN + 1):
        ask(fleet, "b", question=f"00000000-q{number}")
    oldest = first_asked(fleet.database, "b")
    with open_database(url) as desk, open_database(url) as leader, ThreadPoolExecutor() as threads:
        with desk.transaction():
            assert answer(desk, oldest.node_id, oldest.id, text="a moth", who="Li", label="")
            asked = threads.submit(ask, Fleet(leader), "b", question="00000000-q999")
            wait_until(lambda: waits_for_a_lock(fleet.database), within_s=40)
        asked.result(40)
    assert [one.text for _, one in all_due(answers_due, fleet.database)] == ["a moth"]


def test_a_photograph_that_makes_room_as_another_worker_adds_to_it_goes_with_all_its_parts(
    fleet: Fleet, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.intake.questions.MOST_OPEN", 1)
    send_parts(fleet, (0, 5))
    with open_database(url) as another, open_database(url) as third, ThreadPoolExecutor() as threads:
        with another.transaction():
            send_parts(Fleet(another), (5, 9))
            asked = threads.submit(ask, Fleet(third), "b", question="00000000-q3")
            wait_until(lambda: waits_for_a_lock(fleet.database), within_s=40)
        asked.result(40)
    of_b = "SELECT id FROM question JOIN node USING (node_id) WHERE node = 'b'"
    assert fleet.database.execute(of_b).fetchall() == [("00000000-q3",)]
    assert fleet.database.execute("SELECT FROM question_part").rowcount == 0


def test_the_platform_takes_as_many_questions_of_a_node_as_that_keeps_beside_the_last_answers() -> None:
    assert MOST_OPEN == KEPT_QUESTIONS - KEPT_QUESTIONS // SPARED_PART


@pytest.mark.parametrize("utc", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_question_of_no_time_does_not_close_the_page_for_all(client: FlaskClient, fleet: Fleet, utc: str) -> None:
    header = ImageHeader(kind="question", id="00000000-q9", bytes=len(JPEG))
    told = Message("fieldeye/v1/s/c/image", JPEG, properties=(*image_properties(header), ("utc", utc)))
    fleet.registry.note([told])
    log_in(client, "county")
    assert client.get("/questions").status_code == 200


@pytest.mark.parametrize(("clock", "says"), [("unsynced", None), ("corrected", NOON), (None, NOON)])
def test_a_question_has_the_time_of_its_node_where_that_knew_it(
    fleet: Fleet, clock: ClockWord | None, says: datetime | None
) -> None:
    header = ImageHeader(kind="question", id="00000000-q9", bytes=len(JPEG), utc=NOON, clock=clock)
    fleet.registry.note([Message("fieldeye/v1/s/c/image", JPEG, properties=image_properties(header))])
    assert [one.utc for one in questions(fleet.database) if one.id == header.id] == [says]


@pytest.mark.parametrize(
    ("spans", "missing"),
    [([], [(2, 6)]), ([(0, 2), (6, 8)], [(2, 6)]), ([(0, 9)], []), ([(0, 4), (3, 5), (5, 6)], []),
     ([(0, 3), (4, 5)], [(3, 4), (5, 6)])],
)  # fmt: skip
def test_of_a_part_only_what_has_not_come_is_news(spans: list[tuple[int, int]], missing: list[tuple[int, int]]) -> None:
    assert holes(spans, 2, 6) == missing


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([(0, b"ab"), (2, b"cd")], b"abcd"), ([(0, b"abc"), (1, b"bcd")], b"abcd"), ([(0, b"ab"), (3, b"d")], None),
     ([], None), ([(0, b"abcde")], None)],
)  # fmt: skip
def test_a_photograph_is_whole_once_no_part_is_missing(parts: list[tuple[int, bytes]], whole: bytes | None) -> None:
    assert assembled(parts, 4) == whole


def test_a_photograph_that_is_sent_anew_in_longer_parts_is_whole(fleet: Fleet) -> None:
    send_parts(fleet, (0, 5), (5, 15), (0, 5), (5, 25), (5, 15), (25, len(JPEG)))
    assert is_as_sent(fleet)


def test_half_a_photograph_is_told_on_the_page_while_its_parts_are_asked_for(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client, "county")
    says = "1 photograph is still on its way from its node."
    assert says not in client.get("/questions").text
    send_parts(fleet, (0, 5))
    assert says in client.get("/questions").text
    for ended in ("outcome = 'not_kept'", "outcome = NULL, received = now() - interval '31 days'"):
        fleet.database.execute(f"UPDATE question SET {ended} WHERE jpeg IS NULL")  # noqa: S608
        assert says not in client.get("/questions").text
    fleet.database.execute("UPDATE question SET received = now() WHERE jpeg IS NULL")
    fleet.database.execute("DELETE FROM question WHERE jpeg IS NOT NULL")
    page = client.get("/questions").text
    assert (says in page, "Nobody has asked" in page) == (True, False)


def test_half_a_photograph_which_nobody_sees_is_not_deleted_with_its_parts_left(fleet: Fleet) -> None:
    send_parts(fleet, (0, 5))
    node_id = first_asked(fleet.database, "b").node_id
    assert not delete(fleet.database, node_id, "00000000-q2", who="Li")
    for number in range(100, 100 + MOST_OPEN):  # which takes no place of those that wait
        ask(fleet, "b", question=f"00000000-q{number}")
        assert delete(fleet.database, node_id, f"00000000-q{number}", who="Li")
    send_parts(fleet, (5, len(JPEG)))
    assert is_as_sent(fleet)


def test_parts_of_which_a_version_before_kept_what_overlaps_become_whole(fleet: Fleet) -> None:
    send_parts(fleet, (0, 5))
    fleet.database.execute(
        "INSERT INTO question_part SELECT node_id, id, 3, %s FROM question WHERE id = '00000000-q2'", (JPEG[3:9],)
    )
    send_parts(fleet, (4, len(JPEG)))
    assert is_as_sent(fleet)


def test_parts_are_kept_without_what_had_come_and_are_read_once_all_have_come(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read all before it: 4,000 parts of a byte kept the records of every node waiting for half a minute."""
    read: list[int] = []
    monkeypatch.setattr(
        "edge.platform.intake.questions.assembled",
        lambda parts, size: read.append(len(parts)) or assembled(parts, size),
    )
    send_parts(fleet, *((first, first + 1) for first in range(3, 9)), (2, len(JPEG)), (4, 20), (1, 5))
    kept = "SELECT sum(length(payload)) FROM question_part WHERE id = '00000000-q2'"
    assert (fleet.database.execute(kept).fetchall(), read) == ([(len(JPEG) - 1,)], [])
    send_parts(fleet, (0, 9))
    assert (is_as_sent(fleet), read) == (True, [10])


def test_a_photograph_in_more_parts_than_any_node_sends_begins_anew_and_can_be_whole(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.intake.questions.MOST_PARTS", 4)
    send_parts(fleet, *((first, first + 1) for first in range(0, 10, 2)))
    assert fleet.database.execute("SELECT first FROM question_part").fetchall() == [(8,)]
    send_parts(fleet, (0, 20), (20, len(JPEG)))
    assert is_as_sent(fleet)


def send_parts(fleet: Fleet, *spans: tuple[int, int]) -> None:
    """Of a second question of `b`."""
    for first, end in spans:
        header = ImageHeader(kind="question", id="00000000-q2", bytes=len(JPEG), offset=first)
        told = Message("fieldeye/v1/s/b/image", JPEG[first:end], properties=image_properties(header))
        assert fleet.registry.note([told]) == 0


def is_as_sent(fleet: Fleet) -> bool:
    """Is it whole, and nothing left beside it?"""
    rows = fleet.database.execute("SELECT jpeg, (SELECT count(*) FROM question_part) FROM question WHERE id ~ 'q2$'")
    return rows.fetchall() == [(JPEG, 0)]


def test_a_question_asked_at_a_real_node_is_answered_at_the_desk_and_read_at_the_node(
    tmp_path: Path, postgres: Postgres
) -> None:
    with (
        fresh(postgres) as url,
        open_database(url) as database,
        Broker() as broker,
        running(tmp_path, to(broker.port, health_every_s=0.3)) as node,
    ):
        source = SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="desk-test")
        with at_work(source, url, every_s=0.3):
            jpeg = (Path(__file__).parents[3] / "edge/cli/demo_pictures/06-rice-bug.jpg").read_bytes()
            asked = node.store.ask_station(
                SystemClock().now(), jpeg, who="Li", note="what eats my rice?", guess="", eppo=""
            )
            node.publisher.wake()
            wait_until(lambda: len(questions(database)) == 1, within_s=40)
            add_person(database, "county", PASSWORD, "")
            client = create_app(url).test_client()
            log_in(client, "county")
            (mine,) = questions(database)
            assert client.get(f"/questions/{mine.node_id}/{mine.id}.jpg").data == jpeg
            form = {"token": token(client), "text": "a rice bug", "label": "Leptocorisa"}
            client.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
            wait_until(lambda: questions(database)[0].outcome == "done", within_s=40)
            told = node.store.question(asked.id)
            assert told is not None
            assert told.answer is not None
            assert (told.answer.text, told.answer.who, told.answer.label) == ("a rice bug", "county", "Leptocorisa")
            client.post(f"/questions/{mine.node_id}/{mine.id}/delete", data=form)
            soon = SystemClock().now().utc + timedelta(minutes=10)
            again = ImageCommand(id="12345678", expires=soon, picture=asked.id, most_bytes=MAX_PHOTO_BYTES)
            with broker.connect("another-platform") as other:
                other.subscribe(f"fieldeye/v1/{mine.site}/{mine.node}/reply/image")
                other.publish(f"fieldeye/v1/{mine.site}/{mine.node}/cmd/image", encode_message(again))
                wait_until(lambda: b'"done"' in b"".join(one.payload for one in other.inbox), within_s=40)
            node.store.ask_station(SystemClock().now(), jpeg, note="and now?")
            node.publisher.wake()
            wait_until(lambda: len(questions(database)) == 1, within_s=40)
            assert questions(database)[0].note == "and now?"
