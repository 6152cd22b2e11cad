"""A configuration is right as a whole or refused with file, key and remedy."""

from contextlib import nullcontext
from pathlib import Path
from typing import get_args

import pytest

from edge.advice import Measured, Standing, watched
from edge.advice.alert import alert_of
from edge.bundle import MODELS, load_manifest
from edge.changes import keep, load_changed
from edge.config import Mode, NodeConfig, checked, load_config, made_for, parse_config
from edge.counts import Level
from edge.errors import ConfigError
from edge.wire import decode_batch, encode_batch
from tests.records import instant, stored

GOOD = """
[node]
site = "orchard"
node = "n-1"
time_zone = "Asia/Shanghai"
area_code = "330106011002"
latitude = 30.27
longitude = 120.12

[camera]
kind = "folder"
source = "pictures"
every_s = 5

[mqtt]
host = "broker.example"
username = "n-1"
password_file = "/etc/fieldeye/mqtt"
"""


def test_a_full_configuration_becomes_records() -> None:
    config = parse_config(GOOD, "node.toml")
    assert (config.node.site, config.camera.every_s, config.mqtt.tls if config.mqtt else None) == ("orchard", 5.0, True)


@pytest.mark.parametrize("source", ["0", "/dev/video0", "rtsp://camera/var/lib/fieldeye", "/var/lib/fieldeye-pictures"])
def test_a_source_beside_the_store_is_fine(source: str) -> None:
    assert parse_config(GOOD.replace('"pictures"', f'"{source}"'), "node.toml").camera.source == source


@pytest.mark.parametrize("kind", ["opencv", "picamera"])
def test_a_cameras_number_is_no_path_in_the_store(kind: str) -> None:
    text = GOOD.replace('kind = "folder"\nsource = "pictures"\nevery_s = 5', f'kind = "{kind}"\nsource = "0"')
    assert parse_config(f'{text}[store]\nfolder = "."\n', "node.toml").camera.source == "0"


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://u:p@w[@10.0.0.9:554/s",
        "rtsp://u:p@h/s",
        "rtsp://[fe80::1]:554/s",
        "http://h/s?user=u&pw=a@b",
        "rtsp://h/s@1",
        "udp://@:1234",
        "film.mp4",
        "/films/field@noon?.mp4",
        "films/a b.mp4",
    ],
)
def test_an_address_that_can_be_read_is_fine(source: str) -> None:
    text = GOOD.replace('kind = "folder"\nsource = "pictures"', f'kind = "opencv"\nsource = "{source}"')
    assert parse_config(text, "node.toml").camera.source == source


def test_what_is_left_out_takes_the_default_of_its_record() -> None:
    config = parse_config('[node]\nsite="a"\nnode="b"\n[camera]\nkind="picamera"\n', "node.toml")
    assert config.mqtt is None
    assert config.camera.every_s == 60.0
    assert config.page is not None


@pytest.mark.parametrize(("mode", "model"), [("live", "pests"), ("trap", "cards"), ("leaf", "diseases")])
def test_a_model_that_nobody_named_is_that_of_the_mode_and_a_named_one_stays(mode: str, model: str) -> None:
    text = GOOD.replace("every_s = 5", f'every_s = 5\nmode = "{mode}"')
    assert parse_config(text, "node.toml").model_name == model
    assert parse_config(f'{text}[model]\nname = "pests-int8"\n', "node.toml").model_name == "pests-int8"


