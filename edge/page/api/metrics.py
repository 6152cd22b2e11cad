"""The node's state for Prometheus, written down when asked for: nothing is counted a second time in memory."""

from collections.abc import Iterator
from ipaddress import ip_address
from secrets import compare_digest

from flask import Blueprint, Response, request
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from edge import __version__
from edge.board import BoardReading, read_board
from edge.clock import ClockState
from edge.config import MEGABYTE, NodeConfig
from edge.counts import Unit
from edge.mqtt.secret import read_secret
from edge.page.access import needs
from edge.page.glance import Glance
from edge.page.node import Node, node
from edge.page.now.days import Day
from edge.page.now.situation import age_s, looks, up_s
from edge.page.trust import Role
from edge.status import BatteryStatus, Snapshot
from edge.wire import StoreHealth

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@needs(Role.NOBODY)  # it asks for a token of its own
def exposition() -> Response:
    """To this machine, and to whoever brings the token."""
    token = request.authorization.token if request.authorization else None
    if not may_read(request.remote_addr, token, node().config):
        words = "/metrics: another machine has to send the token in page.metrics_token_file, as a bearer token\n"
        return Response(words, 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    return Response(written(node()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def written(this: Node) -> bytes:
    """All families as Prometheus reads them."""
    return generate_latest(NodeCollector(this))


def may_read(address: str | None, token: str | None, config: NodeConfig) -> bool:
    """Loopback, or the text of `page.metrics_token_file`, which is read each time so that it may be changed.

    Raises ConfigError where that file cannot be used.
    """
    if address is not None and ip_address(address).is_loopback:
        return True
    wanted = config.page.metrics_token_file if config.page else None
    if wanted is None or token is None:
        return False
    return compare_digest(token.encode(), read_secret(wanted, "page.metrics_token_file").reveal().encode())


class NodeCollector(Collector):
    """Reads board and store once a question; what is not known is left out and never a zero."""

    def __init__(self, this: Node) -> None:
        self._node = this

    def collect(self) -> Iterator[Metric]:
        """All families."""
        this, here = self._node, Glance(self._node)
        now, snapshot = here.now, here.snapshot
        yield _info(this, snapshot)
        yield _gauge("looking", "1 while frames are looked at", looks(snapshot))
        yield _gauge("clock_synced", "1 once the clock was set since power came", now.state is ClockState.SYNCED)
        yield _gauge("uptime_seconds", "since the program started", up_s(snapshot, now))
        if snapshot.camera.last_frame is not None:
            yield _gauge("last_frame_age_seconds", "age of the newest frame", age_s(snapshot.camera, now))
        yield from _camera(snapshot)
        yield from _delivery(snapshot, this.store.health())
        yield from _board(read_board(this.folder))
        yield from _battery(snapshot.battery)
        yield from _today(here.fortnight[-1], here.unit)


def _info(this: Node, snapshot: Snapshot) -> Metric:
    facts = {
        "site": this.config.node.site,
        "node": this.config.node.node,
        "version": __version__,
        "model": f"{snapshot.model.name}@{snapshot.model.version}" if snapshot.model.name else "",
        "epoch": str(this.store.epoch),
    }
    return InfoMetricFamily("fieldeye_node", "what this node is", facts)


def _camera(snapshot: Snapshot) -> Iterator[Metric]:
    camera = snapshot.camera
    yield _gauge("camera_up", "1 while the camera gives new frames", camera.state == "ok")
    yield _counter("frames", "received from the camera", camera.frames)
    yield _counter("looks", "frames given to the detector", camera.looked)
    yield _counter("detections", "boxes on all of them", camera.detections)
    yield _counter("frames_overtaken", "by a newer one before they were looked at", camera.dropped)
    yield _counter("camera_reopened", "times", camera.reopened)
    skipped = CounterMetricFamily("fieldeye_frames_skipped", "not worth a look, by reason", labels=["reason"])
    for reason, count in sorted(camera.skipped.items()):
        skipped.add_metric([reason], count)
    yield skipped
    if camera.ms_per_frame is not None:
        yield _gauge("look_seconds", "from detector to commit, of the last look", camera.ms_per_frame / 1000)


def _delivery(snapshot: Snapshot, store: StoreHealth) -> Iterator[Metric]:
    yield _gauge("broker_connected", "1 while connected", snapshot.link.state == "connected")
    yield _counter("records_acknowledged", "by the broker", snapshot.link.acknowledged)
    yield _gauge("records_waiting", "for the broker", store.waiting)
    if store.oldest_waiting_utc is not None:
        yield _gauge("oldest_waiting_timestamp_seconds", "when it was made", store.oldest_waiting_utc.timestamp())
    yield _counter("records_lost", "gone undelivered since the store was created", store.lost)
    for name, megabytes in {"store_bytes": store.used_mb, "pictures_bytes": store.pictures_mb}.items():
        if megabytes is not None:
            yield _gauge(name, "on the card", megabytes * MEGABYTE)


def _board(board: BoardReading) -> Iterator[Metric]:
    known = {
        ("cpu_temperature_celsius", "of the processor"): board.temperature_c,
        ("throttled", "1 while heat or under-voltage slows the processor"): board.is_throttled,
        ("disk_free_bytes", "on the disk of the store"): board.disk_free_bytes,
        ("memory_bytes", "resident, of this program"): board.memory_bytes,
    }
    for (name, says), value in known.items():
        if value is not None:
            yield _gauge(name, says, value)


def _battery(battery: BatteryStatus | None) -> Iterator[Metric]:
    if battery is None:
        return
    yield _gauge("battery_volts", "as its gauge reads", battery.voltage_v)
    if battery.share is not None:
        yield _gauge("battery_ratio", "of a full one, 0 to 1", battery.share)


def _today(day: Day, unit: Unit | None) -> Iterator[Metric]:
    """Nothing at all on a day without a look: absent is not zero."""
    if not day.frames:
        return
    yield _gauge("today_frames", "looked at since local midnight, in a trap since local noon", day.frames)
    says = "counted since local midnight, in a trap since local noon"
    counts = GaugeMetricFamily("fieldeye_today_counted", says, labels=["label", "bound"])
    for label, figure in sorted(day.figures.items()):
        for bound, value in (("count", figure.count), ("low", figure.low), ("high", figure.high)):
            if value is not None:
                counts.add_metric([label, bound], value)
    yield counts
    if unit == "new":
        yield _nights(day)


def _nights(day: Day) -> Metric:
    nights = GaugeMetricFamily("fieldeye_today_nights", "in which what a trap counts today has come", labels=["label"])
    for label in sorted(day.figures):
        nights.add_metric([label], day.effort(label).nights)
    return nights


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fieldeye_{name}", says, value=float(value))


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(f"fieldeye_{name}", says, value=value)
