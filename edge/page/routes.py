"""What everybody reads: now, seen, node, live. Views take a glance and hand finished sentences to the templates."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec
from flask import Blueprint, Response, abort, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from edge.calibration import Layout, board_pdf
from edge.counts import Sighting
from edge.page import camera, health, optics, references
from edge.page.access import needs
from edge.page.glance import Glance, glance
from edge.page.node import node
from edge.page.now import days, fortnight, headline, levels, sightings
from edge.page.now.done import meanwhile_words
from edge.page.now.situation import NO_DATA, Facts, age_s, is_frozen, looks, up_s
from edge.page.tones import Line
from edge.page.trust import Role
from edge.page.words import duration, gettext, number

ROWS = 6  # sightings in the list
LATEST = 50  # on a page of their own; what is said of the day is said of all
pages = Blueprint("pages", __name__)


@pages.get("/")
@needs(Role.READER)
def now() -> str:
    """The farmer's page."""
    this, here = node(), glance()
    when, snapshot, config = here.when, here.snapshot, here.camera
    facts, _ = here.told
    marks, urgent = levels.marks(snapshot.alerts, here.unit), {one.label for one in here.against if one.action}
    card = _card(here, marks)
    first = _said_first(here, facts, card)
    photo = sightings.photo_of(_lead(here, facts, first), here.of_now, this.store, when, config.mode, here.precisions)
    is_blind = here.situation in NO_DATA and first is not None
    notes = _notes(here.lines, "" if first else card.headline, with_camera=is_blind)
    tone, well = health.health_in_short(here.lines, snapshot.problem)
    return render_template(
        "now.html",
        first=first,
        warnings=[one for one in here.against if one.action and one is not first],
        calm=[one for one in here.against if not one.action][: levels.MOST_BARS],
        card=card,
        meanwhile=meanwhile_words(when),
        can_ask=this.config.mqtt is not None,
        photo=photo,
        taken="" if photo or config.fed else camera.taken(snapshot.camera, here.now, when),
        reference=None if photo is None else references.reference(photo.label),
        nothing=_nothing(here),
        rows=sightings.rows(here.seen[:ROWS], when, here.precisions),
        all_rows=_all_rows(len(here.seen)),
        fortnight=fortnight.fortnight(here.fortnight, here.unit, marks, urgent),
        warmths=this.season.warmth(when.today()),
        health_tone=tone,
        health_words=well,
        battery="" if any(note.id == "battery" for note in notes) else health.battery_words(snapshot.battery),
        notes=notes,
    )


@pages.get("/seen")
@needs(Role.READER)
def seen_lately() -> str:
    """Sightings of the last 24 hours, the newest LATEST."""
    here = glance()
    rows = sightings.rows(here.seen[:LATEST], here.when, here.precisions)
    return render_template("seen_lately.html", rows=rows, newest=_newest(len(here.seen)), nothing=_nothing(here))


@pages.get("/seen/<name>")
@needs(Role.READER)
def seen_on(name: str) -> str | Answer:
    """One photograph with what was seen on it; the last day's have boxes, older ones are served plain."""
    here = glance()
    found = sightings.photo(name, here.seen, node().store, here.when, here.camera.mode, here.precisions)
    if found is None:
        return redirect(url_for("pages.picture", name=name))
    return render_template("seen.html", photo=found)


@pages.get("/node")
@needs(Role.READER)
def node_health() -> str:
    """How the node is, part by part."""
    here = glance()
    tone, ready = health.readiness(here.lines, here.snapshot.problem)
    return render_template(
        "node.html",
        lines=here.lines,
        running=gettext("Running for %(time)s", time=duration(up_s(here.snapshot, here.now))),
        problem=here.snapshot.problem,
        tone=tone,
        ready=ready,
    )


@pages.get("/live")
@needs(Role.READER)
def live() -> str:
    """The technician's live picture, with what the lens is turned by."""
    shot, here = node().live.shot(), glance()
    told, is_fed = here.snapshot.camera, here.camera.fed
    return render_template(
        "live.html",
        optics=None if shot is None else optics.optics(shot),
        picture=node().live.size_px(),
        last_picture=camera.last_picture(told, here.now, here.when, is_fed=is_fed),
        age_words=camera.age_words("{ago}", is_fed=is_fed),
        camera=next(line for line in here.lines if line.id == "camera"),
        is_frozen=is_frozen(told),
    )


