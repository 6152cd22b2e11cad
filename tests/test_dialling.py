"""How the publisher gets a connection, and what it makes of one it does not get: slow lines, refusals, silence.

The waits that it must not make are a minute here; what it must not do for that long is watched for half a second.
"""

import re
import socket
import socketserver
import ssl
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from edge.clock import ClockState, SystemClock
from edge.config import NodeTable
from edge.errors import ConfigError
from edge.mqtt import dial, probe
from edge.mqtt.budget import (
    CLOSED_TLS_DIAL_BYTES,
    DIAL_BYTES,
    SPENT_EVERY_S,
    TLS_DIAL_BYTES,
    UNANSWERED_DIAL_BYTES,
    Budget,
)
from edge.mqtt.connection import Connection
from edge.mqtt.dial import Reach
from edge.mqtt.login import logins_of
from edge.store import MUST_GO
from firmware_config import tls
from firmware_config.keys import KeyStore
from tests.broker import Broker
from tests.clocks import SetClock
from tests.network import PUBACK, Network
from tests.node import FAST, NODE, RESTS, SITE, JumpingClock, Node, Platform, guarded, running, to
from tests.ports import free_port
from tests.records import instant, sighting
from tests.test_store import open_store
from tests.waiting import wait_until

WATCHED_S = 0.5  # the longest wait of FAST is of 0.4
ONCE = replace(RESTS, again_first_s=60.0, again_most_s=60.0)
CONNACK_SUCCESS, DISCONNECT_NOT_AUTHORISED = bytes((0x20, 3, 0, 0, 0)), bytes((0xE0, 2, 0x87, 0))
SUBACK_OF_ANOTHER = bytes((0x90, 4, 0, 99, 0, 1))


def watch(seconds: float = WATCHED_S) -> None:
    """Give what must not happen the time to happen."""
    time.sleep(seconds)


def test_dialling_that_takes_longer_than_usual_is_said_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "TCP_TIMEOUT_S", 0.3)  # TLS has longer
    with Broker(tls=True) as broker, Network(broker.port) as net:
        net.hold = True
        secured = to(net.port, tls=True, ca_file=str(broker.folder / "ca.pem"))
        with running(tmp_path, secured, replace(FAST, connect_s=0.5)) as node:
            wait_until(lambda: node.link.word == "connect_hangs", within_s=5)
            net.hold = False
            wait_until(node.is_connected, within_s=5)
            assert net.connections == 1


def test_the_doctor_too_gives_tls_longer_than_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[probe.__module__], "TCP_TIMEOUT_S", 0.1)
    with Broker(tls=True) as broker, Network(broker.port) as net:
        net.delay_s = 0.1
        secured = to(net.port, tls=True, ca_file=str(broker.folder / "ca.pem"))
        steps = list(probe(secured, NodeTable(site=SITE, node=NODE), SystemClock()))
    assert [step.what for step in steps if step.is_well][-1] == "broker publish"


def test_the_doctor_tells_a_line_that_falls_silent_before_it_is_secured_as_that_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[probe.__module__], "TLS_S", 0.3)
    with Network(free_port()) as net:
        net.blackhole = True
        steps = list(probe(to(net.port, tls=True), NodeTable(site=SITE, node=NODE), SystemClock()))
    told = [("broker name", True), ("broker port", True), ("broker TLS", False)]
    assert [(step.what, step.is_well) for step in steps] == told
    assert steps[-1].sentence.endswith("does not answer; check the network and mqtt.port")


def test_a_node_that_secures_its_line_to_a_port_that_does_not_is_told_which_settings_to_check(
    tmp_path: Path, broker: Broker
) -> None:
    config = to(broker.port, tls=True)
    *_, last = probe(config, NodeTable(site=SITE, node=NODE), SystemClock())
    assert (last.what, last.is_well) == ("broker TLS", False)
    assert last.sentence.endswith("check that the broker runs, mqtt.port and mqtt.tls")
    with running(tmp_path, config, ONCE) as node:
        wait_until(lambda: node.link.detail == last.sentence, within_s=5)


