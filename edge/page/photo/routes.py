"""What is this? A photograph from a phone, an answer with how sure, and the station for whoever wants to know more."""

from typing import NoReturn

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.errors import BadFrameError, StoreError
from edge.page.access import FORM_BYTES, needs
from edge.page.node import node
from edge.page.photo.findings import asked, findings, refused_words
from edge.page.photo.looker import Look
from edge.page.references import reference
from edge.page.trust import Role, trust, visitor
from edge.page.words import gettext
from edge.photographs import CARD, KINDS, LONGEST_PX, MOST_UPLOAD_BYTES, checked
from edge.store import MOST_NAME_LETTERS, MOST_NOTE_LETTERS, Question
from edge.taxa import taxon

photograph = Blueprint("photograph", __name__)
CHOICES = {"both": KINDS, "pests": ("pests",), "diseases": ("diseases",), "card": (CARD,)}


@photograph.get("/photo")
@needs(Role.FARMER)
def photo() -> str:
    """Take or choose a photograph; below, what the station was asked."""
    was_too_large = request.args.get("wrong") == "too_large"  # told by edge/page/server.py before it came in
    return _form(refused_words("too_large") if was_too_large else "", "both", "")


@photograph.post("/photo")
@needs(Role.FARMER, body_bytes=MOST_UPLOAD_BYTES + FORM_BYTES)
def send() -> ResponseReturnValue:
    """Checked by what the file says of itself; the rest happens apart from the node."""
    file, choice, note = request.files.get("photo"), request.form.get("what", ""), _note()
    upload = file.read() if file is not None else b""
    try:
        checked(upload)
    except BadFrameError as why:
        return _form(refused_words(why.reason), choice, note), 400
    name = node().looker.submit(upload, CHOICES.get(choice, KINDS), note)
    if name is None:
        busy = gettext("Other photographs are being looked at. Send it again in a minute.")
        return _form(busy, choice, note), 503
    return redirect(f"/photo/{name}", 303)


@photograph.get("/photo/<name>")
@needs(Role.FARMER)
def answered(name: str) -> ResponseReturnValue:
    """The answer, or that it is on its way."""
    look = _look(name)
    if look.answer is None:
        return render_template("photo_waiting.html")
    if look.answer.state == "refused":
        return _form(refused_words(look.answer.why), _choice(look.kinds), look.note)
    if look.answer.state == "failed":
        words = gettext("The photograph could not be looked at. Show this page to your technician.")
        return _form(words, _choice(look.kinds), look.note, look.answer.why), 503
    config = node().config
    can_ask = config.mqtt is not None
    found = findings(look.answer, has_station=can_ask or bool(config.page and config.page.station_phone))
    return render_template(
        "photo_answer.html",
        id=name,
        width=look.answer.width_px,
        height=look.answer.height_px,
        found=found,
        reference=reference(found.guess),
        can_ask=can_ask,
        note=look.note,
        most_letters=MOST_NOTE_LETTERS,
    )


@photograph.post("/photo/<name>/ask")
@needs(Role.FARMER)
def ask(name: str) -> ResponseReturnValue:
    """Queued on the node until a subscriber has got it. Only now does the photograph leave the node."""
    look = node().looker.look(name)
    if look is None:  # a restart or new settings let go of it: the note need not be typed again
        return _form(_gone_words(), "both", _note()), 404
    if look.answer is None or look.answer.state != "done" or node().config.mqtt is None:
        _gone()
    try:
        _ask_once(look, _note(), findings(look.answer).guess)
    except StoreError as why:
        words = gettext("The station cannot be asked now. Try again once the node has reached it.")
        return render_template("plain.html", words=words, detail=str(why)), 503
    return redirect("/photo#station", 303)


@photograph.get("/photo/<name>.jpg")
@needs(Role.FARMER)
def photo_jpeg(name: str) -> Response:
    """Pixels only, as the node keeps it for a while."""
    return _jpeg(_look(name).jpeg)


@photograph.get("/questions/<name>.jpg")
@needs(Role.FARMER)
def question_jpeg(name: str) -> Response:
    """The photograph of a question."""
    return _jpeg(node().store.question_photo(name) or b"")


@photograph.get("/questions/<name>/delete")
@needs(Role.FARMER)
def form_address(name: str) -> ResponseReturnValue:  # noqa: ARG001  as the form below has it
    """Where a refused form stands: opened anew, all questions."""
    return redirect("/photo#station", 303)


@photograph.post("/questions/<name>/delete")
@needs(Role.FARMER)
def delete_question(name: str) -> ResponseReturnValue:
    """For good, by whoever asked or the technician. A second tap finds none."""
    this = node()
    question, photo = this.store.question(name), this.store.question_photo(name)
    if question is not None and not _may_delete(question):
        words = gettext("This is for the technician. Log in with another name.")
        return render_template("plain.html", words=words, log_in=True), 403
    if photo:
        this.looker.forget(photo)  # first: after a card that does only half of it there is none to know it by
    if question is not None and this.store.delete_question(name):
        trust().note(f"deleted-question {name}")
    return redirect("/photo#station", 303)


def _may_delete(question: Question) -> bool:
    return visitor().role >= Role.TECHNICIAN or question.who == _who()


def _who() -> str:
    return visitor().name[:MOST_NAME_LETTERS]


def _choice(kinds: tuple[str, ...]) -> str:
    """What was said to be on it."""
    return next(choice for choice, those in CHOICES.items() if those == kinds)


def _form(wrong: str, choice: str, note: str, detail: str = "") -> str:
    """`note`: typed with a photograph before, it goes with the next one. `detail`: of what went wrong, in English."""
    when = node().moments()
    words = {
        "both": gettext("I do not know"),
        "pests": gettext("An insect"),
        "diseases": gettext("Spots or damage on a leaf or fruit"),
        "card": gettext("A sticky card"),
    }
    return render_template(
        "photo_form.html",
        wrong=wrong,
        detail=detail,
        choices=[(key, name, key == choice) for key, name in words.items()],
        note=note,
        most_letters=MOST_NOTE_LETTERS,
        can_ask=node().config.mqtt is not None,
        questions=[asked(one, when, may_delete=_may_delete(one)) for one in node().store.questions()],
        most_mb=MOST_UPLOAD_BYTES // 1_000_000,
        longest_px=LONGEST_PX,
    )


def _ask_once(look: Look, note: str, guess: str) -> None:
    """A second tap asks nothing. Raises StoreError."""
    this, who = node(), _who()
    with this.looker.asking(look.id, note) as is_new:
        if is_new:
            at, eppo = this.clock.now(), taxon(guess).eppo
            this.store.ask_station(at, look.jpeg, who=who, note=note, guess=guess, eppo=eppo)


def _note() -> str:
    """A browser counts a line break as one letter and sends two."""
    typed = request.form.get("note", "").replace("\r\n", "\n").replace("\0", "")
    return typed.strip()[:MOST_NOTE_LETTERS]


def _look(name: str) -> Look:
    return node().looker.look(name) or _gone()


def _gone() -> NoReturn:
    abort(404, _gone_words())


def _gone_words() -> str:
    return gettext("This photograph is no longer kept. Take it again.")


def _jpeg(content: bytes) -> Response:
    if not content:
        _gone()
    return Response(content, mimetype="image/jpeg")