def test_every_released_model_is_known_to_be_for_a_mode() -> None:
    families: dict[str, Mode] = {"pests": "live", "cards": "trap", "diseases": "leaf"}
    found = {name: made_for(name) for name in load_manifest(MODELS).bundles}
    assert found == {name: families[name.split("-")[0]] for name in found}
    assert made_for("/home/pi/mine.onnx") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("every_s = 5", "every = 5"), "unknown key camera.every; did you mean every_s?"),
        (("[mqtt]", "[mqqt]"), "unknown key mqqt; did you mean mqtt?"),
        (("site", r'"si\nte"'), r"unknown key node.si\nte; did you mean site?"),
        (("site", r'"\u001b[31m"'), r"unknown key node.\x1b[31m; known here: site, node"),
        (("every_s = 5", 'every_s = "often"'), "camera.every_s: must be a number and is a text in quotes"),
        (("every_s = 5", "every_s = 00:05:00"), "camera.every_s: must be a number and is a time"),
        (("[camera]", "crop = 2026-05-01\n[camera]"), "node.crop: must be a text in quotes and is a day"),
        (('site = "orchard"', 'site = "my orchard"'), "node.site"),
        (('site = "orchard"', ""), "node: lacks `site`; add it"),
        ((GOOD, ""), "node.toml: lacks `node`; add it"),
        (('"folder"', '"webcam"'), "camera.kind"),
        (("longitude = 120.12", ""), "node.latitude and node.longitude go together"),
        (("Asia/Shanghai", "Mars/Olympus"), "node.time_zone 'Mars/Olympus' is no time zone"),
        (("330106011002", "3301"), "node.area_code"),
        (("[camera]", f'crop = "{81 * "x"}"\n[camera]'), "node.crop: must have at most 80 letters"),
        (('host = "broker.example"', 'host = "broker.example"\ntls = false'), "would cross the network in the open"),
        (("broker.example", ""), "mqtt.host: must be a name or an address, without a port"),
        (("broker.example", "broker.example:8883"), "mqtt.host: must be a name"),
        (("broker.example", "192.168.1.9:8883"), "mqtt.host: must be a name"),
        (("broker.example", "mqtts://broker.example"), "mqtt.host: must be a name"),
        (("broker.example", "broker example"), "mqtt.host: must be a name"),
        (('username = "n-1"', 'username = "n-1\\n"'), "mqtt.username: must be in one line, without tabs"),
        (("[mqtt]", '[climate]\nkind = "mqtt"\ntopic = "a\\tb"\n[mqtt]'), "climate.topic: must be in one line"),
        (("[mqtt]", '[climate]\nkind = "mqtt"\nhost = "10.0.0.9:1883"\n[mqtt]'), "climate.host: must be a name"),
        (('username = "n-1"', ""), "mqtt.password_file needs mqtt.username"),
        (("every_s = 5", "every_s = "), "at line 13"),
        (("every_s = 5", "every_s = inf"), "camera.every_s: must be <= 31536000"),
        (("every_s = 5", "every_s = 5\nawb_gains = [1.5, -3.0]"), "camera.awb_gains[1]: must be > 0"),
        (("every_s = 5", "every_s = 5\nawb_gains = [1.5, inf]"), "camera.awb_gains[1]: must be a number with an end"),
        (("every_s = 5", f"exposure_us = {'9' * 5000}"), "is too long to be read"),
        (("every_s = 5", f"source = {'[' * 5000}"), "is too long to be read"),
        (("every_s = 5", f"rotation_deg = 0x{'f' * 5000}"), "is too long to be read"),
        (('source = "pictures"', 'source = "pic\\u0000tures"'), "camera.source: holds a NUL"),
        (("[mqtt]", '[store]\nfolder = "\\u0000"\n[mqtt]'), "store.folder: holds a NUL"),
        (("[mqtt]", "[mqtt]\ndaily_mb = 1e-7"), "mqtt.daily_mb: must be >= 0.001"),
        (("[mqtt]", "[mqtt]\ndaily_mb = inf"), "mqtt.daily_mb: must be <= 1000000"),
        (("[mqtt]", "[mqtt]\ndaily_mb = 1e308"), "mqtt.daily_mb: must be <= 1000000"),
        (('source = "pictures"', 'source = "/var/lib/fieldeye/pictures"'), "lies in store.folder"),
        (('source = "pictures"', 'source = "/var/lib/../lib/fieldeye"'), "lies in store.folder"),
        (
            ("[mqtt]", '[[advice.threshold]]\nlabel = "P"\nunit = "u"\nact_at = 1\naction = ""\n[mqtt]'),
            "advice.threshold[0].action: must be words that say what to do",
        ),
        *(
            (
                ("[mqtt]", f'[[advice.threshold]]\nlabel = "P"\nunit = "u"\nact_at = {act}\nsure_at = {sure}\n[mqtt]'),
                f"advice.threshold[0].{key}: must be <= 1000000000000",
            )
            for act, sure, key in (("1", "1e13", "sure_at"), ("1e13", "2e13", "act_at"))
        ),
        *(
            (("[mqtt]", f"[page]\n{line}\n[mqtt]"), says)
            for line, says in (
                ('names = "farm.example"', "page.names: must be a list in [ ] and is a text in quotes"),
                ('names = ["farm.example", "https://f.example"]', "page.names[1]: must be a host name such as"),
                ('names = ["farm.example:443"]', "must be a host name such as farm.example, without https:// and port"),
                ('names = ["*.farm.example"]', "page.names[0]: must be a host name"),
                ('names = ["höfe.example"]', "page.names[0]: must be a host name"),
                ('names = [""]', "page.names[0]: must be a host name"),
                ('proxy = "caddy.lan"', "page.proxy 'caddy.lan' is no address; give the one that the proxy asks from"),
                ('proxy = ["127.0.0.1", "10.0.0.0/8"]', "page.proxy '10.0.0.0/8' is no address"),
                ('proxy = ""', "page.proxy '' is no address"),
                ("proxy = true", "page.proxy: must be a text in quotes and is true or false"),
            )
        ),
        (("latitude = 30.27", "latitude = 97.0"), "node.latitude"),
        (("every_s = 5", "fed = true\nloop = true"), "camera.fed is for"),
        (('kind = "folder"', 'kind = "opencv"\nfed = true'), "camera.fed is for"),
        *(
            (
                ('kind = "folder"\nsource = "pictures"', f'kind = "opencv"\nsource = "{address}"'),
                "camera.source cannot be read as an address; write rtsp://user:password@host:port/path, with %40 "
                "for each @ but the one before the host, and in the password %2F for /, %3F for ? and %23 for #, "
                "or a film's path from / on",
            )
            for address in (
                *("rtsp://u:p#w@h/s", "rtsp://u:p/w@h/s", "rtsp://u:p?w@h/s", "rtsp:/u:pw@h/s", "http://[h/s"),
                *("rtsp://u:p@w#1@h/s", "rtsp://u:p@w/1@h/s", "rtsp://u:p@w?1@h:554/s"),
                *("u:pw@h/s.jpg", "rtsp:u:pw@h/s", "rtsp//u:pw@h/s", "http;//u:pw@h/s", "rtsp:\\\\\\\\u:pw@h"),
                *("h/s?user=u&pw=p", "RTSP://u:pw@h/s", "Rtsp://h/s", " rtsp://h/s"),
            )
        ),
    ],
)
def test_a_mistake_is_answered_with_file_key_and_remedy(change: tuple[str, str], says: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_config(GOOD.replace(*change), "node.toml")
    sentence = str(caught.value)
    assert sentence.startswith("node.toml: ")
    assert says in sentence
    assert "\n" not in sentence


def test_a_link_that_points_at_itself_is_no_fault_of_ours(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for key in ("[store]\nfolder", '[camera]\nkind = "folder"\nsource'):
        other = "" if "camera" in key else '[camera]\nkind = "folder"\n'
        parse_config(f'[node]\nsite = "s"\nnode = "n"\n{other}{key} = "{loop}"\n', "node.toml")


def test_plain_text_is_allowed_on_loopback_and_in_a_laboratory_that_says_so() -> None:
    for host in ('"127.0.0.1"\ntls = false', '"broker.example"\ntls = false\ninsecure = true'):
        assert parse_config(GOOD.replace('"broker.example"', host), "node.toml").mqtt


@pytest.mark.parametrize("host", ["b", "broker_1", "broker.lan", "10.0.0.9", "::1", "FE80::1%eth0", "::ffff:10.0.0.9"])
def test_a_broker_may_have_a_name_or_an_address_of_either_kind(host: str) -> None:
    mqtt = parse_config(GOOD.replace("broker.example", host), "node.toml").mqtt
    assert mqtt
    assert mqtt.host == host


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00n", b"\x00" * 100])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "node.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"node\.toml"):
        load_config(path)


def test_a_mark_at_the_beginning_as_editors_on_windows_write_it_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(f'{GOOD}[store]\nfolder = "{tmp_path}"\n', "utf-8-sig")
    keep(tmp_path, load_config(path), {"camera": {"every_s": 30}})
    config, refused = load_changed(path)
    assert (config.camera.every_s, refused) == (30, "")


def test_records_cannot_be_changed() -> None:
    config: NodeConfig = parse_config(GOOD, "node.toml")
    with pytest.raises(AttributeError):
        config.camera.every_s = 1.0  # type: ignore[misc]


def test_a_threshold_whose_sure_level_is_below_its_first_is_refused() -> None:
    rows = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/picture"\nact_at = 10\nsure_at = 5\n'
    with pytest.raises(ConfigError, match="sure_at 5 is below act_at 10"):
        parse_config(GOOD + rows, "node.toml")


@pytest.mark.parametrize(
    ("units", "act_at", "says"),
    [
        (("insects/picture", "insects/picture"), 10, "Pieris in insects/picture stands twice; keep one of the rows"),
        (("insects/picture", "visits/day"), 10, ""),
        (("% pictures",), 130, "act_at 130 % pictures is never reached; give 100 or less"),
        (("% pictures",), 100, ""),
        (("insects/picture",), 130, ""),
    ],
)
def test_thresholds_that_cannot_be_are_refused(units: tuple[str, ...], act_at: float, says: str) -> None:
    row = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "{}"\nact_at = {}\n'
    rows = "".join(row.format(unit, act_at) for unit in units)
    with pytest.raises(ConfigError, match=says) if says else nullcontext():
        parse_config(GOOD + rows, "node.toml")


LONGEST = {"label": 80, "unit": 80, "quantity": 80, "action": 1000, "source": 1000}  # letters of an own threshold


@pytest.mark.parametrize("key", LONGEST)
def test_an_own_threshold_is_told_in_no_more_letters_than_the_platform_reads(key: str) -> None:
    row = {"label": "a", "unit": "b", "act_at": 3.0, **{one: "稻" * most for one, most in LONGEST.items()}}
    table = {"node": {"site": "a", "node": "b"}, "camera": {"kind": "picamera"}}
    config = checked(table | {"advice": {"threshold": [row]}}, "node.toml")
    (threshold,) = watched([config.advice.threshold[0].label], config.advice, None)
    figure = Measured(9.0, threshold.unit, 7.0, 12.0)
    for level in get_args(Level):
        standing = Standing(threshold=threshold, figure=figure, count=9, level=level)
        decode_batch(encode_batch(stored(alert_of(standing, instant(), "cam0", "pests@1"))), "n1")
    with pytest.raises(ConfigError, match=rf"threshold\[0\].{key}: must have at most {LONGEST[key]} letters"):
        checked(table | {"advice": {"threshold": [row | {key: "x" * (LONGEST[key] + 1)}]}}, "node.toml")


def test_a_weather_station_without_a_topic_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"climate\.topic is missing"):
        parse_config(GOOD + '[climate]\nkind = "mqtt"\n', "node.toml")


