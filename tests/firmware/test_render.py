"""From a fleet file to folders: the same again, only what changed, each secret in its own place, and clear refusals."""

import json
import re
import shutil
from hashlib import pbkdf2_hmac
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import firmware_config
from edge.config import AdviceTable, ClimateTable, OwnThreshold, load_config, parse_config
from edge.errors import ConfigError
from firmware_config.fleet import load_fleet
from firmware_config.keys import KeyStore
from firmware_config.node import node_toml
from firmware_config.render import render
from tests.firmware.fleets import (
    SITE,
    WIFI_PASSWORD,
    contents,
    entry,
    firmware,
    put_fleet,
    put_private,
    render_fleet,
    run_render,
)

OTHERS_KEY = "A" * 43 + "="
LTE = '[lte]\napn = "cmnet"\n'
NAMES = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,21}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "platform")


@pytest.mark.parametrize("node", ["a", "b"])
def test_each_node_gets_a_configuration_that_it_will_accept(rendered: Path, node: str) -> None:
    config = load_config(rendered / f"nodes/{node}/fieldeye/node.toml")
    assert (config.node.site, config.node.node) == ("valley", node)
    assert config.mqtt
    assert (config.mqtt.tls, config.mqtt.username, config.mqtt.password_file) == (True, node, "mqtt-password")


def test_the_example_of_a_fleet_gives_each_node_the_model_of_its_mode(tmp_path: Path) -> None:
    put_private(tmp_path / "wifi-password", WIFI_PASSWORD)
    fleet = load_fleet(Path(shutil.copy(Path(firmware_config.__file__).with_name("fleet.example.toml"), tmp_path)))
    texts = {entry.node: node_toml(fleet, entry) for entry in fleet.nodes}
    models = {node: parse_config(text, node).model_name for node, text in texts.items()}
    assert models == {"house1-trap": "cards", "house1-leaf": "diseases"}


