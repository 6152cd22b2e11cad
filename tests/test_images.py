"""Pictures and questions on their way: whole at the platform, after every record, through resends, never unasked."""

import itertools
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.backoff import Backoff
from edge.clock import ClockState
from edge.errors import BadFrameError, StoreError, WireError
from edge.excerpt import excerpt
from edge.mqtt.budget import Budget
from edge.mqtt.images import Images
from edge.platform import Message
from edge.platform.ledger.album import Album, Picture
from edge.store import Store
from edge.wire import (
    AnswerCommand,
    Health,
    ImageCommand,
    ImageHeader,
    Reply,
    Topic,
    decode_message,
    encode_message,
    image_properties,
    next_part,
    read_image,
)
from tests.broker import Broker
from tests.clocks import SetClock
from tests.network import PUBACK, Network
from tests.node import FAST, NODE, SITE, Node, Platform, running, to, wait_drained
from tests.records import alert, instant, interval, sighting
from tests.test_commands import commands_of
from tests.test_store import open_store
from tests.waiting import wait_until

IMAGE = f"fieldeye/v1/{SITE}/{NODE}/image"


def jpeg(side_px: int, seed: int = 0) -> bytes:
    """Noise, so that it has about a byte a pixel."""
    noise = np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


SMALL, LARGE = jpeg(100), jpeg(400)


@pytest.fixture
def platform(broker: Broker) -> Platform:
    return Platform(broker)


def pictures(platform: Platform) -> list[Picture]:
    """The whole pictures that have come, in order, the same again each time it is whole again."""
    album = Album()
    told = [Message(one.topic, one.payload, properties=properties(one)) for one in image_messages(platform)]
    return [picture for message in told if (picture := album.take(message)) is not None]


def arrived(platform: Platform, count: int) -> list[Picture]:
    """The same once `count` different ones have come: the broker acknowledges to the node before it delivers."""
    wait_until(lambda: len({picture.jpeg for picture in pictures(platform)}) >= count, within_s=5)
    return pictures(platform)


def image_messages(platform: Platform) -> list:  # type: ignore[type-arg]
    return [message for message in list(platform.client.inbox) if message.topic == IMAGE]


def properties(message) -> tuple[tuple[str, str], ...]:  # type: ignore[no-untyped-def]
    return tuple(message.properties.UserProperty)


def tell(platform: Platform, verb: str, **fields: object) -> str:
    """Send a command; returns its id."""
    kinds = {"image": ImageCommand, "answer": AnswerCommand}
    command = kinds[verb](id=uuid4().hex, expires=datetime.now(UTC) + timedelta(minutes=5), **fields)
    platform.client.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/{verb}", encode_message(command))
    return str(command.id)


def reply_to(platform: Platform, command: str) -> Reply:
    def found() -> list[Reply]:
        return [reply for reply in platform.replies() if reply.id == command]

    wait_until(lambda: bool(found()), within_s=10)
    return found()[0]


def ask(node: Node, photo: bytes = LARGE, note: str = "what is this?") -> str:
    asked = node.store.ask_station(instant(), photo, who="Ana", note=note, guess="Thysanoptera", eppo="1THYSO")
    node.publisher.wake()
    return asked.id