@pytest.mark.parametrize("has_tls", [True, False], ids=["no certificate", "no TLS"])
def test_a_line_that_the_broker_ends_at_the_log_in_is_told_as_that_by_node_and_doctor(
    *, has_tls: bool, tmp_path: Path
) -> None:
    """TLS 1.3 ends it only after the node has spoken, for a certificate that is missing or revoked."""
    with Broker("require_certificate true\n", tls=True) as broker:
        config = to(broker.port, tls=has_tls, ca_file=str(broker.folder / "ca.pem") if has_tls else None)
        *_, last = probe(config, NodeTable(site=SITE, node=NODE), SystemClock())
        assert last.what == "broker log-in"
        assert "the log-in; check that it runs and mqtt.port; if both are right, " in last.sentence
        assert ("certificate" in last.sentence, "mqtt.tls" in last.sentence) == (has_tls, not has_tls)
        with running(tmp_path, config, ONCE) as node:
            wait_until(lambda: node.link.word == "shut_out", within_s=5)
            assert (node.link.state, node.link.detail) == ("lost", last.sentence)


def test_a_secret_that_is_missing_is_told_before_any_broker_answers() -> None:
    """A node without it ends at once; on the bench there is often no broker."""
    config = to(free_port(), username="n1", password_file="/etc/fieldeye/none")  # noqa: S106  a path
    with pytest.raises(ConfigError, match=r"mqtt\.password_file: /etc/fieldeye/none"):
        next(probe(config, NodeTable(site=SITE, node=NODE), SystemClock()))


def test_a_doctor_whose_line_drops_does_not_say_that_it_tries_again(broker: Broker) -> None:
    with Network(broker.port) as net:
        steps = probe(to(net.port), NodeTable(site=SITE, node=NODE), SystemClock())
        while next(steps).what != "broker log-in":
            pass
        net.cut()
        assert next(steps).sentence == "the connection to the broker was lost"


def test_a_node_without_a_password_tries_as_it_is_before_the_password_that_it_is_to_get(tmp_path: Path) -> None:
    (tmp_path / "next").write_text("to come")
    (tmp_path / "next").chmod(0o600)
    logins = logins_of(to(1, next_password_file=str(tmp_path / "next")), NodeTable(site=SITE, node=NODE))
    assert [login.password and login.password.reveal() for login in logins] == [None, "to come"]
    assert logins[0].client_id != logins[1].client_id


def test_neither_another_node_nor_a_doctor_has_the_name_of_a_node_at_the_broker(broker: Broker) -> None:
    named = (("north", "field_1"), ("north_field", "1"), ("north", "field_1_doctor"))
    nodes = [NodeTable(site=site, node=node) for site, node in named]
    assert all(step.is_well for node in nodes for step in probe(to(broker.port), node, SystemClock()))
    doctors = re.findall(r" as (fieldeye\S+)", broker.log())
    assert len({*doctors, *(logins_of(to(broker.port), node)[0].client_id for node in nodes)}) == 6


def test_a_broker_that_answers_late_is_waited_for_beyond_the_keepalive(tmp_path: Path, broker: Broker) -> None:
    with Network(broker.port) as net:
        net.hold = True
        patient = replace(FAST, connect_s=0.3, accept_s=60.0)
        with running(tmp_path, to(net.port, keepalive_s=1), patient) as node:
            wait_until(lambda: node.link.word == "no_answer", within_s=5)
            watch(1.0)
            net.hold = False
            wait_until(node.is_connected, within_s=5)
            assert net.connections == 1


