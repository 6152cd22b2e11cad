"""From a fleet file to an acknowledged record: the rendered node and the rendered broker, over TLS."""

import os
import signal
import subprocess
from pathlib import Path

from tests.clocks import RUN
from tests.firmware.brokers import RenderedBroker, login
from tests.firmware.fleets import SITE, render_fleet
from tests.ports import free_port
from tests.waiting import wait_until

PICTURES = Path(__file__).parents[2] / "edge/cli/demo_pictures"


def test_a_rendered_node_delivers_its_records_to_the_rendered_broker(tmp_path: Path) -> None:
    port = free_port()
    site = SITE.replace('host = "localhost"', f'host = "localhost"\nport = {port}\nhome_assistant = true')
    camera = 'camera = { kind = "folder", source = "/srv/pictures", loop = true, every_s = 0.5 }'
    out = render_fleet(tmp_path, f'{site}[[node]]\nnode = "a"\n{camera}\nstore = {{ interval_s = 2 }}\n')
    with (
        RenderedBroker(out, port) as broker,
        login(out, broker, "platform") as platform,
        login(out, broker, "home-assistant") as home,
    ):
        platform.subscribe("fieldeye/v1/valley/a/#")
        home.subscribe("homeassistant/#")
        with subprocess.Popen(
            [*RUN, "--config", moved(out / "nodes/a/fieldeye", tmp_path)],
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(out / "nodes/a/fieldeye/secrets")},
            cwd=PICTURES.parents[2], stderr=subprocess.DEVNULL,
        ) as node:  # fmt: skip
            wait_until(lambda: "records" in {topic.split("/")[4] for topic, _ in platform.heard}, within_s=60)
            node.send_signal(signal.SIGTERM)
            assert node.wait(60) == 0
    assert {topic.split("/")[4] for topic, _ in platform.heard} >= {"status", "info", "records"}
    assert {topic for topic, _ in home.heard} == {"homeassistant/device/fieldeye_valley/a/config"}


def moved(card: Path, here: Path) -> Path:
    """node.toml with the places that setup.sh, systemd and a technician would make put where they are `here`."""
    text = (card / "node.toml").read_text()
    for theirs, ours in {
        "/etc/fieldeye/ca.pem": str(card / "ca.pem"),
        "/srv/pictures": str(PICTURES),
        "[store]": f'[store]\nfolder = "{here / "state"}"',
        'host = "0.0.0.0"': f'host = "127.0.0.1"\nport = {free_port()}',
    }.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    (here / "node.toml").write_text(text)
    return here / "node.toml"
