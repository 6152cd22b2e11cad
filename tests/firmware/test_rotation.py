"""Credentials change over under a running node: a real node, a real Mosquitto over TLS, and nobody visits."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.errors import UpdateError
from edge.updates.install import install
from edge.updates.slots import Places
from firmware_config.sign import signed_bundle
from tests.clocks import RUN
from tests.firmware.brokers import RenderedBroker, User, login
from tests.firmware.fleets import SITE, firmware, put_fleet, put_private, run_render
from tests.firmware.test_delivery import moved
from tests.firmware.test_revocation import kill_before_removing
from tests.ports import free_port
from tests.updates.bundles import SLOTS
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Site:
    """A rendered fleet of a and b, the bench that made it, and the card of a as it lies in the field."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        site = SITE.replace('host = "localhost"', f'host = "localhost"\nport = {self.port}')
        camera = 'camera = { kind = "folder", source = "/srv/pictures", loop = true, every_s = 0.5 }'
        nodes = "".join(f'[[node]]\nnode = "{name}"\n{camera}\nstore = {{ interval_s = 2 }}\n' for name in "ab")
        self.fleet = put_fleet(folder, site + nodes)
        self.out = self.render("out")
        self.card = self.out / "nodes/a/fieldeye"  # rendering leaves it alone from now on
        self.places = Places(folder / "opt", self.card / "update-keys", SLOTS, self.card)

    def render(self, to: str) -> Path:
        assert run_render(self.fleet, self.folder / to).returncode == 0
        return self.folder / to

    def rotate(self, node: str = "a", *more: str) -> Path:
        path = self.folder / f"{node}.update"
        done = firmware("rotate", self.fleet, node, path, *more)
        assert done.returncode == 0, done.stderr
        return path

    def secret(self, name: str) -> str:
        return (self.card / "secrets" / name).read_text().strip()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@contextmanager
def running(site: Site) -> Iterator[None]:
    command = [*RUN, "--config", str(moved(site.card, site.folder))]
    told = {**os.environ, "CREDENTIALS_DIRECTORY": str(site.card / "secrets")}
    with subprocess.Popen(command, env=told, cwd=ROOT, stderr=subprocess.DEVNULL) as node:
        try:
            yield
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait(60)


def hears_records(broker: RenderedBroker, out: Path) -> None:
    with login(out, broker, "platform") as platform:
        platform.subscribe("fieldeye/v1/valley/a/#")
        wait_until(lambda: any(topic.endswith("/records") for topic, _ in platform.heard), within_s=60)


def test_a_running_node_follows_its_broker_to_the_new_credentials(site: Site) -> None:
    old, certificate = site.secret("mqtt-password"), site.secret("mqtt-client")
    assert "are in use from the next start on" in install(site.rotate(), site.places)
    assert site.secret("mqtt-password") == old
    assert site.secret("mqtt-client") != certificate
    with running(site):
        with RenderedBroker(site.out, site.port) as broker:
            hears_records(broker, site.out)
        assert firmware("rotate", site.fleet, "a", "--finish").returncode == 0
        after = site.render("after")
        with RenderedBroker(after, site.port) as broker:
            hears_records(broker, after)
            (site.folder / "old").write_text(certificate)
            with User(broker, after, "a", site.secret("mqtt-password-next"), certificate=site.folder / "old") as thief:
                assert thief.accepted is None
            with User(broker, after, "a", old, certificate=site.card / "secrets/mqtt-client") as thief:
                assert thief.accepted != 0


def test_a_second_rotation_builds_on_the_first(site: Site) -> None:
    install(site.rotate(), site.places)
    second = site.secret("mqtt-password-next")
    firmware("rotate", site.fleet, "a", "--finish")
    install(site.rotate(), site.places)
    assert site.secret("mqtt-password") == second
    assert site.secret("mqtt-password-next") not in {second, ""}


def test_a_card_that_was_rendered_during_a_rotation_stays_in_when_it_ends(site: Site) -> None:
    """setup.sh at a visit put the old certificate back, which the rotation's end revokes."""
    site.rotate()
    secrets = site.render("visit") / "nodes/a/fieldeye/secrets"
    firmware("rotate", site.fleet, "a", "--finish")
    password = (secrets / "mqtt-password-next").read_text().strip()
    with (
        RenderedBroker(site.render("after"), site.port) as broker,
        User(broker, site.out, "a", password, certificate=secrets / "mqtt-client") as node,
    ):
        assert node.accepted == 0


def test_a_node_that_took_a_higher_number_of_another_fleet_is_given_a_higher_one(site: Site) -> None:
    site.places.opt.mkdir()
    (site.places.opt / "floor-secrets").write_text("5\n")
    with pytest.raises(UpdateError, match="number 1 is not newer than 5, which ran here; sign it with --counter 6 or"):
        install(site.rotate(), site.places)
    assert "number 6, are in use" in install(site.rotate("a", "--counter", "6"), site.places)


