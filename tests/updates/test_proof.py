"""When new software counts as good."""

import pytest

from edge.updates.proof import Proof, proved
from tests.clocks import SetClock


@pytest.mark.parametrize(
    ("turning_s", "is_well", "is_connected", "says"),
    [
        (59, True, True, False),
        (60, True, True, True),
        (899, True, False, False),
        (900, True, False, True),
        (10_000, False, True, False),
    ],
)
def test_a_minute_with_a_broker_and_a_quarter_of_an_hour_without_prove_it(
    turning_s: float, is_well: bool, is_connected: bool, says: bool
) -> None:
    assert proved(turning_s, is_well=is_well, is_connected=is_connected) is says


def test_it_is_said_once() -> None:
    clock, said = SetClock(), []
    proof = Proof(clock, is_well=lambda: True, is_connected=lambda: True, say=lambda: said.append(clock.mono_s))
    for _ in range(20):
        proof.beat()
        clock.advance(10)
    assert said == [160.0]