def test_a_broker_that_never_answers_is_tried_anew(tmp_path: Path, broker: Broker) -> None:
    with Network(broker.port) as net:
        net.blackhole = True
        with running(tmp_path, to(net.port), replace(FAST, connect_s=0.1, accept_s=0.3)):
            wait_until(lambda: net.connections > 2, within_s=5)


def test_what_a_given_up_connection_still_had_to_say_does_not_throw_off_the_next(
    tmp_path: Path, broker: Broker
) -> None:
    with Network(broker.port) as net:
        net.hold = True
        with running(tmp_path, to(net.port), replace(FAST, accept_s=0.3)) as node:
            wait_until(lambda: net.connections > 2, within_s=5)
            net.hold = False
            wait_until(node.is_connected, within_s=5)
            watch()
            assert "already connected" not in broker.log()


def test_a_dial_that_was_given_up_and_is_through_late_does_not_log_in_and_throw_off_the_next(tmp_path: Path) -> None:
    with Broker(tls=True) as broker, Network(broker.port) as net:
        secured = to(net.port, tls=True, ca_file=str(broker.folder / "ca.pem"))
        login = logins_of(secured, NodeTable(site=SITE, node=NODE))[0]
        net.hold = True
        given_up = [Connection(login, "status", b"") for _ in range(3)]  # of one the log-in may be lost on its way
        for one in given_up:
            one.dial()
        wait_until(lambda: net.connections == len(given_up), within_s=5)
        for one in given_up:
            one.close()
        with running(tmp_path, to(broker.port, tls=True, ca_file=secured.ca_file)) as node:
            wait_until(node.is_connected, within_s=5)
            net.hold = False
            assert all(one.dialled(5) for one in given_up)
            watch()
            assert broker.log().count(f" as {login.client_id} ") == 1


