"""A real MQTT broker for tests: Debian's mosquitto on a free port; ended, killed, frozen and started by its pid."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.ports import free_port
from tests.waiting import wait_until

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"  # Debian puts it where users have no PATH
RULES = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)  # in Debian's package of mosquitto
PERSISTENT = "autosave_on_changes true\nautosave_interval 1\n"  # an acknowledged message survives a SIGKILL


class Broker:
    """One mosquitto with a folder of its own. Started as root it becomes the user `mosquitto`, who must own that."""

    def __init__(
        self, config: str = "", *, users: Mapping[str, str] | None = None, acl: str | None = None, tls: bool = False
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="broker-"))
        self.port = free_port()
        self.users, self.tls = dict(users or {}), tls
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[Client] = []
        (self.folder / "store").mkdir()
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"persistence true\npersistence_location {self.folder}/store/",
            f"log_dest file {self.folder}/log",
            *self._tls_lines(),
            *self._user_lines(acl),
        ]
        (self.folder / "conf").write_text("\n".join(lines) + "\n" + config)
        self._give_to_broker()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.leave()
        self.kill()
        shutil.rmtree(self.folder)

    def start(self) -> Self:
        """On the same port, in the same folder."""
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "conf")], stderr=subprocess.PIPE, text=True
        )
        wait_until(self._listens, within_s=10)
        return self

    def stop(self) -> None:
        """As a service manager does: sessions and retained messages are written to the disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut does, but for what the operating system had not written yet."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """The kernel still acknowledges, the broker does not: a hung broker, a dead radio."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def set_acl(self, acl: str) -> None:
        """Replace the ACL of a running broker."""
        (self.folder / "acl").write_text(acl)
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def change_authority(self) -> None:
        """Certificates of another one, which the next start reads."""
        self._tls_lines()
        self._give_to_broker()

    def allow_only(self, *topics: str) -> None:
        """To be subscribed to, from the next start on; a plain ACL file lets subscribe to all and passes nothing on."""
        roles = [{"acltype": "subscribeLiteral", "topic": topic, "allow": True} for topic in topics]
        rules = {
            "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True, "subscribe": False},
            "roles": [{"rolename": "some", "acls": roles}],
            "groups": [{"groupname": "all", "roles": [{"rolename": "some"}]}],
            "anonymousGroup": "all",
        }
        (self.folder / "rules").write_text(json.dumps(rules))
        with (self.folder / "conf").open("a") as conf:
            conf.write(f"plugin {RULES}\nplugin_opt_config_file {self.folder}/rules\n")
        self._give_to_broker()

    def connect(self, name: str, *, user: str | None = None, clean: bool = True) -> "Client":
        """A connected client, which leaves at the end."""
        client = Client(self, name, user, clean)
        self._clients.append(client)
        wait_until(lambda: client.accepted is not None, within_s=10)
        return client

    def log(self) -> str:
        """What mosquitto has written."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def _listens(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise RuntimeError(f"mosquitto ended: {self._process.stderr and self._process.stderr.read()}{self.log()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _end(self, signum: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signum)
            self._process.wait(60)
        if self._process and self._process.stderr:
            self._process.stderr.close()

    def _user_lines(self, acl: str | None) -> list[str]:
        if not self.users:
            return ["allow_anonymous true"]
        passwords = self.folder / "users"
        passwords.touch(mode=0o600)
        for user, password in self.users.items():
            _run("mosquitto_passwd", "-b", str(passwords), user, password)
        (self.folder / "acl").write_text(acl or "topic readwrite #\n")
        (self.folder / "acl").chmod(0o600)
        return ["allow_anonymous false", f"password_file {passwords}", f"acl_file {self.folder}/acl"]

    def _tls_lines(self) -> list[str]:
        if not self.tls:
            return []
        f = self.folder
        curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()
        _run("openssl", "req", "-x509", *curve, "-keyout", f"{f}/ca.key", "-out", f"{f}/ca.pem", "-subj", "/CN=test CA",
             "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        _run("openssl", "req", "-x509", *curve, "-keyout", f"{f}/server.key", "-out", f"{f}/server.pem",
             "-subj", "/CN=localhost", "-CA", f"{f}/ca.pem", "-CAkey", f"{f}/ca.key",
             "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost")  # fmt: skip
        return [f"certfile {f}/server.pem", f"keyfile {f}/server.key", "tls_version tlsv1.2"]

    def _give_to_broker(self) -> None:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("mosquitto")
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, owner.pw_uid, owner.pw_gid)


class Client:
    """A paho client whose results can be waited for."""

    def __init__(self, broker: Broker, name: str, user: str | None, clean: bool) -> None:
        self._topics: list[str] = []
        self.accepted: int | None = None  # CONNACK's reason code
        self.inbox: list[paho.MQTTMessage] = []
        self._acks: dict[int, int] = {}
        self._granted: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        self._client.on_connect = lambda *told: self._on_connect(told[2], told[3])
        self._client.on_message = lambda *told: self.inbox.append(told[2])
        self._client.on_publish = lambda *told: self._acks.update({told[2]: told[3].value})
        self._client.on_subscribe = lambda *told: self._granted.add(told[2])
        if user:
            self._client.username_pw_set(user, broker.users.get(user, "wrong"))
        if broker.tls:
            self._client.tls_set(str(broker.folder / "ca.pem"))
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if clean else 3600
        self._client.connect_async("localhost", broker.port, 60, clean_start=clean, properties=properties)
        self._client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def publish(
        self, topic: str, payload: bytes = b"x", *, qos: int = 1, retain: bool = False, **properties: Any
    ) -> int:
        """The reason code of the acknowledgement: 0 delivered or stored, 16 nobody subscribes, 135 not authorised."""
        more = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(more, name, value)
        mid = self._client.publish(topic, payload, qos=qos, retain=retain, properties=more).mid
        wait_until(lambda: mid in self._acks, within_s=10)
        return self._acks[mid]

    def subscribe(self, topic: str) -> None:
        """Until the broker has answered."""
        self._topics.append(topic)
        _, mid = self._client.subscribe(topic, qos=1)
        wait_until(lambda: mid in self._granted, within_s=10)

    def leave(self) -> None:
        """Disconnect. May be called twice."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, flags: paho.ConnectFlags, reason: ReasonCode) -> None:
        self.accepted = reason.value
        if not flags.session_present:  # a broker that was killed has forgotten who subscribed
            for topic in self._topics:
                self._client.subscribe(topic, qos=1)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
