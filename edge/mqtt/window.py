"""How many bytes may be on their way at once: enough to fill the line, not so many that a slow one chokes.

A ping waits behind everything that is on its way. So what is on its way must pass within a part of the keepalive, or
the connection is dropped, everything is sent again, and a line of 2 kB/s never gets anything through.
"""

LEAST_BYTES = 1024  # one batch
MOST_BYTES = 32_768
MOST_IMAGE_BYTES = 65_536  # a usual picture in one message
_FAST_S = 1.0  # acknowledged within: the line can take more
_SHARE_OF_KEEPALIVE = 4


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
