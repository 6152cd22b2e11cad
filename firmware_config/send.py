"""Sends a signed bundle to a node through the site's broker, and goes on where an earlier attempt ended."""

import base64
import hashlib
import json
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from threading import Event
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import UsageError, to_read
from firmware_config.fleet import PLATFORM, Fleet

PIECE_BYTES = 32_768
ANSWER_S, TIMES = 10.0, 6  # a node that hears nothing of a piece is sent it again


class Sender:
    """The platform's user at the site's broker, for one node. `with Sender(…) as sender:`"""

    def __init__(self, fleet: Fleet, out: Path, node: str) -> None:
        self._broker, self._topic = fleet.broker, f"fieldeye/v1/{fleet.site.site}/{node}"
        self._node = node
        self._replies: Queue[dict[str, Any]] = Queue()
        self._answered, self._refusal = Event(), ""  # of the broker to our login; refusal: none
        self._client = Client(CallbackAPIVersion.VERSION2, f"fieldeye-send-{secrets.token_hex(4)}", protocol=MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        try:
            context = ssl.create_default_context(cafile=out / "platform/ca.pem")
            context.load_cert_chain(out / "platform/mqtt-client")
            self._client.username_pw_set(PLATFORM, (out / "platform/mqtt-password").read_text().strip())
        except OSError as why:
            then = to_read(why, "give the folder that render made")
            raise UsageError(f"{out}/platform: cannot be used ({why}); {then}") from why
        self._client.tls_set_context(context)

    def __enter__(self) -> Self:
        try:
            self._client.connect(self._broker.host, self._broker.port)
        except OSError as why:
            where = f"{self._broker.host}:{self._broker.port}"
            raise UsageError(f"{where} cannot be reached ({why}); run this where the broker is") from why
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, bundle: bytes) -> None:
        """The whole bundle, in pieces. Raises UsageError if the node refuses it or does not answer."""
        have = self._ask(bundle, offset=0)
        while have < len(bundle):
            have = self._ask(bundle, offset=have, data=bundle[have : have + PIECE_BYTES])

    def tell(self, bundle: bytes, url: str) -> None:
        """Where the node may fetch the bundle by itself. Raises UsageError as `send` does."""
        self._ask(bundle, url=url)

    def _ask(self, bundle: bytes, *, data: bytes = b"", **more: object) -> int:
        """Bytes that the node has afterwards."""
        whole = {"sha256": hashlib.sha256(bundle).hexdigest(), "size_bytes": len(bundle)}
        for _ in range(TIMES):
            self._check_login()
            identity, expires = secrets.token_hex(8), datetime.now(UTC) + timedelta(hours=1)
            told = {"id": identity, "expires": expires.isoformat(), "data": base64.b64encode(data).decode()}
            self._client.publish(f"{self._topic}/cmd/update", json.dumps({**told, **whole, **more}), qos=1)
            reply = self._reply(identity)
            if reply is not None:
                return self._have(reply)
        raise UsageError(f"{self._node} does not answer; is it on? Run this again: it goes on where it was")

    def _check_login(self) -> None:
        """Raises UsageError if the broker does not let us in: then the node cannot answer."""
        if self._answered.wait(ANSWER_S) and not self._refusal:
            return
        raise UsageError(
            f"{self._broker.host}:{self._broker.port} does not let {PLATFORM} in ({self._refusal or 'no answer'}); "
            "render, run the broker's install.sh, and give the folder that render made"
        )

    def _reply(self, identity: str) -> dict[str, Any] | None:
        try:
            while True:
                reply = self._replies.get(timeout=ANSWER_S)
                if reply.get("id") == identity:
                    return reply
        except Empty:
            return None

    def _have(self, reply: dict[str, Any]) -> int:
        if reply.get("code") == "expired":
            raise UsageError(
                f"{self._node}: its clock is an hour or more ahead of this machine's; "
                "set the one that is wrong, and run this again"
            )
        if reply.get("code") != "done":
            raise UsageError(f"{self._node} refuses the bundle ({reply.get('code')}): {reply.get('detail', '')}")
        try:
            return int(reply["have"])
        except (KeyError, TypeError, ValueError, OverflowError) as why:
            raise UsageError(f"{self._node} does not say how much it has; is its software Fieldeye?") from why

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        client.subscribe(f"{self._topic}/reply/update", qos=1)  # before anything is asked
        self._answered.set()

    def _on_disconnect(self, *_: object) -> None:
        if not self._answered.is_set():
            self._refusal = "it ends the connection, as it does for a revoked certificate"
            self._answered.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            reply = json.loads(message.payload)
        except (ValueError, RecursionError):  # of no Fieldeye: as none
            return
        if isinstance(reply, dict):
            self._replies.put(reply)
