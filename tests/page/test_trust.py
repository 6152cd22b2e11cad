"""Log-in, sessions, claim and forms: what opens the node, what does not, and what stays so after a restart."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edge.clock import ClockState
from edge.page.access import keep_sessions
from edge.page.accounts.passwords import HASHER, LONGEST, hashed, is_claim_code, is_right
from edge.page.trust import Role, Trust, digest
from edge.store import Account, Store
from tests.page.scenes import Scene, seen
from tests.page.visitors import HASH, PASSWORD, as_role, form_on, log_in, person, post, token_on
from tests.slow_card import stalled_commits
from tests.spoiling import refusing

CODE = "7KWM-3RTZ-9QHD"
WRONG = "Name and password do not belong together."


@pytest.fixture
def labelled(scene: Scene, tmp_path: Path) -> FlaskClient:
    """A browser on a node that knows the code on its label."""
    secret = tmp_path / "claim-code"
    secret.write_text(CODE + "\n")
    secret.chmod(0o600)
    scene.configure(page={"claim_code_file": str(secret)})
    return scene.app().test_client()


def claim(client: FlaskClient, code: str = CODE, password: str = PASSWORD, name: str = "li") -> TestResponse:
    return post(client, "/claim", "/claim", code=code, name=name, password=password)


def restarted(scene: Scene) -> FlaskClient:
    """A browser on the same node after a restart."""
    scene.store.close()
    scene.store = Store(scene.config.store, scene.config.node.node)
    return scene.app().test_client()


# 1 and 2: no shared default, the code works once, Argon2id, at least twelve signs


def test_a_new_node_has_no_account_and_leads_to_its_claim(labelled: FlaskClient, scene: Scene) -> None:
    assert scene.store.accounts.everybody() == []
    assert labelled.get("/people").location == "/claim"
    assert labelled.get("/log-in").location == "/claim"


def test_whoever_has_not_logged_in_reads_beside_the_buttons_that_they_want_a_name_and_is_shown_no_such_tab(
    client: FlaskClient, scene: Scene
) -> None:
    seen(scene)
    for role in (Role.NOBODY, Role.FARMER):
        page = as_role(client, scene, role).get("/").text
        is_told = "With a name and a password from your technician." in page
        has_tab = 'href="/photo"' in page.partition('<nav class="tabs"')[2]
        assert (is_told, has_tab) == (role is Role.NOBODY, role is Role.FARMER)


@pytest.mark.parametrize("address", ["/photo", "/review", "/log-in?next=/"])
def test_a_farmer_in_front_of_a_new_node_is_told_to_wait_for_the_technician_and_asked_for_no_code(
    address: str, labelled: FlaskClient, scene: Scene
) -> None:
    scene.configure(page={"technician_phone": "+86 574 1234"})
    answer = scene.app().test_client().get(address)
    assert answer.status_code == 403
    assert "<h1>Your technician has to set up this node first.</h1>" in answer.text
    assert ['href="/"' in answer.text, "tel:+865741234" in answer.text] == [True, True]
    assert [words for words in ("Claim this node", "Claim code", "reset-password") if words in answer.text] == []


def test_where_the_card_does_not_tell_who_may_log_in_the_page_says_so_and_shows_the_results(
    scene: Scene, tmp_path: Path
) -> None:
    scene.store.close()
    for name in ("accounts.sqlite", "decisions.sqlite"):
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
    browser = restarted(scene)
    assert browser.get("/claim").location == "/log-in"
    shut = browser.get("/log-in")
    assert shut.status_code == 503
    assert "The memory card does not tell who may log in, so nobody can." in shut.text
    assert "accounts.sqlite: cannot open the accounts" in shut.text
    node = browser.get("/node").text
    assert "The memory card does not tell who may log in, so nobody can." in node
    assert "new answers are lost when the power goes" in node
    assert "decisions.sqlite: cannot open the decisions" in node


@pytest.mark.parametrize("typed", [CODE, "7kwm3rtz9qhd", " 7KWM 3RTZ 9QHD "])
def test_who_has_the_label_becomes_the_technician(typed: str, labelled: FlaskClient, scene: Scene) -> None:
    assert claim(labelled, typed).status_code == 303
    (first,) = scene.store.accounts.everybody()
    assert (first.name, first.role) == ("li", "technician")
    assert labelled.get("/people").status_code == 200


@pytest.mark.parametrize("typed", ["", "-", "7KWM-3RTZ-9QHE", CODE + "X", "ß" * 200])
def test_a_wrong_code_claims_nothing(typed: str, labelled: FlaskClient, scene: Scene) -> None:
    answer = claim(labelled, typed)
    assert answer.status_code == 400
    assert "This is not the code on the label." in answer.text
    assert not scene.store.accounts.is_claimed()


def test_the_code_works_once_even_when_the_account_is_gone(labelled: FlaskClient, scene: Scene) -> None:
    claim(labelled)
    scene.store.accounts.remove("li")
    token = token_on(labelled, "/log-in")
    answer = labelled.post("/claim", data={"csrf": token, "code": CODE, "name": "eve", "password": PASSWORD})
    assert answer.location == "/log-in"
    assert scene.store.accounts.everybody() == []


def test_a_code_is_read_from_any_keyboard() -> None:
    assert is_claim_code("ａｂ２３－４５６７－ＣＤＥＦ", "AB23-4567-CDEF")


@pytest.mark.parametrize("code", ["", "--"])
def test_an_empty_code_is_no_code(code: str) -> None:
    assert not is_claim_code("", code)


def test_without_a_code_the_network_cannot_claim_the_node(client: FlaskClient) -> None:
    assert "reset-password" in client.get("/claim").text
    token = token_on(client, "/log-in") if client.get("/log-in").status_code == 200 else ""
    assert (
        client.post("/claim", data={"csrf": token, "code": "", "name": "eve", "password": PASSWORD}).status_code == 400
    )


@pytest.mark.parametrize(("place", "is_told"), [("/photo", False), ("/review", False), ("/set-up", True)])
def test_only_who_sets_the_node_up_is_told_of_the_command_for_a_forgotten_password(
    place: str, is_told: bool, labelled: FlaskClient, scene: Scene
) -> None:
    person(scene, Role.TECHNICIAN)
    page = labelled.get(place, follow_redirects=True).text
    assert "<h1>Log in</h1>" in page
    assert ("reset-password" in page) is is_told


@pytest.mark.parametrize("password", ["eleven sign", "x" * 201])
def test_a_password_too_short_or_too_long_is_refused_beside_its_field(password: str, labelled: FlaskClient) -> None:
    answer = claim(labelled, password=password)
    assert answer.status_code == 400
    assert '<span class="wrong">A password has 12 to 200 characters.</span>' in answer.text


def test_a_password_that_was_written_down_still_stands_in_the_form_after_another_mistake(labelled: FlaskClient) -> None:
    assert "This is a proposed password." in labelled.get("/claim").text
    answers = [("/claim", claim(labelled, "2222-2222-2222")), ("/claim", claim(labelled, name=""))]
    claim(labelled)
    answers.append(("/account", post(labelled, "/account", "/account", old="no", password=PASSWORD)))
    for form, answer in answers:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store")
        assert form_on(answer.text, form)["password"] == PASSWORD
        assert "This is a proposed password." not in answer.text


def test_a_password_is_the_same_with_accents_apart() -> None:
    kept, apart = (normalize(form, "mật khẩu của tôi") for form in ("NFC", "NFD"))
    assert is_right(apart, hashed(kept))
    assert is_right(kept, hashed(apart))


def test_the_longest_password_opens_and_what_only_begins_with_it_does_not() -> None:
    kept = hashed("x" * LONGEST)
    assert [is_right("x" * length, kept) for length in (LONGEST, LONGEST + 1)] == [True, False]


@pytest.mark.parametrize(
    "typed",
    ["at5b-ymhh-9q6d-axgh", "AT5BYMHH9Q6DAXGH", " at5b ymhh 9q6d axgh ", "ＡＴ５Ｂ－ＹＭＨＨ－９Ｑ６Ｄ－ＡＸＧＨ"],
)
def test_a_proposed_password_opens_as_the_code_on_the_label_does_however_it_is_typed(
    typed: str, client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.page.accounts.people.proposed", lambda: "AT5B-YMHH-9Q6D-AXGH")
    technician, phone = as_role(client, scene, Role.TECHNICIAN), client.application.test_client()
    post(technician, "/people", "/people", name="wang", role="farmer")
    assert log_in(phone, "wang", typed).status_code == 303
    assert post(phone, "/account", "/account", old=typed, password=PASSWORD).status_code == 200
    assert [log_in(phone, "wang", one).status_code for one in (typed, PASSWORD)] == [400, 303]


@pytest.mark.parametrize("typed", ["at5b-ymhh-9q6d-axg", "at5b-ymhh-9q6d-axgha", "at5b-ymhh-9q6d-axgg"])
def test_another_password_than_the_proposed_one_opens_nothing(typed: str) -> None:
    assert not is_right(typed, hashed("AT5B-YMHH-9Q6D-AXGH"))


@pytest.mark.parametrize(
    "own", ["Half a Hat Shapes!", "many-fast-grey-seat", "MYFASTGREYSEAT22", "GOOD-LUCK-WITH-RICE"]
)
def test_a_password_of_ones_own_opens_only_as_it_was_chosen(own: str) -> None:
    kept = hashed(own)
    assert is_right(own, kept)
    assert [one for one in (own.lower(), own.upper(), own.replace("-", "")) if one != own and is_right(one, kept)] == []


def test_a_hash_that_the_card_has_spoilt_opens_nothing_and_breaks_nothing() -> None:
    assert not is_right(PASSWORD, hashed(PASSWORD).replace("argon2id", "argon0id"))


def test_passwords_are_kept_as_argon2id_within_a_small_boards_memory(labelled: FlaskClient, scene: Scene) -> None:
    claim(labelled)
    (first,) = scene.store.accounts.everybody()
    assert first.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert HASHER.verify(first.hash, PASSWORD)
    assert "argon2" not in repr(first)


# 3: the rate limit, and the same answer for an unknown name


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER, "wang")
    unknown, wrong = log_in(client, "nobody", "x" * 12), log_in(client, "wang", "x" * 12)
    assert unknown.status_code == wrong.status_code == 400
    assert WRONG in unknown.text
    assert unknown.text.replace("nobody", "wang") == wrong.text


def test_after_five_failures_an_address_waits_ever_longer_even_with_the_right_password(
    client: FlaskClient, scene: Scene
) -> None:
    person(scene, Role.FARMER, "wang")
    for _ in range(5):
        assert WRONG in log_in(client, "wang", "x" * 12).text
    assert "Too many wrong attempts. Try again after 2 seconds." in log_in(client, "wang").text
    scene.clock.advance(1.7)
    assert "Too many wrong attempts. Try again after 1 second." in log_in(client, "wang").text
    scene.clock.advance(1.3)
    assert WRONG in log_in(client, "wang", "x" * 12).text
    assert "after 4 seconds" in log_in(client, "wang").text
    scene.clock.advance(5)
    assert log_in(client, "wang").status_code == 303


def test_of_guesses_that_come_at_once_five_are_tried(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    guessers = [client.application.test_client() for _ in range(12)]
    forms = [{"csrf": token_on(one, "/log-in"), "name": "wang", "password": PASSWORD} for one in guessers]
    with ThreadPoolExecutor(len(guessers)) as threads:
        answers = list(threads.map(lambda one, form: one.post("/log-in", data=form).text, guessers, forms))
    assert sum(WRONG in answer for answer in answers) == 5


def test_the_limit_outlives_a_restart_and_a_clock_that_was_set_back(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER, "wang")
    for _ in range(14):
        scene.clock.advance(1000)
        log_in(client, "wang", "x" * 12)
    scene.clock.jump(-90 * 86_400, scene.clock.state)
    again = restarted(scene)
    assert "Try again after 15 minutes." in log_in(again, "wang").text
    scene.clock.advance(901)
    assert log_in(again, "wang").status_code == 303


def guess(client: FlaskClient, scene: Scene) -> None:
    """From ever other addresses, until all wait."""
    for last in range(40):
        scene.clock.advance(61)
        client.environ_base["REMOTE_ADDR"] = f"192.168.4.{last + 2}"
        log_in(client, "wang", "x" * 12)


def test_many_addresses_together_slow_each_other_down_but_shut_nobody_out(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER, "wang")
    guess(client, scene)
    client.environ_base["REMOTE_ADDR"] = "192.168.4.200"
    assert "Too many wrong attempts" in log_in(client, "wang").text
    scene.clock.advance(61)
    assert log_in(client, "wang").status_code == 303


def test_who_keeps_guessing_shuts_out_no_browser_in_which_the_owner_has_logged_in_before(
    client: FlaskClient, scene: Scene
) -> None:
    for name in ("wang", "li"):
        person(scene, Role.FARMER, name)
    phone, other, guesser = (client.application.test_client() for _ in range(3))
    mark = log_in(phone, "wang").headers.getlist("Set-Cookie")[1]
    assert ("fieldeye_device=" in mark, "HttpOnly" in mark, "SameSite=Lax" in mark) == (True, True, True)
    log_in(other, "li")
    for browser in (phone, other):
        post(browser, "/log-out", "/log-in")
    guess(guesser, scene)
    assert "Too many wrong attempts" in log_in(other, "wang").text, "li's browser is none of wang's"
    other.set_cookie("fieldeye_device", "ß")
    assert "Too many wrong attempts" in log_in(other, "li").text
    assert phone.get("/people").status_code == 303, "it opens nothing by itself"
    assert log_in(phone, "wang").status_code == 303
    for _ in range(5):
        assert WRONG in log_in(phone, "wang", "x" * 12).text
    assert "Too many wrong attempts" in log_in(phone, "wang").text, "its own address waits"


def test_a_browser_in_which_somebody_else_has_logged_in_before_guesses_their_password_no_faster(
    client: FlaskClient, scene: Scene
) -> None:
    """Twenty a second, for good: each time with a log-in of one's own in between, or from another address."""
    for name in ("wang", "li"):
        person(scene, Role.FARMER, name)
    shared, own = (client.application.test_client() for _ in range(2))
    for browser, name in ((shared, "wang"), (own, "li")):
        log_in(browser, name)
        post(browser, "/log-out", "/log-in")
    told = []
    for turn in range(10):
        shared.environ_base["REMOTE_ADDR"] = own.environ_base["REMOTE_ADDR"] = f"192.168.4.{turn // 2}"
        told += [log_in(shared, "wang", "x" * 12).text for _ in range(4)]
        assert log_in(own, "li").status_code == 303
        post(own, "/log-out", "/log-in")
    assert sum(WRONG in page for page in told) == 30, "as from browsers that nobody knows"
    scene.clock.advance(61)
    assert log_in(shared, "wang").status_code == 303
    post(shared, "/log-out", "/log-in")
    assert WRONG in log_in(shared, "wang", "x" * 12).text
    assert log_in(shared, "wang").status_code == 303, "with the right one all that is forgiven"