def test_a_connection_that_the_broker_never_took_is_reset_when_it_is_given_up(tmp_path: Path) -> None:
    """What it still carries would come late, as a log-in, and throw off the next."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(tmp_path, to(server.getsockname()[1]), replace(ONCE, accept_s=0.2)),
        server.accept()[0] as line,
    ):
        line.settimeout(5)
        assert line.recv(4096)
        with pytest.raises(ConnectionResetError):
            line.recv(4096)


def test_after_a_refusal_the_node_rests_long(tmp_path: Path) -> None:
    with guarded(tmp_path, typed="wrong") as (broker, _, config), Network(broker.port) as net:
        through = to(net.port, username="node", password_file=config.password_file)
        with running(tmp_path / "store", through, RESTS) as node:
            wait_until(lambda: node.link.state == "refused", within_s=5)
            watch()
            assert net.connections == 1


@pytest.mark.parametrize("line", [{}, {"daily_mb": DIAL_BYTES / 1e6 / 0.9}], ids=["", "in the last fifth"])
def test_the_other_password_is_tried_soon_after_a_refusal(tmp_path: Path, line: dict[str, float]) -> None:
    with guarded(tmp_path, typed="wrong") as (broker, _, config):
        right = tmp_path / "next"
        right.write_text("n\n")
        right.chmod(0o600)
        files = {"password_file": config.password_file, "next_password_file": str(right)}
        both = to(broker.port, username="node", **files, **line)
        with running(tmp_path / "store", both, RESTS) as node:
            wait_until(node.is_connected, within_s=5)


def test_a_password_that_is_corrected_in_its_file_is_taken_without_a_restart(tmp_path: Path) -> None:
    with guarded(tmp_path, typed="wrong") as (_, _, config), running(tmp_path / "store", config) as node:
        wait_until(lambda: node.link.word == "not_authorised", within_s=5)
        file = Path(str(config.password_file))
        file.write_text("")  # as an editor leaves it for a moment
        watch()
        assert node.link.word == "not_authorised"
        file.write_text("n\n")
        wait_until(node.is_connected, within_s=5)


class Evicts(socketserver.BaseRequestHandler):
    """Takes every log-in and ends the connection at the first message, as EMQX does by `deny_action = disconnect`.

    Before, it answers a subscription that nobody asked for: no broker should, and no node must end for it.
    """

    def handle(self) -> None:
        for answer in (CONNACK_SUCCESS, SUBACK_OF_ANOTHER + DISCONNECT_NOT_AUTHORISED):
            self.request.recv(4096)
            self.request.sendall(answer)
        while self.request.recv(4096):  # what is left unread would reset the line
            pass


def test_after_a_broker_has_let_the_node_in_and_out_again_as_not_authorised_it_rests_long(tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Evicts) as evicting:
        Thread(target=evicting.serve_forever, args=(0.05,), daemon=True).start()
        with Network(evicting.server_address[1]) as net, running(tmp_path, to(net.port), RESTS) as node:
            wait_until(lambda: node.link.word == "not_authorised", within_s=5)
            watch()
            assert net.connections == 1
        evicting.shutdown()


def test_what_a_broker_says_in_one_record_of_tls_is_heard_at_once(tmp_path: Path) -> None:
    """Else a node would wait for acknowledgements that lie in its own memory."""

    def refuse() -> None:
        with context.wrap_socket(server.accept()[0], server_side=True) as line:
            line.recv(4096)
            line.sendall(CONNACK_SUCCESS + DISCONNECT_NOT_AUTHORISED)
            while line.recv(4096):
                pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with Broker(tls=True) as broker, socket.create_server(("127.0.0.1", 0)) as server:
        context.load_cert_chain(broker.folder / "server.pem", broker.folder / "server.key")
        Thread(target=refuse, daemon=True).start()
        secured = to(server.getsockname()[1], tls=True, ca_file=str(broker.folder / "ca.pem"))
        with running(tmp_path, secured, ONCE) as node:
            wait_until(lambda: node.link.word == "not_authorised", within_s=5)


def test_after_a_certificate_that_is_not_trusted_the_node_rests_long(tmp_path: Path) -> None:
    with (
        Broker(tls=True) as broker,
        Network(broker.port) as net,
        running(tmp_path, to(net.port, tls=True), RESTS) as node,
    ):
        wait_until(lambda: node.link.word == "certificate", within_s=5)
        watch()
        assert net.connections == 1


@pytest.mark.parametrize("renewed", ["ca.pem", "client.pem"])
def test_a_renewed_authority_or_certificate_is_read_before_the_next_dial(renewed: str, tmp_path: Path) -> None:
    def bring(*names: str) -> None:
        for name in names:
            (tmp_path / name).write_text("".join((broker.folder / part).read_text() for part in parts[name]))

    def is_connected_later(node: Node) -> bool:
        clock.advance(60)
        return node.is_connected()

    parts = {"ca.pem": ["ca.pem"], "client.pem": ["server.pem", "server.key"]}
    broker = Broker(tls=True)
    with (broker.folder / "conf").open("a") as conf:
        conf.write(f"require_certificate true\ncafile {broker.folder}/ca.pem\n")
    (tmp_path / "client.pem").touch(0o600)
    bring(*parts)
    broker.change_authority()
    bring(*parts.keys() - {renewed})
    files = {"ca_file": str(tmp_path / "ca.pem"), "client_file": str(tmp_path / "client.pem")}
    clock, pace = SetClock(), replace(ONCE, connect_s=1e6, dial_s=1e6, accept_s=1e6)
    with (
        broker,
        Network(broker.port) as net,
        running(tmp_path / "store", to(net.port, tls=True, **files), pace, clock=clock) as node,
    ):
        wait_until(lambda: node.link.word in {"certificate", "shut_out"}, within_s=5)
        bring(renewed)
        wait_until(lambda: is_connected_later(node), within_s=5)
        assert net.connections == 2


def test_an_authority_brought_ahead_of_the_brokers_change_cuts_no_node_off_at_a_dropped_line(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with Broker(tls=True) as broker, Network(broker.port) as net:
        ca.write_text((broker.folder / "ca.pem").read_text())
        with running(tmp_path / "store", to(net.port, tls=True, ca_file=str(ca)), RESTS) as node:
            wait_until(node.is_connected, within_s=5)
            ca.write_text(tls.site_authority(KeyStore(tmp_path / "keys"), SITE).certificate_pem)
            net.cut()
            wait_until(lambda: net.connections == 2 and node.link.state != "lost", within_s=5)
            assert node.is_connected()


def test_an_authority_brought_ahead_of_the_brokers_change_outlives_a_restart_of_the_broker(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with Broker(tls=True) as broker:
        ca.write_text((broker.folder / "ca.pem").read_text())
        with running(tmp_path / "store", to(broker.port, tls=True, ca_file=str(ca)), RESTS) as node:
            wait_until(node.is_connected, within_s=5)
            ca.write_text(tls.site_authority(KeyStore(tmp_path / "keys"), SITE).certificate_pem)
            broker.stop()
            wait_until(lambda: node.link.word == "nobody_listens", within_s=5)
            broker.start()
            wait_until(node.is_connected, within_s=5)


def test_an_authority_brought_ahead_of_the_brokers_change_outlives_a_dial_that_hangs(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with Broker(tls=True) as broker, Network(broker.port) as net:
        ca.write_text((broker.folder / "ca.pem").read_text())
        secured, pace = to(net.port, tls=True, ca_file=str(ca)), replace(RESTS, dial_s=0.2)
        with running(tmp_path / "store", secured, pace) as node:
            wait_until(node.is_connected, within_s=5)
            ca.write_text(tls.site_authority(KeyStore(tmp_path / "keys"), SITE).certificate_pem)
            before, net.hold = net.connections, True
            net.cut()
            wait_until(lambda: node.link.word == "connect_hangs", within_s=5)
            watch()
            assert net.connections <= before + 2, "no more hang at once, however long it takes"
            net.hold = False
            wait_until(node.is_connected, within_s=5)


def test_an_authority_half_written_or_brought_ahead_after_a_failed_dial_cuts_no_node_off(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with Broker(tls=True) as broker, Network(broker.port) as net:
        ca.write_text((broker.folder / "ca.pem").read_text())
        net.refuse = True
        with running(tmp_path / "store", to(net.port, tls=True, ca_file=str(ca))) as node:
            wait_until(lambda: net.connections > 0, within_s=5)
            ca.write_text("half of a file")
            before = net.connections
            wait_until(lambda: net.connections > before + 1, within_s=5)
            net.refuse = False
            wait_until(node.is_connected, within_s=5)
            ca.write_text(tls.site_authority(KeyStore(tmp_path / "keys"), SITE).certificate_pem)
            before = net.connections
            net.cut()
            wait_until(lambda: net.connections > before and node.is_connected(), within_s=5)


@pytest.mark.parametrize("state", [ClockState.UNSYNCED, ClockState.SYNCED])
def test_a_certificate_that_is_not_valid_yet_is_tried_again_soon_only_while_the_clock_is_not_set(
    state: ClockState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, ca = Broker(tls=True), tmp_path / "ca.pem"
    certify_for_later(broker, ca, monkeypatch)
    with broker, Network(broker.port) as net:
        secured = to(net.port, tls=True, ca_file=str(ca))
        with running(tmp_path / "store", secured, RESTS, clock=JumpingClock(0, state)) as node:
            wait_until(lambda: "not yet valid" in node.link.detail, within_s=5)
            if state is ClockState.UNSYNCED:
                wait_until(lambda: net.connections > 1, within_s=5)
            else:
                watch()
                assert net.connections == 1


def certify_for_later(broker: Broker, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that begins in 2049, by an authority that is valid now."""
    authority = tls.site_authority(KeyStore(ca.parent / "keys"), SITE)
    ca.write_text(authority.certificate_pem)
    monkeypatch.setattr(tls, "NOT_BEFORE", datetime(2049, 1, 1, tzinfo=UTC))
    identity = tls.broker_identity(KeyStore(ca.parent / "keys"), authority, ("localhost",))
    (broker.folder / "server.pem").write_text(identity.certificate_pem)
    (broker.folder / "server.key").write_text(identity.key_pem)


