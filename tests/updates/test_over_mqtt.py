"""A signed bundle through a real broker to a node, in pieces, over a node that is stopped in between."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from edge.config import StoreTable
from edge.mqtt.commands import Commands
from edge.store import Store
from edge.updates.inbox import Inbox
from edge.wire import MAX_UPDATE_BYTES, Reply, UpdateCommand, encode_message
from tests.broker import Broker
from tests.node import NODE, SITE, Platform, running, to
from tests.test_commands import commands_of
from tests.waiting import wait_until

CONTENT = bytes(range(256)) * 900
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIECE = 32_768


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)


def piece(offset: int, length: int = PIECE, **more: object) -> UpdateCommand:
    fields = {"id": uuid4().hex, "expires": datetime.now(UTC) + timedelta(hours=1), "size_bytes": len(CONTENT)}
    data = CONTENT[offset : offset + length]
    return UpdateCommand(**{**fields, "sha256": SHA256, "offset": offset, "data": data, **more})  # type: ignore[arg-type]


def ask(platform: Platform, command: UpdateCommand) -> Reply:
    """The node's answer."""
    looks = count()

    def is_answered() -> bool:
        if next(looks) % 25 == 0:  # a sender that hears nothing for half a second asks again
            platform.client.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/update", encode_message(command))
        return any(reply.id == command.id for reply in platform.replies())

    wait_until(is_answered, within_s=20)
    return next(reply for reply in platform.replies() if reply.id == command.id)


def test_a_bundle_arrives_in_pieces_and_goes_on_after_the_node_was_off(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)):
            wait_until(lambda: "info" in platform.read().messages, within_s=20)
            assert "update" in platform.messages["info"][-1].capabilities
            assert ask(platform, piece(0)).have == PIECE
            assert ask(platform, piece(0)).have == PIECE
        with running(tmp_path, to(broker.port)):
            have = ask(platform, piece(0, 0)).have
            assert have == PIECE
            while have < len(CONTENT):
                have = ask(platform, piece(have)).have or 0
    assert (tmp_path / f"inbox/{SHA256}.update").read_bytes() == CONTENT


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    store = Store(StoreTable(folder=str(tmp_path)), NODE)
    yield commands_of(store)
    store.close()


@pytest.mark.parametrize("verb", ["update", "model"])
@pytest.mark.parametrize(
    ("command", "code", "have"),
    [
        (piece(0), "done", PIECE),
        (piece(PIECE), "done", 0),
        (piece(0, expires=datetime(2026, 1, 2, tzinfo=UTC)), "expired", None),
        (piece(0, size_bytes=5), "not_kept", None),
        (piece(0, 0, url="file:///etc/shadow"), "not_kept", None),
        (piece(0, 0, url="http://["), "not_kept", None),
        (piece(0, 0, url="http://x:99999/"), "not_kept", None),
        (piece(0, 0, url="http://x/虫"), "not_kept", None),
        (piece(0, 0, url="http://127.0.0.1:1/x"), "done", 0),
    ],
)
def test_each_piece_is_answered(commands: Commands, verb: str, command: UpdateCommand, code: str, have: int) -> None:
    reply = commands.take(verb, encode_message(command))
    assert reply is not None
    assert (reply.code, reply.have, reply.id) == (code, have, command.id)


def test_a_bundle_of_other_bytes_than_announced_is_told_so_after_its_last_piece(commands: Commands) -> None:
    """Its sender began again for ever, as nothing but `have` said that it was dropped."""
    others = {"sha256": "0" * 64, "size_bytes": PIECE + 10}
    told = [commands.take("model", encode_message(piece(*where, **others))) for where in ((0,), (PIECE, 10), (0,))]
    assert [reply and (reply.code, reply.have, "not the bundle" in reply.detail) for reply in told] == [
        ("done", PIECE, False), ("done", 0, True), ("done", PIECE, False),
    ]  # fmt: skip


def test_a_piece_that_the_broker_delivers_twice_is_answered_twice(commands: Commands) -> None:
    first = encode_message(piece(0))
    replies = [commands.take("model", first) for _ in range(2)]
    assert [reply and (reply.code, reply.have) for reply in replies] == [("done", PIECE)] * 2


@pytest.mark.parametrize("more", [{}, {"data": b"", "url": "http://127.0.0.1:1/x"}], ids=["in pieces", "an address"])
def test_another_bundle_is_told_to_come_later_while_one_comes_in(commands: Commands, more: dict[str, object]) -> None:
    commands.take("update", encode_message(piece(0)))
    other = piece(0, sha256="0" * 64, **more)
    reply = commands.take("update", encode_message(other))
    assert reply
    assert (reply.code, reply.id, "wait a minute" in reply.detail) == ("busy", other.id, True)


@pytest.mark.parametrize("is_set", [True, False])
def test_what_is_asked_for_before_the_clock_is_set_is_noted_so(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_set: bool
) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: is_set)
    commands.take("update", encode_message(piece(0, 0, url="http://127.0.0.1:1/x")))
    assert [request.is_undated for request in Inbox(tmp_path / "inbox").requests()] == [not is_set]


def test_what_is_no_update_command_is_refused(commands: Commands) -> None:
    for payload, code in [(b"{}", "malformed"), (b"x" * (MAX_UPDATE_BYTES + 1), "too_large")]:
        reply = commands.take("update", payload)
        assert reply
        assert reply.code == code
