"""The photographs that farmers ask about, and the station's answers."""

from typing import NoReturn

from flask import Response, abort, g, redirect, render_template, request, session, url_for

from edge.errors import UsageError
from edge.platform.desk.entry import Answer, desk, logged_in, refuse
from edge.platform.intake.questions import (
    MOST_ANSWERED,
    MOST_LETTERS,
    MOST_SHOWN,
    answer,
    delete,
    find_question,
    how_many,
    photograph,
    questions,
)
from edge.platform.words import gettext, ngettext, number


@desk.get("/questions")
@logged_in
def questions_page() -> Answer:
    """What people ask, unanswered ones first."""
    left_out = _left_out(*how_many(g.database))
    return render_template("questions.html", questions=questions(g.database), left_out=left_out, wrong=None)


def _left_out(waiting: int, answered: int, coming: int) -> list[str]:
    """How many more there are than stand on the page."""
    says = []
    if waiting > MOST_SHOWN:
        shown, every = number(MOST_SHOWN), number(waiting)
        says.append(gettext("The %(shown)s first of %(every)s without an answer.", shown=shown, every=every))
    if answered > MOST_ANSWERED:
        shown, every = number(MOST_ANSWERED), number(answered)
        says.append(gettext("The %(shown)s last of %(every)s with an answer.", shown=shown, every=every))
    if coming:
        says.append(
            ngettext(
                "%(count)s photograph is still on its way from its node.",
                "%(count)s photographs are still on their way from their nodes.",
                coming,
                count=number(coming),
            )
        )
    return says


@desk.get("/questions/<int:node_id>/<question>.jpg")
@logged_in
def question_photo(node_id: int, question: str) -> Answer:
    """The photograph."""
    jpeg = photograph(g.database, node_id, question)
    return Response(jpeg, mimetype="image/jpeg") if jpeg is not None else abort(404)


@desk.get("/questions/<int:node_id>/<question>")
@desk.get("/questions/<int:node_id>/<question>/delete")
def form_address(node_id: int, question: str) -> Answer:  # noqa: ARG001  as the forms below have it
    """Where a refused form stands: opened anew, all questions."""
    return redirect(url_for("desk.questions_page"), 303)


@desk.post("/questions/<int:node_id>/<question>")
@logged_in
def answer_question(node_id: int, question: str) -> Answer:
    """Keep the answer; the leading worker brings it to the node. One that is not kept stands there still."""
    text, label, before = request.form.get("text", ""), request.form.get("label", ""), request.form.get("before")
    try:
        if answer(g.database, node_id, question, text=text, who=session["name"], label=label, before=before):
            return redirect(url_for("desk.questions_page"))
        wrong = gettext(
            "This question was answered meanwhile: send your answer once more if it shall take the other one's place."
        )
    except UsageError:
        most = number(MOST_LETTERS)
        wrong = gettext("An answer has 1 to %(most)s letters, and a name at most 80.", most=most)
    asked = find_question(g.database, node_id, question) or _is_gone()
    return render_template("questions.html", questions=[asked], left_out=[], wrong=wrong, text=text, label=label), 400


@desk.post("/questions/<int:node_id>/<question>/delete")
@logged_in
def delete_question(node_id: int, question: str) -> Answer:
    """For good, as whoever asked may want it."""
    if not delete(g.database, node_id, question, who=session["name"]):
        _is_gone()
    return redirect(url_for("desk.questions_page"))


def _is_gone() -> NoReturn:
    """Since the page was opened."""
    refuse(404, gettext("This question is no longer here: it was deleted, or its node is in another area now."))
