"""A photograph from a phone: an answer in words, or a sentence that says what to do; the station only when asked."""

import errno
import io
import os
import random
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from threading import enumerate as enumerate_threads

import cv2
import msgspec
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from edge.boxes import Image
from edge.bundle import MODELS, load_bundle
from edge.counts import TaxonCount
from edge.detector import Detector
from edge.errors import BadFrameError
from edge.page.photo.findings import findings
from edge.page.photo.looker import COMMAND, MOST_KEPT, MOST_WAITING, ONE_THREAD, Looker
from edge.page.trust import Role
from edge.photographs import (
    MOST_KEPT_BYTES,
    MOST_UPLOAD_BYTES,
    Answer,
    Found,
    checked,
    decoded,
    found_by,
    kept_jpeg,
    main,
)
from edge.store import Answer as Reply
from edge.store import questions as kept
from tests.cameras.test_pictures import png_chunk
from tests.onnx_files import GOLDEN_SQUARES, Net, facts, picture_with, write_model, write_release
from tests.page.scenes import Scene, picture_of
from tests.page.visitors import as_role, form_on, token_on
from tests.test_store import put_in_the_way
from tests.waiting import wait_until

BUG = picture_of("rice_bug.jpg")
SLOW = (sys.executable, "-c", "import time; time.sleep(60)")
CRASH = (sys.executable, "-c", "import os; os.abort()")
TELLS_WHAT_IT_IS_ASKED = (
    sys.executable, "-c", "import json, sys; print(json.dumps({'state': 'failed', 'why': repr(sys.argv[2:])}))"
)  # fmt: skip
TAKEN_BY_THE_KERNEL = (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
TAKEN_WHILE_IT_ANSWERS = (
    sys.executable, "-c",
    """import os; os.write(1, b'{"state":"done","width_px":9,"height_px":9}\\n\\xff\\xd8'); os.kill(os.getpid(), 9)""",
)  # fmt: skip
NO_LETTERS = (sys.executable, "-c", """import os; os.write(1, b'{"state":"failed","why":"\\xff"}\\n')""")


@pytest.fixture
def looker() -> Iterator[Looker]:
    known = Looker()
    yield known
    known.close()


@pytest.fixture
def farmer(scene: Scene, looker: Looker) -> FlaskClient:
    return farmer_of(scene, looker)


def farmer_of(scene: Scene, looker: Looker) -> FlaskClient:
    app = scene.app(looker=looker)
    return as_role(app.test_client(), scene, Role.FARMER)


def sent(client: FlaskClient, upload: bytes, what: str = "pests", name: str = "a.jpg", note: str = "") -> TestResponse:
    photo = FileStorage(io.BytesIO(upload), filename=name)
    form = {"csrf": token_on(client, "/account"), "what": what, "note": note, "photo": photo}
    boundary, body = encode_multipart(form)  # the client itself would leave a file of a large one open
    return client.post("/photo", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def looked_at(client: FlaskClient, looker: Looker, upload: bytes, what: str = "pests", note: str = "") -> str:
    """Send a photograph and wait for its answer; the address."""
    place = sent(client, upload, what, note=note).location
    assert place is not None
    wait_until(lambda: (look := looker.look(place.removeprefix("/photo/"))) and look.answer is not None, within_s=60)
    return str(place)


def test_the_form_says_how_to_photograph_each_thing(farmer: FlaskClient) -> None:
    steps = re.search('<ul class="steps">(.*?)</ul>', farmer.get("/photo").text)
    assert steps is not None
    assert re.findall("<li>(.*?)</li>", steps[1]) == [
        "An insect: go near, until it fills a third of the picture.",
        "A disease: one whole leaf or fruit, of rice and other long leaves the sick part, "
        "so that it fills the picture.",
        "A sticky card: all of it, from straight ahead, so that it fills the picture.",
        "Hold still. Light from behind you is best.",
    ]


def test_a_rice_bug_is_named_with_how_sure_and_framed(farmer: FlaskClient, looker: Looker) -> None:
    page = farmer.get(looked_at(farmer, looker, BUG)).text
    assert re.search(r"<h1[^>]*>Rice bugs</h1>", page)
    assert "probably · In tests, 67 of 100 such answers were right." in page
    assert page.count('class="box"') >= 1
    assert "For comparison: Rice bugs" in page


def test_a_photograph_is_looked_at_by_the_model_that_is_installed(scene: Scene, tmp_path: Path) -> None:
    looker = Looker(models=write_release(tmp_path / "models", {"pests": Net()}))
    client = farmer_of(scene, looker)
    squares = cv2.imencode(".png", picture_with(GOLDEN_SQUARES))[1].tobytes()
    page = client.get(looked_at(client, looker, squares)).text
    looker.close()
    assert "Pieris" in page
    assert page.count('class="box"') == len(GOLDEN_SQUARES)


@pytest.mark.parametrize(
    ("what", "models"),
    [
        ("both", ["pests", "diseases"]),
        ("pests", ["pests"]),
        ("diseases", ["diseases"]),
        ("card", ["cards"]),
        ("", ["pests", "diseases"]),
    ],
)
def test_a_photograph_is_looked_at_by_the_models_of_what_the_farmer_says_it_is(
    what: str, models: list[str], scene: Scene
) -> None:
    looker = Looker(TELLS_WHAT_IT_IS_ASKED)
    client = farmer_of(scene, looker)
    assert str(models) in unescape(client.get(looked_at(client, looker, BUG, what)).text)
    looker.close()


def test_each_kind_is_sure_by_its_own_threshold(tmp_path: Path) -> None:
    metadata = facts()
    metadata["classes"][1]["threshold"] = 0.999999  # a square gives 0.99999
    detector = Detector(load_bundle(write_model(tmp_path / "squares.onnx", Net(metadata=metadata))))
    told = found_by(detector, picture_with(GOLDEN_SQUARES))
    assert {one.label: one.is_sure for one in told} == {"Pieris": True, "Aleyrodidae": False}


def test_the_surest_of_all_models_is_told_first(tmp_path: Path) -> None:
    unsure = facts()
    unsure["classes"] = [{**one, "threshold": 0.999999} for one in unsure["classes"]]
    models = write_release(tmp_path / "models", {"pests": Net(metadata=unsure), "diseases": Net()})
    squares = cv2.imencode(".png", picture_with(GOLDEN_SQUARES))[1].tobytes()
    out = io.BytesIO()
    main(models, ("pests", "diseases"), io.BytesIO(squares), out)
    answer = msgspec.json.decode(out.getvalue().split(b"\n")[0], type=Answer)
    assert [one.is_sure for one in answer.found] == [True, True, False, False]


def test_until_the_answer_is_there_the_page_says_so_and_asks_again(scene: Scene) -> None:
    looker = Looker(SLOW)
    client = farmer_of(scene, looker)
    place = sent(client, BUG).location
    assert place is not None
    page = client.get(place).text
    looker.close()
    assert "The node looks at your photograph." in page
    assert 'http-equiv="refresh"' in page


def test_a_bare_wall_is_not_called_healthy(farmer: FlaskClient, looker: Looker) -> None:
    wall = cv2.imencode(".jpg", np.full((480, 640, 3), 150, np.uint8))[1].tobytes()
    page = farmer.get(looked_at(farmer, looker, wall, "both")).text
    assert "Nothing was recognised." in page
    assert "does not mean that the plant is healthy" in page


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("rice_bug.jpg", lambda image: image // 16, "too dark"),
        ("rice_bug.jpg", lambda image: 255 - image // 16, "too bright"),
        ("rice_bug.jpg", lambda image: blurred(image, 0.02), "not sharp enough"),
        ("whitefly.jpg", lambda image: blurred(image, 0.02), "not sharp enough"),
    ],
)
def test_a_photograph_that_shows_nothing_is_asked_for_again_and_not_named(
    file: str, change: Callable[[Image], Image], says: str, farmer: FlaskClient, looker: Looker
) -> None:
    image = cv2.imdecode(np.frombuffer(picture_of(file), np.uint8), cv2.IMREAD_COLOR)
    upload = cv2.imencode(".jpg", change(np.asarray(image, np.uint8)))[1].tobytes()
    page = farmer.get(looked_at(farmer, looker, upload, note="since Monday")).text
    assert f"This photograph is {says}" in page
    assert "Take another one" in page
    assert ">since Monday</textarea>" in page
    assert 'value="pests" checked' in page
    assert "In tests," not in page


@pytest.mark.parametrize("file", ["rice_bug.jpg", "whitefly.jpg"])
def test_a_hand_that_shakes_a_little_hinders_no_answer(file: str, farmer: FlaskClient, looker: Looker) -> None:
    image = cv2.imdecode(np.frombuffer(picture_of(file), np.uint8), cv2.IMREAD_COLOR)
    upload = cv2.imencode(".jpg", cv2.blur(image, (image.shape[1] // 50, 1)))[1].tobytes()
    assert "This photograph is" not in farmer.get(looked_at(farmer, looker, upload)).text


def blurred(image: Image, share: float) -> Image:
    """By a lens whose circle has that share of the longer side for its standard deviation."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * max(image.shape)), np.uint8)


def test_what_the_model_is_not_sure_of_is_said_with_its_doubt(farmer: FlaskClient) -> None:
    doubtful = found("Leptocorisa", 0.31, is_sure=False)
    with farmer.application.test_request_context("/"):
        said = findings(Answer(state="done", width_px=640, height_px=480, found=(doubtful,)))
    assert (said.tone, said.headline) == ("wait", "Perhaps: Rice bugs")
    assert "1 place, not sure" in said.lines[0].words
    assert "100" not in said.lines[0].words


def test_of_a_sticky_card_all_insects_are_counted_with_how_many_there_may_be(
    farmer: FlaskClient, looker: Looker
) -> None:
    page = farmer.get(looked_at(farmer, looker, (MODELS / "golden" / "cards.jpg").read_bytes(), "card")).text
    assert re.search(r"<h1[^>]*>Insects: 2</h1>", page)
    assert '<p class="fact">Likely between 0 and 4 · In tests, 80 of 100 such answers were right.</p>' in page
    assert "Look at the card: which insects are they?" in page
    assert page.count('class="box"') == 2


@pytest.mark.parametrize("squares", [[], GOLDEN_SQUARES], ids=["none", "unsure"])
def test_on_a_card_nothing_that_is_not_sure_is_counted(
    squares: list[tuple[int, int, tuple[int, int, int]]], scene: Scene, tmp_path: Path
) -> None:
    unsure = facts()
    unsure["classes"] = [{**one, "threshold": 0.999999} for one in unsure["classes"]]
    looker = Looker(models=write_release(tmp_path / "models", {"cards": Net(metadata=unsure)}))
    client = farmer_of(scene, looker)
    upload = cv2.imencode(".png", picture_with(squares))[1].tobytes()
    page = client.get(looked_at(client, looker, upload, "card")).text
    looker.close()
    assert "No insect was recognised on the card." in page
    assert "Photograph all of the card from straight ahead" in page
    assert "plant is healthy" not in page
    assert 'class="box"' not in page


def test_of_several_kinds_on_a_card_the_most_come_first_and_a_named_pest_sends_to_the_plants(
    farmer: FlaskClient,
) -> None:
    counts = tuple(
        TaxonCount(label=label, eppo="", count=count, low=None, high=None)
        for label, count in (("Aleyrodidae", 34), ("Insecta", 5))
    )
    seen = tuple(found(one.label, 0.9, model="cards") for one in counts)
    with farmer.application.test_request_context("/"):
        said = findings(Answer(state="done", width_px=640, height_px=480, found=seen, counts=counts))
    assert (said.tone, said.headline, said.guess) == ("look", "Whiteflies: 34", "Aleyrodidae")
    assert [line.name for line in said.lines] == ["Whiteflies: 34", "Insects: 5"]
    assert said.action == "Look at the plants around it: how many have it?"


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("healthy", ("calm", "All quiet", "Healthy leaf", "Nothing to do.")),
        (
            "Coccinella septempunctata",
            ("calm", "Harmless", "Seven-spot ladybird", "Nothing to do: it does no harm to the crop."),
        ),
        (
            "Coccinella septempunctata (larva)",
            ("calm", "Harmless", "Seven-spot ladybird", "Nothing to do: it does no harm to the crop."),
        ),
    ],
)
def test_a_healthy_leaf_is_told_as_healthy_and_a_helper_as_harmless(
    label: str, told: tuple[str, ...], farmer: FlaskClient
) -> None:
    with farmer.application.test_request_context("/"):
        said = findings(Answer(state="done", width_px=640, height_px=480, found=(found(label, 0.9),)))
    assert (said.tone, said.word, said.headline, said.action) == told


def found(label: str, confidence: float, *, is_sure: bool = True, model: str = "pests") -> Found:
    box = (0.1, 0.1, 0.5, 0.5)
    return Found(model=model, label=label, eppo="", confidence=confidence, is_sure=is_sure, box=box, precision=0.8)


@pytest.mark.parametrize(("confidence", "is_named"), [(0.75, False), (0.85, True)])
def test_beside_a_clear_insect_a_disease_is_named_only_if_it_is_clear(
    confidence: float, is_named: bool, farmer: FlaskClient
) -> None:
    both = (found("Leptocorisa", 0.9), found("Pyricularia oryzae", confidence, model="diseases"))
    with farmer.application.test_request_context("/"):
        said = findings(Answer(state="done", width_px=640, height_px=480, found=both))
    assert ("Pyricularia oryzae" in {line.scientific for line in said.lines}) == is_named


def test_nothing_of_the_file_but_its_pixels_is_kept(farmer: FlaskClient, looker: Looker) -> None:
    place = b"GPS 25.0330N 121.5654E"
    tagged = BUG[:2] + b"\xff\xe1" + (len(place) + 8).to_bytes(2, "big") + b"Exif\0\0" + place + BUG[2:]
    kept = farmer.get(looked_at(farmer, looker, tagged) + ".jpg").data
    assert kept.startswith(b"\xff\xd8")
    assert place not in kept


def test_asking_queues_photograph_note_and_guess_and_the_reply_is_shown(
    farmer: FlaskClient, looker: Looker, scene: Scene
) -> None:
    place = looked_at(farmer, looker, BUG)
    assert scene.store.questions() == []  # nothing leaves the node unasked
    form = {"csrf": token_on(farmer, "/account"), "note": "since Monday, ten hills"}
    for _ in range(2):  # a second tap
        assert farmer.post(f"{place}/ask", data=form).location == "/photo#station"
    (question,) = scene.store.questions()
    assert (question.who, question.note, question.guess) == ("farmer", "since Monday, ten hills", "Leptocorisa")
    assert farmer.get(f"/questions/{question.id}.jpg").data == scene.store.question_photo(question.id)
    assert "Waits on the node" in farmer.get("/photo").text
    scene.store.mark_question_sent(question.id)
    assert "The station has it; no answer yet" in farmer.get("/photo").text
    reply = Reply(utc=scene.clock.utc, who="Station Ningbo", text="Count ten hills", label="Leptocorisa oratorius")
    for _ in range(12):
        scene.store.ask_station(scene.clock.now(), BUG)
    scene.store.answer_question(question.id, reply)
    page = farmer.get("/photo").text
    assert "The station has answered" in page
    assert "Count ten hills" in page
    assert "Station Ningbo" in page


def test_whoever_asked_or_the_technician_deletes_a_question_with_its_photograph_and_no_other_farmer_can(
    farmer: FlaskClient, looker: Looker, scene: Scene
) -> None:
    place = looked_at(farmer, looker, BUG)
    farmer.post(f"{place}/ask", data={"csrf": token_on(farmer, "/account"), "note": "since Monday"})
    (mine,) = scene.store.questions()
    others = scene.store.ask_station(scene.clock.now(), BUG, who="Mei")
    address = f"/questions/{mine.id}/delete"
    page = farmer.get("/photo").text
    assert re.findall('action="(/questions/.*?)"', page) == [address]
    assert "Nothing more of it goes to the station." in page
    scene.store.mark_question_sent(mine.id)
    page = farmer.get("/photo").text
    assert "The station has its own copy: ask it to delete that, too." in page
    not_mine = farmer.post(f"/questions/{others.id}/delete", data=form_on(page, address))
    assert (not_mine.status_code, len(scene.store.questions())) == (403, 2)
    waiting = sent(farmer, picture_of("whitefly.jpg")).location
    for _ in range(2):  # a second tap
        assert farmer.post(address, data=form_on(page, address)).location == "/photo#station"
    assert scene.store.questions() == [others]
    assert [farmer.get(one).status_code for one in (f"/questions/{mine.id}.jpg", f"{place}.jpg")] == [404, 404]
    assert waiting is not None
    assert farmer.get(waiting).status_code == 200
    assert farmer.get(address).location == "/photo#station"
    technician = as_role(farmer.application.test_client(), scene, Role.TECHNICIAN)
    address = f"/questions/{others.id}/delete"
    technician.post(address, data=form_on(technician.get("/photo").text, address))
    assert scene.store.questions() == []
    told = [(one.what, one.who) for one in scene.store.audit_trail() if "question" in one.what]
    assert told == [
        (f"deleted-question {others.id}", "technician · 127.0.0.1"),
        (f"deleted-question {mine.id}", "farmer · 127.0.0.1"),
    ]
    assert f"Deleted a question: {mine.id}" in technician.get("/audit").text


def test_what_is_deleted_for_good_while_it_is_asked_about_again_is_not_put_back(
    farmer: FlaskClient, looker: Looker
) -> None:
    place = looked_at(farmer, looker, BUG)
    name = place.removeprefix("/photo/")
    look = looker.look(name)
    assert look is not None
    with looker.asking(name, "another note"):
        looker.forget(look.jpeg)
    assert looker.look(name) is None
    assert farmer.get(f"{place}.jpg").status_code == 404


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_photographs_are_looked_at_by_another_thread_where_the_last_one_has_died() -> None:
    looker = Looker(("no name of a command\0",))  # which Python refuses with an error of its own
    for _ in range(MOST_WAITING + 2):
        assert looker.submit(BUG, ["pests"]) is not None
        wait_until(lambda: "photographs" not in {one.name for one in enumerate_threads()}, within_s=20)
    looker.close()


def test_a_question_that_the_card_does_not_let_go_of_stays_with_a_sentence_for_the_technician(
    farmer: FlaskClient, looker: Looker, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    asked = scene.store.ask_station(scene.clock.now(), BUG, who="farmer")
    put_in_the_way(tmp_path / "questions" / f"{asked.id}.jpg")
    address = f"/questions/{asked.id}/delete"
    answer = farmer.post(address, data=form_on(farmer.get("/photo").text, address))
    assert answer.status_code == 503
    assert "Show this page to your technician." in answer.text
    assert "cannot delete the question" in answer.text
    assert f'href="{address}?lang=sw"' in answer.text
    assert scene.store.questions() == [asked]
    assert [one.what for one in scene.store.audit_trail()] == ["log-in"]
    place = looked_at(farmer, looker, BUG)
    farmer.post(f"{place}/ask", data={"csrf": token_on(farmer, "/account")})
    address = f"/questions/{scene.store.questions()[0].id}/delete"
    form = form_on(farmer.get("/photo").text, address)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        assert farmer.post(address, data=form).status_code == 503
    assert farmer.post(address, data=form).status_code == 303
    assert farmer.get(f"{place}.jpg").status_code == 404, "nor does the page keep what the card let go of at first"


def test_what_another_farmer_asks_while_an_unknown_question_is_deleted_stays(
    farmer: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = f"{scene.store.epoch.hex[:8]}-q1"

    def asked_meanwhile(_: str) -> None:
        scene.store.ask_station(scene.clock.now(), BUG, who="Mei")

    monkeypatch.setattr(scene.store, "question", asked_meanwhile)
    form = {"csrf": token_on(farmer, "/account")}
    assert farmer.post(f"/questions/{others}/delete", data=form).location == "/photo#station"
    assert [one.id for one in scene.store.questions()] == [others]


def test_of_a_question_whose_photograph_made_room_the_words_are_shown_and_can_be_deleted(
    farmer: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", len(BUG))
    old = scene.store.ask_station(scene.clock.now(), BUG, who="farmer", note="since Monday")
    scene.store.mark_question_sent(old.id)
    new = scene.store.ask_station(scene.clock.now(), BUG)
    page = farmer.get("/photo").text
    assert re.findall(r'src="/questions/(.*?).jpg"', page) == [new.id]
    assert "since Monday" in page
    waiting, address = sent(farmer, BUG).location, f"/questions/{old.id}/delete"
    farmer.post(address, data=form_on(page, address))
    assert scene.store.questions() == [new]
    assert waiting is not None
    assert farmer.get(waiting).status_code == 200


def test_a_note_to_a_photograph_that_is_no_longer_kept_goes_with_the_next_one(
    farmer: FlaskClient, looker: Looker, scene: Scene
) -> None:
    note = {"csrf": token_on(farmer, "/account"), "note": "since Monday, <ten> hills"}
    page = farmer.post("/photo/of-before-the-restart/ask", data=note)
    typed = 'name="note" rows="3" maxlength="500">since Monday, &lt;ten&gt; hills</textarea>'
    assert "This photograph is no longer kept. Take it again." in page.text
    assert typed in page.text
    upload = {**note, "photo": (io.BytesIO(b"no photograph"), "a.jpg")}
    assert typed in farmer.post("/photo", data=upload, content_type="multipart/form-data").text
    place = looked_at(farmer, looker, BUG, note=note["note"])
    assert typed in farmer.get(place).text
    assert scene.store.questions() == []


def test_a_note_with_line_breaks_is_as_long_as_the_browser_counts_it(
    farmer: FlaskClient, looker: Looker, scene: Scene
) -> None:
    place, note = looked_at(farmer, looker, BUG), "ten hills\r\n" * 49 + "at the end"  # 500 in the browser
    farmer.post(f"{place}/ask", data={"csrf": token_on(farmer, "/account"), "note": note})
    assert scene.store.questions()[0].note == "ten hills\n" * 49 + "at the end"


def test_a_node_without_a_server_offers_no_station(scene: Scene, looker: Looker) -> None:
    scene.configure(mqtt=None)
    client = farmer_of(scene, looker)
    place = looked_at(client, looker, BUG)
    assert "the station cannot be asked from this node" in client.get(place).text
    assert "Asked at the station" not in client.get("/photo").text
    assert client.post(f"{place}/ask", data={"csrf": token_on(client, "/account")}).status_code == 404
    assert scene.store.questions() == []


@pytest.mark.parametrize(("phone", "words"), [("", ""), ("0571 8700", " Or ask the station.")])
@pytest.mark.parametrize(("squares", "headline"), [(GOLDEN_SQUARES, "Perhaps: "), ([], "Nothing was recognised.")])
def test_a_node_without_a_server_sends_nobody_to_a_station_whose_number_it_does_not_know(
    phone: str,
    words: str,
    squares: list[tuple[int, int, tuple[int, int, int]]],
    headline: str,
    scene: Scene,
    tmp_path: Path,
) -> None:
    scene.configure(mqtt=None, page={"station_phone": phone})
    unsure = facts()
    unsure["classes"] = [{**one, "threshold": 0.999999} for one in unsure["classes"]]
    looker = Looker(models=write_release(tmp_path / "models", {"pests": Net(metadata=unsure)}))
    client = farmer_of(scene, looker)
    upload = cv2.imencode(".png", picture_with(squares))[1].tobytes()
    page = client.get(looked_at(client, looker, upload)).text
    looker.close()
    assert headline in page
    assert f"one whole leaf or fruit (of long leaves the sick part), in good light.{words}</p>" in page
    assert ('href="tel:05718700"' in page) is bool(phone)


def test_too_many_at_once_are_told_to_come_back(scene: Scene) -> None:
    looker = Looker(SLOW)
    client = farmer_of(scene, looker)
    answers = [sent(client, BUG) for _ in range(MOST_WAITING + 2)]
    looker.close()
    assert [answer.status_code for answer in answers].count(303) in (MOST_WAITING, MOST_WAITING + 1)
    assert answers[-1].status_code == 503
    assert "Send it again in a minute" in answers[-1].text


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (CRASH, "damaged"),
        (TAKEN_BY_THE_KERNEL, "too large"),
        (TAKEN_WHILE_IT_ANSWERS, "too large"),
        (NO_LETTERS, "damaged"),
    ],
    ids=["crash", "no memory", "no memory midway", "no letters"],
)
def test_a_file_that_breaks_the_decoder_ends_its_own_process_only(
    command: tuple[str, ...], says: str, scene: Scene
) -> None:
    looker = Looker(command)
    client = farmer_of(scene, looker)
    assert says in client.get(looked_at(client, looker, BUG)).text
    looker.close()


def test_where_memory_runs_out_the_kernel_takes_the_look_at_a_photograph_before_all_else() -> None:
    command, env = [*COMMAND, str(MODELS)], os.environ | ONE_THREAD
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as look:
        wait_until(lambda: Path(f"/proc/{look.pid}/oom_score_adj").read_text() == "1000\n", within_s=20)


def test_where_no_process_can_be_started_each_photograph_gets_its_answer(scene: Scene) -> None:
    looker = Looker(("/no/such/python",))
    client = farmer_of(scene, looker)
    for _ in range(2):
        answer = client.get(looked_at(client, looker, BUG, note="since Monday"))
        assert answer.status_code == 503
        assert "The photograph could not be looked at." in answer.text
        assert "/no/such/python" in answer.text
        assert ">since Monday</textarea>" in answer.text
    looker.close()


def test_only_the_newest_photographs_are_kept() -> None:
    broken = Looker(CRASH)
    first = broken.submit(BUG, ("pests",))
    assert first is not None
    wait_until(lambda: broken.look(first).answer is not None, within_s=20)  # type: ignore[union-attr]
    for _ in range(MOST_KEPT):
        while broken.submit(BUG, ("pests",)) is None:
            wait_until(lambda: len(broken._waiting) < MOST_WAITING, within_s=20)  # noqa: SLF001
    assert broken.look(first) is None
    broken.close()


def test_a_larger_upload_is_refused_before_it_is_read(farmer: FlaskClient) -> None:
    answer = sent(farmer, b"\xff\xd8\xff" + b"x" * (MOST_UPLOAD_BYTES + 70_000))
    assert answer.status_code == 413
    assert "too large" in answer.text


@pytest.mark.parametrize(
    ("upload", "says"),
    [
        (b"", "No photograph was chosen"), (b"GIF89a" + bytes(100), "no photograph that can be read"),
        (b"<svg onload=alert(1)>", "no photograph that can be read"), (BUG[: len(BUG) // 2], "Only a part"),
        (cv2.imencode(".jpg", np.zeros((32, 32, 3), np.uint8))[1].tobytes(), "too small"),
        (b"II*\0" + bytes(100), "no photograph that can be read"),
    ],
    ids=["none", "gif", "svg", "half", "tiny", "tiff"],
)  # fmt: skip
def test_each_thing_that_is_no_photograph_gets_its_sentence(upload: bytes, says: str, farmer: FlaskClient) -> None:
    answer = sent(farmer, upload, name="../../etc/passwd.jpg")
    assert answer.status_code == 400
    assert says in answer.text


def huge_png(rows: bytes) -> bytes:
    """A PNG that says it has 3600 megapixels, around compressed `rows`."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def test_a_small_file_that_unpacks_to_a_huge_picture_is_not_unpacked(farmer: FlaskClient) -> None:
    bomb = huge_png(zlib.compress(bytes(60_001 * 200)))
    assert len(bomb) < 100_000
    answer = sent(farmer, bomb)
    assert answer.status_code == 400
    assert "too large" in answer.text


def test_a_progressive_photograph_that_needs_more_memory_than_there_is_is_too_large_and_not_damaged(
    farmer: FlaskClient, looker: Looker
) -> None:
    image = np.full((64, 64, 3), 90, np.uint8)
    whole_colours = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    upload = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, *whole_colours])[1].tobytes()
    at = upload.index(b"\xff\xc2") + 5  # start of a progressive frame: the sides stand behind length and depth
    upload = upload[:at] + struct.pack(">HH", 4320, 5760) + upload[at + 4 :]
    assert "This photograph is too large" in farmer.get(looked_at(farmer, looker, upload)).text


def test_two_hundred_broken_files_are_refused_in_words_and_leave_no_memory_behind(farmer: FlaskClient) -> None:
    files = list(broken_files())
    codes, before = [], 0
    for number, upload in enumerate(files):
        if number == 50:
            before = resident_bytes()
        codes.append(outcome(upload))
    assert set(codes) <= {"seen", "empty", "not_an_image", "too_large", "too_small", "truncated", "damaged"}
    assert codes.count("seen") < 150
    assert resident_bytes() - before < 30_000_000
    for upload in files[::10]:
        assert sent(farmer, upload).status_code in (303, 400, 503)


def test_a_large_photograph_is_looked_at_as_large_as_it_may_be() -> None:
    large = cv2.imencode(".jpg", np.full((1500, 2000, 3), 90, np.uint8))[1].tobytes()
    assert decoded(large).shape == (960, 1280, 3)


def test_a_photograph_full_of_detail_is_kept_in_what_a_question_can_carry() -> None:
    grass = np.random.default_rng(1).integers(0, 255, (1280, 1280, 3), np.uint8)
    kept = kept_jpeg(grass)
    assert len(kept) <= MOST_KEPT_BYTES
    assert cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR).shape == (640, 640, 3)


def outcome(upload: bytes) -> str:
    """What the process that decodes would say."""
    try:
        checked(upload)
        kept_jpeg(decoded(upload))
    except BadFrameError as why:
        return why.reason
    return "seen"


def broken_files() -> Iterator[bytes]:
    """JPEG, PNG and WebP with flipped bytes, cut off, grown, and with sizes that lie."""
    chance = random.Random(7)
    image = cv2.imdecode(np.frombuffer(BUG, np.uint8), cv2.IMREAD_COLOR)
    whole = [cv2.imencode(ending, image)[1].tobytes() for ending in (".jpg", ".png", ".webp")]
    for number in range(200):
        content = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 20, 400))):
            content[chance.randrange(len(content) if number % 2 else 700)] = chance.randrange(256)
        if number % 5 == 0:
            del content[chance.randrange(len(content)) :]
        if number % 7 == 0:
            content += bytes(chance.randrange(256) for _ in range(500))
        yield bytes(content)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
