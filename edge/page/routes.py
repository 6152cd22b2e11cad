"""Which address shows what. Views gather committed records and states, and hand finished sentences to the templates."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, abort, current_app, render_template

from edge.board import read_board
from edge.calibration import Layout, board_pdf
from edge.census import unit_of
from edge.clock import Clock
from edge.config import NodeConfig
from edge.counts import Interval, Sighting, Unit
from edge.label_sets import load as load_label_sets
from edge.nights import begin_of, day_at
from edge.page import camera, days, fortnight, headline, health, levels, names, optics, references, sightings, tones
from edge.page.live import LivePicture
from edge.page.looker import Looker
from edge.page.recent import DAY, LATEST, Recent
from edge.page.season import Season
from edge.page.situation import BLIND, NO_DATA, Facts, Situation, age_s, looks, may_be_a_new_card, situation
from edge.page.sticky_card import card_trouble, caught, night_words, told_last, unmatched_in_a_row
from edge.page.trust import Role, needs
from edge.page.visit import load as load_visit
from edge.page.words import Moments, gettext, number
from edge.status import StatusBoard
from edge.store import Store

ROWS = 6  # sightings in the list
pages = Blueprint("pages", __name__)


@dataclass(frozen=True, slots=True)
class Node:
    """What the views ask: committed records, states, configuration, the time, and what makes the node begin again."""

    store: Store
    board: StatusBoard
    config: NodeConfig
    clock: Clock
    live: LivePicture
    recent: Recent
    season: Season
    looker: Looker
    begin_again: Callable[[], None] | None  # None in a demonstration, whose folder goes with it
    set_clock: Callable[[datetime], bool] | None

    @property
    def folder(self) -> Path:
        """Of the store, with calibration and settings beside it."""
        return Path(self.config.store.folder)

    def moments(self) -> Moments:
        """Now, as the reader says it."""
        return Moments(self.clock.now().utc, ZoneInfo(self.config.node.time_zone))

    def intervals(self, when: Moments) -> list[Interval]:
        """Those of the last fourteen days where the node stands, from the noon that may begin a trap's first night."""
        first = when.today() - timedelta(days=days.LENGTH)
        return self.recent.intervals(begin_of(first, "trap", when.zone))

    def unit(self, intervals: Sequence[Interval], when: Moments) -> Unit | None:
        """What the days of these intervals are told in."""
        return days.unit_of_days(intervals, unit_of(self.config.camera), when.zone)

    def days(self) -> tuple[tuple[days.Day, ...], list[Interval], Unit | None]:
        """The last fourteen days, a trap's from noon to noon, the intervals they are made of, and their unit."""
        when = self.moments()
        intervals = self.intervals(when)
        unit = self.unit(intervals, when)
        is_night = fortnight.is_of_nights(unit or unit_of(self.config.camera))  # a mode just chosen has no days yet
        today = day_at(when.now_utc, "trap" if is_night else "live", when.zone)
        told = days.days(intervals, when.zone, today, unit, load_label_sets(self.store))
        return told, intervals, unit

    def health(self, when: Moments, facts: Facts | None = None) -> tuple[tones.Line, ...]:
        """All parts of the node in sentences. `facts`: of the last day, where they are known already."""
        snapshot, now = self.board.snapshot(), self.clock.now()
        camera = self.config.camera
        if facts is None:
            intervals = self.intervals(when)
            unit = self.unit(intervals, when)
            facts = _facts(self, self.recent.sightings(when.now_utc), intervals, unit, when)
        state = situation(snapshot, facts, now, camera)
        is_blind = state in NO_DATA and not (state is Situation.UNUSABLE and may_be_a_new_card(snapshot.camera, facts))
        blind = headline.say(state, snapshot, facts, now, when, camera) if is_blind else None
        board = read_board(self.folder)
        due = load_visit(self.store).due(when.today())
        unusable = self.store.accounts.unusable, self.store.decisions.unusable
        waiting, trap = self.store.waiting(), facts.card
        return health.health(snapshot, waiting, self.config, now, board, when, due, blind, unusable, trap)


def node() -> Node:
    """The node that this app shows."""
    return current_app.extensions["fieldeye"]  # type: ignore[no-any-return]