STATION = '[climate]\nkind = "mqtt"\ntopic = "weather"\nusername = "station"\n'
WITH_FILE = 'password_file = "/etc/fieldeye/station"\n'


def test_the_password_of_a_weather_station_does_not_cross_the_network_in_the_open() -> None:
    with pytest.raises(ConfigError, match=r"climate\.tls is false for 192\.168\.4\.20.*set tls = true"):
        parse_config(f'{GOOD}{STATION}{WITH_FILE}host = "192.168.4.20"\n', "node.toml")


def test_a_password_of_a_weather_station_without_its_user_is_refused() -> None:
    table = STATION.replace('username = "station"\n', "") + WITH_FILE
    with pytest.raises(ConfigError, match=r"climate\.password_file needs climate\.username"):
        parse_config(f"{GOOD}{table}", "node.toml")


@pytest.mark.parametrize(
    "more",
    [
        'host = "192.168.4.20"\n',  # no password
        f'{WITH_FILE}host = "localhost"\n',
        f'{WITH_FILE}host = "192.168.4.20"\ntls = true\n',
        f'{WITH_FILE}host = "192.168.4.20"\ninsecure = true\n',
    ],
)
def test_a_weather_station_without_a_password_on_loopback_or_by_tls_is_fine(more: str) -> None:
    assert parse_config(GOOD + STATION + more, "node.toml").climate


def test_a_key_of_a_threshold_that_is_misspelt_is_named_with_the_right_one() -> None:
    rows = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/picture"\nact_att = 10\n'
    with pytest.raises(ConfigError, match="did you mean act_at"):
        parse_config(GOOD + rows, "node.toml")
