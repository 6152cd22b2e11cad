"""What skipped frames tell of the lens: is it covered, and for how long has it shown nothing? Pure."""

from dataclasses import dataclass, replace

from edge.census import NO_LEAF
from edge.clock import ClockState, Instant, seconds_between
from edge.config import NodeTable
from edge.gate import Reason
from edge.power.sun import sun_height_deg

BROAD_DAY_DEG = 10.0  # height of the sun, an hour after it rose: an open lens gives no dark picture then
_BLINDS: frozenset[Reason | str] = frozenset({"blocked", "overexposed", "blurred", NO_LEAF})  # at any hour
_RESTS: frozenset[Reason] = frozenset({"still", "dark", "colourless"})  # there is something to see, or it is night
BLIND_FRAMES = 3  # covered, too bright, not sharp, no leaf, infrared by day: fewer may be chance, however far apart


@dataclass(frozen=True, slots=True)
class Lens:
    """What is known since the start. The night ends a blindness: dew at dusk is not dew at dawn."""

    place: NodeTable
    sees_by_day: bool = False  # has a frame shown something in broad day?
    blind: tuple[Instant, ...] = ()  # the first BLIND_FRAMES since a frame showed something

    def looked(self, at: Instant) -> "Lens":
        """After a frame that shows something."""
        return replace(self, sees_by_day=self.sees_by_day or self._is_broad_day(at), blind=())

    def passed_over(self, reason: str, at: Instant) -> "Lens":
        """After a frame that was skipped for the `reason`; most reasons tell nothing of the lens."""
        if reason in _BLINDS or (reason == "colourless" and self._is_broad_day(at)):
            return replace(self, blind=(*self.blind, at)[:BLIND_FRAMES])
        return replace(self, blind=()) if reason in _RESTS else self

    def blind_s(self, at: Instant) -> float:
        """For how long, up to a frame `at`, none has shown anything; told from BLIND_FRAMES on."""
        return 0.0 if len(self.blind) < BLIND_FRAMES else seconds_between(self.blind[0], at) or 0.0

    def is_covered(self, at: Instant) -> bool:
        """Is that why a frame is dark? A closed box is always dark, a lens that has seen by day is not."""
        return self.sees_by_day and self._is_broad_day(at)

    def _is_broad_day(self, at: Instant) -> bool:
        """Only where place and time are known."""
        place = self.place
        if place.latitude is None or place.longitude is None or at.state is ClockState.UNSYNCED:
            return False
        return sun_height_deg(place.latitude, place.longitude, at.utc) > BROAD_DAY_DEG
