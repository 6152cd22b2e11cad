"""The node as one request sees it: one snapshot, one moment, and what is committed until then, each read once."""

from collections.abc import Container
from zoneinfo import ZoneInfo

from werkzeug.utils import cached_property  # functools' of Python 3.11 has one lock a property, for all requests

from edge.board import read_board
from edge.census import unit_of
from edge.counts import Interval, Sighting, Unit
from edge.label_sets import LabelSets
from edge.label_sets import load as load_label_sets
from edge.nights import begin_of, day_at
from edge.page import health, names
from edge.page.node import Node, node
from edge.page.now import headline, levels, sightings
from edge.page.now.days import LENGTH, Day, days, labels_of, one_day, unit_of_days
from edge.page.now.fortnight import is_of_nights
from edge.page.now.levels import Against
from edge.page.now.situation import NO_DATA, Counted, Facts, Situation, may_be_a_new_card, situation
from edge.page.now.sticky_card import card_trouble, caught, night_words, told_last, unmatched_in_a_row
from edge.page.recent import DAY
from edge.page.set_up.visit import Visit, load
from edge.page.tones import Line
from edge.page.words import Moments
from edge.store import Deed
from edge.updates.debian import security_updates


class Glance:
    """Of one request, so of one thread. What nobody asks for is not read."""

    def __init__(self, this: Node) -> None:
        self._node = this
        self.camera = this.config.camera  # as it is configured
        self.snapshot = this.board.snapshot()
        self.precisions = self.snapshot.model.precisions
        self.now = this.clock.now()
        self.when = Moments(self.now.utc, ZoneInfo(this.config.node.time_zone))

    @cached_property
    def seen(self) -> list[Sighting]:
        """Sightings of the last 24 hours, newest first."""
        return self._node.recent.sightings(self.now.utc)

    @cached_property
    def of_now(self) -> list[Sighting]:
        """Of these what may be told as what there is: of a trap's card nothing that another model saw on plants."""
        running = self.snapshot.model.name
        if self.camera.mode != "trap" or not running:
            return self.seen
        return [one for one in self.seen if one.model.partition("@")[0] == running]

    @cached_property
    def intervals(self) -> list[Interval]:
        """Those of the last fourteen days where the node stands, from the noon that may begin a trap's first night."""
        first = self.when.today() - LENGTH * DAY
        return self._node.recent.intervals(begin_of(first, "trap", self.when.zone))

    @cached_property
    def unit(self) -> Unit | None:
        """What the days of these intervals are told in."""
        return unit_of_days(self.intervals, unit_of(self.camera), self.when.zone)

    @cached_property
    def label_sets(self) -> LabelSets:
        """What the models can tell."""
        return load_label_sets(self._node.store)

    @cached_property
    def fortnight(self) -> tuple[Day, ...]:
        """The last fourteen days, a trap's from noon to noon."""
        is_night = is_of_nights(self.unit or unit_of(self.camera))  # a mode just chosen has no days yet
        today = day_at(self.now.utc, "trap" if is_night else "live", self.when.zone)
        return days(self.intervals, self.when.zone, today, self.unit, self.label_sets)

    @cached_property
    def visit(self) -> Visit:
        """The technician's, that is going on."""
        return load(self._node.store)

    @cached_property
    def against(self) -> tuple[Against, ...]:
        """Counts against their action levels, with what was done about them."""
        deed_of = self._node.store.decisions.deed
        return levels.against(self.snapshot.alerts, self.camera.mode, deed_of, self.when)

    @cached_property
    def facts(self) -> Facts:
        """Whatever was done about them: only the farmer's page reads that."""
        return self.facts_after(())

    def facts_after(self, done: Container[str]) -> Facts:
        """Committed facts of 24 hours; a pest comes before a friend that was seen later, and before labels in `done`.

        What was counted and not sighted came on late pictures, or has been there since longer. A disease is told by its
        pictures as soon as they are counted: its sighting tells the spots on one of them.
        """
        seen = self.of_now
        foes = [sighting for sighting in seen if not names.is_harmless(sighting.label)]
        fresh = [interval for interval in self.intervals if interval.end.utc >= self.now.utc - DAY]
        newest, frames = next(iter([*foes, *seen]), None), sum(interval.frames for interval in fresh)
        watched_s = sum(interval.watched_s for interval in fresh)
        if self.camera.mode == "trap":
            night = told_last(self.intervals, self.when, self.label_sets)
            named = caught(night, self.intervals, seen, done)
            return Facts(
                newest=newest,
                foremost=named,
                frames=frames,
                watched_s=watched_s,
                period=night_words(night, named, self.when),
                card=card_trouble(self.intervals, self.snapshot.camera, self.visit.card, self.when),
                unmatched=unmatched_in_a_row(self.intervals, self.snapshot, is_fed=self.camera.fed),
            )
        day = one_day(self.when.today(), fresh, self.unit, self.label_sets)
        counted = sightings.foremost(sightings.counts_of(day, self.unit) if self.unit else [], done)
        is_by_count = counted is not None and (not foes or counted.unit == "affected_frames")
        is_friend = counted is not None and names.is_harmless(counted.label)
        foremost = counted if is_by_count and not (seen and is_friend) else sightings.foremost(seen, done)
        return Facts(newest=newest, foremost=foremost, frames=frames, watched_s=watched_s)

    @cached_property
    def told(self) -> tuple[Facts, Deed | None]:
        """What the farmer's page tells first, and what somebody has done about it: of several the last."""
        done, answered = {one.label for one in self.against if one.done}, list[tuple[Facts, Deed]]()
        while True:
            facts = self.facts_after(done) if done else self.facts
            one = facts.foremost
            deed = None if one is None else sightings.deed_about(one, self._node.store, self.when)
            if one is None or deed is None:
                return facts, None
            if one.label in done:
                return max(answered, default=(facts, deed), key=lambda told: told[1].utc)
            answered.append((facts, deed))
            done.add(one.label)

    def in_sight(self, label: str) -> Sighting | Counted | None:
        """What the page would tell of it, if all else were done."""
        others = {one.label for one in self.seen}.union(labels_of(self.fortnight)) - {label}
        found = self.facts_after(others).foremost
        return found if found is not None and found.label == label else None

    @cached_property
    def situation(self) -> Situation:
        """The first thing to say."""
        return situation(self.snapshot, self.facts, self.now, self.camera)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """All parts of the node in sentences."""
        this, said, snapshot = self._node, self.situation, self.snapshot
        is_new_card = said is Situation.UNUSABLE and may_be_a_new_card(snapshot.camera, self.facts)
        blind = None
        if said in NO_DATA and not is_new_card:
            blind = headline.say(said, snapshot, self.facts, self.now, self.when, self.camera)
        return health.health(
            snapshot,
            this.store.waiting(),
            this.config,
            self.now,
            read_board(this.folder),
            self.when,
            due=self.visit.due(self.when.today()),
            blind=blind,
            unusable=(this.store.accounts.unusable, this.store.decisions.unusable),
            trap=self.facts.card,
            security=security_updates(),
        )


def glance() -> Glance:
    """Of this request, at the node of this app."""
    return Glance(node())
