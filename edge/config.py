"""node.toml as frozen records: what may be configured, in which range, and what a mistake is answered with.

Secrets do not stand here: a password is named by its file or systemd credential (`password_file`). Only a camera's may
stand in its address, `rtsp://user:password@host/path`: then nobody but the service may read the file. The page's forms
are checked by the same records.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from edge.config_mistakes import explained
from edge.errors import ConfigError, to_read

# A pattern ends with what it asks for, in words: an error says them. `$` would let a line's end through, `\Z` does not.
Identifier = Annotated[  # also a level of an MQTT topic
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z(?#1 to 64 of the letters A to Z and a to z, digits, _ and -)")
]
HostName = Annotated[  # an address of IPv6 has two colons at least
    str,
    Meta(pattern=r"^([^\s/:@]+|(?i:[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)(%\w+)?)\Z(?#a name or an address, without a port)"),
]
AskedName = Annotated[  # as browsers send it: xn--… of letters beyond these
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z(?#a host name such as farm.example, without https:// and port)"),
]
Unbroken = Annotated[  # for these a broker closes the line without a reason
    str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z(?#in one line, without tabs or other control characters)")
]
AreaCode = Annotated[str, Meta(pattern=r"^[0-9]{12}\Z(?#twelve digits in quotes, province to village)")]
# What goes to the broker is at most as long as the wire takes it: 80 letters of a label or unit, 2000 of a sentence.
Label = Annotated[str, Meta(max_length=80)]
Sentence = Annotated[str, Meta(max_length=1000)]  # of which the node makes a longer one
Figure = Annotated[float, Meta(gt=0, le=1e12)]  # nor larger than the wire takes it, in thousandths
Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Luma = Annotated[float, Meta(ge=0, le=255)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Gain = Annotated[float, Meta(gt=0)]
SidePx = Annotated[int, Meta(ge=16, le=16384)]
Mode = Literal["live", "trap", "leaf"]
MODELS_FOR: Mapping[Mode, str] = {"live": "pests", "trap": "cards", "leaf": "diseases"}
Sleep = Literal["never", "night", "between"]
Language = Literal["en", "zh", "es", "fr", "pt", "hi", "id", "vi", "sw"]  # of the page and the label

Phone = Annotated[  # of 17 digits at most: more are two numbers, which would be dialled as one
    str,
    Meta(
        pattern=r"^(?!(\D*\d){18})(\(?\+)?\(?[0-9][0-9 ()./-]{1,38}\Z(?#one telephone number such as +86 571 8700 1234)"
    ),
]
SET_HERE = "set on this node"  # the source of an action level that names none
MEGABYTE = 1_000_000


class NodeTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[node]: who and where this node is."""

    site: Identifier
    node: Identifier
    time_zone: str = "UTC"  # of the people who read the page; records are UTC
    language: Language = "en"  # until the reader chooses
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    area_code: AreaCode | None = None
    crop: Label | None = None


class CameraTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[camera]: where frames come from and how often one is looked at."""

    kind: Literal["folder", "opencv", "picamera"]
    # folder: path; opencv: index, /dev path (below /dev/v4l/by-id where two cameras may change their numbers), URL
    # (stream, snapshot) or video file; picamera: index
    source: str = "0"
    mode: Mode = "live"
    every_s: Annotated[float, Meta(ge=0, le=31_536_000)] = 60.0  # a leaf changes slowly, the sun pays for each; 0 = all
    loop: bool = False  # folder: begin again after the last picture, for demonstrations
    fed: bool = False  # folder: another device puts pictures there; wait for more, each counts once, at its own time
    width_px: SidePx = 2304  # Camera Module 3 binned: full field of view at half the data
    height_px: SidePx = 1296
    lores_width_px: SidePx = 320
    lores_height_px: SidePx = 240
    rotation_deg: Literal[0, 90, 180, 270] = 0
    exposure_us: Annotated[int, Meta(gt=0)] | None = None  # None: the camera decides
    gain: Annotated[float, Meta(ge=1, le=64)] | None = None
    awb_gains: tuple[Gain, Gain] | None = None  # red, blue; lock them on a trap so that days compare
    lens_position: Annotated[float, Meta(ge=0, le=32)] | None = None  # dioptres; None: the camera focuses
    mains_hz: Literal[0, 50, 60] = 0  # lamps flicker at twice this; 0: no mains light
    stall_s: Annotated[float, Meta(gt=0, le=10)] = 8.0  # no new frame for so long: reopen; a stream's first has 40 s
    faces: Literal["keep", "blur", "drop"] = "keep"  # on kept pictures; looking for them costs as much as two looks

    @property
    def is_stream(self) -> bool:
        """Does it come from an address, of a stream or of a snapshot?"""
        return self.kind == "opencv" and "://" in self.source

    @property
    def is_path(self) -> bool:
        """Does it come from a folder, a film or a device file, and not from a camera's number or address?"""
        return self.kind == "folder" or (self.kind == "opencv" and not self.source.isdecimal() and not self.is_stream)


class GateTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[gate]: which frames are worth the detector's energy."""

    dark_luma: Luma = 12.0  # mean below: nothing can be told
    bright_luma: Luma = 245.0  # mean above: overexposed
    blocked_contrast: Luma = 4.0  # standard deviation below: something covers the lens
    colourless_levels: Luma = 3.0  # between channels, below: infrared; 0: for a monochrome camera with its own model
    blurred_share: Share = 0.3  # of the reference sharpness, see edge/gate.py
    moved_share: Share = 0.0003  # of the pixels that must change in live mode: an insect of about 29 px on 2304
    always_every_s: Seconds = 600.0  # look at least so often, so that a still scene has its effort


class ModelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[model]: which bundle looks."""

    name: str | None = None  # a name of models/manifest.json or a path of an .onnx; None: that of the camera's mode
    folder: str = "/opt/fieldeye/models"  # where signed models are installed; see edge/updates/models.py
    confidence: Share | None = None  # replaces the bundle's own thresholds
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class MqttTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[mqtt]: the broker that results go to. Without the table the node keeps everything to itself."""

    host: HostName
    port: Port = 8883
    tls: bool = True
    insecure: bool = False  # plain text to another machine, for a laboratory only
    ca_file: str | None = None  # None: the system's authorities
    username: Unbroken | None = None
    password_file: str | None = None  # a file of mode 0600 or a systemd credential's name
    next_password_file: str | None = None  # the same; tried when the first is refused, while credentials change over
    client_file: str | None = None  # the same, PEM: certificate and key, for a broker that asks for them
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    ack_timeout_s: Seconds = 60.0
    health_every_s: Seconds = 60.0
    daily_mb: Annotated[float, Meta(ge=0.001, le=1_000_000)] | None = None  # a metered line's UTC day; then only alerts
    home_assistant: bool = False  # tells a Home Assistant at the same broker how to show this node
    daily_pictures_mb: Annotated[float, Meta(ge=0)] = 0.0  # kept pictures sent unasked, over the day; 0: only if asked


class StoreTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[store]: what is kept on the card."""

    folder: str = "/var/lib/fieldeye"
    max_mb: Annotated[int, Meta(ge=4, le=100_000)] = 64  # records; 30 days without a broker fit
    pictures_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    pictures_days: Annotated[int, Meta(ge=1, le=3650)] | None = None  # older ones go; None: only for want of room
    interval_s: Annotated[float, Meta(ge=1, le=86400)] = 3600.0  # of counting; in live and leaf half a day at most


class PageTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[page]: the page on the phone."""

    # For phones "0.0.0.0". "::" is IPv4 and IPv6, for a network without IPv4 whose router keeps the internet out: many
    # let it in by IPv6, and whoever gets as far may read. A kernel without IPv6 has no such address.
    host: str = "127.0.0.1"
    port: Port = 8080
    names: tuple[AskedName, ...] = ()  # further ones that the page may be asked for, as a proxy's or a router's
    proxy: str | tuple[str, ...] = ()  # addresses of those whose X-Forwarded-For, -Proto and -Host are believed
    open_to_read: bool = True  # whoever is in the node's network may read; False: only who has logged in
    claim_code_file: str | None = None  # as mqtt.password_file; None: reset-password makes the first account
    station_phone: Phone | None = None  # of the plant protection station, shown where the page says to ask it
    technician_phone: Phone | None = None  # shown where the page says to tell the technician
    metrics_token_file: str | None = None  # whose bearer may read /metrics from another machine; None: nobody

    @property
    def proxies(self) -> tuple[str, ...]:
        """Each address of `proxy`."""
        return (self.proxy,) if isinstance(self.proxy, str) else self.proxy


class ClimateTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[climate]: temperature and humidity, shaded and ventilated. The first two kinds need the extra `sensors`."""

    kind: Literal["sht3x", "bme280", "mqtt"]
    every_s: Seconds = 60.0  # between two readings of a sensor on the bus
    bus: Annotated[int, Meta(ge=0, le=255)] = 1  # /dev/i2c-1
    address: Annotated[int, Meta(ge=3, le=119)] | None = None  # None: 0x44 of an SHT3x, 0x76 of a BME280
    host: HostName = "127.0.0.1"  # from here on: of kind "mqtt"
    port: Port = 1883
    tls: bool = False
    insecure: bool = False  # a password in plain text to another machine, in a network of its own only
    ca_file: str | None = None
    username: Unbroken | None = None
    password_file: str | None = None
    topic: Unbroken = ""
    temperature: str = "temperature"  # name in the JSON, dotted where it lies deeper: AM2301.Temperature
    humidity: str = "humidity"  # in per cent


class OwnThreshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[advice.threshold]]: what the local station says, in place of the packaged rows of that pest and unit."""

    label: Label  # scientific name, as the model says it
    unit: Label  # with its effort: insects/trap/night, insects/picture, insects/m2, visits/day, % pictures
    act_at: Figure
    sure_at: Figure | None = None  # from here on without further doubt
    quantity: Label = "them"  # what is counted, for "Count ... by eye"
    action: Annotated[Sentence, Meta(pattern=r"\S(?#words that say what to do)")] = (
        "act as your plant protection station advises"
    )
    source: Sentence = SET_HERE


class AdviceTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[advice]: when to act. Packaged thresholds are used where the crop is known."""

    crop: str | None = None  # as in thresholds.csv (rice, cotton, …); None: node.crop
    stage: str | None = None  # of the crop, as there; None: whichever stage acts first
    region: str | None = None
    defaults: bool = True  # use the packaged thresholds too
    leaves_per_plant: Annotated[float, Meta(gt=0)] | None = None
    plants_per_m2: Annotated[float, Meta(gt=0)] | None = None
    hills_per_m2: Annotated[float, Meta(gt=0)] | None = None
    threshold: tuple[OwnThreshold, ...] = ()


class PowerTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[power]: battery and sleep. Sleeping needs something that wakes the board, see docs/power.md."""

    gauge: str | None = None  # the kernel's name of the battery's gauge, as ina219
    low_v: Annotated[float, Meta(gt=0, le=60)] | None = None  # below it for a minute and a half: shut down in order
    sleep: Sleep = "never"  # between: also off between two looks
    after_sunset_s: Annotated[float, Meta(ge=-21600, le=21600)] = 1800.0  # night begins; below 0: before sunset
    before_sunrise_s: Annotated[float, Meta(ge=-21600, le=21600)] = 1800.0


class NodeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole node.toml."""

    node: NodeTable
    camera: CameraTable
    gate: GateTable = GateTable()
    model: ModelTable = ModelTable()
    mqtt: MqttTable | None = None
    store: StoreTable = StoreTable()
    advice: AdviceTable = AdviceTable()
    climate: ClimateTable | None = None
    page: PageTable | None = PageTable()
    power: PowerTable = PowerTable()

    @property
    def model_name(self) -> str:
        """Name or path of the bundle that looks."""
        return MODELS_FOR[self.camera.mode] if self.model.name is None else self.model.name


def made_for(model: str) -> Mode | None:
    """The mode that a released bundle is for, also in a variant of it (`pests-open`); None: nobody knows."""
    family = model.partition("-")[0]
    return next((mode for mode, name in MODELS_FOR.items() if name == family), None)


def safe_config(folder: Path) -> NodeConfig:
    """What a node runs with when it has no configuration that can be used: nothing but the page, which says why.

    The page answers on the network, since the person who can help has only a phone.
    """
    return NodeConfig(
        node=NodeTable(site="unknown", node="unknown"),
        camera=CameraTable(kind="folder", source=str(folder / "no-camera")),
        store=StoreTable(folder=str(folder)),
        page=PageTable(host="0.0.0.0"),  # noqa: S104
    )


LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOTSPOT_ADDRESS = "10.42.0.1"  # NetworkManager's own for a shared connection
_Record = TypeVar("_Record")
# No @ behind the host where one stands before it: of `u:p@ss/1@host` it would be `ss`.
_ADDRESS = re.compile(r"[^\WA-Z]+://(?![^/?#]*@[^/?#]*[/?#].*@)([^/?#]*@)?(\[[^][/?#]*\]|[^][:/?#]*)(:\d+)?([/?#]|\Z)")


def load_config(path: Path) -> NodeConfig:
    """The configuration in a TOML file. Raises ConfigError with file, key and remedy."""
    try:
        text = path.read_text("utf-8-sig")  # some editors on Windows begin a text with a mark
    except (OSError, UnicodeDecodeError) as why:
        then = to_read(why, "give the path of a node.toml in UTF-8")
        raise ConfigError(f"{path}: cannot be read ({_short(why)}); {then}") from why
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> NodeConfig:
    """The configuration in TOML `text`; `name` says in errors where it came from. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{name}: {why}; mend that line, then run: fieldeye check --config {name}") from why
    except (ValueError, RecursionError) as why:  # thousands of digits, or of brackets
        raise ConfigError(f"{name}: a number or a list in it is too long to be read; write it again") from why
    return checked(table, name)


def checked(table: object, name: str) -> NodeConfig:
    """A configuration from plain values, each alone and together. Raises ConfigError."""
    config = convert(table, NodeConfig, name)
    _check_pairs(config, name)
    return config


def convert(table: object, record: type[_Record], name: str) -> _Record:
    """A strict record from plain values: no unknown key, no wrong type, no value out of range. Raises ConfigError."""
    try:
        made = msgspec.convert(table, record)
    except msgspec.ValidationError as why:
        raise ConfigError(f"{name}: {explained(str(why), record)}") from why
    except ValueError as why:  # thousands of hexadecimal digits, which nothing writes as decimal ones
        raise ConfigError(f"{name}: a number in it is too long to be read; write it again") from why
    for key, value in _values(made, ""):
        if isinstance(value, float) and not isfinite(value):
            raise ConfigError(f"{name}: {key}: must be a number with an end and is {value}; correct it")
        if isinstance(value, str) and "\0" in value:
            raise ConfigError(f"{name}: {key}: holds a NUL, which stands in no name; take it out")
    return made


