"""What `send` says when no bundle gets through: it names who is to blame; a real broker, a real publisher."""

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import ClockState
from edge.config import MqttTable
from edge.updates.inbox import Inbox
from edge.updates.manifest import SIGNED
from firmware_config.sign import signed_bundle
from tests.firmware.brokers import RenderedBroker
from tests.firmware.fleets import SITE, entry, firmware, put_fleet, put_private, run_render
from tests.node import NODE, JumpingClock, running, to
from tests.node import SITE as NODES_SITE
from tests.ports import free_port
from tests.waiting import wait_until


class Bench:
    """A fleet with the node of tests/node.py, rendered, and a bundle to send."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        site = SITE.replace('site = "valley"', f'site = "{NODES_SITE}"')
        site = site.replace('host = "localhost"', f'host = "localhost"\nport = {self.port}')
        self.fleet = put_fleet(folder, site + entry(NODE))
        self.out = self.render("out")
        key = Ed25519PrivateKey.generate()  # whoever else may sign
        content = {"manifest.json": bytes(100_000)}
        (folder / "new.update").write_bytes(signed_bundle("models", "1", 1, content, key))

    def render(self, to: str) -> Path:
        assert run_render(self.fleet, self.folder / to).returncode == 0
        return self.folder / to

    def send(self, *more: str) -> subprocess.CompletedProcess[str]:
        return firmware("send", self.fleet, self.out, NODE, self.folder / "new.update", *more)

    def to_broker(self) -> MqttTable:
        """The node's own configuration."""
        card = self.out / f"nodes/{NODE}/fieldeye"
        return to(
            self.port,
            tls=True,
            ca_file=str(card / "ca.pem"),
            username=NODE,
            password_file=str(card / "secrets/mqtt-password"),
            client_file=str(card / "secrets/mqtt-client"),
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def with_a_flipped_bit(bundle: bytes) -> bytes:
    return bundle[:50_000] + b"\1" + bundle[50_001:]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda _: b"photographs",
            "is no whole bundle (File is not a zip file); copy it again, or send the right",
        ),
        (lambda bundle: bundle[:60_000], "is no whole bundle (File is not a zip file)"),
        (lambda bundle: bundle.replace(SIGNED.encode(), b"holiday.jpg"), "no item named"),
        (with_a_flipped_bit, "copy"),
    ],
    ids=["no ZIP", "half copied", "a ZIP of something else", "damaged"],
)
def test_what_is_no_whole_bundle_is_not_sent(bench: Bench, change: Callable[[bytes], bytes], says: str) -> None:
    """The node found out when all of it had come; here no broker is asked."""
    path = bench.folder / "new.update"
    path.write_bytes(change(path.read_bytes()))
    done = bench.send()
    assert (done.returncode, says in done.stderr, "cannot be reached" in done.stderr) == (2, True, False), done.stderr


def test_a_password_that_the_broker_does_not_know_is_named_and_not_the_node(bench: Bench) -> None:
    put_private(bench.folder / "keys/platform/mqtt-password", "another")
    with RenderedBroker(bench.render("broker-of-later"), bench.port):
        done = bench.send()
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"localhost:{bench.port} does not let platform in (Not authorized)" in done.stderr
    assert "is it on" not in done.stderr


def test_a_revoked_certificate_is_named_and_not_the_node(bench: Bench) -> None:
    assert firmware("revoke", bench.fleet, "platform").returncode == 0
    with RenderedBroker(bench.render("broker-of-later"), bench.port):
        done = bench.send()
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "does not let platform in (it ends the connection, as it does for a revoked certificate)" in done.stderr


@pytest.mark.parametrize(("ahead_s", "takes"), [(0, True), (7200, False)])
def test_a_bench_whose_clock_is_slow_is_told_so(bench: Bench, ahead_s: float, takes: bool) -> None:
    clock = JumpingClock(ahead_s, ClockState.SYNCED)
    with (
        RenderedBroker(bench.out, bench.port),
        running(bench.folder / "state", bench.to_broker(), clock=clock) as node,
    ):
        wait_until(node.is_connected, within_s=10)
        done = bench.send()
    assert (done.returncode == 0) is takes, done.stderr
    slow = f"{NODE}: its clock is an hour or more ahead of this machine's; set the one that is wrong"
    assert (slow in done.stderr) is not takes


def test_a_node_that_was_told_where_to_fetch_a_bundle_is_not_said_to_have_it(bench: Bench) -> None:
    with (
        RenderedBroker(bench.out, bench.port),
        running(bench.folder / "state", bench.to_broker()) as node,
    ):
        wait_until(node.is_connected, within_s=10)
        done = bench.send("--url", "http://127.0.0.1:1/new.update")
    assert [request.url for request in Inbox(bench.folder / "state/inbox").requests()] == [
        "http://127.0.0.1:1/new.update"
    ]
    assert f"{NODE}: was told where to fetch it; its health tells" in done.stdout, done.stderr


@contextmanager
def answering(bench: Bench, *answers: bytes) -> Iterator[None]:
    """In the node's place somebody who gives these, with the command's id, to whatever is sent."""
    card, topic = bench.out / f"nodes/{NODE}/fieldeye", f"fieldeye/v1/{NODES_SITE}/{NODE}"
    client = paho.Client(CallbackAPIVersion.VERSION2, NODE, protocol=paho.MQTTv5)
    client.username_pw_set(NODE, (card / "secrets/mqtt-password").read_text().strip())
    context = ssl.create_default_context(cafile=card / "ca.pem")
    context.load_cert_chain(card / "secrets/mqtt-client")
    client.tls_set_context(context)

    def answer(_client: paho.Client, _data: object, message: Any) -> None:
        for one in answers:
            told = one.replace(b"ID", json.loads(message.payload)["id"].encode())
            client.publish(f"{topic}/reply/update", told, qos=1)

    heard: list[object] = []
    client.on_message = answer
    client.on_subscribe = lambda *told: heard.append(told)
    client.connect("localhost", bench.port)
    client.loop_start()
    client.subscribe(f"{topic}/cmd/+", qos=1)  # word for word as nodes ask, see access.py
    wait_until(lambda: heard != [], within_s=10)
    yield
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize(
    ("answers", "code", "says"),
    [
        ((b"no JSON", b"\xff", b"[" * 100_000, b'{"id": "ID", "code": "done", "have": 900000}'), 0, ""),
        ((b'{"id": "ID", "code": "done"}',), 2, f"{NODE} does not say how much it has"),
        ((b'{"id": "ID", "code": "done", "have": "all"}',), 2, f"{NODE} does not say how much it has"),
        ((b'{"id": "ID", "code": "done", "have": 1e999}',), 2, f"{NODE} does not say how much it has"),
    ],
)
def test_an_answer_that_no_node_gives_is_a_sentence_or_passed_over(
    bench: Bench, answers: tuple[bytes, ...], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_config.send.ANSWER_S", 2.0)
    with RenderedBroker(bench.out, bench.port), answering(bench, *answers):
        done = bench.send()
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
