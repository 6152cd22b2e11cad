"""Which keys of node.toml may be changed on the page, and in which words."""

from collections.abc import Collection
from dataclasses import dataclass

from edge.advice import defaults
from edge.config import NodeConfig
from edge.languages import LANGUAGES
from edge.page.words import gettext, listed


@dataclass(frozen=True, slots=True)
class Field:
    """One key of node.toml. `kind`: text, number, choice or yes (a box to tick)."""

    key: str  # camera.every_s
    kind: str
    label: str
    hint: str = ""  # what is allowed, said also when it was not
    options: tuple[tuple[str, str], ...] = ()
    known: tuple[tuple[str, str], ...] = ()  # words that the phone proposes, and how it shows them; others are allowed


def fields(config: NodeConfig, within_reach: Collection[str] | None = None) -> list[tuple[str, tuple[Field, ...]]]:
    """Title and fields of each group. The server's stand there only where node.toml names one.

    `within_reach`: crops of which a packaged action level can be reached here; None: nobody knows.
    """
    place = gettext("Place"), _place(within_reach)
    server = [] if config.mqtt is None else [(gettext("Delivery"), _server())]
    return [place, (gettext("Camera"), _camera()), (gettext("Page"), _page()), *server]


def _place(within_reach: Collection[str] | None) -> tuple[Field, ...]:
    letters = gettext("Letters without accents, digits, - and _; the server knows the node by it.")
    whole = gettext("Degrees, such as 31.2; south and west are negative. Both or none.")
    crops = gettext("As the thresholds call it, in English; or leave it empty.")
    if within_reach is not None:
        crops = f"{crops} {_reach_words(within_reach)}"
    pasted = gettext("Or both at once, as a map app copies them: 31.2304, 121.4737.")
    return (
        Field("node.site", "text", gettext("Site"), letters),
        Field(
            "node.area_code",
            "text",
            gettext("Area code"),
            gettext("Twelve digits, from province to village; or leave it empty."),
        ),
        Field(
            "node.crop",
            "text",
            gettext("Crop"),
            crops,
            known=tuple((crop, _crop_words(crop, within_reach)) for crop in sorted({row.crop for row in defaults()})),
        ),
        Field("node.time_zone", "text", gettext("Time zone"), gettext("Such as Asia/Shanghai or Africa/Nairobi.")),
        Field(
            "node.language", "choice", gettext("Language until the reader chooses"), options=tuple(LANGUAGES.items())
        ),
        Field("node.latitude", "number", gettext("Latitude"), f"{whole} {pasted}"),
        Field("node.longitude", "number", gettext("Longitude"), whole),
    )


def _reach_words(crops: Collection[str]) -> str:
    if not crops:
        return gettext("For none of them a packaged action level can be reached here: enter your station's.")
    return gettext("A packaged action level can be reached here for: %(crops)s.", crops=listed(crops))


def _crop_words(crop: str, within_reach: Collection[str] | None) -> str:
    if within_reach is None:
        return crop
    if crop in within_reach:
        return gettext("%(crop)s: action level in reach", crop=crop)
    return gettext("%(crop)s: no action level in reach", crop=crop)


def _camera() -> tuple[Field, ...]:
    modes = (
        ("live", gettext("plants: insects come and go")),
        ("trap", gettext("trap: insects stay on a card")),
        ("leaf", gettext("leaves: diseases")),
    )
    itself = gettext("Left empty, the camera decides.")
    faces = (("keep", gettext("stay")), ("blur", gettext("are blurred")), ("drop", gettext("drop the picture")))
    return (
        Field("camera.mode", "choice", gettext("What is looked at"), options=modes),
        Field(
            "camera.every_s",
            "number",
            gettext("Seconds between two looks"),
            gettext("0 or more. More looks cost more energy."),
        ),
        Field(
            "camera.rotation_deg",
            "choice",
            gettext("Turn the picture"),
            gettext("What is counted turns with it: look at the region afterwards."),
            options=tuple((str(deg), f"{deg}°") for deg in (0, 90, 180, 270)),
        ),
        Field(
            "camera.faces",
            "choice",
            gettext("Faces on kept pictures"),
            gettext("Only faces turned to the camera are found. Put the node where no people pass."),
            options=faces,
        ),
        Field(
            "store.pictures_days",
            "number",
            gettext("Days that pictures are kept"),
            gettext("Left empty, they go when their room is needed."),
        ),
        Field("camera.lens_position", "number", gettext("Focus in dioptres, 0 to 32"), itself),
        Field("camera.exposure_us", "number", gettext("Exposure in microseconds"), itself),
        Field("camera.gain", "number", gettext("Gain, 1 to 64"), itself),
        Field(
            "camera.mains_hz",
            "choice",
            gettext("Lamps on mains"),
            gettext("Against dark bands in lamplight."),
            options=(("0", gettext("none")), ("50", "50 Hz"), ("60", "60 Hz")),
        ),
    )


def _server() -> tuple[Field, ...]:
    return (
        Field("mqtt.host", "text", gettext("Server"), gettext("Its name or address.")),
        Field("mqtt.port", "number", gettext("Port"), gettext("A number from 1 to 65535.")),
        Field(
            "mqtt.username",
            "text",
            gettext("User name at the server"),
            gettext("Its password stands in a file of the node and is never shown here."),
        ),
        Field(
            "mqtt.daily_mb",
            "number",
            gettext("At most so many MB a day"),
            gettext("For a metered line; or leave it empty."),
        ),
    )


def _page() -> tuple[Field, ...]:
    anybody = gettext("Who is in the node's network may read without logging in")
    shown = gettext("Shown to everybody on the page, such as +86 571 8700 1234; or leave it empty.")
    return (
        Field("page.open_to_read", "yes", anybody),
        Field("page.station_phone", "text", gettext("Telephone of the plant protection station"), shown),
        Field("page.technician_phone", "text", gettext("Telephone of the technician"), shown),
    )
