"""A stolen card against a real Mosquitto over TLS: it is refused, the others stay, a new card is who it was."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.brokers import RenderedBroker, login
from tests.firmware.fleets import SITE, contents, entry, firmware, put_fleet, render_fleet, run_render


def revoke(folder: Path, user: str) -> subprocess.CompletedProcess[str]:
    """`python -m firmware_config revoke`."""
    return firmware("revoke", folder / "fleet.toml", user)


def kill_before_removing(name: str, *arguments: object) -> int:
    """`python -m firmware_config`, killed when it is about to remove the secret `name` from the key store."""
    hook = f"event == 'os.remove' and str(args[0]).endswith('/{name}') and os.kill(os.getpid(), signal.SIGKILL)"
    program = f"import os, signal, sys\nsys.addaudithook(lambda event, args: {hook})\n"
    program += "from firmware_config.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parents[2]).returncode


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A rendered fleet of a and b; `stolen` is what it was before anything was revoked."""
    shutil.copytree(render_fleet(tmp_path, SITE + entry("a") + entry("b")), tmp_path / "stolen")
    return tmp_path


def test_a_revoked_card_is_refused_the_others_stay_and_a_new_card_is_let_in(site: Path) -> None:
    assert revoke(site, "a").returncode == 0
    assert run_render(site / "fleet.toml", site / "out").returncode == 0
    who = [("a", "stolen", None), ("b", "stolen", 0), ("platform", "stolen", 0), ("a", "out", 0)]
    with RenderedBroker(site / "out") as broker:
        for name, out, accepted in who:
            with login(site / out, broker, name) as user:
                assert user.accepted == accepted, (name, out)


def test_a_revoked_certificate_is_refused_even_with_the_new_password(site: Path) -> None:
    revoke(site, "a")
    run_render(site / "fleet.toml", site / "out")
    old = site / "stolen/nodes/a/fieldeye/secrets/mqtt-client"
    with RenderedBroker(site / "out") as broker, login(site / "out", broker, "a", certificate=old) as user:
        assert user.accepted is None


def test_revoking_changes_only_that_node_and_the_brokers_files(site: Path) -> None:
    before = contents(site / "out")
    revoke(site, "a")
    run_render(site / "fleet.toml", site / "out")
    after = contents(site / "out")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        "broker/passwords", "broker/revoked.pem", "labels/a.svg",
        "nodes/a/fieldeye/secrets/claim-code", "nodes/a/fieldeye/secrets/mqtt-client",
        "nodes/a/fieldeye/secrets/mqtt-password", "nodes/a/fieldeye/secrets/mqtt-password-next",
        "nodes/a/fieldeye/secrets/update-box",
        "nodes/a/fieldeye/system/etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection",
    }  # fmt: skip


def test_a_retired_node_is_refused_by_certificate_user_and_access_list(site: Path) -> None:
    put_fleet(site, SITE + entry("b"))
    assert "without it" in revoke(site, "a").stdout
    assert run_render(site / "fleet.toml", site / "out").returncode == 0
    assert '"a"' not in (site / "out/broker/acl").read_text()
    with RenderedBroker(site / "out") as broker:
        for name, accepted in [("a", None), ("b", 0)]:
            with login(site / "stolen", broker, name) as user:
                assert user.accepted == accepted


def test_several_are_revoked_one_after_the_other_and_stay_so(site: Path) -> None:
    revoke(site, "a")
    revoke(site, "platform")
    run_render(site / "fleet.toml", site / "out")
    with RenderedBroker(site / "out") as broker:
        for name, accepted in [("a", None), ("platform", None), ("b", 0)]:
            with login(site / "stolen", broker, name) as user:
                assert user.accepted == accepted


SECRETS = ("mqtt-password", "mqtt-salt", "claim-code", "hotspot-password", "update-box", "mqtt-client")


@pytest.mark.parametrize("name", SECRETS)
def test_a_revocation_that_was_killed_in_between_is_finished_by_the_next_and_nothing_of_the_card_is_left(
    site: Path, name: str
) -> None:
    before = {secret: (site / "keys/nodes/a" / secret).read_text() for secret in SECRETS}
    assert kill_before_removing(name, "revoke", site / "fleet.toml", "a") == -signal.SIGKILL
    assert revoke(site, "a").returncode == 0
    assert run_render(site / "fleet.toml", site / "out").returncode == 0
    after = {secret: (site / "keys/nodes/a" / secret).read_text() for secret in SECRETS}
    assert not before.items() & after.items()


def test_a_name_that_was_never_rendered_or_is_revoked_already_is_named(site: Path) -> None:
    revoke(site, "a")
    for name in "ca":
        done = revoke(site, name)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"{name}: is revoked already, or was never rendered: there is nothing to revoke" in done.stderr
