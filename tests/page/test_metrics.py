"""What Prometheus reads, parsed by its own client."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from edge import __version__
from edge.page.api.metrics import may_read
from edge.status import BatteryStatus
from tests.page.scenes import (
    BUG,
    HOPPER,
    MODEL,
    Scene,
    config,
    each_figure,
    first_minutes,
    interval,
    safe_mode,
    seen,
    sighting,
    trap_hour,
    well,
)

Sample = tuple[str, frozenset[tuple[str, str]]]


def read(client: FlaskClient, **headers: str) -> dict[Sample, float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def labelled(name: str, **labels: str) -> Sample:
    return f"fieldeye_{name}", frozenset(labels.items())


def test_a_node_that_works_tells_each_figure_and_todays_counts_with_their_range(
    scene: Scene, client: FlaskClient
) -> None:
    each_figure(scene)
    told = read(client)
    (info,) = [sample for sample in told if sample[0] == "fieldeye_node_info"]
    here = {"site": "paddy-3", "node": "north-dyke", "version": __version__, "model": MODEL}
    assert dict(info[1]) == here | {"epoch": str(scene.store.epoch)}
    bytes_kept = [told.pop(labelled(name)) for name in ("store_bytes", "pictures_bytes")]
    assert min(bytes_kept) > 10_000
    assert max(bytes_kept) < 1_000_000
    del told[info]
    assert not [name for name, _ in told if name.endswith(("_count", "_sum", "_bucket"))]  # promtool: of a histogram
    figures = {
        "looking": 1, "clock_synced": 1, "uptime_seconds": 3600, "last_frame_age_seconds": 12, "camera_up": 1,
        "frames_total": 4210, "looks_total": 1032, "detections_total": 2077, "frames_overtaken_total": 17,
        "camera_reopened_total": 3, "look_seconds": 0.043, "broker_connected": 1, "records_acknowledged_total": 318,
        "records_waiting": 2, "oldest_waiting_timestamp_seconds": scene.before(minutes=2).utc.timestamp(),
        "records_lost_total": 0, "cpu_temperature_celsius": 61.5, "throttled": 1, "disk_free_bytes": 90_000_000,
        "memory_bytes": 104_857_600, "battery_volts": 3.9, "battery_ratio": 0.64, "today_frames": 212,
    }  # fmt: skip
    skipped = {"still": 2900, "dark": 270, "blurred": 8}
    counted = {BUG: {"low": 0, "count": 1, "high": 4}, HOPPER: {"low": 3, "count": 5, "high": 8}}
    assert told == {
        **{labelled(name): value for name, value in figures.items()},
        **{labelled("frames_skipped_total", reason=reason): count for reason, count in skipped.items()},
        **{
            labelled("today_counted", label=label, bound=bound): count
            for label, bounds in counted.items()
            for bound, count in bounds.items()
        },
    }


def test_what_is_not_known_is_left_out_and_never_a_zero(scene: Scene, client: FlaskClient) -> None:
    first_minutes(scene)
    names = {name for name, _ in read(client)}
    assert not names & {
        "fieldeye_today_frames", "fieldeye_today_counted", "fieldeye_last_frame_age_seconds", "fieldeye_look_seconds",
    }  # fmt: skip


def test_a_battery_is_told_where_a_gauge_reads_it(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    assert not [name for name, _ in read(client) if "battery" in name]
    scene.board.show(battery=BatteryStatus(voltage_v=11.2, share=None, level="empty"))
    assert {name: told for (name, _), told in read(client).items() if "battery" in name} == {
        "fieldeye_battery_volts": 11.2
    }
    scene.board.show(battery=BatteryStatus(voltage_v=3.9, share=0.64, level="good"))
    assert read(client)[labelled("battery_ratio")] == 0.64


def test_a_day_on_which_nothing_was_seen_has_its_effort_and_no_taxon(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(hours=2), {}, frames=60)])
    told = read(client)
    assert told[labelled("today_frames")] == 60
    assert not {"fieldeye_today_counted", "fieldeye_today_nights"}.intersection(name for name, _ in told)


def test_a_trap_s_counts_of_today_begin_at_noon_and_say_so(scene: Scene, client: FlaskClient) -> None:
    well(scene)  # at 16:30
    scene.store.commit([trap_hour(scene.before(hours=back), back, nights=2) for back in (6, 3)])
    told = read(client)
    assert told[labelled("today_counted", label=HOPPER, bound="count")] == 3
    assert told[labelled("today_nights", label=HOPPER)] == 2
    helps = [line for line in client.get("/metrics").text.splitlines() if line.startswith("# HELP fieldeye_today_")]
    assert [line.endswith("since local midnight, in a trap since local noon") for line in helps] == [True, True, False]


def test_a_node_in_safe_mode_is_seen_not_to_look_and_waiting_records_show(scene: Scene, client: FlaskClient) -> None:
    safe_mode(scene)
    scene.store.commit([sighting(scene.before(minutes=5), BUG)])
    told = read(client)
    assert (told[labelled("looking")], told[labelled("camera_up")], told[labelled("broker_connected")]) == (0, 0, 0)
    assert told[labelled("records_waiting")] == 1
    assert told[labelled("oldest_waiting_timestamp_seconds")] == scene.before(minutes=5).utc.timestamp()


@pytest.mark.parametrize(
    ("address", "token", "may"),
    [
        ("127.0.0.1", None, True), ("::1", None, True), ("192.168.4.20", None, False),
        ("192.168.4.20", "wrong", False), ("192.168.4.20", "right", True), (None, None, False),
    ],
)  # fmt: skip
def test_another_machine_needs_the_token(
    address: str | None, token: str | None, may: bool, scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("right\n")
    (tmp_path / "token").chmod(0o600)
    scene.configure(page={"metrics_token_file": str(tmp_path / "token")})
    assert may_read(address, token, scene.config) is may


def test_without_a_configured_token_no_token_opens_it(tmp_path: Path) -> None:
    assert not may_read("192.168.4.20", "None", config(tmp_path))


def test_a_machine_without_the_token_learns_nothing(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": "192.168.4.20"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "text/plain"
    assert "page.metrics_token_file" in answer.text
    assert "planthopper" not in answer.text.lower()


def test_a_token_file_that_others_may_read_is_refused_with_its_remedy(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("right\n")
    (tmp_path / "token").chmod(0o644)
    scene.configure(page={"metrics_token_file": str(tmp_path / "token")})
    client = scene.app().test_client()
    bearer = {"Authorization": "Bearer right"}
    answer = client.get("/metrics", headers=bearer, environ_base={"REMOTE_ADDR": "192.168.4.20"})
    assert answer.status_code == 503
    assert "chmod 600" in answer.text
    assert "right" not in answer.text.replace("copyright", "")
