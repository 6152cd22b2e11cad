"""Who may look at the desk: log-ins, what ends them, and guesses that come at once."""

import re
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from http.client import HTTPConnection
from threading import Barrier, Thread
from time import time

import pytest
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from edge.languages import COOKIE
from edge.platform.database import Database
from edge.platform.desk import create_app, listening
from edge.platform.desk.entry import CHECKS_AT_ONCE, LOG_INS_AT_ONCE
from edge.platform.desk.people import add_person, remove_person
from edge.platform.intake.commands_due import answers_due
from tests.platform.desk.visitors import PASSWORD, begins_at, first_asked, log_in, token
from tests.platform.fleet import Fleet, all_due
from tests.ports import free_port


@pytest.mark.parametrize("page", ["/", "/nodes", "/questions", "/api/map", "/questions/1/00000000-q1.jpg"])
def test_nothing_is_shown_to_who_has_not_logged_in(still: FlaskClient, page: str) -> None:
    answer = still.application.test_client().get(page)
    assert (answer.status_code, answer.location) == (302, "/log-in")


@pytest.mark.parametrize(("page", "code"), [("/nodes", 200), ("/questions/1/a%00b.jpg", 400)])
def test_a_connection_that_a_pooler_hands_on_after_a_page_has_nobodys_role(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch, page: str, code: int
) -> None:
    log_in(client)
    monkeypatch.setattr("edge.platform.desk.people.open_database", lambda *_: nullcontext(database))
    assert client.get(page).status_code == code
    assert database.execute("SELECT current_user = session_user").fetchone() == (True,)


def test_a_wrong_password_opens_nothing_and_five_let_the_name_rest_for_a_quarter_of_an_hour(
    client: FlaskClient, fleet: Fleet
) -> None:
    assert log_in(client, "nobody") == 403
    assert [log_in(client, "town", "wrong") for _ in range(5)] == [403] * 5
    assert log_in(client) == 403, "the right one does not help now"
    assert log_in(client, "county") == 302
    fleet.database.execute("UPDATE person SET locked_until = locked_until - interval '15 minutes'")
    assert [log_in(client, "town", "wrong") for _ in range(4)] == [403] * 4
    assert log_in(client) == 302, "five are counted anew"


def test_a_right_password_lets_the_wrong_ones_before_it_be_forgotten(client: FlaskClient) -> None:
    for _ in range(2):
        assert [log_in(client, "town", "wrong") for _ in range(4)] == [403] * 4
        assert log_in(client) == 302


def test_a_name_that_rests_may_log_in_with_a_new_password(client: FlaskClient, fleet: Fleet) -> None:
    assert [log_in(client, "town", "wrong") for _ in range(5)] == [403] * 5
    add_person(fleet.database, "town", f"{PASSWORD}er", "330106011")
    assert log_in(client, "town", f"{PASSWORD}er") == 302


def test_wrong_passwords_that_come_at_once_let_the_name_rest_too(client: FlaskClient, fleet: Fleet) -> None:
    together = Barrier(CHECKS_AT_ONCE, timeout=60)

    def guess(word: str) -> int:
        other = client.application.test_client()
        together.wait()
        return log_in(other, "town", word)

    with ThreadPoolExecutor(CHECKS_AT_ONCE) as threads:
        assert set(threads.map(guess, map(str, range(8)))) == {403}
    assert fleet.database.execute("SELECT locked_until > now() FROM person WHERE name = 'town'").fetchone() == (True,)
    assert log_in(client) == 403


def test_a_log_in_waits_for_its_turn_those_beyond_are_sent_away_and_pages_are_shown(still: FlaskClient) -> None:
    """Two guessers kept everybody out, and thirty made each page take up to ten seconds."""
    checks, port = still.application.config["CHECKS"], free_port()
    Thread(target=listening(still.application, "127.0.0.1", port).run, daemon=True).start()

    def guess(_: int) -> int:
        return asked(port, "POST", "name=nobody&password=wrong")

    for _ in range(CHECKS_AT_ONCE):
        assert checks.acquire(blocking=False)
    with ThreadPoolExecutor(LOG_INS_AT_ONCE + 1) as threads:
        try:
            guesses = [threads.submit(guess, n) for n in range(LOG_INS_AT_ONCE + 1)]
            (refused,), waiting = wait(guesses, timeout=40, return_when=FIRST_COMPLETED)
            assert refused.result() == 429
            assert asked(port, "GET") == 200
        finally:
            checks.release(CHECKS_AT_ONCE)
    assert {one.result() for one in waiting} == {403}


def test_no_more_than_two_passwords_are_checked_at_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    checks, beside = client.application.config["CHECKS"], list[int]()

    def check(*_: object) -> None:
        taken = sum(checks.acquire(blocking=False) for _ in range(CHECKS_AT_ONCE))
        checks.release(taken)
        beside.append(taken)

    monkeypatch.setattr("edge.platform.desk.entry.stamp_of", check)
    assert (log_in(client), beside) == (403, [CHECKS_AT_ONCE - 1])