def test_after_a_silent_connection_the_node_rests_long(tmp_path: Path, broker: Broker) -> None:
    with Network(broker.port) as net:
        net.drop = frozenset({PUBACK})
        with running(tmp_path, to(net.port, ack_timeout_s=0.3), RESTS) as node:
            wait_until(lambda: node.link.word == "no_acknowledgement", within_s=5)
            watch()
            assert net.connections == 1


def test_a_silent_connection_is_no_good_one_however_long_it_lasts(tmp_path: Path, broker: Broker) -> None:
    with Network(broker.port) as net:
        net.drop = frozenset({PUBACK})
        doubling = replace(FAST, steady_s=0.05, kept_first_s=0.1, kept_most_s=60.0)
        with running(tmp_path, to(net.port, ack_timeout_s=0.1), doubling):
            wait_until(lambda: net.connections > 2, within_s=5)
            watch(1.5)
            assert net.connections < 7  # rests of 0.1 s would make it more than 8


def test_a_connection_in_which_something_was_acknowledged_ends_the_long_rests(tmp_path: Path, broker: Broker) -> None:
    clock = SetClock()

    def is_given_up() -> bool:
        if node.link.word == "no_acknowledgement":
            return True
        clock.advance(6)
        return False

    def fall_silent() -> None:
        wait_until(is_given_up, within_s=5)
        node.advance(clock, 0.1)  # into the rest

    doubling = replace(FAST, steady_s=1.0, kept_first_s=1.0, kept_most_s=600.0, connect_s=1e6, dial_s=1e6, accept_s=1e6)
    with Network(broker.port) as net, running(tmp_path, to(net.port), doubling, clock=clock) as node:
        net.drop = frozenset({PUBACK})
        for _ in range(6):  # the next rest would be of 32 s or more
            fall_silent()
            clock.advance(600)
            wait_until(node.is_connected, within_s=5)
        fall_silent()
        net.drop = frozenset()
        node.commit(sighting())
        clock.advance(600)
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        node.advance(clock, 2)
        net.drop = frozenset({PUBACK})
        fall_silent()
        net.drop, before = frozenset(), net.connections
        clock.advance(2)
        wait_until(lambda: net.connections > before, within_s=5)