def test_a_question_reaches_the_platform_with_all_that_was_told(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with running(tmp_path, to(broker.port)) as node:
        name = ask(node)
        wait_until(lambda: len(pictures(platform)) == 1, within_s=10)
        wait_until(lambda: node.store.next_question() is None, within_s=5)
    (got,) = pictures(platform)
    assert got.jpeg == LARGE
    assert got.header == ImageHeader(
        kind="question", id=name, bytes=len(LARGE), utc=instant().utc, clock="synced", who="Ana", note="what is this?",
        guess="Thysanoptera", eppo="1THYSO",
    )  # fmt: skip


def test_a_picture_that_the_line_takes_in_small_pieces_goes_on_by_itself(
    tmp_path: Path, broker: Broker, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow(*where: Any, **how: Any) -> socket.socket:
        line = connect(*where, **how)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least that there is
        return line

    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", narrow)
    with Network(broker.port) as net, running(tmp_path, to(net.port)) as node:
        ask(node, LARGE)
        wait_until(lambda: list(platform.read().photos.values()) == [LARGE], within_s=20)
        assert net.connections == 1


def test_a_note_costs_the_days_data_its_bytes_and_not_its_letters(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with running(tmp_path, to(broker.port, health_every_s=0.1)) as node:
        ask(node, SMALL, "稻" * 500)
        wait_until(lambda: len(pictures(platform)) == 1, within_s=10)
        wait_until(lambda: platform.client.inbox[-1].topic.endswith("/health"), within_s=5)
    came = [*platform.client.inbox]
    last = max(n for n, message in enumerate(came) if message.topic.endswith("/health"))
    told = decode_message(came[last].payload, Health).link
    assert told is not None
    assert told.sent_bytes == sum(size_bytes(message) for message in came[:last])


def size_bytes(message) -> int:  # type: ignore[no-untyped-def]
    """Topic, payload and user properties, each of these with five bytes of MQTT's own."""
    told = getattr(message.properties, "UserProperty", ())
    words_bytes = sum(len(name.encode()) + len(value.encode()) + 5 for name, value in told)
    return len(message.topic) + len(message.payload) + words_bytes


def test_an_answer_is_kept_for_the_page_and_stands_in_the_audit_trail(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with running(tmp_path, to(broker.port)) as node:
        name = ask(node)
        wait_until(node.is_connected, within_s=5)
        wait_until(lambda: bool(platform.read().messages.get("health")), within_s=5)
        told = {"text": "蓟马: look below the leaves", "who": "Station", "label": "Thysanoptera"}
        assert reply_to(platform, tell(platform, "answer", question=name, **told)).code == "done"
        answered = node.store.question(name)
        assert answered is not None
        assert answered.answer is not None
        assert (answered.answer.text, answered.answer.who) == (told["text"], "Station")
        assert node.store.audit_trail(1)[0].what == f"answer {name}"
        assert reply_to(platform, tell(platform, "answer", question="00000000-q9", text="?")).code == "not_kept"


def test_a_note_with_line_breaks_reaches_the_station_and_so_does_the_next_question(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    typed = "on the edge of the field\r\nsince Monday\tten hills"
    with running(tmp_path, to(broker.port)) as node:
        first, second = ask(node, SMALL, typed), ask(node)
        wait_until(lambda: node.store.health().questions == 0, within_s=10)
        assert node.store.question(first).note == typed  # type: ignore[union-attr]  # the page shows it as typed
    got = {picture.header.id: picture.header.note for picture in arrived(platform, 2)}
    assert got == {first: "on the edge of the field since Monday ten hills", second: "what is this?"}


def test_no_character_of_any_text_makes_the_broker_close_the_line(broker: Broker, platform: Platform) -> None:
    planes = [chr(plane << 16 | last) for plane in range(1, 17) for last in range(0xFFFC, 0x10000)]
    every = [*map(chr, range(0x10000)), *planes]
    texts = ["".join(every[first : first + 500]) for first in range(0, len(every), 500)]
    with broker.connect("node") as node:
        for text in texts:
            header = ImageHeader(kind="question", id="q", bytes=1, who=text, note=text, guess=text, eppo=text)
            assert node.publish(IMAGE, b"x", UserProperty=list(image_properties(header))) == 0
    wait_until(lambda: len(image_messages(platform)) == len(texts), within_s=10)


@pytest.mark.parametrize("text", ["धान के पौधे, क्\u200dष", "稻子上这是什么虫？", "👩\u200d🌾 é ﬁ \u2028\ue000"])
def test_what_people_write_reaches_the_station_as_it_is(text: str, broker: Broker, platform: Platform) -> None:
    with broker.connect("node") as node:
        header = ImageHeader(kind="question", id="q", bytes=1, note=text)
        node.publish(IMAGE, b"x", UserProperty=list(image_properties(header)))
    wait_until(lambda: len(image_messages(platform)) == 1, within_s=5)
    assert read_image(properties(image_messages(platform)[0]), b"x").note == text


def test_questions_wait_for_a_subscriber_and_then_leave(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port)) as node:
        wait_until(node.is_connected, within_s=5)
        ask(node, SMALL)
        wait_until(lambda: node.publisher.beat_s > 0 and node.store.health().questions == 1, within_s=5)
        platform = Platform(broker)
        node.commit(sighting())
        wait_until(lambda: len(pictures(platform)) == 1, within_s=10)
        wait_until(lambda: node.store.health().questions == 0, within_s=5)


def test_a_question_survives_cut_connections_and_a_restart(tmp_path: Path, broker: Broker, platform: Platform) -> None:
    chance = random.Random(3)
    with Network(broker.port) as net:
        with running(tmp_path, to(net.port)) as node:
            ask(node)
            for _ in range(6):
                before = net.connections
                net.cut_after_bytes = chance.randint(1, 8000)
                node.commit(sighting())
                wait_until(
                    lambda before=before: net.connections > before or not node.store.health().questions,  # type: ignore[misc]
                    within_s=30,
                )  # once the photograph is through, a sighting is too short to be cut
            net.refuse = True
            net.cut()
        net.refuse, net.cut_after_bytes = False, None
        with running(tmp_path, to(net.port)) as node:
            ask(node, SMALL, "another")
            wait_until(lambda: node.store.health().questions == 0, within_s=20)
            wait_drained(node)
    assert {(picture.header.note, picture.jpeg) for picture in arrived(platform, 2)} == {
        ("what is this?", LARGE), ("another", SMALL),
    }  # fmt: skip


def test_a_part_whose_acknowledgement_was_swallowed_comes_again_and_the_picture_is_whole(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with Network(broker.port) as net, running(tmp_path, to(net.port, ack_timeout_s=0.5)) as node:
        wait_until(lambda: bool(platform.read().messages.get("health")), within_s=5)
        node.commit(sighting())
        wait_drained(node)  # nothing but the question is on its way
        net.drop = frozenset({PUBACK})
        ask(node)
        wait_until(lambda: len(image_messages(platform)) == 1 and node.link.state == "lost", within_s=10)
        net.drop = frozenset()
        wait_until(lambda: node.store.health().questions == 0, within_s=20)
    firsts = [one for one in image_messages(platform) if "offset" not in dict(properties(one))]
    assert len(firsts) >= 2
    assert {picture.jpeg for picture in arrived(platform, 1)} == {LARGE}


def test_a_picture_goes_on_in_shorter_parts_after_a_line_that_dropped_under_a_long_one(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with Network(broker.port) as net, running(tmp_path, to(net.port)) as node:
        wait_until(lambda: bool(platform.read().messages.get("health")), within_s=5)
        net.bytes_a_second = 20_000
        ask(node)
        wait_until(lambda: len(image_messages(platform)) >= 3, within_s=10)
        net.drop = frozenset({PUBACK})
        wait_until(lambda: net.dropped[PUBACK] > 0, within_s=10)
        net.cut()
        net.drop, net.bytes_a_second = frozenset(), None
        wait_until(lambda: node.store.health().questions == 0, within_s=20)
    assert arrived(platform, 1)
    parts = [(dict(properties(one)).get("offset"), len(one.payload)) for one in image_messages(platform)]
    again = [(first, second) for (at, first), (then, second) in itertools.pairwise(parts) if at == then]
    assert again
    assert all(second == first // 2 for first, second in again)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({}, "picture"), ({"box": (0.25, 0.25, 0.5, 0.75)}, "excerpt"), ({"most_bytes": 5000}, "excerpt")],
)
def test_a_kept_picture_is_sent_when_it_is_asked_for(
    tmp_path: Path, broker: Broker, platform: Platform, fields: dict[str, object], kind: str
) -> None:
    with running(tmp_path, to(broker.port)) as node:
        (key,) = node.store.commit([sighting()], SMALL)
        node.publisher.wake()
        wait_drained(node)
        assert image_messages(platform) == []  # pictures stay on the node unless asked for
        name = node.store.records_between_seq(key.seq, key.seq)[0].record.picture  # type: ignore[union-attr]
        command = tell(platform, "image", picture=name, **fields)
        reply = reply_to(platform, command)
    (got,) = pictures(platform)
    assert (got.header.kind, got.header.command, got.header.id) == (kind, command, name)
    assert (reply.code, reply.sent) == ("done", len(got.jpeg))
    assert len(got.jpeg) <= int(fields.get("most_bytes", len(SMALL)))  # type: ignore[call-overload]
    decoded = cv2.imdecode(np.frombuffer(got.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert (decoded.shape[:2] == (50, 25)) == ("box" in fields)


def test_a_question_is_sent_again_when_it_is_asked_for(tmp_path: Path, broker: Broker, platform: Platform) -> None:
    with running(tmp_path, to(broker.port)) as node:
        name = ask(node, SMALL)
        wait_until(lambda: node.store.health().questions == 0, within_s=10)
        assert reply_to(platform, tell(platform, "image", picture=name)).code == "done"
        node.store.delete_question(name)
        assert reply_to(platform, tell(platform, "image", picture=name)).code == "not_kept"
    first, again = pictures(platform)
    assert (again.jpeg, again.header.note, again.header.command is None) == (SMALL, first.header.note, False)


@pytest.mark.parametrize("fields", [{"most_bytes": len(LARGE)}, {"box": (0.0, 0.0, 0.5, 0.5)}], ids=["whole", "part"])
def test_of_a_question_that_is_deleted_on_its_way_nothing_more_goes_out_and_whoever_asked_for_it_is_told(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    clock = SetClock()
    with closing(open_store(tmp_path)) as store:
        first, second, sent = (store.ask_station(instant(), LARGE) for _ in range(3))
        store.mark_question_sent(sent.id)
        images = images_of(store, clock)
        for asked in (first, second):
            assert images.next_part(0).header.id == asked.id  # type: ignore[union-attr]
            images.acknowledged(0.1)
            store.delete_question(asked.id)
        command = ImageCommand(id="12345678", expires=clock.utc + timedelta(minutes=5), picture=sent.id, **fields)
        images._commands.images.append(command)  # noqa: SLF001
        for _ in range(2):
            assert images.next_part(0).header.command == command.id  # type: ignore[union-attr]
            images.acknowledged(0.1)
        assert not images.replies
        store.delete_question(sent.id)
        assert (images.next_part(0), images.sent) == (None, 0)
        assert [(reply.id, reply.code) for reply in images.replies] == [(command.id, "not_kept")]
        assert not images._commands.images  # noqa: SLF001


def test_a_picture_that_is_not_kept_is_named_as_gone(tmp_path: Path, broker: Broker, platform: Platform) -> None:
    with running(tmp_path, to(broker.port)):
        wait_until(lambda: bool(platform.read().messages.get("health")), within_s=5)
        for name in ("0c9a64a1-77", "0c9a64a1-q77", "lock"):
            assert reply_to(platform, tell(platform, "image", picture=name)).code == "not_kept"
    assert image_messages(platform) == []


def test_what_went_unasked_is_not_known_where_the_card_spoiled_it(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()], SMALL)
        store.set_setting("pictures_sent", "s")  # 3 with a flipped bit
        assert images_of(store, SetClock(), daily_mb=1).next_part(0) is not None


def test_the_newest_picture_goes_unasked_where_the_day_has_room_for_it(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(1)], SMALL)
        (newest,) = store.commit([sighting(2)], jpeg(100, seed=2))
    with running(tmp_path, to(broker.port, daily_pictures_mb=1.0)) as node:
        wait_until(lambda: len(pictures(platform)) == 1, within_s=10)
        node.store.commit([sighting(3)], SMALL)
        node.commit(sighting(4))
        wait_drained(node)
        wait_until(lambda: node.store.setting("pictures_sent") == str(newest.seq), within_s=5)
    (got,) = pictures(platform)  # the next waits its share of the day
    assert (got.jpeg, got.header.command) == (jpeg(100, seed=2), None)


def test_what_waits_leaves_by_urgency_alerts_intervals_sightings_pictures(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker, session=True)  # else a batch that comes before it has subscribed again is sent later
    with running(tmp_path, to(broker.port)) as node:
        broker.stop()
        ask(node, SMALL)
        for n in range(40):
            node.store.commit([sighting(n), interval(n), alert(n)])
        broker.start()
        wait_until(lambda: len(pictures(platform)) == 1, within_s=20)
    records, images = [], []
    for place, message in enumerate(platform.client.inbox):
        if message.topic.endswith("/records"):
            records.append(place)
        if message.topic == IMAGE:
            images.append(place)
    assert max(records) < min(images)
    kinds = [type(record).__name__ for record in platform.read().counted.values()]
    assert kinds == ["Alert"] * 40 + ["Interval"] * 40 + ["Sighting"] * 40


def test_a_record_waits_for_one_part_of_a_picture_at_most(tmp_path: Path, broker: Broker, platform: Platform) -> None:
    with Network(broker.port) as net, running(tmp_path, to(net.port, keepalive_s=30, ack_timeout_s=60.0)) as node:
        wait_until(lambda: bool(platform.read().messages.get("health")), within_s=5)
        net.bytes_a_second = 20_000  # the photograph alone takes some seconds
        ask(node, jpeg(500))
        wait_until(lambda: len(image_messages(platform)) >= 3, within_s=10)
        committed = node.commit(alert())
        wait_until(lambda: platform.has(committed), within_s=6)
        assert node.store.health().questions == 1, "the picture was through already: nothing was shown"
        net.bytes_a_second = None
        wait_until(lambda: node.store.health().questions == 0, within_s=30)
        assert net.connections == 1
    assert [picture.jpeg for picture in arrived(platform, 1)] == [jpeg(500)]


def test_pictures_stay_when_the_days_data_is_wanted_for_records(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with running(tmp_path, to(broker.port, daily_mb=0.1, daily_pictures_mb=50.0)) as node:
        for n in range(12):
            node.store.commit([sighting(n)], SMALL)
            node.publisher.wake()
            wait_drained(node)
        ask(node, LARGE)
        committed = node.commit(interval())
        wait_until(lambda: platform.has(committed), within_s=5)
        wait_until(lambda: last_spent(platform) > 0, within_s=5)
        assert node.store.health().questions == 1
    assert sum(len(message.payload) for message in image_messages(platform)) < 85_000


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Images, SetClock]]:
    """A photograph that waits, without a broker, and the clock that stands still."""
    clock = SetClock()
    with closing(open_store(tmp_path)) as store:
        store.ask_station(instant(), LARGE)
        yield images_of(store, clock), clock


def full_disk(*_: object) -> None:
    raise StoreError("the disk is full")


def images_of(store: Store, clock: SetClock, destination: str = "broker:8883/s/n", daily_mb: float = 0) -> Images:
    budget, commands = Budget(store, None, clock.now()), commands_of(store, clock)
    kept = Backoff(15, 900, share=lambda: 1.0)
    return Images(store, clock, budget, commands, kept=kept, keepalive_s=30, daily_mb=daily_mb, destination=destination)


def lengths(images: Images, clock: SetClock, count: int) -> list[int]:
    """Of so many parts, each acknowledged fast."""
    sent = []
    for _ in range(count):
        part = images.next_part(clock.monotonic_s())
        assert part is not None
        images.acknowledged(0.1)
        sent.append(len(part.payload))
    return sent


def test_after_a_part_that_nobody_wanted_the_next_is_late_and_short_and_goes_on_where_the_last_good_one_ended(
    asked: tuple[Images, SetClock],
) -> None:
    images, clock = asked
    assert lengths(images, clock, 3) == [1024, 2048, 4096]
    for wait_s in (15, 30):
        assert images.next_part(clock.monotonic_s()) is not None
        images.not_wanted(clock.monotonic_s())
        clock.advance(wait_s - 1)
        assert images.next_part(clock.monotonic_s()) is None
        clock.advance(1)
    part = images.next_part(clock.monotonic_s())
    assert part is not None
    assert (part.header.offset, part.payload) == (7168, LARGE[7168 : 7168 + 1024])
    images.acknowledged(0.1)
    assert images.next_part(clock.monotonic_s()) is not None
    images.not_wanted(clock.monotonic_s())
    assert [images.is_resting(clock.monotonic_s() + wait_s) for wait_s in (14, 15)] == [True, False]


def test_a_part_that_was_lost_with_its_connection_comes_again_half_as_long(asked: tuple[Images, SetClock]) -> None:
    images, clock = asked
    assert lengths(images, clock, 3) == [1024, 2048, 4096]
    assert images.next_part(clock.monotonic_s()) is not None
    images.lost()
    images.lost()  # nothing was on its way the second time
    part = images.next_part(clock.monotonic_s())
    assert part is not None
    assert (part.header.offset, len(part.payload)) == (7168, 4096)


def test_after_a_restart_a_photograph_goes_on_where_it_was_unless_it_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    with closing(open_store(tmp_path)) as store:
        question = store.ask_station(instant(state=ClockState.UNSYNCED), LARGE)
        stopped = images_of(store, clock)
        assert lengths(stopped, clock, 3) == [1024, 2048, 4096]
        stopped.keep()
        elsewhere, cut = images_of(store, clock, "broker:8883/s/other"), images_of(store, clock)
        assert elsewhere.next_part(0).header == question.header()  # type: ignore[union-attr]
        assert cut.question == question.id, "what was told of it must not change"
        assert lengths(cut, clock, 8)[0] == 1024
        begin = images_of(store, clock).next_part(0)
        assert begin is not None
        assert begin.header.offset == 7168 + 1024 * (2**7 - 1), "kept every 64 KiB, for a power cut"
        for spoiled in ("6553q", "999999999"):
            store.set_setting("question_begun", f"{question.id} {spoiled} broker:8883/s/n")
            assert images_of(store, clock).next_part(0).header == question.header()  # type: ignore[union-attr]
        ended = images_of(store, clock)
        monkeypatch.setattr(store, "set_setting", full_disk)
        for _ in range(20):
            ended.next_part(clock.monotonic_s())
            ended.acknowledged(0.1)
            ended.keep()
        assert (ended.sent, ended.next_part(clock.monotonic_s())) == (1, None)


def test_how_far_a_photograph_came_is_kept_when_the_node_is_switched_off(
    tmp_path: Path, broker: Broker, platform: Platform
) -> None:
    with Network(broker.port) as net, running(tmp_path, to(net.port), replace(FAST, farewell_s=0.5)) as node:
        net.bytes_a_second = 20_000
        name = ask(node)
        wait_until(lambda: len(image_messages(platform)) > 1, within_s=5)  # so the first was acknowledged
        node.end()
        kept = (node.store.setting("question_begun") or "").split()
    assert kept[:1] == [name]
    assert 0 < int(kept[1]) < len(LARGE)


def last_spent(platform: Platform) -> int:
    told = platform.read().messages["health"][-1]
    assert isinstance(told, Health)
    assert told.link is not None
    return told.link.sent_bytes_today


# The header, pure


HEADER = ImageHeader(kind="question", id="0c9a64a1-q1", bytes=1000, who="Ana", note="ü")


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_parts_in_any_order_and_number_make_the_picture(lengths: list[int], chance: random.Random) -> None:
    jpeg_ = bytes(chance.randrange(256) for _ in range(1000))
    parts, at = [], 0
    for length in [*lengths, 1000]:
        if at < 1000:
            parts.append((next_part(HEADER, at), jpeg_[at : at + length]))
            at = min(1000, at + length)
    parts += chance.sample(parts, chance.randrange(len(parts)))
    chance.shuffle(parts)
    album, whole = Album(), []
    for header, payload in parts:
        whole.append(album.take(Message(IMAGE, payload, properties=image_properties(header))))
    assert [(one.header, one.jpeg) for one in whole if one][:1] == [(HEADER, jpeg_)]


@pytest.mark.parametrize(
    ("changes", "payload"),
    [
        ({"kind": "film"}, b"x"),
        ({"id": "../x"}, b"x"),
        ({"id": "0c9a64a1-q1\n"}, b"x"),
        ({"bytes": "0"}, b"x"),
        ({"bytes": "9999999"}, b"x"),
        ({"offset": "-1"}, b"x"),
        ({"offset": "1000"}, b"x"),
        ({"offset": "999"}, b"xx"),
        ({"bytes": "many"}, b"x"),
        ({"note": "x" * 501}, b"x"),
        ({}, b""),
        ({}, bytes(1001)),
        ({"bytes": "200000"}, bytes(65_537)),
    ],
)
def test_a_part_outside_the_contract_is_refused(changes: dict[str, str], payload: bytes) -> None:
    with pytest.raises(WireError):
        read_image(tuple((dict(image_properties(HEADER)) | changes).items()), payload)


def test_a_picture_whose_header_was_lost_on_the_way_is_refused_with_where_to_look() -> None:
    with pytest.raises(
        WireError, match=r"a bridge or proxy dropped .*; in Mosquitto set bridge_protocol_version mqttv50"
    ):
        read_image((), b"x")


@pytest.mark.parametrize("size", [65_536, 65_537, 1_048_576])
def test_a_whole_picture_may_come_in_one_message(size: int) -> None:
    picture, header = b"\xff\xd8" + bytes(size - 2), ImageHeader(kind="question", id="q1", bytes=size)
    got = Album().take(Message(IMAGE, picture, properties=image_properties(header)))
    assert got is not None
    assert got.jpeg == picture


def test_a_part_that_is_too_long_is_refused_with_what_to_do() -> None:
    properties = image_properties(ImageHeader(kind="question", id="q1", bytes=100_000))
    with pytest.raises(WireError, match="a part of 65537 bytes; send 65536 at most, or the whole picture"):
        read_image(properties, bytes(65_537))


def test_unknown_properties_are_ignored() -> None:
    assert read_image((*image_properties(HEADER), ("later", "1")), b"x") == HEADER


def test_no_picture_has_the_file_name_of_another() -> None:
    """A node n1 and its picture 2_1 had the one of a node n1_2 and its picture 1."""
    excerpt_ = ImageHeader(kind="excerpt", id="2", bytes=1, command="1")
    told = [
        Picture(Topic("farm", node, "image"), header, b"x").name
        for node, header in (("n1", kept_as("2_1")), ("n1_2", kept_as("1")), ("n1", excerpt_), ("n1", kept_as("2_1")))
    ]
    assert told == ["farm.n1.2_1", "farm.n1_2.1", "farm.n1.2.1", "farm.n1.2_1"]


def kept_as(picture: str) -> ImageHeader:
    return ImageHeader(kind="picture", id=picture, bytes=1)


def test_an_album_keeps_no_more_unfinished_pictures_than_it_has_room_for() -> None:
    album = Album()
    part: Callable[[int], Message] = lambda n: Message(  # noqa: E731
        IMAGE, b"x", properties=image_properties(ImageHeader(kind="picture", id=f"p-{n}", bytes=2))
    )
    for n in range(60):
        assert album.take(part(n)) is None
        assert album.take(a_byte("slow", of=61, at=n)) is None
    rest = replace_offset(part(0))
    assert album.take(rest) is None
    assert album.take(replace_offset(part(59))) is not None
    assert album.take(a_byte("slow", of=61, at=60)) is not None, "one that goes on coming is not the one to go"


def replace_offset(message: Message) -> Message:
    return message._replace(properties=(*message.properties, ("offset", "1")))


def a_byte(picture: str, *, of: int, at: int, payload: bytes = b"x", command: str | None = None) -> Message:
    header = ImageHeader(kind="excerpt" if command else "picture", id=picture, bytes=of, offset=at, command=command)
    return Message(IMAGE, payload, properties=image_properties(header))


def test_parts_of_two_excerpts_of_a_picture_or_of_it_in_another_size_are_not_put_together() -> None:
    album = Album()
    first, second = "command1", "command2"
    assert album.take(a_byte("p", of=2, at=0, payload=b"a", command=first)) is None
    assert album.take(a_byte("p", of=2, at=1, payload=b"b", command=second)) is None
    assert album.take(a_byte("p", of=3, at=2, payload=b"c")) is None
    assert album.take(a_byte("p", of=2, at=0, payload=b"d")) is None, "it was made anew"
    ends = [a_byte("p", of=2, at=1, payload=b"A", command=first), a_byte("p", of=2, at=0, payload=b"B", command=second)]
    whole = [album.take(one) for one in (*ends, a_byte("p", of=2, at=1, payload=b"D"))]
    assert [one and one.jpeg for one in whole] == [b"aA", b"Bb", b"dD"]


def test_an_excerpt_is_the_part_that_was_asked_for() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[50:, 100:] = 255
    whole = cv2.imencode(".jpg", image)[1].tobytes()
    part = cv2.imdecode(np.frombuffer(excerpt(whole, (0.5, 0.5, 1.0, 1.0), 60_000), np.uint8), cv2.IMREAD_COLOR)
    assert part is not None
    assert (part.shape, bool(part.mean() > 250)) == ((50, 100, 3), True)
    assert excerpt(whole, None, len(whole)) is whole


@pytest.mark.parametrize("box", [(0.9999, 0.9999, 1.0, 1.0), (0.0, 0.0, 0.0001, 0.0001)])
def test_an_excerpt_narrower_than_a_pixel_is_still_a_picture(box: tuple[float, float, float, float]) -> None:
    assert cv2.imdecode(np.frombuffer(excerpt(SMALL, box, 60_000), np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_picture_is_made_worse_before_it_is_made_smaller_and_no_more_than_it_must() -> None:
    made = [excerpt(LARGE, None, most_bytes) for most_bytes in (140_000, 80_000, 60_000, 10_000)]
    sides = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR).shape[:2] for one in made]
    assert sides == [(400, 400), (400, 400), (280, 280), (196, 196)]  # by 0.7 each time
    assert len(made[0]) > len(made[1])


def test_an_excerpt_fits_what_is_allowed_or_is_refused() -> None:
    assert len(excerpt(LARGE, None, 20_000)) <= 20_000
    with pytest.raises(BadFrameError, match="fits"):
        excerpt(LARGE, None, 100)


def test_of_a_kept_picture_that_the_card_spoiled_no_excerpt_is_made() -> None:
    """OpenCV raises an error of its own for the first and the last, of which the publisher would end."""
    at = SMALL.index(b"\xff\xc0") + 5
    too_wide = SMALL[:at] + b"\xff\xff" * 2 + SMALL[at + 4 :]
    for spoiled in (b"", b"\xff\xd8 no picture", SMALL[:-100], too_wide):
        with pytest.raises(BadFrameError, match=r"^the kept picture cannot be read; look at the memory card$"):
            excerpt(spoiled, (0, 0, 1, 1), 60_000)
