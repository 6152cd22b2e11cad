"""The rendered files under a real Mosquitto, over TLS: who gets in, says and hears what, what outlives a SIGKILL."""

import base64
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.config import MqttTable, NodeTable
from edge.mqtt.commands import VERBS
from edge.mqtt.login import logins_of
from edge.wire import command_filter
from firmware_config.broker import password_line
from tests.firmware.brokers import RenderedBroker, User, login
from tests.firmware.fleets import SITE, entry, put_fleet, put_private, run_render
from tests.waiting import wait_until

REFUSED, NOT_AUTHORISED = 0x87, 0x87  # CONNACK's; PUBACK's and SUBACK's
NOBODY, GRANTED = 0x10, 1  # PUBACK's and SUBACK's
CONTRACT = (Path(__file__).parents[2] / "docs/contract/asyncapi.yaml").read_text("utf-8")
SAID = re.findall(r"address: fieldeye/v1/{site}/{node}/(?!cmd/)(\S+)", CONTRACT)
RECORDS = "$share/fieldeye/fieldeye/v1/+/+/records"  # as a platform's workers ask for them


@pytest.fixture(scope="module")
def broker(rendered: Path) -> Iterator[RenderedBroker]:
    with RenderedBroker(rendered) as running:
        yield running


@pytest.mark.parametrize("name", ["a", "b", "platform"])
def test_each_rendered_password_opens_the_broker(rendered: Path, broker: RenderedBroker, name: str) -> None:
    with login(rendered, broker, name) as user:
        assert user.accepted == 0


def test_the_password_of_another_node_does_not_open_it(rendered: Path, broker: RenderedBroker) -> None:
    other = (rendered / "nodes/b/fieldeye/secrets/mqtt-password").read_text().strip()
    with User(broker, rendered, "a", other, certificate=certificate_of(rendered, "a")) as user:
        assert user.accepted == REFUSED


def test_a_stolen_card_throws_no_other_node_off_by_taking_its_name(rendered: Path, broker: RenderedBroker) -> None:
    files = rendered / "nodes/b/fieldeye"
    table = MqttTable(
        host="localhost",
        port=broker.port,
        username="b",
        password_file=str(files / "secrets/mqtt-password"),
        ca_file=str(files / "ca.pem"),
        client_file=str(files / "secrets/mqtt-client"),
    )
    own = logins_of(table, NodeTable(node="b", site="valley"))[0].client_id
    with login(rendered, broker, "b", client=own) as node, login(rendered, broker, "a", client="fieldeye_valley:b"):
        assert node.publish("fieldeye/v1/valley/b/health") == NOBODY
        assert not node.is_cut_off


def test_a_node_may_say_what_stands_in_the_contract_and_nothing_else(rendered: Path) -> None:
    rules = json.loads((rendered / "broker/acl").read_text())
    (role,) = (one for one in rules["roles"] if one["rolename"] == "a")
    says = {rule["topic"] for rule in role["acls"] if rule["acltype"] == "publishClientSend"}
    assert says == {f"fieldeye/v1/valley/a/{channel}" for channel in SAID}


def test_a_node_says_all_of_the_contract(rendered: Path, broker: RenderedBroker) -> None:
    assert {"records", "reply/doctor", *(f"reply/{verb}" for verb in VERBS)} <= set(SAID)
    with login(rendered, broker, "a") as node, login(rendered, broker, "platform") as platform:
        platform.subscribe("fieldeye/v1/#")
        assert {channel: node.publish(f"fieldeye/v1/valley/a/{channel}") for channel in SAID} == dict.fromkeys(SAID, 0)
        wait_until(lambda: len(platform.heard) == len(SAID), within_s=10)


@pytest.mark.parametrize(
    "topic",
    [
        "fieldeye/v1/valley/b/records",
        "fieldeye/v1/valley/b/cmd/replay",
        "fieldeye/v1/hill/a/records",
        "fieldeye/v1/valley/ab/records",
        "fieldeye/v1/valley/a/junk",  # retained there, the broker would write it at each message
        "fieldeye/v1/valley/a/reply/junk",
        "fieldeye/v1/valley/a/image/junk",
        "fieldeye/v1/valley/a/cmd/replay",
        "elsewhere",
        "$CONTROL/dynamic-security/v1",
    ],
)
def test_a_node_writes_nothing_else(rendered: Path, broker: RenderedBroker, topic: str) -> None:
    with login(rendered, broker, "a") as node:
        assert node.publish(topic) == NOT_AUTHORISED