@pages.get("/live.jpg")
@needs(Role.READER)
def live_jpeg() -> Response:
    """The newest frame with its age, sharpness and light; 404 before the first."""
    this = node()
    shot = this.live.shot()
    if shot is None:
        abort(404, gettext("The camera has not given a picture yet."))
    response = Response(shot.jpeg, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "no-store"
    told = this.board.snapshot().camera
    response.headers["Picture-Age-S"] = str(round(age_s(told, this.clock.now())))
    response.headers["Picture-Sharpness"] = f"{shot.sharpness:.1f}"
    response.headers["Picture-Seen"] = quote(optics.seen_words(shot.seen))  # a header has no Chinese letters
    response.headers["Picture-Light"] = "unknown" if is_frozen(told) else optics.verdict_on(shot.light)
    return response


@pages.get("/board.pdf")
@needs(Role.READER)
def board() -> Response:
    """The board that gives millimetres, to be printed at 100 %."""
    response = Response(board_pdf(Layout()), mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="fieldeye-board.pdf"'
    return response


@pages.get("/pictures/<name>")
@needs(Role.READER)
def picture(name: str) -> Response:
    """A stored picture as it was taken, without boxes. A picture never changes under its name."""
    content = node().store.picture(name)
    if content is None:
        abort(404, gettext("This picture is no longer kept on the node."))
    response = Response(content, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=604800, immutable"
    return response


@pages.get("/manifest.webmanifest")
@needs(Role.NOBODY)
def manifest() -> Response:
    """What a phone needs to keep the page among its apps."""
    name = node().config.node.node
    icons = [
        {"src": "/static/icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "/static/icon-512.png", "sizes": "512x512", "type": "image/png"},
        {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"},
    ]
    look = {"display": "standalone", "background_color": "#f6f4ec", "theme_color": "#1c6636"}
    body = {"name": f"Fieldeye {name}", "short_name": name, "id": "/", "start_url": "/", "scope": "/", "icons": icons}
    return Response(msgspec.json.encode(body | look), mimetype="application/manifest+json")


@pages.get("/sw.js")
@needs(Role.NOBODY)
def worker() -> Response:
    """The script that keeps the last state; from the root, as it may only keep what is below it."""
    response = current_app.send_static_file("sw.js")
    response.headers["Cache-Control"] = "no-cache"
    return response


@pages.get("/healthz")
@needs(Role.NOBODY)
def healthz() -> tuple[dict[str, bool], int]:
    """Is the node looking? Nothing more, as nobody has to log in for it."""
    looking = looks(node().board.snapshot())
    return {"ok": looking}, 200 if looking else 503


def _card(here: Glance, marks: Mapping[str, float]) -> headline.Card:
    """What is there, and whether somebody has done what it asked for. `marks`: action levels by label."""
    facts, deed = here.told
    named = facts.foremost.label if facts.foremost else next(iter(days.most_seen(here.fortnight[-3:-1])), "")
    before = fortnight.before_today(here.fortnight, named, here.unit) if named else ""
    latest = sightings.latest(here.fortnight, here.unit)
    state, when = here.situation, here.when
    card = headline.card(
        state, here.snapshot, facts, here.now, when, here.camera, before=before, latest=latest, levels=marks
    )
    return headline.card_done(card, deed, when) if card.key and deed is not None else card


def _all_rows(known: int) -> str:
    """What leads to the rest of the list, empty where there is none."""
    if known <= ROWS:
        return ""
    return _newest(known) or gettext("All %(count)s", count=number(known))


def _newest(known: int) -> str:
    """That the list does not hold all, empty where it does."""
    return gettext("The newest %(count)s", count=number(LATEST)) if known > LATEST else ""


def _said_first(here: Glance, facts: Facts, card: headline.Card) -> levels.Against | None:
    """A warning comes before what is in sight, and where the node does not see, the most urgent before the camera."""
    if here.situation in NO_DATA:
        return levels.said_without_data(here.against)
    newest = facts.newest if isinstance(facts.foremost, Sighting) else None
    asked = facts.foremost.label if facts.foremost and card.key and not card.done else ""
    return levels.said_first(here.against, [one.label for one in (newest, facts.foremost) if one is not None], asked)


def _lead(here: Glance, facts: Facts, first: levels.Against | None) -> Sighting | None:
    """The sighting that the first sentence speaks of: its picture stands below."""
    foremost = None if here.situation in NO_DATA else facts.foremost
    if first is None and isinstance(foremost, Sighting):
        return foremost
    said = first or foremost
    return next((one for one in here.of_now if said is not None and one.label == said.label), facts.newest)


def _nothing(here: Glance) -> str:
    """What stands in place of an empty list of sightings."""
    return sightings.nothing_words(
        is_zero=bool(headline.effort(here.facts, here.snapshot, here.now, here.camera)),
        is_counted=here.facts.foremost is not None,
        is_fed=here.camera.fed,
        is_trap=here.camera.mode == "trap",
    )


def _notes(lines: Sequence[Line], spoken: str, *, with_camera: bool) -> list[Line]:
    """Parts that are not well, and what is not `spoken` in the big sentence; of the camera that speaks, as a rule."""
    camera = [one for one in lines if one.id == "camera" and with_camera]
    others = [one for one in lines if one.tone in ("look", "stop") and one.id != "camera" and one.sentence != spoken]
    return camera + others