@pages.get("/")
@needs(Role.READER)
def now() -> str:
    """The farmer's page."""
    this = node()
    when = this.moments()
    seen = this.recent.sightings(when.now_utc)
    fortnight_days, intervals, unit = this.days()
    snapshot = this.board.snapshot()
    listed = levels.against(snapshot.alerts, this.config.camera.mode, this.store.decisions.deed, when)
    done = {one.label for one in listed if one.done}
    facts, config = _facts(this, seen, intervals, unit, when, done), this.config.camera
    is_seeing = situation(snapshot, facts, this.clock.now(), config) not in NO_DATA
    lines = this.health(when, facts)
    tone, well = health.health_in_short(lines, snapshot.problem)
    in_sight = facts.newest if isinstance(facts.foremost, Sighting) else facts.foremost
    first = levels.said_first(listed, in_sight.label if in_sight else "") if is_seeing else None
    photo = sightings.photo_of(_lead(seen, facts, first, is_seeing), seen, this.store, when, config.mode)
    named = facts.foremost.label if facts.foremost else next(iter(days.most_seen(fortnight_days[-3:-1])), "")
    before = fortnight.before_today(fortnight_days, named, unit) if named else ""
    latest = sightings.latest(fortnight_days, unit)
    spoken = headline.card(snapshot, facts, this.clock.now(), when, config, before, latest)
    notes = _notes(lines, "" if first else spoken.headline)
    marks, urgent = levels.marks(snapshot.alerts, unit), {one.label for one in listed if one.action}
    return render_template(
        "now.html",
        first=first,
        warnings=[one for one in listed if one.action and one is not first],
        calm=[one for one in listed if not one.action][: levels.MOST_BARS],
        card=spoken,
        photo=photo,
        taken="" if photo or config.fed else camera.taken(snapshot.camera, this.clock.now(), when),
        reference=None if photo is None else references.reference(photo.label),
        nothing=_nothing(facts, this),
        rows=sightings.rows(seen[:ROWS], when),
        all_rows=_all_rows(len(seen)),
        fortnight=fortnight.fortnight(fortnight_days, unit, marks, urgent),
        warmths=this.season.warmth(when.today()),
        health_tone=tone,
        health_icon=tones.ICONS[tone],
        health_words=well,
        battery="" if any(note.id == "battery" for note in notes) else health.battery_words(snapshot.battery),
        notes=notes,
    )


@pages.get("/seen")
@needs(Role.READER)
def seen_lately() -> str:
    """Sightings of the last 24 hours, the newest LATEST."""
    this = node()
    when = this.moments()
    seen, (_, intervals, unit) = this.recent.sightings(when.now_utc), this.days()
    nothing = _nothing(_facts(this, seen, intervals, unit, when), this)
    return render_template("seen_lately.html", rows=sightings.rows(seen[:LATEST], when), nothing=nothing)


@pages.get("/seen/<name>")
@needs(Role.READER)
def seen_on(name: str) -> str:
    """One photograph with what was seen on it; the last day's have boxes, older ones are served plain."""
    this = node()
    when = this.moments()
    seen = this.recent.sightings(when.now_utc)
    found = sightings.photo(name, seen, this.store, when, this.config.camera.mode)
    if found is None:
        abort(404, gettext("This picture is no longer kept on the node."))
    return render_template("seen.html", photo=found)


@pages.get("/node")
@needs(Role.READER)
def node_health() -> str:
    """How the node is, part by part."""
    this = node()
    snapshot = this.board.snapshot()
    lines = this.health(this.moments())
    running = health.running_sentence(snapshot.started, this.clock.now())
    tone, ready = health.readiness(lines, snapshot.problem)
    return render_template(
        "node.html",
        lines=lines,
        running=running,
        problem=snapshot.problem,
        tone=tone,
        icon=tones.ICONS[tone],
        ready=ready,
    )