def asked(port: int, method: str, form: str = "") -> int:
    """What a desk answers to its log-in."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=40)) as line:
        line.request(method, "/log-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return line.getresponse().status


def test_a_refused_log_in_keeps_the_name_and_begins_at_the_password(still: FlaskClient) -> None:
    stranger = still.application.test_client()
    assert "autofocus" not in stranger.get("/log-in").text
    refused = stranger.post("/log-in", data={"name": 'Li "x"', "password": "wrong"}).text
    assert re.findall(r'name="name" value="(.*?)"', refused) == ["Li &#34;x&#34;"]
    assert begins_at(refused) == "password"
    assert 'autocapitalize="none"' in refused, "a phone makes Li of li, whom nobody knows"


def test_a_name_that_cannot_be_stored_does_not_break_the_desk_whose_log_says_why(
    still: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(still.application.test_client(), "to\0wn") == 400
    assert caplog.messages == ["/log-in: PostgreSQL text fields cannot contain NUL (0x00) bytes"]
    still.get("/questions/1/a%0A%00b.jpg")
    assert caplog.messages[1].startswith("/questions/1/a%0A%00b.jpg: "), "a line of the log is one"


@pytest.mark.parametrize("https", [True, False])
def test_cookies_travel_over_tls_alone_where_people_come_by_it(still_url: str, https: bool) -> None:
    told = {"name": "town", "password": PASSWORD}
    answer = create_app(still_url, https=https).test_client().post("/log-in?lang=sw", data=told)
    kept = {one.partition("=")[0]: one.split("; ") for one in answer.headers.getlist("Set-Cookie")}
    assert kept.keys() == {"session", COOKIE}
    for one in kept.values():
        assert ("Secure" in one, "HttpOnly" in one, "SameSite=Lax" in one) == (https, True, True)


@pytest.mark.parametrize(("hours", "code"), [(11, 200), (13, 302)])
def test_a_log_in_ends_after_half_a_day(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, hours: int, code: int
) -> None:
    with monkeypatch.context() as before:
        before.setattr(TimestampSigner, "get_timestamp", lambda _: int(time()) - hours * 3600)
        log_in(client)
    assert client.get("/nodes").status_code == code


def test_a_form_of_another_log_in_changes_nothing(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    for form in ({"text": "x"}, {"text": "x", "token": "guessed"}):
        assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form).status_code == 400
    assert all_due(answers_due, fleet.database) == []


@pytest.mark.parametrize("page", ["/questions", "/alerts"])
def test_what_is_sent_after_the_log_in_ended_is_not_lost_behind_a_redirect(
    client: FlaskClient, fleet: Fleet, page: str
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}" if page == "/questions" else f"/alerts/{mine.node_id}"
    form = {"token": token(client), "text": "a moth"}
    for forget in (lambda: client.delete_cookie("session"), lambda: remove_person(fleet.database, "town")):
        forget()
        refused = client.post(address, data=form)
        assert (refused.status_code, refused.location) == (403, None)
        assert "You are logged out and nothing was sent" in refused.text
        assert '<a href="/log-in">Log in</a>' in refused.text
        assert all_due(answers_due, fleet.database) == []
        assert client.get(page).location == "/log-in", "as the way back does"
        add_person(fleet.database, "town", PASSWORD, "330106011")
        assert client.post("/log-in", data={"name": "town", "password": PASSWORD}).location == page


@pytest.mark.parametrize(
    "page", ["/?area=330106011001&taxon=a%7C%26&first=2026-07-01", "/alerts?start=200", "/nodes", "/questions", "/"]
)
def test_a_link_from_a_colleague_opens_what_it_is_of_behind_the_log_in(still: FlaskClient, page: str) -> None:
    """It opened the map of all that its reader may see."""
    stranger = still.application.test_client()
    assert stranger.get(page).location == "/log-in"
    for beside in ("/api/map?area=330106", "/questions/1/00000000-q1.jpg"):  # as an open page asks for them
        assert stranger.get(beside).location == "/log-in"
    assert stranger.post("/log-in", data={"name": "town", "password": PASSWORD}).location == page
    assert stranger.post("/log-in", data={"name": "town", "password": PASSWORD}).location == "/", "once"


def test_a_new_password_ends_the_log_ins_of_the_old_one(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    add_person(fleet.database, "town", PASSWORD + "er", "330106011")
    assert client.get("/nodes").location == "/log-in"


def test_who_logs_out_is_out_on_every_device(client: FlaskClient) -> None:
    """A copied cookie was good for twelve hours."""
    phone = client.application.test_client()
    assert (log_in(client), log_in(phone)) == (302, 302)
    assert client.post("/log-out", data={"token": token(client)}).location == "/log-in"
    assert phone.get("/nodes").location == "/log-in"
    assert (log_in(phone), phone.get("/nodes").status_code) == (302, 200)


def test_another_area_holds_from_the_next_page_on(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client, "county")
    assert "s/<wbr>c" in client.get("/nodes").text
    fleet.database.execute("UPDATE person SET role = 'fieldeye_area_330106011' WHERE name = 'county'")
    seen = client.get("/nodes").text
    assert "s/<wbr>a" in seen
    assert "s/<wbr>c" not in seen
