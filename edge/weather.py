"""Single readings taken together as mean, least and greatest; what no weather has is no reading. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.counts import Climate, Spread

COLDEST_C, HOTTEST_C = -60.0, 80.0  # outside of it a sensor is broken, or its wire


@dataclass(frozen=True, slots=True)
class Reading:
    """Temperature in °C, and relative humidity 0..1 where the sensor has it."""

    temperature_c: float
    humidity: float | None = None

    @property
    def is_weather(self) -> bool:
        """Can it be? nan is not."""
        damp = self.humidity is None or 0 <= self.humidity <= 1
        return COLDEST_C <= self.temperature_c <= HOTTEST_C and damp


@dataclass(frozen=True, slots=True)
class _Sums:
    number: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def with_(self, value: float) -> "_Sums":
        return _Sums(self.number + 1, self.total + value, min(self.least, value), max(self.most, value))

    @staticmethod
    def of(spread: Spread | None, number: int) -> "_Sums":
        if spread is None:
            return _Sums()
        return _Sums(number, number * spread.mean, spread.least, spread.most)

    def spread(self) -> Spread | None:
        if not self.number:
            return None
        return Spread(mean=self.total / self.number, least=self.least, most=self.most)


@dataclass(frozen=True, slots=True)
class Readings:
    """Those of an interval up to now."""

    temperature: _Sums = _Sums()
    humidity: _Sums = _Sums()

    def with_(self, new: Sequence[Reading]) -> "Readings":
        """With those of `new` that can be."""
        joined = self
        for reading in (one for one in new if one.is_weather):
            joined = replace(joined, temperature=joined.temperature.with_(reading.temperature_c))
            if reading.humidity is not None:
                joined = replace(joined, humidity=joined.humidity.with_(reading.humidity))
        return joined

    @staticmethod
    def of(climate: Climate | None) -> "Readings":
        """Those that give this climate."""
        if climate is None:
            return NOTHING_READ
        number = climate.readings
        return Readings(_Sums.of(climate.temperature_c, number), _Sums.of(climate.humidity, number))

    def climate(self) -> Climate | None:
        """None: nothing was read, which is no weather of 0 °C."""
        temperature = self.temperature.spread()
        if temperature is None:
            return None
        return Climate(readings=self.temperature.number, temperature_c=temperature, humidity=self.humidity.spread())


NOTHING_READ = Readings()