def _values(value: object, key: str) -> Iterator[tuple[str, object]]:
    """Each value in a record with its key, as `node.site` or `advice.threshold[0].label`."""
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _values(getattr(value, name), f"{key}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _values(one, f"{key}[{number}]")
    else:
        yield key, value


def _check_pairs(config: NodeConfig, name: str) -> None:
    try:
        ZoneInfo(config.node.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as why:
        zone = config.node.time_zone
        raise ConfigError(f"{name}: node.time_zone {zone!r} is no time zone; write one such as Asia/Shanghai") from why
    if (config.node.latitude is None) != (config.node.longitude is None):
        raise ConfigError(f"{name}: node.latitude and node.longitude go together; give both or none")
    if _lies_in(config.camera, config.store.folder):
        raise ConfigError(
            f"{name}: camera.source {config.camera.source} lies in store.folder, where the node removes pictures "
            "by its own rules; give another folder"
        )
    if config.camera.fed and (config.camera.kind != "folder" or config.camera.loop):
        raise ConfigError(f'{name}: camera.fed is for kind = "folder" without loop; take it away, or change those')
    _check_address(config.camera, name)
    if config.climate is not None and config.climate.kind == "mqtt":
        _check_climate(config.climate, name)
    _check_thresholds(config.advice.threshold, name)
    _check_proxies(config.page, name)
    if config.power.low_v is not None and config.power.gauge is None:
        raise ConfigError(f"{name}: power.low_v needs power.gauge; name the gauge, as ina219")
    if config.power.sleep != "never" and config.node.latitude is None:
        raise ConfigError(f"{name}: power.sleep needs node.latitude and node.longitude, for the sun's times; give them")
    if config.mqtt is not None:
        _check_mqtt(config.mqtt, name)


def _lies_in(camera: CameraTable, folder: str) -> bool:
    """Is its source the path of the folder or of something below it?"""
    # of a link that points at itself Path.resolve raises RuntimeError
    return camera.is_path and Path(os.path.realpath(camera.source)).is_relative_to(os.path.realpath(folder))


def _check_address(camera: CameraTable, name: str) -> None:
    """Not echoed, since it may hold a password. FFmpeg reads it in the same way, and knows small letters alone."""
    source = camera.source
    is_film = source.startswith(("/", ".")) or not re.search(r"\w:/|[@?]", source)
    if camera.kind == "opencv" and not is_film and not _ADDRESS.match(source):
        raise ConfigError(
            f"{name}: camera.source cannot be read as an address; write rtsp://user:password@host:port/path, "
            "with %40 for each @ but the one before the host, and in the password %2F for /, %3F for ? and %23 for #, "
            "or a film's path from / on"
        )


def _check_climate(climate: ClimateTable, name: str) -> None:
    if not climate.topic:
        raise ConfigError(f"{name}: climate.topic is missing; give the topic on which the sensor publishes")
    if climate.password_file is not None and climate.username is None:
        raise ConfigError(f"{name}: climate.password_file needs climate.username; give the one that the broker knows")
    if climate.password_file is not None and not (climate.tls or climate.insecure or climate.host in LOOPBACK):
        raise ConfigError(
            f"{name}: climate.tls is false for {climate.host}, so its password would cross the network in the open; "
            "set tls = true, or insecure = true in a network of its own"
        )


def _check_mqtt(mqtt: MqttTable, name: str) -> None:
    if not (mqtt.tls or mqtt.insecure or mqtt.host in LOOPBACK):
        raise ConfigError(
            f"{name}: mqtt.tls is false for {mqtt.host}, so passwords and records would cross the network in the open; "
            "set tls = true, or insecure = true in a laboratory"
        )
    if mqtt.password_file is not None and mqtt.username is None:
        raise ConfigError(f"{name}: mqtt.password_file needs mqtt.username; give the node's user name at the broker")


def _check_proxies(page: PageTable | None, name: str) -> None:
    for one in () if page is None else page.proxies:
        try:
            ip_address(one)
        except ValueError as why:
            raise ConfigError(
                f"{name}: page.proxy {one!r} is no address; give the one that the proxy asks from, such as 127.0.0.1"
            ) from why


def _check_thresholds(rows: tuple[OwnThreshold, ...], name: str) -> None:
    for number, own in enumerate(rows):
        where = f"{name}: advice.threshold of {own.label}"
        if own.sure_at is not None and own.sure_at < own.act_at:
            raise ConfigError(f"{where}: sure_at {own.sure_at:g} is below act_at {own.act_at:g}; give the larger one")
        if own.unit.startswith("%") and own.act_at > 100:
            raise ConfigError(f"{where}: act_at {own.act_at:g} {own.unit} is never reached; give 100 or less")
        if (own.label, own.unit) in {(row.label, row.unit) for row in rows[:number]}:
            raise ConfigError(f"{where} in {own.unit} stands twice; keep one of the rows")


def _short(why: OSError | UnicodeDecodeError) -> str:
    return os.strerror(why.errno or 0) if isinstance(why, OSError) else "it is no UTF-8"
