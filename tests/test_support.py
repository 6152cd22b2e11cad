"""The support bundle: secrets planted in every place where one may lie, and none comes out."""

import base64
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge.cli import main
from edge.config import NodeConfig, StoreTable, load_config
from edge.page import create_app, serve
from edge.page.trust import Role
from edge.status import LinkStatus, StatusBoard
from edge.store import Entry, Store
from edge.support import journal, known_secrets, pack, scrubbed
from tests.clocks import SetClock
from tests.network import by_ipv6
from tests.page.scenes import Scene
from tests.page.visitors import as_role
from tests.ports import free_port

PICTURES = Path(__file__).parent / "data" / "frames"
PLANTED = {
    "mqtt": "Mqtt-9f3k/Zq+7",
    "claim": "Q4TB-77KM-XW2D",
    "token": "tok_5Jd0aPm2",
    "camera": "c@m3ra-pw",
    "query": "Geheim-88",
    "log query": "YWRtaW46R2VoZWltODg",
    "comment": "hidden-in-a-comment",
    "log": "log-only-pw-31",
    "bearer": "eyJhbGciOi.abc-123",
    "wifi": "k3n7-w2p9",
    "hash": "c29tZXNhbHQ$Rm9vQmFyQmF6",
    "key": "MIIEvQIBADANBgkqhkiG9w0",
    "audit": "audit-pw-77",
    "setting": "setting-pw-88",
    "unicode": "pässwört-密码",
}
LOG = f"""12:00:01 broker_link_changed now=refused password={PLANTED["log"]}
12:00:02 request Authorization: Bearer {PLANTED["bearer"]}
12:00:03 camera_opened url=rtsp://admin:{PLANTED["camera"]}@192.168.4.9/stream
12:00:03 camera_gone url=http://192.168.4.9/video.cgi?auth={PLANTED["log query"]}==
12:00:03 asked for loginuse=admin&loginpas={PLANTED["query"]}
12:00:04 label WIFI:T:WPA;S:fieldeye-a;P:{PLANTED["wifi"]};;
12:00:05 account $argon2id$v=19$m=65536,t=3,p=4${PLANTED["hash"]}
12:00:06 -----BEGIN PRIVATE KEY-----
{PLANTED["key"]}
-----END PRIVATE KEY-----
12:00:07 trouble said={PLANTED["mqtt"]} and {json.dumps(PLANTED["unicode"])}
12:00:08 node_started node=a page=http://0.0.0.0:8080/
"""