def test_after_a_good_connection_a_lost_line_is_dialled_again_soon(tmp_path: Path, broker: Broker) -> None:
    clock = SetClock()

    def is_dialled_after_a_minute(before: int) -> bool:
        clock.advance(60)
        return net.connections > before

    pace = replace(ONCE, again_first_s=1.0, again_most_s=600.0, steady_s=1.0, connect_s=1e6, dial_s=1e6, accept_s=1e6)
    with Network(broker.port) as net:
        net.refuse = True
        with running(tmp_path, to(net.port, ack_timeout_s=1e6), pace, clock=clock) as node:
            for tries in range(1, 8):  # the next rest would be of 32 s or more
                wait_until(lambda n=tries: is_dialled_after_a_minute(n), within_s=5)  # type: ignore[misc]
            net.refuse = False
            wait_until(lambda: is_dialled_after_a_minute(0) and node.is_connected(), within_s=5)
            node.commit(sighting())
            wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
            node.advance(clock, 2)
            net.cut()
            wait_until(lambda: not node.is_connected(), within_s=5)
            node.advance(clock, 0.1)  # into the rest
            before = net.connections
            clock.advance(1)
            wait_until(lambda: net.connections > before, within_s=5)


def test_what_connecting_costs_is_in_the_budget(tmp_path: Path) -> None:
    with guarded(tmp_path, typed="wrong") as (_, _, config), running(tmp_path / "store", config, RESTS) as node:
        wait_until(lambda: node.link.state == "refused", within_s=5)
        node.end()
        assert spent(node.store.setting("sent_today")) == DIAL_BYTES


