"""The golden examples: records by hand, whose bytes and long names stand in docs/contract/examples.

python -m tests.contract.golden     writes them anew, after a change that is meant
"""

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from edge.clock import ClockState
from edge.counts import NoData, Record
from edge.platform import Heard, Message, decode
from edge.wire import (
    AnswerCommand,
    CalibrationInfo,
    CameraHealth,
    CameraInfo,
    Health,
    ImageCommand,
    ImageHeader,
    Info,
    LinkHealth,
    ModelInfo,
    PlainRecord,
    ReplayCommand,
    Reply,
    SeenCommand,
    StandingAlert,
    Status,
    StoreHealth,
    Summary,
    UpdateCommand,
    encode_batch,
    encode_message,
    image_properties,
    summary_of,
)
from tests.clocks import NOON
from tests.records import APHID, EPOCH, MOTH, WARM, alert, count, instant, interval, lost, sighting, stored

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"
EXAMPLES = CONTRACT / "examples"
BUNDLE_URL = "https://updates.example.org/fieldeye-0.2.0.update"
COMMANDS: dict[str, msgspec.Struct] = {
    "cmd-replay": ReplayCommand(id="4f1c9a0e", expires=NOON, epoch=str(EPOCH), first=41, last=99),
    "reply-replay": Reply(code="done", id="4f1c9a0e", epoch=str(EPOCH), sent=50, gone=[(41, 49)]),
    "cmd-image": ImageCommand(id="5a2d0b1f", expires=NOON, picture="0c9a64a1-41", box=(0.2, 0.4, 0.6, 1.0)),
    "reply-image": Reply(code="done", id="5a2d0b1f", epoch=str(EPOCH), sent=2817),
    "cmd-answer": AnswerCommand(
        id="6b3e1c20",
        expires=NOON,
        question="0c9a64a1-q1",
        text="Thrips. Look below the leaves on ten plants; act from five a leaf.",
        who="Plant protection station",
        label="Thysanoptera",
        eppo="1THYSO",
    ),
    "reply-answer": Reply(
        code="not_kept", id="6b3e1c20", epoch=str(EPOCH), detail="there is no question 0c9a64a1-q1 here"
    ),
    "cmd-seen": SeenCommand(
        id="8d5e1b22",
        expires=NOON,
        label=MOTH[0],
        unit="insects/trap/night",
        level="look",
        since=NOON,
        who="Wang",
        former=["Li"],
    ),
    "reply-seen": Reply(code="done", id="8d5e1b22", epoch=str(EPOCH)),
    "cmd-update": UpdateCommand(id="7c4d0a11", expires=NOON, sha256="5d" * 32, size_bytes=86_211_004, url=BUNDLE_URL),
    "reply-update": Reply(code="done", id="7c4d0a11", have=1_310_720),
    "cmd-model": UpdateCommand(
        id="7c4d0a12", expires=NOON, sha256="6e" * 32, size_bytes=1_501_203, offset=4, data=b"a piece"
    ),
    "reply-model": Reply(code="done", id="7c4d0a12", have=11),
}
IMAGES: dict[str, ImageHeader] = {
    "image-picture": ImageHeader(kind="picture", id="0c9a64a1-41", bytes=38_412),
    "image-part": ImageHeader(kind="excerpt", id="0c9a64a1-41", bytes=90_000, offset=65_536, command="5a2d0b1f"),
    "image-question": ImageHeader(
        kind="question",
        id="0c9a64a1-q1",
        bytes=51_200,
        utc=NOON,
        clock="synced",
        who="Ana",
        note="On the lower leaves since Monday",
        guess="Thysanoptera",
        eppo="1THYSO",
    ),
}
PREFIX = "fieldeye/v1/farm-3/n1/"
OTHER_BOOT = "2f6c2d0e-93f4-4c2f-8a5d-5e0f6d5f4c11"

CALIBRATED = CalibrationInfo(
    at=NOON, who="Mei", area_mm2=15_000.0, error_px=0.25, region=[(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)]
)