@pytest.mark.parametrize("name", ["mqtt-client-next", "mqtt-password-next"])
def test_a_rotation_that_was_killed_at_its_end_is_finished_by_the_next_and_the_node_stays_in(
    site: Site, name: str
) -> None:
    install(site.rotate(), site.places)
    assert kill_before_removing(name, "rotate", site.fleet, "a", "--finish") == -signal.SIGKILL
    assert firmware("rotate", site.fleet, "a", "--finish").returncode == 0
    assert not list((site.folder / "keys/nodes/a").glob("*-next"))
    certificate = site.card / "secrets/mqtt-client"
    with (
        RenderedBroker(site.render("after"), site.port) as broker,
        User(broker, site.out, "a", site.secret("mqtt-password-next"), certificate=certificate) as node,
    ):
        assert node.accepted == 0


@pytest.mark.parametrize("name", ["mqtt-client-next", "mqtt-password-next"])
def test_the_rotation_after_one_that_was_killed_at_its_end_brings_another_password_and_certificate(
    site: Site, name: str
) -> None:
    install(site.rotate(), site.places)
    kill_before_removing(name, "rotate", site.fleet, "a", "--finish")
    password, certificate = site.secret("mqtt-password-next"), site.secret("mqtt-client")
    install(site.rotate(), site.places)
    assert site.secret("mqtt-password-next") != password
    assert site.secret("mqtt-client") != certificate


def test_a_card_stolen_during_a_rotation_has_no_certificate_left_that_opens(site: Site) -> None:
    install(site.rotate(), site.places)
    assert firmware("revoke", site.fleet, "a").returncode == 0
    after = site.render("after")
    with (
        RenderedBroker(after, site.port) as broker,
        login(after, broker, "a", certificate=site.card / "secrets/mqtt-client") as thief,
    ):
        assert thief.accepted is None


def test_the_secrets_of_another_node_are_refused(site: Site) -> None:
    with pytest.raises(UpdateError, match="secrets of valley/b and this is valley/a"):
        install(site.rotate("b"), site.places)


def test_nobody_on_the_way_reads_what_is_sent_and_an_old_one_is_refused(site: Site) -> None:
    path = site.rotate()
    install(path, site.places)
    content = path.read_bytes()
    for name in ("mqtt-password", "mqtt-password-next"):
        assert site.secret(name).encode() not in content
    assert b"PRIVATE" not in content
    with pytest.raises(UpdateError, match="not newer"):
        install(path, site.places)


def test_a_key_that_does_not_fit_changes_nothing(site: Site) -> None:
    path, before = site.rotate(), site.secret("mqtt-client")
    (site.card / "secrets/update-box").write_text("00" * 32)
    with pytest.raises(UpdateError, match="cannot be opened here"):
        install(path, site.places)
    assert site.secret("mqtt-client") == before


@pytest.mark.parametrize("text", ["zz", "00ff"])
def test_nothing_is_sealed_with_a_damaged_key(text: str, site: Site) -> None:
    put_private(site.folder / "keys/nodes/a/update-box", text)
    done = firmware("rotate", site.fleet, "a", site.folder / "a.update")
    assert (done.returncode, (site.folder / "a.update").exists()) == (2, False)
    assert "key store, nodes/a/update-box: is damaged; restore it" in done.stderr


def test_finishing_what_never_began_is_named(site: Site) -> None:
    done = firmware("rotate", site.fleet, "a", "--finish")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no rotation has begun" in done.stderr


def test_a_rotation_without_a_file_to_write_does_not_begin(site: Site) -> None:
    """Else --finish would let in only what the node was never sent."""
    done = firmware("rotate", site.fleet, "a")
    assert (done.returncode, "OUT.update" in done.stderr) == (2, True)
    assert "no rotation has begun" in firmware("rotate", site.fleet, "a", "--finish").stderr


def test_nothing_is_sent_to_a_node_that_the_fleet_does_not_have(site: Site) -> None:
    done = firmware("send", site.fleet, site.out, "c", site.rotate())
    assert (done.returncode, "c: not in" in done.stderr) == (2, True)


def test_a_bundle_is_sent_to_a_node_that_is_on_its_way_and_waits_there_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_config.send.ANSWER_S", 3.0)  # the first piece is heard by nobody, and sent again
    monkeypatch.setattr("firmware_config.send.TIMES", 60)
    bundle = site.folder / "large.update"
    bundle.write_bytes(signed_bundle("models", "1", 1, {"manifest.json": bytes(100_000)}, Ed25519PrivateKey.generate()))
    inbox = site.folder / "state/inbox"
    with RenderedBroker(site.out, site.port), running(site):
        done = firmware("send", site.fleet, site.out, "a", bundle)
        assert (done.returncode, done.stderr) == (0, "")
        (waiting,) = inbox.iterdir()
        assert waiting.read_bytes() == bundle.read_bytes()
        assert "has it" in firmware("send", site.fleet, site.out, "a", bundle).stdout