def spent(setting: str | None) -> int:
    return int(setting.split()[1]) if setting else 0


@pytest.mark.parametrize(
    ("then", "word", "size_bytes"),
    [("end", "tls", CLOSED_TLS_DIAL_BYTES), ("refuse", "tls", CLOSED_TLS_DIAL_BYTES),
     ("blackhole", "no_answer", TLS_DIAL_BYTES)],
)  # fmt: skip
def test_a_proxy_that_closes_costs_no_certificate_and_one_that_falls_silent_may_have_sent_it(
    then: str, word: str, size_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "TLS_TIMEOUT_S", 0.3)
    with Network(free_port()) as net:
        net.refuse, net.blackhole = then == "refuse", then == "blackhole"
        with running(tmp_path, to(net.port, tls=True), ONCE) as node:
            wait_until(lambda: (node.link.state, node.link.word) == ("lost", word), within_s=5)
            node.end()
            assert spent(node.store.setting("sent_today")) == size_bytes


def test_a_broker_behind_a_proxy_that_closes_is_tried_soon_however_much_is_spent(tmp_path: Path) -> None:
    with Network(free_port()) as net:
        metered = to(net.port, tls=True, daily_mb=CLOSED_TLS_DIAL_BYTES / 1e6)
        with running(tmp_path, metered, RESTS) as node:
            wait_until(lambda: net.connections > 3, within_s=5)
            kept = spent(node.store.setting("sent_today"))
            assert kept >= 3 * CLOSED_TLS_DIAL_BYTES, "a power cut would begin a new day"


@pytest.mark.parametrize(
    ("host", "word", "size_bytes"),
    [
        ("localhost", "nobody_listens", UNANSWERED_DIAL_BYTES),
        ("255.255.255.255", "unreachable", 0),
        ("broker..farm", "unknown_host", 0),
        ("fe80::1%none", "unknown_host", 0),  # an interface that does not exist: nobody is asked for the name
    ],
)
def test_a_try_that_sends_nothing_costs_nothing(host: str, word: str, size_bytes: int, tmp_path: Path) -> None:
    with running(tmp_path, to(free_port(), host=host), ONCE) as node:
        wait_until(lambda: node.link.word == word, within_s=5)
        node.end()
        assert spent(node.store.setting("sent_today")) == size_bytes


@pytest.mark.parametrize(
    ("share", "said", "detail"),
    [
        (1.0, ("lost", "budget_spent"), "today's data budget is used up; all but alerts waits for tomorrow (UTC)"),
        (0.9, ("refused", "not_authorised"), ""),
    ],
    ids=["all", "but the last fifth"],
)
def test_a_spent_budget_lets_a_node_dial_once_an_hour(
    tmp_path: Path, share: float, said: tuple[str, str], detail: str
) -> None:
    with guarded(tmp_path, typed="wrong") as (broker, _, config), Network(broker.port) as net:
        daily_mb = DIAL_BYTES / 1e6 / share
        metered = to(net.port, username="node", password_file=config.password_file, daily_mb=daily_mb)
        with running(tmp_path / "store", metered) as node:
            wait_until(lambda: (node.link.state, node.link.word) == said, within_s=5)
            watch()
            assert net.connections == 1
            assert (node.link.state, node.link.word) == said
            assert detail in node.link.detail


def test_in_the_last_fifth_a_lost_line_is_said_to_be_dialled_again_within_the_hour(tmp_path: Path) -> None:
    with Network(free_port()) as net, running(tmp_path, to(net.port, daily_mb=DIAL_BYTES / 1e6 / 0.9)) as node:
        wait_until(lambda: node.link.word == "budget_low", within_s=5)
        assert (net.connections, node.link.state) == (1, "lost")
        assert node.link.detail.endswith("the broker is dialled again within the hour")


