"""A broker with three addresses that swallow everything before the one that answers; prints how often the node dialled,
and what the doctor says of the log-in."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from edge.clock import SystemClock
from edge.config import NodeTable
from edge.mqtt import probe
from tests.broker import Broker
from tests.node import FAST, NODE, SITE, running, to
from tests.waiting import wait_until

for module, name, s in [("dial", "TCP_TIMEOUT_S", 0.5), ("probe", "TCP_TIMEOUT_S", 0.5), ("probe", "STEP_S", 1.4)]:
    patch.object(sys.modules[f"edge.mqtt.{module}"], name, s).start()  # an assignment would make a missing name


def main() -> None:
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        config = to(broker.port, host="broker.example", insecure=True)
        with running(Path(folder), config, replace(FAST, connect_s=0.3)) as node:
            wait_until(lambda: node.link.word == "connect_hangs", within_s=5)
            wait_until(node.is_connected, within_s=10)
        names = broker.log().count("New client connected")
        steps = {step.what: step.is_well for step in probe(config, NodeTable(site=SITE, node=NODE), SystemClock())}
        sys.stdout.write(f"{names}|{steps}\n")


if __name__ == "__main__":
    main()
