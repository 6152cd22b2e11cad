"""A Home Assistant at the site's broker: what it and the nodes may say and hear, against a real Mosquitto over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import NodeTable
from edge.mqtt.discovery import discovery_topic
from tests.firmware.brokers import RenderedBroker, login
from tests.firmware.fleets import SITE, entry, put_fleet, render_fleet, run_render
from tests.waiting import wait_until

NOT_AUTHORISED = 0x87
TREE = "fieldeye/v1/valley"
SHOWING = SITE.replace("[broker]", "[broker]\nhome_assistant = true")


def told(node: str) -> str:
    """Where the node itself introduces itself."""
    return discovery_topic(NodeTable(site="valley", node=node))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a fleet whose nodes Home Assistant shows."""
    return render_fleet(tmp_path_factory.mktemp("shown"), SHOWING + entry("a") + entry("b"))


@pytest.fixture(scope="module")
def broker(shown: Path) -> Iterator[RenderedBroker]:
    with RenderedBroker(shown) as running:
        yield running


def test_a_node_introduces_itself_and_hears_that_home_assistant_has_started(
    shown: Path, broker: RenderedBroker
) -> None:
    with login(shown, broker, "home-assistant") as home, login(shown, broker, "a") as node:
        home.subscribe("homeassistant/#")
        node.subscribe("homeassistant/status")
        assert node.publish(told("a")) == 0
        assert home.publish("homeassistant/status") == 0
        wait_until(lambda: (told("a"), b"x") in home.heard and bool(node.heard), within_s=10)


@pytest.mark.parametrize(
    "topic",
    [told("b"), told("ab"), f"{told('a')}/more", "homeassistant/status", "homeassistant/sensor/a/config"],
)
def test_a_node_says_nothing_else_to_home_assistant(shown: Path, broker: RenderedBroker, topic: str) -> None:
    with login(shown, broker, "a") as node:
        assert node.publish(topic) == NOT_AUTHORISED


def test_a_node_hears_of_home_assistants_topics_only_its_status(shown: Path, broker: RenderedBroker) -> None:
    with login(shown, broker, "a") as a, login(shown, broker, "b") as b, login(shown, broker, "home-assistant") as home:
        assert a.subscribe("homeassistant/#") == NOT_AUTHORISED
        assert a.subscribe("homeassistant/status") == 1
        home.subscribe("homeassistant/#")
        assert b.publish(told("b")) == 0
        assert home.publish("homeassistant/status") == 0
        wait_until(lambda: bool(a.heard), within_s=10)
    assert {topic for topic, _ in a.heard} == {"homeassistant/status"}


def test_home_assistant_hears_how_nodes_are_and_what_was_counted_last_and_no_record_picture_or_command(
    shown: Path, broker: RenderedBroker
) -> None:
    with login(shown, broker, "home-assistant") as home, login(shown, broker, "a") as node:
        for topics in ("#", f"{TREE}/a/#", f"{TREE}/a/records", f"{TREE}/+/+"):
            assert home.subscribe(topics) == NOT_AUTHORISED
        for channel in ("status", "summary", "health"):
            assert home.subscribe(f"{TREE}/a/{channel}") == 1  # as discovery names them
        for channel in ("records", "image", "info", "reply/replay", "status", "summary", "health"):
            node.publish(f"{TREE}/a/{channel}")
        wait_until(lambda: len(home.heard) >= 3, within_s=10)
    assert {topic for topic, _ in home.heard} == {f"{TREE}/a/{channel}" for channel in ("status", "summary", "health")}


@pytest.mark.parametrize("channel", ["cmd/replay", "records", "status"])
def test_home_assistant_commands_no_node_and_speaks_for_none(shown: Path, broker: RenderedBroker, channel: str) -> None:
    with login(shown, broker, "home-assistant") as home:
        assert home.publish(f"{TREE}/a/{channel}") == NOT_AUTHORISED


def test_where_the_fleet_has_none_a_node_may_not_introduce_itself(rendered: Path) -> None:
    assert not (rendered / "home-assistant").exists()
    with RenderedBroker(rendered) as broker, login(rendered, broker, "a") as node:
        assert node.publish(told("a")) == NOT_AUTHORISED


def test_a_fleet_that_has_done_with_it_takes_its_login_away(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_render(put_fleet(tmp_path, SHOWING + entry("a")), out)
    assert (out / "home-assistant/client.key").stat().st_mode & 0o777 == 0o600
    done = run_render(put_fleet(tmp_path, SITE + entry("a")), out)
    assert "home-assistant: no longer in the fleet" in done.stdout
    assert not (out / "home-assistant").exists()
    assert "home" not in (out / "broker/passwords").read_text() + (out / "broker/acl").read_text()
    assert "home_assistant" not in (out / "nodes/a/fieldeye/node.toml").read_text()