BATCHES: dict[str, tuple[Record, ...]] = {
    "sightings": (
        sighting(0.0, picture=f"{EPOCH.hex[:8]}-41"),
        sighting(0.0, label=APHID[0], eppo=APHID[1], count=7, picture=f"{EPOCH.hex[:8]}-41"),
        sighting(61.25, at=instant(61.25, ClockState.UNSYNCED, OTHER_BOOT), label="Thysanoptera", eppo=""),
    ),
    "intervals": (
        interval(),
        interval(3600.0, counts=(), frames=3600, skipped=()),
        interval(7200.0, frames=0, skipped=(("dark", 3600),), counts=NoData("dark")),
        interval(10800.0, counts=(count(MOTH, 3),), mode="trap", unit="new", saturated=True),
    ),
    "quiet": (interval(counts=()), interval(3600.0, frames=0, skipped=(("dark", 3600),), counts=NoData("dark"))),
    "calibrated": (
        interval(
            mode="trap",
            unit="new",
            counts=(count(MOTH, 3, 2, 5, "adult"), count(MOTH, 1, 1, 2, "larva")),
            area_mm2=15_000,
            exposed_s=10_800.0,
            climate=WARM,
            revision=2,
        ),
        interval(3600.0, mode="leaf", unit="affected_frames", counts=(count(APHID, 4),), frames=40, severity=0.042),
        sighting(stage="adult"),
    ),
    "alerts": (
        alert(),
        alert(
            60.0,
            level="calm",
            value=3.0,
            low=None,
            high=None,
            sure_at=20.0,
            task="nothing",
            reason="3 insects/trap/night is below the threshold of 10 to 20",
            look_at="Nothing to do.",
        ),
    ),
    "losses": (lost(1, 40), lost(50, 99, count=31, at=instant(5.0, ClockState.CORRECTED))),
}
MESSAGES: dict[str, msgspec.Struct] = {
    "status": Status(state="online", session=12, connection=3, utc=NOON),
    "status-will": Status(state="offline", session=12, connection=3),
    "info": Info(
        software="fieldeye",
        version="0.1.0",
        epoch=str(EPOCH),
        models=[ModelInfo(name="pests", version="0.1.0", sha256="0" * 64, labels=[MOTH[0], APHID[0]])],
        cameras=[CameraInfo(name="cam0", kind="picamera", mode="live", mm_per_px=0.25, calibration=CALIBRATED)],
        latitude_deg=30.25,
        longitude_deg=120.5,
        area_code="330100000000",
        crop="Oryza sativa",
        time_zone="Asia/Shanghai",
        interval_s=3600.0,
        capabilities=["replay", "image", "answer", "seen"],
        software_number=4,
    ),
    "health": Health(
        utc=NOON,
        clock="synced",
        session=12,
        uptime_s=86400.0,
        camera=CameraHealth(
            state="ok",
            frames=1440,
            looked=1390,
            skipped={"dark": 50},
            ms_per_frame=212.5,
            focus="sharp",
            light="good",
            banded=False,
        ),
        store=StoreHealth(waiting=3, oldest_waiting_utc=NOON, first_seq=1, last_seq=1200, used_mb=0.6, max_mb=64.0),
        link=LinkHealth(acknowledged=1197, connections=3, sent_bytes=61_000, ack_ms=48.0),
        problem="pests.onnx: not the file in manifest.json (sha256 differs); run: fieldeye model rollback",
        last_stop="told to stop",
        cpu_temperature_c=51.5,
        throttled=False,
        load=0.21,
        memory_mb=98.7,
        disk_free_mb=21000.0,
        last_update="2026-06-30T21:14:05Z the new software, number 4, runs well",
        battery_v=12.84,
        battery_share=0.64,
        alerts=[
            StandingAlert(
                label=MOTH[0],
                unit="insects/trap/night",
                level="look",
                since=NOON,
                value=12.5,
                start_at=10.0,
                who="Li",
                done=NOON,
            )
        ],
        compared=3,
    ),
    "summary": summary_of(interval()),
}


def payloads() -> dict[str, tuple[str, bytes]]:
    """Each example's channel and payload."""
    batches = {name: ("records", encode_batch(stored(*records, first_seq=41))) for name, records in BATCHES.items()}
    return batches | {name: (name.removesuffix("-will"), encode_message(told)) for name, told in MESSAGES.items()}


def golden_bytes(name: str) -> bytes:
    """A batch as it stands in the examples."""
    return bytes.fromhex((EXAMPLES / f"{name}.cbor.hex").read_text())


def long_form(channel: str, payload: bytes) -> list[dict[str, object]]:
    """What a reader makes of the payload."""
    heard = decode(Message(PREFIX + channel, payload))
    assert isinstance(heard, Heard), heard
    told: list[dict[str, object]] = json.loads(json.dumps(heard.as_json()))
    return told


def records_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one decoded record."""
    (schema,), components = msgspec.json.schema_components([PlainRecord])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A record of a Fieldeye node, decoded (wire contract v1)",
        **schema,
        "$defs": components,
    }


def messages_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the JSON messages, one definition each."""
    commands = dict.fromkeys(type(told) for name, told in COMMANDS.items() if name.startswith("cmd-"))
    _, components = msgspec.json.schema_components([Status, Info, Health, Summary, ImageHeader, *commands, Reply])
    for told in components.values():  # Python 3.13 takes a docstring's indentation away, 3.11 does not
        told["description"] = cleandoc(told["description"])
    for name in ("bytes", "offset"):  # MQTT has user properties as text
        components["ImageHeader"]["properties"][name] = {"type": "string", "pattern": "^[0-9]{1,7}$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "JSON messages of a Fieldeye node (wire contract v1)",
        "$defs": components,
    }


def files() -> dict[Path, str]:
    """Everything under docs/contract that is made and not written."""
    schemas = {"records": records_schema(), "messages": messages_schema()}
    made = {  # a pattern's end, as JSON Schema writes it
        CONTRACT / f"{name}.schema.json": json.dumps(told, indent=2).replace(r"\\Z", "$") + "\n"
        for name, told in schemas.items()
    }
    for name, (channel, payload) in payloads().items():
        if channel == "records":
            made[EXAMPLES / f"{name}.cbor.hex"] = wrapped(payload.hex())
        made[EXAMPLES / f"{name}.json"] = json.dumps(long_form(channel, payload), indent=2) + "\n"
    for name, command in COMMANDS.items():
        made[EXAMPLES / f"{name}.json"] = json.dumps(msgspec.to_builtins(command), indent=2) + "\n"
    for name, header in IMAGES.items():
        made[EXAMPLES / f"{name}.json"] = json.dumps(dict(image_properties(header)), indent=2) + "\n"
    return made


def wrapped(hexadecimal: str) -> str:
    """Lines of 32 bytes."""
    return "\n".join(hexadecimal[at : at + 64] for at in range(0, len(hexadecimal), 64)) + "\n"


if __name__ == "__main__":
    EXAMPLES.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text)
