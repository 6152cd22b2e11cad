"""A setting that was changed on the page holds in the running node, within the same process."""

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.page.visitors import form_on
from tests.ports import free_port
from tests.test_app import Manager, configuration, running
from tests.waiting import wait_until


class Phone:
    """A browser without scripts, on a real port."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, address: str) -> str:
        with self._opener.open(self.root + address, timeout=20) as answer:
            return str(answer.read().decode())

    def send(self, address: str, form_at: str, **fields: str) -> str:
        body = urllib.parse.urlencode(form_on(self.get(form_at), address) | fields).encode()
        with self._opener.open(self.root + address, body, timeout=20) as answer:
            return str(answer.read().decode())


def logged_in(config: Path, port: int) -> Phone:
    """A technician's."""
    made = subprocess.run(
        [sys.executable, "-m", "edge", "reset-password", "--config", str(config), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    known = json.loads(made.stdout)
    phone = Phone(f"http://127.0.0.1:{port}")
    phone.send("/log-in", "/log-in", name=known["name"], password=known["password"])
    return phone


def shown(phone: Phone, address: str) -> str:
    """A page; nothing while the node begins anew."""
    try:
        return phone.get(address)
    except OSError:
        return ""


def test_a_node_takes_the_model_of_its_mode_also_of_one_that_is_chosen_on_the_page(tmp_path: Path) -> None:
    port = free_port()
    config = configuration(tmp_path, port, None, model=None)
    with running(config, tmp_path, port) as node:
        phone = logged_in(config, port)

        def model() -> str:
            return str(json.loads(shown(phone, "/api/v1/state") or '{"model": ""}')["model"]).partition("@")[0]

        wait_until(lambda: model() == "pests", within_s=20)
        assert "begins anew" in phone.send("/levels", "/levels", label="Delphacidae", act_at="7")
        wait_until(lambda: "1 action level can be reached." in shown(phone, "/set-up"), within_s=20)
        assert model() == "pests"
        phone.send("/settings", "/settings", **{"camera.mode": "leaf"})
        wait_until(lambda: model() == "diseases", within_s=20)
        assert node.stop() == 0


def test_a_new_pause_holds_seconds_later_in_the_same_process_and_an_undo_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    heard: list[str] = []
    port = free_port()
    config = configuration(tmp_path, port, None)
    with closing(Manager(tmp_path)) as manager, running(config, tmp_path, port) as node:
        phone = logged_in(config, port)

        def pause_shown() -> str:
            heard.extend(manager.lying())
            found = re.search(r'name="camera.every_s" type="text" value="([^"]*)"', shown(phone, "/settings"))
            return found[1] if found else ""

        assert pause_shown() == "0.1"
        assert "begins anew" in phone.send("/settings", "/settings", **{"camera.every_s": "0.2", "node.site": "other"})
        wait_until(lambda: pause_shown() == "0.2", within_s=20)
        state = json.loads(phone.get("/api/v1/state"))
        assert state["site"] == "other"
        phone.send("/settings/undo", "/settings")
        wait_until(lambda: pause_shown() == "0.1", within_s=20)
        wait_until(lambda: json.loads(phone.get("/api/v1/state"))["camera"]["looked"] > 0, within_s=20)
        assert "STOPPING=1" not in [*heard, *manager.lying()]  # systemd would kill it TimeoutStopSec later
        assert node.process.poll() is None
        assert node.stop() == 0