def test_rendering_again_touches_no_file(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a") + entry("b"))
    assert run_render(fleet, tmp_path / "out").returncode == 0
    before = contents(tmp_path)
    assert "0 files written" in run_render(fleet, tmp_path / "out").stdout
    assert contents(tmp_path) == before


def test_the_key_store_alone_decides_so_that_another_folder_becomes_the_same(rendered: Path, tmp_path: Path) -> None:
    run_render(rendered.parent / "fleet.toml", tmp_path / "other")
    first, second = contents(rendered), contents(tmp_path / "other")
    assert {name: file[:2] for name, file in first.items()} == {name: file[:2] for name, file in second.items()}


def test_another_key_store_shares_no_secret(rendered: Path, tmp_path: Path) -> None:
    run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    mine, others = secrets_of(rendered.parent / "keys"), secrets_of(tmp_path / "keys")
    assert len(mine) == len(others) >= 10
    assert not set(mine.values()) & set(others.values())


def test_adding_a_node_changes_only_its_own_files_and_the_brokers(tmp_path: Path) -> None:
    run_render(put_fleet(tmp_path, SITE + entry("a")), tmp_path / "out")
    before = contents(tmp_path / "out")
    run_render(put_fleet(tmp_path, SITE + entry("a") + entry("b")), tmp_path / "out")
    after = contents(tmp_path / "out")
    changed = {name for name in after if after[name] != before.get(name)}
    assert before.keys() <= after.keys()
    assert all(name.startswith(("nodes/b/", "broker/")) or name == "labels/b.svg" for name in changed)
    assert {name for name in changed if name.startswith("broker/")} == {"broker/acl", "broker/passwords"}


def test_a_node_that_left_the_fleet_loses_its_card_its_label_and_its_login(tmp_path: Path) -> None:
    run_render(put_fleet(tmp_path, SITE + entry("a") + entry("b")), tmp_path / "out")
    done = run_render(put_fleet(tmp_path, SITE + entry("a")), tmp_path / "out")
    assert "nodes/b: no longer in the fleet" in done.stdout
    assert not [name for name in contents(tmp_path / "out") if "/b" in name]
    users = [line.split(":")[0] for line in (tmp_path / "out/broker/passwords").read_text().splitlines()]
    assert users == ["platform", "a"]


def test_a_folder_that_rendering_did_not_make_is_never_removed(tmp_path: Path) -> None:
    mine = tmp_path / "out/nodes/photographs"
    mine.mkdir(parents=True)
    (mine / "holiday.jpg").touch()
    run_render(put_fleet(tmp_path, SITE + entry("a")), tmp_path / "out")
    assert (mine / "holiday.jpg").exists()


def test_an_update_key_and_a_modem_that_left_the_fleet_file_leave_the_card_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    more = SITE.replace('country = "CN"', f'country = "CN"\nupdate_keys = ["{OTHERS_KEY}"]') + LTE
    run_render(put_fleet(tmp_path, more + entry("a") + entry("b")), tmp_path / "out")
    brought = tmp_path / "out/nodes/a/fieldeye/software/fieldeye-1.whl"
    brought.parent.mkdir()
    brought.touch()
    before = contents(tmp_path / "out")
    done = run_render(put_fleet(tmp_path, SITE + entry("a") + entry("b")), tmp_path / "out", "--json")
    assert before.keys() - contents(tmp_path / "out").keys() == {
        f"nodes/{node}/fieldeye/{path}"
        for node in "ab"
        for path in ("update-keys/2.pub", "system/etc/NetworkManager/system-connections/fieldeye-lte.nmconnection")
    }
    assert json.loads(done.stdout)["removed"] == sorted(before.keys() - contents(tmp_path / "out").keys())


def test_another_wifi_password_makes_another_instance_of_cloud_init_and_nothing_else_does(tmp_path: Path) -> None:
    fleet, told = put_fleet(tmp_path, SITE + entry("a")), []
    for password, site in (("tomatoes-2026", SITE), ("tomatoes-2027", SITE), ("tomatoes-2027", SITE + LTE)):
        fleet.write_text(site + entry("a"))
        (tmp_path / "wifi-password").write_text(password)
        files = render(load_fleet(fleet), KeyStore(tmp_path / "keys"))
        told.append(files["nodes/a/meta-data"].content.decode())
    assert told[0] != told[1]
    assert told[1] == told[2]
    assert all(text.splitlines()[1] == "local-hostname: fieldeye-a" for text in told)


def test_a_node_that_is_another_instance_keeps_its_ssh_keys(rendered: Path) -> None:
    """cloud-init makes new ones for each instance unless it is told not to."""
    assert "\nssh_deletekeys: false\n" in (rendered / "nodes/a/user-data").read_text()


def test_the_longest_name_leaves_the_hotspot_one_that_a_network_may_have(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a" * 23))
    files = render(load_fleet(fleet), KeyStore(tmp_path / "keys"))
    (hotspot,) = [file.content.decode() for name, file in files.items() if name.endswith("hotspot.nmconnection")]
    assert f"\nssid=fieldeye-{'a' * 23}\n" in hotspot
    assert len(f"fieldeye-{'a' * 23}") == 32  # bytes, IEEE 802.11


def test_no_secret_stands_in_any_file_but_its_own(rendered: Path) -> None:
    """Check 14 of the security notes: by content, over each rendered file."""
    found = {name: places(secret, rendered) for name, secret in secrets_of(rendered.parent / "keys").items()}
    assert found.pop("platform/mqtt-password") == {"platform/mqtt-password"}
    hotspot = "system/etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection"
    for node in "ab":
        card = f"nodes/{node}"
        own = f"{card}/fieldeye/secrets"
        assert found.pop(f"{card}/mqtt-password") == {f"{own}/mqtt-password", f"{own}/mqtt-password-next"}
        assert found.pop(f"{card}/claim-code") == {f"{own}/claim-code", f"labels/{node}.svg"}
        assert found.pop(f"{card}/hotspot-password") == {f"{card}/fieldeye/{hotspot}", f"labels/{node}.svg"}
        for name in ("mqtt-client", "update-box"):
            assert found.pop(f"{card}/{name}") == {f"{own}/{name}"}
    assert found.pop("platform/mqtt-client") == {"platform/mqtt-client"}
    assert found.pop("revoked.pem") == {"broker/revoked.pem"}
    assert found.pop("broker.pem") == {"broker/server.key"}
    assert found.pop("site-ca.pem") == set()  # who has it can be any broker
    assert found.pop("update-key") == set()  # who has it decides what the nodes run
    assert {name.split("/")[-1] for name in found} == {"mqtt-salt"}
    assert places(WIFI_PASSWORD, rendered) == set()


def test_whatever_holds_a_secret_is_for_its_owner_alone(rendered: Path) -> None:
    secret = {name for text in secrets_of(rendered.parent / "keys").values() for name in places(text, rendered)}
    named = {"broker/passwords", "broker/mosquitto.conf", "nodes/a/network-config"}
    assert {contents(rendered)[name][1] for name in secret | named} == {0o600}
    store = rendered.parent / "keys"
    assert {path.stat().st_mode & 0o777 for path in store.rglob("*")} == {0o700, 0o600}
    assert store.stat().st_mode & 0o777 == 0o700


def test_the_wifi_password_becomes_the_key_of_the_standards_own_example(tmp_path: Path) -> None:
    """IEEE 802.11-2020, J.4.2, test case 1: passphrase `password`, SSID `IEEE`."""
    fleet = put_fleet(tmp_path, SITE.replace("green 'house'", "IEEE") + entry("a"))
    (tmp_path / "wifi-password").write_text("password")
    files = render(load_fleet(fleet), KeyStore(tmp_path / "keys"))
    key = b"f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert key in files["nodes/a/network-config"].content


def test_weather_action_levels_telephones_and_what_a_metered_line_takes_arrive_in_a_nodes_node_toml(
    tmp_path: Path,
) -> None:
    level = '{ label = "Delphacidae", unit = "insects/picture", act_at = 10 }'
    more = f"""
daily_mb = 12.5
daily_pictures_mb = 2
keepalive_s = 900
climate = {{ kind = "mqtt", host = "192.168.4.20", topic = "zigbee2mqtt/field" }}
advice = {{ crop = "rice", threshold = [{level}] }}
"""
    phones = 'country = "CN"\nstation_phone = "+86 536 522 1234"\ntechnician_phone = "(+86) 138 0000 0000"'
    out = render_fleet(tmp_path, SITE.replace('country = "CN"', phones) + entry("a", more) + entry("b"))
    told, silent = (load_config(out / f"nodes/{node}/fieldeye/node.toml") for node in "ab")
    assert told.mqtt
    assert (told.mqtt.daily_mb, told.mqtt.daily_pictures_mb, told.mqtt.keepalive_s) == (12.5, 2, 900)
    assert told.page
    assert (told.page.station_phone, told.page.technician_phone) == ("+86 536 522 1234", "(+86) 138 0000 0000")
    assert told.climate == ClimateTable(kind="mqtt", host="192.168.4.20", topic="zigbee2mqtt/field")
    own = OwnThreshold(label="Delphacidae", unit="insects/picture", act_at=10)
    assert told.advice == AdviceTable(crop="rice", threshold=(own,))
    assert (silent.climate, silent.advice, silent.mqtt and silent.mqtt.daily_mb) == (None, AdviceTable(), None)
    assert not re.search("daily_pictures_mb|keepalive_s", (out / "nodes/b/fieldeye/node.toml").read_text())


def test_what_the_example_of_a_fleet_shows_behind_a_mark_is_taken_too(tmp_path: Path) -> None:
    put_private(tmp_path / "wifi-password", WIFI_PASSWORD)
    example = Path(firmware_config.__file__).with_name("fleet.example.toml").read_text()
    shown = re.sub(
        r"^# (?=(station_phone|technician_phone|daily_mb|keepalive_s|advice|climate) = )",
        "",
        example,
        flags=re.MULTILINE,
    )
    (tmp_path / "fleet.toml").write_text(shown)
    fleet = load_fleet(tmp_path / "fleet.toml")
    config = parse_config(node_toml(fleet, fleet.nodes[0]), "house1-trap")
    assert config.climate is not None
    assert config.page is not None
    assert (config.page.station_phone, config.page.technician_phone) == ("+86 536 522 1234", "+86 138 0000 0000")
    assert [one.label for one in config.advice.threshold] == ["Insecta"]  # what "cards" names on a sticky card
    assert config.mqtt is not None
    assert (config.mqtt.daily_mb, config.mqtt.keepalive_s) == (20, 900)


@settings(max_examples=10)
@given(
    nodes=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    crop=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    every_s=st.floats(0, 86400),
)
def test_whatever_a_fleet_file_allows_arrives_unchanged_in_node_toml(
    nodes: list[str], crop: str, every_s: float
) -> None:
    with TemporaryDirectory() as folder:
        fleet = put_fleet(Path(folder), SITE + "".join(entry(node) for node in nodes))
        loaded = load_fleet(fleet)
        entries = [replace(node, crop=crop, camera=replace(node.camera, every_s=every_s)) for node in loaded.nodes]
        files = render(replace(loaded, nodes=tuple(entries)), KeyStore(Path(folder) / "keys"))
    for node in nodes:
        config = parse_config(files[f"nodes/{node}/fieldeye/node.toml"].content.decode(), node)
        assert (config.node.node, config.node.crop, config.camera.every_s) == (node, crop, every_s)
        assert f'"fieldeye/v1/valley/{node}/records"'.encode() in files["broker/acl"].content


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('[[node]]\nnode = "A_b"\ncamera = { kind = "folder" }', "node A_b: node: must be 1 to 23 of"),
        (
            '[[node]]\nnode = "a"\ncamera = { kind = "folder", mode = "trp" }',
            "camera.mode: there is no 'trp', only live, trap, leaf",
        ),
        ('[[node]]\nnode = "a"\ncamera = { kind = "folder", evry_s = 1 }', "did you mean every_s?"),
        ('[[node]]\nnode = "a"\ncrops = "x"\ncamera = { kind = "folder" }', "did you mean crop?"),
        (entry("a") + entry("a"), "node a is listed twice"),
        (entry("a" * 24), "node: must be 1 to 23 of the letters a to z, digits and, within, -; correct it"),
        (entry("platform"), "give that node another name"),
        (entry("home-assistant"), "give that node another name"),
        (entry("a", 'store = { folder = "/root" }'), "leave it out"),
        *(
            (
                f'[[node]]\nnode = "a"\ncamera = {{ kind = "{kind}", source = "{source}" }}',
                "node a: camera.source must be a path from / on, and below /boot, /home,",
            )
            for kind, source in (
                *(("folder", path) for path in ("/home/pi/in", "/root", "pictures", "/srv/../home/pi/in", "//home/pi")),
                ("opencv", "film.mp4"),
            )
        ),
        (entry("a", "latitude = 5"), "go together"),
        (entry("a", "daily_mb = 0"), "node a: daily_mb: must be >= 0.001"),
        (entry("a", "keepalive_s = 4"), "node a: keepalive_s: must be >= 5"),
        (entry("a", 'climate = { kind = "sht3x" }'), "node a: climate.kind sht3x needs a driver and the I2C bus"),
        (entry("a", 'climate = { kind = "mqtt" }'), "climate.topic is missing"),
        (entry("a", 'climate = { kind = "mqtt", topic = "t", password_file = "p" }'), "does not come with a card"),
        (
            entry("a", 'climate = { kind = "mqtt", topic = "t", ca_file = "p" }'),
            "a card holds /etc/fieldeye/ca.pem alone",
        ),
        ("", "no node is listed"),
        ("[site]", "mend that line"),
        ("a = " + "1" * 5000, "too long to be read"),
        ('[[node]]\nnode = "a\\n"\ncamera = { kind = "folder" }', "node a: node: must be 1 to 23 of"),
        (f"[[node]]\nnode = 0x{'f' * 5000}", "node 1: node: must be a text in quotes"),
        (
            '[wlan]\nssid = "x"\n' + entry("a"),
            "unknown key wlan; known here: bridge, broker, lte, site, wifi, and",
        ),
        ('[bridge]\nhost = "x y"\nusername = "u"\npassword_file = "p"\n' + entry("a"), "bridge.host"),
    ],
)
def test_a_mistake_in_the_fleet_file_is_named_in_one_sentence_and_writes_nothing(
    tmp_path: Path, wrong: str, says: str
) -> None:
    done = run_render(put_fleet(tmp_path, SITE + wrong), tmp_path / "out")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert says in done.stderr
    assert "fleet.toml" in done.stderr
    assert not (tmp_path / "out").exists()


