"""What a worker tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from edge.errors import UsageError
from edge.platform.intake.database_intake import Kept


class WorkerMetrics:
    """Counters of one worker; served on loopback only if a port is given. Raises UsageError if that is taken."""

    def __init__(self, port: int | None = None) -> None:
        registry = CollectorRegistry()
        told = "fieldeye_platform_"
        self._records = Counter(f"{told}records", "records of batches", ["became"], registry=registry)
        self._bad = Counter(f"{told}quarantined_messages", "messages set aside", registry=registry)
        self.batch_s = Histogram(f"{told}batch_seconds", "decoding and commit of a batch", registry=registry)
        self.waiting = Gauge(f"{told}unacknowledged_messages", "messages here, not yet committed", registry=registry)
        self.database_up = Gauge(f"{told}database_up", "1 while the database answers", registry=registry)
        self.broker_up = Gauge(f"{told}broker_up", "1 while the broker tells what comes", registry=registry)
        self.leads = Gauge(f"{told}leads", "1 for the worker that keeps the registry and sums", registry=registry)
        self.missing = Gauge(f"{told}missing_records", "told by nodes and never come", registry=registry)
        if port is not None:
            try:
                start_http_server(port, "127.0.0.1", registry)
            except (OSError, OverflowError) as why:
                raise UsageError(f"--metrics {port} cannot be served ({why}); take another port") from why

    def count(self, kept: Kept) -> None:
        """A batch was committed."""
        self._records.labels("kept").inc(kept.new)
        self._records.labels("repeated").inc(kept.repeated)
        self._bad.inc(kept.set_aside)
