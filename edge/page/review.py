"""Yes, no or something else: a person checks single boxes of the last nights."""

from collections.abc import Mapping, Sequence
from itertools import islice

from flask import Blueprint, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.page import names, review_boxes
from edge.page.access import needs
from edge.page.node import node
from edge.page.trust import Role, trust, visitor
from edge.page.words import gettext
from edge.store import BoxKey, Decision

review = Blueprint("review", __name__)

MOST_UNKNOWN = 30  # boxes in an address that the visitor left open


@review.get("/review")
@needs(Role.FARMER)
def to_check() -> str:
    """Some boxes that nobody has decided on, and how often the model was right so far."""
    this = node()
    when, model = this.moments(), this.board.snapshot().model
    unknown = _unknown()
    left = (one for one in review_boxes.undecided(this.store) if _named(one.key) not in unknown)
    found = [review_boxes.crop(one, when, model.precisions) for one in islice(left, review_boxes.SHOWN)]
    running = f"{model.name}@{model.version}"
    return render_template(
        "review.html",
        crops=found,
        last=_last(),
        shares=review_boxes.shares(this.store.decisions.tallies(), running),
        running=running,
        unknown=" ".join(unknown),
    )


@review.post("/review")
@needs(Role.FARMER)
def decide() -> ResponseReturnValue:
    """Keeps it with who and when, unless another person was faster; `other` without a label asks for the name first.

    What the visitor does not know stays open, for others and for another day.
    """
    one = _box(request.form)
    verdict, label = request.form.get("verdict", ""), request.form.get("label", "")
    if verdict == "other" and not label:
        place = current_app.url_for(
            "review.other", picture=one.key.picture, box=one.key.box, unknown=" ".join(_unknown()) or None
        )
        return redirect(place, 303)
    if verdict == "unknown":
        return _go_on([*_unknown(), _named(one.key)])
    if verdict not in ("yes", "no", "other") or (verdict == "other" and not review_boxes.is_name(label, _here())):
        abort(400, gettext("Choose one of these."))
    labels = {"yes": one.seen.label, "no": "", "other": label}
    is_kept = node().store.decisions.decide(
        Decision(
            key=one.key,
            said=one.seen.label,
            confidence=one.seen.confidence,
            model=one.sighting.model,
            label=labels[verdict],
            who=visitor().name,
            utc=trust().now_utc(),
        )
    )
    return _go_on(_unknown(), last=_named(one.key), kept=None if is_kept else "no")


@review.post("/review/undo")
@needs(Role.FARMER)
def undo() -> ResponseReturnValue:
    """The box is asked about again, if the answer was the visitor's own."""
    node().store.decisions.take_back(_box(request.form).key, visitor().name)
    return _go_on(_unknown())


@review.get("/review/<picture>/<box>")
@needs(Role.FARMER)
def other(picture: str, box: str) -> str:
    """What is it instead? Search by name."""
    this, one = node(), _box({"picture": picture, "box": box})
    words, here = request.args.get("name", "")[:60], _here()
    return render_template(
        "review_other.html",
        crop=review_boxes.crop(one, this.moments(), this.board.snapshot().model.precisions),
        words=words,
        common=[] if words.strip() else review_boxes.commonest(here, one.seen.label),
        found=review_boxes.search(words, here),
        nothing=gettext("No name like this is known here.") if words.strip() else "",
        unknown=" ".join(_unknown()),
    )


def _go_on(unknown: Sequence[str], last: str | None = None, kept: str | None = None) -> ResponseReturnValue:
    listed = " ".join(unknown[-MOST_UNKNOWN:]) or None
    return redirect(current_app.url_for("review.to_check", last=last, kept=kept, unknown=listed), 303)


def _here() -> list[str]:
    return review_boxes.names_here(node().store, node().board.snapshot().model.labels)


def _unknown() -> list[str]:
    """Boxes that the visitor did not know a moment ago: they go along with each form and address."""
    return request.values.get("unknown", "").split()


def _named(key: BoxKey) -> str:
    return f"{key.picture}.{key.box}"


def _box(named: Mapping[str, str]) -> review_boxes.BoxAt:
    """By `picture` and `box`, of a form or an address."""
    found = review_boxes.box(node().store, _key(named.get("picture", ""), named.get("box", "")))
    if found is None:
        abort(404, gettext("This picture is no longer kept on the node."))
    return found


def _key(picture: str, box: str) -> BoxKey:
    """What is no number names no box."""
    return BoxKey(picture, int(box) if box.isascii() and box.isdigit() and len(box) < 6 else -1)


def _last() -> tuple[str, BoxKey | None] | None:
    """What the visitor decided a moment ago, in words, and the box where it may be taken back."""
    picture, _, box = request.args.get("last", "").rpartition(".")
    decision = node().store.decisions.on(picture).get(_key(picture, box).box)
    if decision is None:
        return None
    if decision.who != visitor().name:
        if request.args.get("kept") != "no":  # opened anew by somebody who answered nothing
            return None
        return gettext("%(who)s has answered this meanwhile: yours was not kept.", who=decision.who), None
    words = {
        "right": gettext("You said: yes, “%(name)s”.", name=names.name(decision.said)),
        "wrong": gettext("You said: no."),
        "other": gettext("You said: it is “%(name)s”.", name=names.name(decision.label)),
    }
    return words[decision.verdict], decision.key