BRIDGE = '[bridge]\nhost = "region.example"\nusername = "valley"\npassword_file = "bridge-password"\n'


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('country = "CN"', 'country = "UK"', "GB for the United Kingdom"),
        (
            'country = "CN"',
            'country = "CN"\narea_code = "37078300000O"',
            "site.area_code: must be twelve digits in quotes",
        ),
        (
            'country = "CN"',
            'country = "CN"\narea_code = 370783000000',
            "must be a text in quotes and is a whole number",
        ),
        ('country = "CN"', 'country = "CN"\nssh_keys = ["ssh-ed25519 AAAA bench"]', "key 1 is damaged"),
        (
            'country = "CN"',
            'country = "CN"\nsecurity_updates = false\n[lte]\napn = "cmnet"\nsecurity_updates = true',
            "lte.security_updates: site.security_updates is false",
        ),
        ("green 'house'", "棚" * 11, "more than 32 bytes"),
        ('"localhost"', '"broker.lan:8883"', "broker.host: broker.lan:8883 is neither a name nor an address"),
        ('"127.0.0.1"', '"192.168.1.300"', "broker.also_known_as: 192.168.1.300 is neither"),
        ("[wifi]", BRIDGE.replace("region.example", "localhost") + "[wifi]", "is the site's own broker"),
        (
            "[wifi]",
            BRIDGE.replace("region.example", "region.example:8883") + "[wifi]",
            "bridge.host: region.example:8883 is neither a name nor an address; a port stands in bridge.port",
        ),
        ("[wifi]", BRIDGE + 'ca_file = "/a\\nallow_anonymous true"\n[wifi]', "ca_file: must be a path without spaces"),
    ],
)
def test_what_would_fail_in_the_field_is_refused_on_the_bench(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    assert SITE.count(right) == 1
    done = run_render(put_fleet(tmp_path, SITE.replace(right, wrong) + entry("a")), tmp_path / "out")
    assert (done.returncode, len(done.stderr.splitlines()), (tmp_path / "out").exists()) == (2, 1, False)
    assert says in done.stderr


def test_what_a_name_holds_steers_no_terminal(tmp_path: Path) -> None:
    done = run_render(tmp_path / "\x1b[31mred\ntwo", tmp_path / "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert r"\x1b[31mred\ntwo: cannot be read" in done.stderr
    done = run_render(tmp_path / "a", tmp_path / "out", "\x1b[31mred\ntwo")
    assert (done.returncode, r"unrecognized arguments: \x1b[31mred\ntwo" in done.stderr.splitlines()[-1]) == (2, True)


def test_a_fleet_file_from_an_editor_that_marks_its_begin_is_read(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a"))
    fleet.write_text(fleet.read_text(), encoding="utf-8-sig")
    assert len(load_fleet(fleet).nodes) == 1


def test_a_password_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a"))
    (tmp_path / "wifi-password").chmod(0o644)
    done = run_render(fleet, tmp_path / "out")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert WIFI_PASSWORD not in done.stderr


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"\ufeff{WIFI_PASSWORD}\r\n", WIFI_PASSWORD),
        ("x" * 63, "x" * 63),
        ('a "b" \\c\'', 'a "b" \\c\''),
        ("0A" * 32 + "\n", "0a" * 32),
    ],
    ids=["from Windows", "63 letters", "signs", "the key itself"],
)
def test_a_password_reaches_the_site_wifi_as_it_was_meant(tmp_path: Path, written: str, read: str) -> None:
    fleet = put_fleet(tmp_path, SITE.replace("green 'house'", "IEEE") + entry("a"))
    (tmp_path / "wifi-password").write_bytes(written.encode())
    files = render(load_fleet(fleet), KeyStore(tmp_path / "keys"))
    key = read if len(read) == 64 else pbkdf2_hmac("sha1", read.encode(), b"IEEE", 4096, 32).hex()
    assert f"password: {key}\n".encode() in files["nodes/a/network-config"].content.replace(b"'", b"")


@pytest.mark.parametrize("password", [f"{WIFI_PASSWORD} ", f" {WIFI_PASSWORD}"])
def test_a_space_at_an_end_of_the_wifi_password_is_told_since_no_node_would_find_its_network(
    tmp_path: Path, password: str
) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a"))
    (tmp_path / "wifi-password").write_text(password + "\r\n")
    done = run_render(fleet, tmp_path / "out")
    assert (done.returncode, (tmp_path / "out").exists()) == (2, False)
    assert "wifi.password_file: begins or ends with a space" in done.stderr


def test_an_empty_password_file_is_to_be_written_since_none_is_made(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a"))
    (tmp_path / "wifi-password").write_text("")
    done = run_render(fleet, tmp_path / "out")
    assert done.returncode == 2
    assert "wifi-password is empty; write the password into it, as a text of mode 0600\n" in done.stderr


def test_a_bridge_password_cannot_smuggle_a_line_into_the_brokers_configuration(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + BRIDGE + entry("a"))
    put_private(tmp_path / "bridge-password", "x\nallow_anonymous true")
    with pytest.raises(ConfigError, match="one line"):
        render(load_fleet(fleet), KeyStore(tmp_path / "keys"))


def test_ten_nodes_take_less_than_five_seconds_of_a_processor(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + "".join(entry(f"n{number}") for number in range(10)))
    before_s = process_time()
    assert run_render(fleet, tmp_path / "out").returncode == 0
    assert process_time() - before_s < 5


def test_a_secret_that_was_cut_while_it_was_written_is_made_anew(tmp_path: Path) -> None:
    put_fleet(tmp_path, SITE + entry("a"))
    (tmp_path / "keys/nodes/a").mkdir(parents=True, mode=0o700)
    put_private(tmp_path / "keys/nodes/a/mqtt-password.new", "ha")
    assert run_render(tmp_path / "fleet.toml", tmp_path / "out").returncode == 0
    assert len((tmp_path / "out/nodes/a/fieldeye/secrets/mqtt-password").read_text().strip()) == 32
    assert not list((tmp_path / "keys").rglob("*.new"))


@pytest.mark.parametrize("text", ["damaged", ""])
def test_a_damaged_authority_is_named_and_not_replaced(text: str, rendered: Path, tmp_path: Path) -> None:
    """A new one would lock every node out."""
    shutil.copytree(rendered.parent / "keys", tmp_path / "keys")
    put_private(tmp_path / "keys/site-ca.pem", text)
    done = run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    assert (done.returncode, (tmp_path / "keys/site-ca.pem").read_text()) == (2, f"{text}\n")
    assert done.stderr.endswith("; restore it from your copy of the key store\n")


@pytest.mark.parametrize("name", ["site-ca.pem", "nodes"])
def test_a_key_store_that_was_copied_in_part_locks_no_node_out(name: str, rendered: Path, tmp_path: Path) -> None:
    """`cp keys/* /media/stick` leaves the folders; all their secrets were made anew without a word."""
    shutil.copytree(rendered.parent / "keys", tmp_path / "keys", ignore=shutil.ignore_patterns(name))
    done = run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    assert (done.returncode, (tmp_path / "out").exists()) == (2, False)
    assert f"key store, {name}: is missing; restore it from your copy of the key store" in done.stderr


@pytest.mark.parametrize("command", [["render", "out"], ["revoke", "a"], ["rotate", "a", "new.update"]])
def test_another_sites_key_store_is_not_taken_for_ones_own(command: list[str], rendered: Path, tmp_path: Path) -> None:
    """Of two fleet files in one folder nodes of one name had one password, and revoking one revoked both."""
    other = put_fleet(tmp_path, SITE.replace("valley", "hill") + entry("a"))
    shutil.copytree(rendered.parent / "keys", tmp_path / "keys")
    before = contents(tmp_path)
    verb, *more = command
    done = firmware(verb, other, *(tmp_path / one if one in {"out", "new.update"} else one for one in more))
    assert (done.returncode, contents(tmp_path)) == (2, before)
    assert "site-ca.pem: is not that of hill (CN=Fieldeye site valley); keep the fleet file of each site" in done.stderr


@pytest.mark.parametrize("text", ["zz", "00ff"])
@pytest.mark.parametrize("name", ["nodes/a/mqtt-salt", "nodes/a/update-box", "update-key"])
def test_a_damaged_secret_is_named_and_goes_onto_no_card(name: str, text: str, rendered: Path, tmp_path: Path) -> None:
    shutil.copytree(rendered.parent / "keys", tmp_path / "keys")
    put_private(tmp_path / "keys" / name, text)
    done = run_render(rendered.parent / "fleet.toml", tmp_path / "out", "--keys", tmp_path / "keys")
    assert (done.returncode, (tmp_path / "out").exists()) == (2, False)
    assert done.stderr.endswith(f"key store, {name}: is damaged; restore it from your copy of the key store\n")


def secrets_of(store: Path) -> dict[str, str]:
    """Name -> what must not be seen; of a PEM file the key's second line, which no certificate shares."""
    texts = {str(path.relative_to(store)): path.read_text().strip() for path in store.rglob("*") if path.is_file()}
    return {
        name: text.split("PRIVATE KEY-----\n")[1].splitlines()[1] if "PRIVATE" in text else text
        for name, text in texts.items()
    }


def places(secret: str, out: Path) -> set[str]:
    return {name for name, (content, _, _) in contents(out).items() if secret.encode() in content}
