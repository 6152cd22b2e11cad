"""Mosquitto with rendered files, and clients that log in with rendered passwords."""

import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt.dial import TlsLine
from tests.broker import MOSQUITTO, RULES
from tests.ports import free_port
from tests.waiting import wait_until


class RenderedBroker:
    """Mosquitto with the rendered files: only folders, port and log are put where a test may have them."""

    def __init__(self, out: Path, port: int | None = None) -> None:
        self.folder, self.port = Path(mkdtemp(prefix="broker-")), port or free_port()
        shutil.copytree(out / "broker", self.folder, dirs_exist_ok=True)
        (self.folder / "store").mkdir()
        conf = (self.folder / "mosquitto.conf").read_text()
        for theirs, ours in {
            "/etc/mosquitto/fieldeye/dynamic_security.so": str(RULES),  # where install.sh links to
            "/etc/mosquitto/fieldeye": str(self.folder),
            "/var/lib/mosquitto/": f"{self.folder}/store/",
            "log_dest syslog": f"log_dest file {self.folder}/log",
        }.items():
            assert theirs in conf
            conf = conf.replace(theirs, ours)
        conf = re.sub(r"^listener \d+$", f"listener {self.port} 127.0.0.1", conf, flags=re.MULTILINE)
        (self.folder / "mosquitto.conf").write_text(conf)
        if os.geteuid() == 0:  # it then becomes the user mosquitto
            owner = pwd.getpwnam("mosquitto")
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")])
        wait_until(self._listens, within_s=10)

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def _listens(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class User:
    """A client that checks the broker's certificate as strictly as Python 3.13 does."""

    def __init__(
        self,
        broker: RenderedBroker,
        out: Path,
        name: str,
        password: str,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        clean: bool = True,
        client: str = "",
    ) -> None:
        self.accepted: int | None = None
        self.heard: list[tuple[str, bytes]] = []
        self._acks: dict[int, int] = {}
        self._granted: dict[int, int] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client or name, protocol=paho.MQTTv5)
        self._client.on_connect = lambda *told: setattr(self, "accepted", told[3].value)
        self.is_cut_off = False
        self._client.on_disconnect = lambda *_: setattr(self, "is_cut_off", True)
        self._client.on_message = lambda *told: self.heard.append((told[2].topic, told[2].payload))
        self._client.on_publish = lambda *told: self._acks.update({told[2]: told[3].value})
        self._client.on_subscribe = lambda *told: self._granted.update({told[2]: told[3][0].value})
        self._client.username_pw_set(name, password)
        context = ssl.create_default_context(cafile=str(out / "nodes/a/fieldeye/ca.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.sslsocket_class = TlsLine
        if certificate:
            context.load_cert_chain(certificate, key)
        self._client.tls_set_context(context)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if clean else 3600
        self._client.connect("localhost", broker.port, clean_start=clean, properties=properties)
        self._client.loop_start()
        wait_until(lambda: self.accepted is not None or self.is_cut_off, within_s=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str) -> int:
        mid = self._client.publish(topic, b"x", qos=1).mid
        wait_until(lambda: mid in self._acks, within_s=10)
        return self._acks[mid]

    def subscribe(self, topic: str) -> int:
        """The reason code of the answer: 1 granted, 135 not authorised."""
        _, mid = self._client.subscribe(topic, qos=1)
        wait_until(lambda: mid in self._granted, within_s=10)
        return self._granted[mid]


def login(rendered: Path, broker: RenderedBroker, name: str, **more: object) -> User:
    place = rendered / (name if name in {"platform", "home-assistant"} else f"nodes/{name}/fieldeye/secrets")
    password = (place / "mqtt-password").read_text().strip()
    proof = {"certificate": place / "mqtt-client"}
    if name == "home-assistant":
        proof = {"certificate": place / "client.pem", "key": place / "client.key"}
    return User(broker, rendered, name, password, **{**proof, **more})  # type: ignore[arg-type]
