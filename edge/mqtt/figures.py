"""What the publisher has done since the process started, for `health` and the page."""

from dataclasses import asdict, dataclass

from edge.wire import LinkHealth


@dataclass(slots=True)
class Figures:
    """Written by the publisher's thread alone."""

    acknowledged: int = 0  # records, a correction once more, replays apart
    connections: int = 0
    refused: int = 0  # messages
    unheard: int = 0  # messages
    resent: int = 0  # records
    images: int = 0  # whole pictures
    sent_bytes: int = 0  # payloads and topics
    ack_ms: float | None = None

    def as_health(self, sent_today: int, budget: int | None) -> LinkHealth:
        """The link's part of `health`."""
        return LinkHealth(**asdict(self), sent_bytes_today=sent_today, daily_budget_bytes=budget)
