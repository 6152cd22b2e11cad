"""Waits after failures in a row."""

from edge.backoff import Backoff


def test_waits_double_with_jitter_up_to_a_limit() -> None:
    least, most = Backoff(1, 5, share=lambda: 0.0), Backoff(1, 5, share=lambda: 1.0)
    assert [least.next_s() for _ in range(5)] == [0.5, 1, 2, 2.5, 2.5]
    assert [most.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    most.reset()
    assert most.next_s() == 1