def test_a_node_hears_its_own_commands_and_nothing_else_even_if_it_asks_for_all(
    rendered: Path, broker: RenderedBroker
) -> None:
    with login(rendered, broker, "a") as a, login(rendered, broker, "b") as b:
        assert a.subscribe(command_filter("valley", "a")) == GRANTED
        for others in ("#", "fieldeye/v1/valley/b/cmd/+", "fieldeye/v1/valley/+/cmd/+", "fieldeye/v1/valley/a/#"):
            assert a.subscribe(others) == NOT_AUTHORISED
        with login(rendered, broker, "platform") as platform:
            platform.subscribe("fieldeye/v1/#")
            assert b.publish("fieldeye/v1/valley/b/records") == 0
            platform.publish("fieldeye/v1/valley/b/cmd/replay")
            platform.publish("fieldeye/v1/valley/a/cmd/replay")
        wait_until(lambda: bool(a.heard), within_s=10)
    assert {topic for topic, _ in a.heard} == {"fieldeye/v1/valley/a/cmd/replay"}


def test_a_stolen_card_leaves_no_subscriptions_that_the_broker_would_write_with_each_message(
    rendered: Path, broker: RenderedBroker
) -> None:
    """1,600 of 60 kB each were granted within 25 s; ten messages of another node then had it write 1,057 MB."""
    own = "fieldeye/v1/valley/a/cmd/"
    with login(rendered, broker, "a") as thief:
        for topics in (f"{own}#", f"{own}replay", f"{own}1-{'x' * 60_000}", f"{own}+/1", f"$share/x/{own}+"):
            assert thief.subscribe(topics) == NOT_AUTHORISED


def test_who_may_not_hear_records_takes_none_from_the_platform_and_has_none_acknowledged(
    rendered: Path, broker: RenderedBroker
) -> None:
    with (
        login(rendered, broker, "a", client="thief") as thief,
        login(rendered, broker, "b") as node,
        login(rendered, broker, "platform") as platform,
    ):
        asked = [thief.subscribe(topics) for topics in (RECORDS, "#", "fieldeye/v1/#")]
        assert node.publish("fieldeye/v1/valley/b/records") == NOBODY
        assert platform.subscribe(RECORDS) == GRANTED
        assert [node.publish("fieldeye/v1/valley/b/records") for _ in range(4)] == [0] * 4
        wait_until(lambda: len(platform.heard) == 4, within_s=10)
    assert asked == [NOT_AUTHORISED] * 3


def test_the_platform_commands_and_forges_no_record(rendered: Path, broker: RenderedBroker) -> None:
    with login(rendered, broker, "platform") as platform:
        assert platform.publish("fieldeye/v1/valley/a/records") == NOT_AUTHORISED


def test_nobody_gets_in_without_tls_or_without_a_name(broker: RenderedBroker, rendered: Path) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as plain:
        plain.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc")
        with suppress(ConnectionResetError):
            assert plain.recv(4)[:1] != b"\x20"  # no CONNACK: at most a TLS alert
    with User(broker, rendered, "", "", certificate=certificate_of(rendered, "a")) as stranger:
        assert stranger.accepted == REFUSED


def test_a_password_without_a_certificate_of_the_site_opens_nothing(
    rendered: Path, broker: RenderedBroker, tmp_path: Path
) -> None:
    with login(rendered, broker, "a", certificate=None) as user:
        assert user.accepted is None
    run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    with login(rendered, broker, "a", certificate=certificate_of(tmp_path / "out", "a")) as user:
        assert user.accepted is None


def certificate_of(out: Path, node: str) -> Path:
    return out / f"nodes/{node}/fieldeye/secrets/mqtt-client"


def test_a_broker_that_another_site_certified_is_refused(rendered: Path, tmp_path: Path) -> None:
    run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    with RenderedBroker(tmp_path / "out") as other, pytest.raises(ssl.SSLCertVerificationError):
        login(rendered, other, "a")


def test_what_was_acknowledged_for_an_absent_platform_outlives_a_sigkill(rendered: Path) -> None:
    """All but the last, as Mosquitto saves on each change what stood before it."""
    with RenderedBroker(rendered) as broker:
        with login(rendered, broker, "platform", clean=False) as platform:
            platform.subscribe("fieldeye/v1/valley/#")
        with login(rendered, broker, "a") as node:
            assert [node.publish("fieldeye/v1/valley/a/records") for _ in range(20)] == [0] * 20
            broker.kill()
        broker.start()
        with login(rendered, broker, "platform", clean=False) as platform:
            wait_until(lambda: len(platform.heard) >= 19, within_s=10)