def test_who_is_logged_in_changes_the_password_while_others_guess(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    person(scene, Role.FARMER, "wang")
    before = client.get_cookie("fieldeye_device")
    guess(client.application.test_client(), scene)
    new = {"old": PASSWORD, "password": "another long enough one"}
    assert post(client, "/account", "/account", **new).status_code == 200
    after = client.get_cookie("fieldeye_device")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    post(client, "/log-out", "/log-in")
    assert log_in(client, "farmer", new["password"]).status_code == 303


def test_who_finds_a_phone_that_is_logged_in_guesses_its_password_no_faster(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    guess_at = {"old": "x" * 12, "password": "another long enough one"}
    for _ in range(5):
        assert "This is not your password." in post(client, "/account", "/account", **guess_at).text
    assert "Too many wrong attempts" in post(client, "/account", "/account", **guess_at).text


def test_claims_are_limited_as_log_ins_are(labelled: FlaskClient, scene: Scene) -> None:
    for _ in range(5):
        claim(labelled, "2222-2222-2222")
    assert "Too many wrong attempts" in claim(labelled).text
    assert not scene.store.accounts.is_claimed()


# 4: sessions


def test_the_cookie_is_out_of_reach_of_scripts_and_foreign_sites(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    cookies = log_in(client, "farmer").headers.getlist("Set-Cookie")
    (session,) = [cookie for cookie in cookies if cookie.startswith("fieldeye=")]
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert "Secure" not in session  # the node speaks http; behind TLS:
    secure = client.get("/log-in", base_url="https://north-dyke.local")
    token = secure.text.split('name="csrf" value="')[1][:64]
    form = {"csrf": token, "name": "farmer", "password": PASSWORD}
    cookies = client.post("/log-in", data=form, base_url="https://north-dyke.local").headers.getlist("Set-Cookie")
    assert "Secure" in next(cookie for cookie in cookies if cookie.startswith("fieldeye="))


def test_the_store_knows_a_session_by_its_digest_only(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    cookie = client.get_cookie("fieldeye")
    assert cookie is not None
    assert scene.store.accounts.session(digest(cookie.value)) is not None
    kept = b"".join(file.read_bytes() for file in Path(scene.config.store.folder).glob("accounts.sqlite*"))
    assert cookie.value.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_a_log_in_takes_a_new_token_and_ends_the_one_before(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    before = client.get_cookie("fieldeye")
    log_in(client, "farmer")
    after = client.get_cookie("fieldeye")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert scene.store.accounts.session(digest(before.value)) is None


def test_a_token_that_a_stranger_has_set_is_not_taken_over(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    client.set_cookie("fieldeye", "set by a stranger")
    log_in(client, "farmer")
    assert client.get_cookie("fieldeye").value != "set by a stranger"  # type: ignore[union-attr]
    assert scene.store.accounts.session(digest("set by a stranger")) is None


@pytest.mark.parametrize(("role", "hours"), [(Role.TECHNICIAN, 12), (Role.FARMER, 60 * 24)])
def test_a_session_ends_on_the_node_when_it_was_not_used(
    role: Role, hours: int, client: FlaskClient, scene: Scene
) -> None:
    as_role(client, scene, role)
    for _ in range(3):
        scene.clock.advance(hours * 1800)  # half of the time, again and again
        assert client.get("/account").status_code == 200
    scene.clock.advance(hours * 3600 + 60)
    cookie = client.get_cookie("fieldeye")
    assert client.get("/account").location == "/log-in"
    keep_sessions(client.application)
    assert cookie is not None
    assert scene.store.accounts.session(digest(cookie.value)) is None


def test_a_session_ends_after_ninety_days_however_often_it_was_used(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    for _ in range(3):
        scene.clock.advance(29 * 86_400)
        assert client.get("/account").status_code == 200
    scene.clock.advance(4 * 86_400)
    assert client.get("/account").location == "/log-in"


def test_the_card_is_told_of_who_is_at_work_every_five_minutes_at_most(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    kept = []
    for after_s in (60, 230, 20):
        scene.clock.advance(after_s)
        client.get("/account")
        keep_sessions(client.application)  # as the server does after each answer
        session = scene.store.accounts.session(digest(client.get_cookie("fieldeye").value))  # type: ignore[union-attr]
        assert session is not None
        kept.append((scene.clock.utc - session.used_utc).total_seconds())
    assert kept == [60, 290, 0]


def test_who_has_answered_does_not_wait_for_a_card_that_keeps_somebody_else(
    client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, scene, Role.FARMER)
    scene.clock.advance(360)
    client.get("/account")
    with ThreadPoolExecutor(2) as workers, stalled_commits(monkeypatch) as is_waiting:
        other = workers.submit(person, scene, Role.FARMER, "other")
        assert is_waiting.wait(20)
        workers.submit(keep_sessions, client.application).result(20)
        assert not other.done()


def test_of_two_who_have_answered_in_the_same_moment_one_waits_for_the_card(
    client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, scene, Role.FARMER)
    scene.clock.advance(360)
    monkeypatch.setattr(scene.store.accounts, "is_being_written", lambda: False)  # when either looked
    with ThreadPoolExecutor(2) as workers, stalled_commits(monkeypatch) as is_waiting:
        client.get("/account")
        one = workers.submit(keep_sessions, client.application)
        assert is_waiting.wait(20)
        client.get("/account")
        workers.submit(keep_sessions, client.application).result(20)
        assert not one.done()


def test_who_had_run_out_by_a_clock_that_was_wrong_stays_logged_in(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    cookie, known = client.get_cookie("fieldeye"), Trust(scene.store, scene.board, scene.clock, None, open_to_read=True)
    assert cookie is not None
    for days, role in ((61, Role.READER), (-61, Role.FARMER)):  # before the card was told
        scene.clock.jump(days * 86_400, ClockState.SYNCED)
        assert known.visitor(cookie.value).role is role
    known.keep_sessions()
    assert known.visitor(cookie.value).role is Role.FARMER


@pytest.mark.parametrize("days", [70, 200, -200])
def test_neither_a_clock_that_is_set_nor_a_restart_logs_anybody_out_and_the_time_without_use_counts_on(
    days: int, client: FlaskClient, scene: Scene
) -> None:
    scene.clock.jump(0, ClockState.UNSYNCED)
    as_role(client, scene, Role.TECHNICIAN)
    scene.clock.advance(6 * 3600)
    scene.clock.jump(days * 86_400, ClockState.SYNCED)
    assert client.get("/account").status_code == 200
    keep_sessions(client.application)
    cookie = client.get_cookie("fieldeye")
    assert cookie is not None
    again = restarted(scene)
    again.set_cookie("fieldeye", cookie.value)
    assert again.get("/account").status_code == 200
    scene.clock.advance(6 * 3600)
    assert again.get("/account").status_code == 200
    scene.clock.advance(12 * 3600 + 60)
    scene.clock.jump(-10 * 3600, ClockState.SYNCED)
    assert again.get("/account").location == "/log-in"


def test_a_clock_that_is_set_does_not_log_out_who_is_at_work_while_a_script_logs_in(
    client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.page.trust.MOST_USES", 2)
    scene.clock.jump(0, ClockState.UNSYNCED)
    as_role(client, scene, Role.TECHNICIAN)
    for _ in range(2):
        assert client.get("/account").status_code == 200
        log_in(client.application.test_client(), "technician")
    scene.clock.jump(70 * 86_400, ClockState.SYNCED)
    assert client.get("/account").status_code == 200


def test_a_log_out_ends_the_session_on_the_node(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    cookie = client.get_cookie("fieldeye")
    post(client, "/log-out", "/account")
    assert cookie is not None
    client.set_cookie("fieldeye", cookie.value)
    assert client.get("/people").status_code == 303


def test_a_changed_password_ends_all_other_sessions(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.FARMER)
    other = client.application.test_client()
    log_in(other, "farmer")
    answer = post(client, "/account", "/account", old=PASSWORD, password="quite another one")  # noqa: S106
    assert "The new password holds" in answer.text
    assert client.get("/account").status_code == 200
    assert other.get("/account").location == "/log-in"
    assert log_in(other, "farmer").status_code == 400
    assert log_in(other, "farmer", "quite another one").status_code == 303


def test_what_only_some_may_see_is_not_kept_by_the_phone(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    assert client.get("/people").headers["Cache-Control"] == "no-store"
    assert client.get("/").headers["Cache-Control"] == "no-cache"


# 5: the token in each form


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü"])
def test_a_form_without_its_token_changes_nothing(token: str | None, client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    form = {"name": "eve", "role": "technician"} | ({} if token is None else {"csrf": token})
    for rule in client.application.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            assert client.post(rule.rule, data=form).status_code == 400, rule.rule
    assert [one.name for one in scene.store.accounts.everybody()] == ["technician"]


def test_a_token_of_another_visitor_is_refused(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    stranger = client.application.test_client()
    form = {"csrf": token_on(stranger, "/log-in"), "name": "eve", "role": "farmer"}
    assert client.post("/people", data=form).status_code == 400
    client.set_cookie("fieldeye_visitor", stranger.get_cookie("fieldeye_visitor").value)  # type: ignore[union-attr]
    assert client.post("/people", data=form).status_code == 400, "made from a cookie that the stranger has set"


def test_the_log_in_form_has_a_token_too(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    assert client.post("/log-in", data={"name": "farmer", "password": PASSWORD}).status_code == 400


# 8: the size of what is sent


def test_a_form_that_is_too_large_is_refused_in_words(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    token = token_on(client, "/log-in")
    answer = client.post("/log-in", data={"csrf": token, "name": "x" * 70_000, "password": PASSWORD})
    assert answer.status_code == 413
    assert "This is too large to be sent to the node." in answer.text


# 20 and the rest


def test_who_did_what_from_where_stands_in_the_trail_without_secrets(labelled: FlaskClient, scene: Scene) -> None:
    claim(labelled)
    made = post(labelled, "/people", "/people", name="wang", role="farmer")
    password = made.text.split('class="figure code">')[1].split("<")[0]
    assert re.fullmatch("([2-9A-Z]{4}-){3}[2-9A-Z]{4}", password)
    wang = labelled.application.test_client()
    log_in(wang, "wang", "not this one")
    assert log_in(wang, "wang", password).status_code == 303
    post(wang, "/account", "/account", old=password, password=PASSWORD)
    post(labelled, "/people/remove", "/people", name="wang")
    said = [(one.who, one.what, one.outcome) for one in scene.store.audit_trail()]
    assert said == [
        ("li · 127.0.0.1", "person wang: removed", "done"),
        ("wang · 127.0.0.1", "password", "done"),
        ("wang · 127.0.0.1", "log-in", "done"),
        ("127.0.0.1", "log-in", "refused"),
        ("li · 127.0.0.1", "person wang: farmer", "done"),
        ("li · 127.0.0.1", "claim", "done"),
    ]
    page = labelled.get("/audit").text
    assert "People: wang: farmer" in page
    assert "refused" in page
    assert not any(secret in page for secret in (password, PASSWORD, CODE))


def test_a_flood_of_wrong_passwords_does_not_push_all_else_out_of_the_trail(client: FlaskClient, scene: Scene) -> None:
    name = person(scene, Role.FARMER)
    form = {"csrf": token_on(client, "/log-in"), "name": name, "password": "x" * 3}
    for _ in range(120):
        scene.clock.advance(901)
        assert WRONG in client.post("/log-in", data=form).text
    assert len(scene.store.audit_trail(200)) == 31, "thirty, and the hundredth"


def test_a_name_is_as_its_language_writes_it(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    typed, kept = " श्\u200dयाम\u3000\u200bशर्मा\u202e張\U00031350 ", "श्\u200dयाम शर्मा張\U00031350"
    made = post(client, "/people", "/people", name=typed, role="farmer")
    assert kept in [one.name for one in scene.store.accounts.everybody()]
    password = made.text.split('class="figure code">')[1].split("<")[0]
    assert log_in(client.application.test_client(), typed, password).status_code == 303
    assert "A name is missing." in post(client, "/people", "/people", name="\u200d", role="farmer").text


def test_the_last_technician_cannot_be_removed_or_made_less(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    assert post(client, "/people/remove", "/people", name="technician").status_code == 400
    answer = post(client, "/people", "/people", name="technician", known="technician", role="reader")
    assert "This is the only technician" in answer.text
    assert client.get("/people").status_code == 200


def test_of_two_technicians_who_remove_each_other_while_the_card_is_slow_one_stays(
    client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    other = client.application.test_client()
    log_in(other, person(scene, Role.TECHNICIAN, "wang"))
    forms = [
        {"csrf": token_on(one, "/people"), "name": name} for one, name in ((client, "wang"), (other, "technician"))
    ]
    with ThreadPoolExecutor(2) as taps, stalled_commits(monkeypatch) as is_waiting:
        first = taps.submit(client.post, "/people/remove", data=forms[0])
        assert is_waiting.wait(20)
        second = taps.submit(other.post, "/people/remove", data=forms[1])
        with suppress(TimeoutError):
            second.result(0.5)
        assert not first.done()
    assert first.result().status_code == 303
    assert "This is the only technician" in second.result().text
    assert [one.name for one in scene.store.accounts.everybody()] == ["technician"]


@pytest.mark.parametrize("meanwhile", ["removed", "made a farmer"])
def test_whose_account_was_changed_while_they_changed_their_password_has_to_log_in_again(
    meanwhile: str, client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    other, accounts = client.application.test_client(), scene.store.accounts
    log_in(other, person(scene, Role.TECHNICIAN, "wang"))
    form = {"csrf": token_on(other, "/account"), "old": PASSWORD, "password": "another one of mine"}
    with ThreadPoolExecutor(2) as taps, stalled_commits(monkeypatch) as is_waiting:
        if meanwhile == "removed":
            taps.submit(accounts.remove, "wang")
        else:
            taps.submit(person, scene, Role.FARMER, "wang")
        assert is_waiting.wait(20)
        sent = taps.submit(other.post, "/account", data=form)
        with suppress(TimeoutError):
            sent.result(0.5)
    answer, left = sent.result(), accounts.account("wang")
    assert answer.location == "/log-in"
    assert (left.role if left else "removed") == ("removed" if meanwhile == "removed" else "farmer")
    assert other.get("/people").status_code in {303, 302}


def test_who_forgot_a_password_gets_another_one_and_of_two_technicians_one_becomes_a_farmer(
    client: FlaskClient, scene: Scene
) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    for name in ("wang", "li"):
        person(scene, Role.TECHNICIAN, name)
    phone = client.application.test_client()
    log_in(phone, "wang")
    assert "There is somebody of this name." in post(client, "/people", "/people", name="Wang", role="farmer").text
    made = post(client, "/people", "/people", name="wang", known="wang", role="farmer")
    password = made.text.split('class="figure code">')[1].split("<")[0]
    assert phone.get("/account").location == "/log-in"
    assert (log_in(phone, "wang").status_code, log_in(phone, "wang", password).status_code) == (400, 303)
    assert phone.get("/people").status_code == 403
    assert post(client, "/people/remove", "/people", name="li").status_code == 303
    assert [one.name for one in scene.store.accounts.everybody()] == ["technician", "wang"]


def test_a_removed_person_is_out_at_once(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    other = client.application.test_client()
    log_in(other, person(scene, Role.FARMER))
    assert post(client, "/people/remove", "/people", name="farmer").status_code == 303
    assert other.get("/account").location == "/log-in"


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", ""])
def test_a_log_in_leads_to_no_other_host(wanted: str, client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.FARMER)
    answer = post(client, "/log-in", "/log-in", name="farmer", password=PASSWORD, next=wanted)
    assert answer.location == "/"


def test_a_log_in_leads_back_to_where_somebody_wanted_to_go(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.TECHNICIAN)
    sent = client.get("/people?x=1")
    assert sent.location == "/log-in?next=/people?x%3D1"
    form = client.get(sent.location).text
    assert 'name="next" value="/people?x=1"' in form


@pytest.mark.parametrize(
    ("form", "stands_on"),
    [
        ("/photo/7f3a/ask", "/photo/7f3a"),
        ("/settings", "/settings"),
        ("/settings/undo", "/settings"),
        ("/set-up/region", "/set-up/region"),
        ("/set-up/finish", "/set-up"),
        ("/done/undo", "/"),
    ],
)
def test_whoever_sends_a_form_after_the_log_in_has_ended_is_told_and_led_back_to_it(
    form: str, stands_on: str, client: FlaskClient, scene: Scene
) -> None:
    person(scene, Role.TECHNICIAN)
    told = client.get(client.post(form, data={"note": "ten plants"}).location).text
    assert f'name="next" value="{stands_on}"' in told
    assert "You are no longer logged in, so nothing was sent: log in and send it again." in told
    assert "nothing was sent" not in client.get("/log-in").text


def test_a_role_of_a_later_version_may_do_what_anybody_may(client: FlaskClient, scene: Scene) -> None:
    person(scene, Role.TECHNICIAN)
    scene.store.accounts.put(Account(name="wu", role="adviser", hash=HASH), scene.clock.utc)
    assert log_in(client, "wu").status_code == 303
    assert client.get("/").status_code == 200
    told = client.get("/photo")
    assert told.status_code == 403
    assert "This is for the farmer and the technician." in told.text
    assert client.get("/people").status_code == 403


def test_a_name_that_may_not_is_told_so_and_may_change_names(client: FlaskClient, scene: Scene) -> None:
    answer = as_role(client, scene, Role.FARMER).get("/people")
    assert answer.status_code == 403
    assert "This is for the technician." in answer.text
    assert 'href="/log-in"' in answer.text


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # what it takes for a page


@pytest.mark.parametrize(
    ("role", "address", "accepts", "is_visit"),
    [
        (Role.TECHNICIAN, "/set-up", BROWSER, True),
        (Role.FARMER, "/", BROWSER, True),
        (Role.TECHNICIAN, "/node", "*/*", False),  # the script of an open page
        (Role.TECHNICIAN, "/live.jpg", "image/webp,*/*", False),
        (Role.TECHNICIAN, "/healthz", "*/*", False),
        (Role.READER, "/", BROWSER, False),
        (Role.NOBODY, "/", BROWSER, False),
    ],
)
def test_a_page_that_a_farmer_or_technician_opens_keeps_the_node_awake_for_ten_minutes(
    role: Role, address: str, accepts: str, is_visit: bool, client: FlaskClient, scene: Scene
) -> None:
    as_role(client, scene, role)
    scene.clock.advance(600)
    assert not scene.board.is_visited(scene.clock.monotonic_s())
    client.get(address, headers={"Accept": accepts})
    scene.clock.advance(599)
    assert scene.board.is_visited(scene.clock.monotonic_s()) == is_visit


def test_a_log_in_and_a_form_keep_the_node_awake(client: FlaskClient, scene: Scene) -> None:
    as_role(client, scene, Role.TECHNICIAN)
    assert scene.board.is_visited(scene.clock.monotonic_s())
    scene.clock.advance(600)
    post(client, "/set-up/clock", "/set-up/clock")
    assert scene.board.is_visited(scene.clock.monotonic_s())


def test_what_the_trail_does_not_take_is_done_and_not_said_to_be_refused(
    scene: Scene, client: FlaskClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name, renewed = person(scene, Role.FARMER), f"{PASSWORD}, renewed"
    log_in(client, name)
    with refusing(tmp_path / "fieldeye.db", "INSERT ON audit"):
        answer = post(client, "/account", "/account", old=PASSWORD, password=renewed)
    assert answer.status_code < 400
    assert "audit_not_written" in caplog.messages
    other = scene.app().test_client()
    log_in(other, name, renewed)
    assert other.get("/account").status_code == 200
