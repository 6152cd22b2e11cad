"""The photographs that farmers ask about, and the station's answers."""

from flask import Response, abort, g, redirect, render_template, request, session, url_for

from edge.errors import UsageError
from edge.platform.desk.entry import Answer, desk, logged_in
from edge.platform.questions import MOST_LETTERS, answer, photograph, questions
from edge.platform.words import gettext, number


@desk.get("/questions")
@logged_in
def questions_page() -> Answer:
    """What people ask, unanswered ones first."""
    return render_template("questions.html", questions=questions(g.database), wrong=None)


@desk.get("/questions/<int:node_id>/<question>.jpg")
@logged_in
def question_photo(node_id: int, question: str) -> Answer:
    """The photograph."""
    jpeg = photograph(g.database, node_id, question)
    return Response(jpeg, mimetype="image/jpeg") if jpeg is not None else abort(404)


@desk.post("/questions/<int:node_id>/<question>")
@logged_in
def answer_question(node_id: int, question: str) -> Answer:
    """Keep the answer; the leading worker brings it to the node."""
    text, label = request.form.get("text", ""), request.form.get("label", "")
    try:
        if not answer(g.database, node_id, question, text=text, who=session["name"], label=label):
            abort(404)
    except UsageError:
        most = number(MOST_LETTERS)
        wrong = gettext("An answer has 1 to %(most)s letters, and a name at most 80.", most=most)
        return render_template("questions.html", questions=questions(g.database), wrong=wrong), 400
    return redirect(url_for("desk.questions_page"))