@pages.get("/live")
@needs(Role.READER)
def live() -> str:
    """The technician's live picture, with what the lens is turned by."""
    this = node()
    snapshot, instant, shot = this.board.snapshot(), this.clock.now(), this.live.shot()
    is_fed = this.config.camera.fed
    return render_template(
        "live.html",
        optics=None if shot is None else optics.optics(shot),
        last_picture=camera.last_picture(snapshot.camera, instant, this.moments(), is_fed=is_fed),
        age_words=camera.age_words("{ago}", is_fed=is_fed),
        camera=camera.camera_line(snapshot.camera, instant, this.moments(), None, is_fed=is_fed),
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
    response.headers["Picture-Age-S"] = str(round(age_s(this.board.snapshot().camera, this.clock.now())))
    response.headers["Picture-Sharpness"] = f"{shot.sharpness:.1f}"
    response.headers["Picture-Seen"] = "" if shot.seen is None else str(shot.seen)
    response.headers["Picture-Light"] = optics.verdict_on(shot.light)
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


def _all_rows(known: int) -> str:
    """What leads to the rest of the list, empty where there is none."""
    if known <= ROWS:
        return ""
    if known > LATEST:
        return gettext("The newest %(count)s", count=number(LATEST))
    return gettext("All %(count)s", count=number(known))


def _facts(
    this: Node,
    seen: Sequence[Sighting],
    intervals: Sequence[Interval],
    unit: Unit | None,
    when: Moments,
    done: Container[str] = (),
) -> Facts:
    """Committed facts of 24 hours; a pest comes before a friend that was seen later.

    What was counted and not sighted came on late pictures, or has been there since longer. A disease is told by its
    pictures as soon as they are counted: its sighting tells the spots on one of them.
    """
    foes = [sighting for sighting in seen if not names.is_harmless(sighting.label)]
    fresh = [interval for interval in intervals if interval.end.utc >= when.now_utc - DAY]
    newest, frames = next(iter([*foes, *seen]), None), sum(interval.frames for interval in fresh)
    watched_s = sum(map(_watched_s, fresh))
    if this.config.camera.mode == "trap":
        snapshot, put_in = this.board.snapshot(), load_visit(this.store).card
        night = told_last(intervals, when)
        return Facts(
            newest=newest,
            foremost=caught(night, intervals, seen, done),
            frames=frames,
            watched_s=watched_s,
            period=night_words(night, when),
            card=card_trouble(intervals, snapshot.camera, put_in, when),
            unmatched=unmatched_in_a_row(intervals, snapshot, is_fed=this.config.camera.fed),
        )
    counted = sightings.foremost(sightings.counts_of(fresh, unit), done)
    is_by_count = counted is not None and (not foes or counted.unit == "affected_frames")
    is_friend = counted is not None and names.is_harmless(counted.label)
    foremost = counted if is_by_count and not (seen and is_friend) else sightings.foremost(seen, done)
    return Facts(newest=newest, foremost=foremost, frames=frames, watched_s=watched_s)


def _watched_s(interval: Interval) -> float:
    """Of the time in which frames came, the share of those that showed something."""
    skipped = dict(interval.skipped)
    blind = sum(skipped.get(reason, 0) for reason in BLIND)
    sighted = interval.frames + skipped.get("still", 0)
    return interval.awake_s * sighted / max(1, sighted + blind)


def _lead(seen: Sequence[Sighting], facts: Facts, first: levels.Against | None, is_seeing: bool) -> Sighting | None:
    """The sighting that the first sentence speaks of: its picture stands below."""
    if is_seeing and first is None and isinstance(facts.foremost, Sighting):
        return facts.foremost
    said = first or (facts.foremost if is_seeing else None)
    return next((one for one in seen if said is not None and one.label == said.label), facts.newest)


def _nothing(facts: Facts, this: Node) -> str:
    """What stands in place of an empty list of sightings."""
    camera = this.config.camera
    effort = headline.effort(facts, this.board.snapshot(), this.clock.now(), camera)
    is_counted, is_trap = facts.foremost is not None, camera.mode == "trap"
    return sightings.nothing_words(is_zero=bool(effort), is_counted=is_counted, is_fed=camera.fed, is_trap=is_trap)


def _notes(lines: Sequence[tones.Line], spoken: str) -> list[tones.Line]:
    """Parts that are not well, apart from the camera, which the big sentence speaks of, and what is `spoken` there."""
    return [one for one in lines if one.tone in ("look", "stop") and one.id != "camera" and one.sentence != spoken]