def put(file: Path, secret: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(secret + "\n", "utf-8")
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def node(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A node that runs, with a secret in every place that one may lie in; its configuration. Parameter: page.host."""
    monkeypatch.chdir(tmp_path)
    host = getattr(request, "param", "127.0.0.1")
    source = f"rtsp://admin:{PLANTED['camera']}@127.0.0.1/stream?loginuse=admin&loginpas={PLANTED['query']}"
    pictures = Path(source)  # a folder with a name like an address
    shutil.copytree(PICTURES, pictures)
    files = {name: put(tmp_path / name, PLANTED[name]) for name in ("mqtt", "claim", "token")}
    put(tmp_path / "secrets" / "spare", PLANTED["unicode"])
    config = tmp_path / "node.toml"
    config.write_text(
        f'# password for the shed: "{PLANTED["comment"]}"\n'
        '[node]\nsite = "valley"\nnode = "a"\n'
        f'[camera]\nkind = "folder"\nsource = "{source}"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\ntls = false\n'
        f'username = "a"\npassword_file = "{files["mqtt"]}"\n'
        f'[page]\nhost = "{host}"\nport = {free_port()}\n'
        f'claim_code_file = "{files["claim"]}"\nmetrics_token_file = "{files["token"]}"\n'
        f'[store]\nfolder = "{tmp_path / "store"}"\n'
    )
    with running(load_config(config)):
        yield config


def running(config: NodeConfig) -> closing[object]:
    """A store with secrets in its tables, and the page of a node that names one in its state."""
    clock = SetClock(datetime(2026, 7, 1, 8, tzinfo=UTC))
    store, board = Store(config.store, config.node.node), StatusBoard(clock.now())
    said = f"password: {PLANTED['audit']}"
    store.note_audit(Entry(utc=clock.now().utc, who="technician", what=said, outcome="done"))
    store.set_setting("wifi_password", PLANTED["setting"])
    board.show(
        link=LinkStatus(state="refused", detail=f"as a with {PLANTED['mqtt']}"),
        problem=f"rtsp://x:{PLANTED['camera']}@c",
    )
    assert config.page is not None
    page = serve(create_app(store, board, config, clock), config.page.host, config.page.port)

    class Running:
        def close(self) -> None:
            page.close()
            store.close()

    return closing(Running())


def bundle(config: Path, *options: str) -> dict[str, str]:
    out = config.parent / "bundle.zip"
    assert main(["support-bundle", "--config", str(config), "--out", str(out), *options]) == 0
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_no_planted_secret_comes_out_in_any_form(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (node.parent / "log").write_text(LOG, "utf-8")
    put(node.parent / "credentials" / "mqtt-password", PLANTED["mqtt"])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(node.parent / "credentials"))
    parts = bundle(node, "--log", str(node.parent / "log"))
    for name, text in parts.items():
        for place, secret in PLANTED.items():
            forms = {secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode(), secret[1:]}
            assert not {form for form in forms if form in text}, f"{place} in {name}"


def test_what_helps_is_there(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind a proxy, which knows nothing of this machine's own page."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (node.parent / "log").write_text(LOG, "utf-8")
    parts = bundle(node, "--log", str(node.parent / "log"))
    assert set(parts) == {
        "about.json", "config.json", "doctor.txt", "health.json", "log.txt", "metrics.txt", "store.json",
    }  # fmt: skip
    assert json.loads(parts["about.json"])["libraries"]["onnxruntime"]
    assert json.loads(parts["config.json"])["mqtt"]["password_file"].endswith("/mqtt")
    assert "not well: broker" in parts["doctor.txt"]
    assert "fieldeye_looking 0.0" in parts["metrics.txt"]
    assert json.loads(parts["health.json"])["link_problem"] == "as a with ***"
    assert json.loads(parts["store.json"])["waiting"] == 0
    assert "node_started node=a page=http://0.0.0.0:8080/" in parts["log.txt"]


@by_ipv6
@pytest.mark.parametrize("node", ["::", "::1"], indirect=True)
def test_a_node_with_a_page_by_ipv6_is_asked_as_well(node: Path) -> None:
    """It was said not to answer, and its port to be used by another program."""
    parts = bundle(node)
    assert "fieldeye_looking 0.0" in parts["metrics.txt"]
    assert "link_problem" in json.loads(parts["health.json"])
    assert "ok: page: answers at http://" in parts["doctor.txt"]


def test_a_technician_takes_it_from_the_page_without_secrets(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(node.parent / "credentials" / "mqtt-password", PLANTED["mqtt"])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(node.parent / "credentials"))
    config = load_config(node)
    with closing(Store(replaced_folder(config, node.parent / "other"), "a")) as store:
        scene = Scene(store, StatusBoard(SetClock().now()), config, SetClock())
        said = f"password: {PLANTED['audit']}"
        store.note_audit(Entry(utc=scene.clock.now().utc, who="technician", what=said, outcome="done"))
        scene.board.show(link=LinkStatus(state="refused", detail=f"as a with {PLANTED['mqtt']}"))
        client = scene.app().test_client()
        answer = as_role(client, scene, Role.TECHNICIAN).get("/support.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        parts = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    assert {"about.json", "config.json", "health.json", "log.txt", "metrics.txt", "store.json"} == set(parts)
    assert json.loads(parts["health.json"])["link_problem"] == "as a with ***"
    assert not {place for place, secret in PLANTED.items() if any(secret in text for text in parts.values())}


def replaced_folder(config: NodeConfig, folder: Path) -> StoreTable:
    """Another store than that of the node which runs."""
    return msgspec.structs.replace(config.store, folder=str(folder))


def test_a_node_that_does_not_run_and_has_no_usable_configuration_still_gives_a_bundle(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('[node]\nsite = "valley"\nnod = "a"\n')
    parts = bundle(config, "--log", str(tmp_path / "missing"))
    assert "did you mean node" in json.loads(parts["about.json"])["configuration"]
    assert parts["log.txt"].startswith("cannot be had")


def test_a_journal_that_is_not_in_the_terminals_letters_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a technician whose terminal has GBK: here, the other way round, a journal in it."""
    said = "葵花 started".encode("gbk")
    (tmp_path / "said").write_bytes(said)
    put(tmp_path / "journalctl", f"#!/bin/sh\ncat '{tmp_path / 'said'}'\n")
    (tmp_path / "journalctl").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert journal() == said.decode("utf-8", "replace")


def test_a_folder_that_is_not_there_is_named(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["support-bundle", "--config", str(node), "--out", "/no/bundle.zip"]) == 1
    assert "/no/bundle.zip: cannot be written" in capsys.readouterr().err


def test_a_bundle_goes_where_a_link_leads_and_replaces_neither_it_nor_a_device_as_dev_stdout(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for to, code in (("pipe", 2), ("stick.zip", 0)):
        (tmp_path / f"to-{to}").symlink_to(tmp_path / to)
        assert main(["support-bundle", "--config", str(node), "--out", str(tmp_path / f"to-{to}")]) == code
        assert (tmp_path / f"to-{to}").is_symlink()
    assert (tmp_path / "pipe").is_fifo()
    assert "to-pipe: is no file; name one with --out" in capsys.readouterr().err
    assert zipfile.is_zipfile(tmp_path / "stick.zip")


@pytest.mark.parametrize(
    "harmless",
    [
        'password_file = "mqtt-password"',
        "claim_code_unreadable why=/etc/fieldeye/claim may be read by others (mode 0644)",
        "http://127.0.0.1:8080/ was opened",
        "the token bucket is full",
    ],
)
def test_words_about_secrets_stay_readable(harmless: str) -> None:
    assert scrubbed(harmless, set()) == harmless


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("rtsp://10.0.0.9:554/user=admin&password=s3cr3t-1&channel=1", "s3cr3t-1"),
        ("rtsp://10.0.0.9:554/user=admin_psw=s3cr3t-2_channel=1", "s3cr3t-2"),
        ("rtsp://admin:pa%2Fs3cr3t-3@10.0.0.9/s", "pa%2Fs3cr3t-3"),
        ("http://10.0.0.9/snap.jpg?auth=s3cr3t-4", "s3cr3t-4"),
    ],
)
def test_a_cameras_password_is_known_wherever_its_address_holds_it(tmp_path: Path, source: str, secret: str) -> None:
    config = tmp_path / "node.toml"
    camera = f'[camera]\nkind = "opencv"\nsource = "{source}"\n'
    config.write_text(f'[node]\nsite = "s"\nnode = "n"\n{camera}[store]\nfolder = "{tmp_path}"\n')
    said = f"camera {source}: cannot be opened; asked as {source.partition('://')[2]}"
    assert secret not in scrubbed(said, known_secrets(load_config(config), {}, []))


def test_a_text_too_short_to_be_a_secret_does_not_star_the_whole_bundle(tmp_path: Path) -> None:
    put(tmp_path / "short", "a")
    assert known_secrets(None, {}, [tmp_path]) == set()


def test_a_secret_within_another_leaves_no_rest() -> None:
    packed = pack({"a.txt": "say abcdefgh now"}, {"abcd", "abcdefgh"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("a.txt") == b"say *** now"