def test_a_new_name_of_the_broker_renews_its_certificate_and_no_password(tmp_path: Path) -> None:
    run_render(put_fleet(tmp_path, SITE + entry("a")), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    run_render(put_fleet(tmp_path, SITE.replace("broker.lan", "mqtt.lan") + entry("a")), tmp_path / "out")
    changed = {path.relative_to(tmp_path / "out") for path, content in before.items() if path.read_bytes() != content}
    assert changed == {Path("broker/server.pem"), Path("broker/server.key")}


def test_our_password_lines_are_mosquitto_passwds_own(tmp_path: Path) -> None:
    """The salt is taken from a line that mosquitto_passwd made; the rest must come out the same."""
    path = tmp_path / "passwords"
    path.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(path), "node", "secret"], check=True, capture_output=True)
    line = path.read_text()
    _, form, iterations, salt, _ = line.split("$")
    if (form, iterations) != ("7", "101"):
        pytest.skip(
            f"this mosquitto_passwd writes form {form} with {iterations} iterations; Debian 13's writes 7 and 101"
        )
    assert password_line("node", "secret", base64.b64decode(salt)) == line


def client_ids(out: Path) -> list[str]:
    return re.findall(r"^\w+_clientid .*", (out / "broker/mosquitto.conf").read_text(), re.MULTILINE)


def test_what_a_site_says_reaches_the_region_over_the_bridge_and_commands_come_back(tmp_path: Path) -> None:
    region = put_fleet(tmp_path / "region", SITE + entry("bridge"))
    run_render(region, tmp_path / "region/out")
    let_the_site_in(tmp_path / "region/out/broker/acl")
    with RenderedBroker(tmp_path / "region/out") as far:
        shutil.copy(certificate_of(tmp_path / "region/out", "bridge"), far.folder / "bridge.pem")
        shutil.chown(far.folder / "bridge.pem", "mosquitto")
        site = put_fleet(tmp_path / "site", SITE + bridge_to(far) + entry("a"))
        password = (tmp_path / "region/out/nodes/bridge/fieldeye/secrets/mqtt-password").read_text().strip()
        put_private(tmp_path / "site/bridge-password", password)
        run_render(site, tmp_path / "site/out")
        regional = (tmp_path / "region/out/platform/mqtt-password").read_text().strip()
        ids = client_ids(tmp_path / "site/out")
        put_private(tmp_path / "site/bridge-password", "another")
        run_render(site, tmp_path / "site/again")
        again = client_ids(tmp_path / "site/again")
        assert ids[0].startswith("local_clientid local.fieldeye-valley-")
        assert ids[1].startswith("remote_clientid fieldeye-valley-")
        assert (again[0], again[1] == ids[1]) == (ids[0], False), "what waits for the region stays the bridge's"
        with RenderedBroker(tmp_path / "site/out") as near:
            trust = tmp_path / "region/out"
            trusting = tmp_path / "trust/nodes/a/fieldeye"
            trusting.mkdir(parents=True)
            shutil.copy(trust / "broker/ca.pem", trusting / "ca.pem")
            with (
                User(
                    far, tmp_path / "trust", "platform", regional, certificate=trust / "platform/mqtt-client"
                ) as platform,
                login(tmp_path / "site/out", near, "a") as node,
            ):
                platform.subscribe("fieldeye/v1/#")
                node.subscribe("fieldeye/v1/valley/a/cmd/+")
                node.publish("fieldeye/v1/valley/a/records")
                wait_until(lambda: ("fieldeye/v1/valley/a/records", b"x") in platform.heard, within_s=20)
                platform.publish("fieldeye/v1/valley/a/cmd/replay")
                wait_until(lambda: bool(node.heard), within_s=20)


def let_the_site_in(acl: Path) -> None:
    rules = json.loads(acl.read_text())
    (bridge,) = (role for role in rules["roles"] if role["rolename"] == "bridge")
    rights = ("publishClientSend", "publishClientReceive", "subscribePattern")
    bridge["acls"] = [{"acltype": right, "topic": "fieldeye/v1/valley/#", "allow": True} for right in rights]
    acl.write_text(json.dumps(rules))


def bridge_to(far: RenderedBroker) -> str:
    return (
        f'[bridge]\nhost = "localhost"\nport = {far.port}\nusername = "bridge"\n'
        f'password_file = "bridge-password"\nca_file = "{far.folder}/ca.pem"\nclient_file = "{far.folder}/bridge.pem"\n'
    )