def test_in_the_last_fifth_a_broker_that_acknowledges_nothing_stays_told(tmp_path: Path, broker: Broker) -> None:
    clock, pace = SetClock(), replace(FAST, kept_first_s=1.0, kept_most_s=1.0, dial_s=1e6, accept_s=1e6)
    with closing(open_store(tmp_path)) as store:
        budget = Budget(store, 100_000, clock.now())
        budget.spend(85_000, clock.now())
        budget.keep()
    with Network(broker.port) as net:
        net.drop = frozenset({PUBACK})
        metered = to(net.port, daily_mb=0.1, keepalive_s=3600)
        with running(tmp_path, metered, pace, clock=clock) as node:
            wait_until(node.is_connected, within_s=5)
            wait_until(lambda: net.dropped[PUBACK] > 1, within_s=5)  # it has noted when it sent the first
            clock.advance(6)
            wait_until(lambda: node.link.word == "no_acknowledgement", within_s=5)
            for _ in range(3):  # into the rest, out of it, and into the wait for the hour
                node.advance(clock, 10)
            assert (net.connections, node.link.word) == (1, "no_acknowledgement")


def test_where_all_is_spent_only_what_a_broker_has_answered_makes_the_next_try_wait(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        budget = Budget(store, TLS_DIAL_BYTES + UNANSWERED_DIAL_BYTES, instant())
        budget.spend_dial(instant(), Reach.ANSWERED, has_tls=True)
        budget.spend_dial(instant(1), Reach.ASKED, has_tls=True)
        assert budget.spent_bytes == budget.most_bytes
        allowed = [budget.may_dial(instant(after_s)) for after_s in (1, SPENT_EVERY_S - 1, SPENT_EVERY_S)]
        assert allowed == [False, False, True]
        budget.spend_dial(instant(SPENT_EVERY_S), Reach.ASKED, has_tls=True)
        assert budget.may_dial(instant(SPENT_EVERY_S + 1))


def test_on_a_day_on_which_the_line_drops_every_three_minutes_an_interval_of_the_evening_still_leaves(
    tmp_path: Path,
) -> None:
    birth_bytes = 2000  # info, status and health, with what each costs beside its payload
    with closing(open_store(tmp_path)) as store:
        hour = [instant(3600.0 * (12 + number)) for number in range(25)]  # from midnight UTC on
        budget, left = Budget(store, 1_000_000, hour[0]), []
        for dropped in (instant(3600 * 12 + 180.0 * number) for number in range(480)):
            if not budget.may_dial(dropped):
                continue
            budget.spend_dial(dropped, Reach.ANSWERED, has_tls=True)
            if budget.least_urgent(dropped) >= MUST_GO:
                left.append(dropped)
            budget.spend(birth_bytes, dropped)
        assert [one for one in left if hour[20].utc <= one.utc <= hour[21].utc]
        assert budget.spent_bytes < 1_000_000


@pytest.mark.parametrize(("line", "healths"), [({"daily_mb": 1.0}, 1), ({}, 3)])
def test_a_new_connection_tells_health_anew_except_on_a_metered_line(
    tmp_path: Path, broker: Broker, line: dict[str, float], healths: int
) -> None:
    platform = Platform(broker)
    with Network(broker.port) as net, running(tmp_path, to(net.port, **line)) as node:
        for births in (1, 2, 3):
            wait_until(lambda b=births: platform.births() == b, within_s=5)  # type: ignore[misc]
            committed = node.commit(sighting(births))
            wait_until(lambda c=committed: platform.has(c), within_s=5)  # type: ignore[misc]
            if births < 3:
                net.cut()
        assert len(platform.read().messages["health"]) == healths
