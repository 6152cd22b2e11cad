"""What a soak takes for growth: one process, held against itself."""

from collections.abc import Callable

import pytest

from tests.faults.soak import Sample, grows

NUMBER = 600


def run_with(mib_at: Callable[[float], float], files_at: Callable[[float], int], disk_mb: float = 40) -> list[Sample]:
    """The samples of a run whose node is killed every third one in its fifth tenth and sixth; by age, in runs."""
    samples = []
    for number in range(NUMBER):
        share = number / NUMBER
        born = 0 if share < 0.4 else number // 3 * 3 if share < 0.6 else 0.6 * NUMBER
        samples.append((int(born), mib_at((number - born) / NUMBER), files_at((number - born) / NUMBER), disk_mb))
    return samples


@pytest.mark.parametrize("leaked_mib", [60, 200, 800, 1500])
def test_a_leak_is_growth_though_the_node_is_killed_between(leaked_mib: float) -> None:
    assert grows(run_with(lambda age: 50 + leaked_mib * age, lambda _: 20))


def test_descriptors_that_stay_open_are_growth() -> None:
    assert grows(run_with(lambda _: 50, lambda age: 20 + int(40 * age)))


def test_a_store_over_its_cap_is_growth() -> None:
    assert grows(run_with(lambda _: 50, lambda _: 20, 65))


def test_a_node_that_warms_up_and_stays_so_does_not_grow() -> None:
    assert not grows(run_with(lambda age: 52 if age > 5 / NUMBER else 30, lambda _: 20))


def test_without_samples_nothing_is_proven() -> None:
    assert grows([])
