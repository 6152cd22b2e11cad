"""How many bytes may be on their way at once: enough to fill the line, not so many that a slow one chokes.

A ping waits behind everything that is on its way. So what is on its way must pass within a part of the keepalive, or
the connection is dropped, everything is sent again, and a line of 2 kB/s never gets anything through.
"""

from edge.store import BATCH_BYTES

LEAST_BYTES = 1024  # one batch
MOST_BYTES = 32_768
MOST_IMAGE_BYTES = 65_536  # a usual picture in one message
_FAST_S = 1.0  # acknowledged within: the line can take more
_SHARE_OF_KEEPALIVE = 4
_GROWS_S = 3600.0


class Window:
    """Doubles while acknowledgements come fast, halves when they come late. Starts with one batch."""

    def __init__(self, keepalive_s: float, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._late_s = max(2 * _FAST_S, keepalive_s / _SHARE_OF_KEEPALIVE)
        self.limit_bytes = LEAST_BYTES

    def acknowledged(self, after_s: float) -> None:
        """A message was answered so long after it was sent."""
        if after_s <= _FAST_S:
            self.limit_bytes = min(self._most_bytes, self.limit_bytes * 2)
        elif after_s >= self._late_s:
            self.shrink()

    def shrink(self) -> None:
        """The line is slower than thought, or was lost."""
        self.limit_bytes = max(LEAST_BYTES, self.limit_bytes // 2)

    def begin_again(self) -> None:
        """Nothing is known of the line, or nobody listens there: as at the start."""
        self.limit_bytes = LEAST_BYTES


class Batches:
    """How long a message of records may be, on all connections.

    Some brokers, or what stands before them, end the line at a longer one without a word: the same one again would end
    the next. Half as long when one failed that was longer than any that arrived; an hour later twice as long again.
    """

    def __init__(self) -> None:
        self._limit_bytes, self._since_s = BATCH_BYTES, 0.0

    def limit_bytes(self, now_s: float) -> int:
        """One record goes, however long it is."""
        return min(BATCH_BYTES, self._limit_bytes << min(16, int((now_s - self._since_s) / _GROWS_S)))

    def failed(self, size_bytes: int, arrived_bytes: int, now_s: float) -> None:
        """A message was refused for its length; or the longest was lost with the line, and the longest that arrived."""
        if size_bytes > arrived_bytes:
            self._limit_bytes = min(self.limit_bytes(now_s), max(arrived_bytes, size_bytes // 2))
            self._since_s = now_s
