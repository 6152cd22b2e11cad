"""A RabbitMQ 4 cluster of three nodes on this machine, with the MQTT plugin; each may be killed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.ports import free_port
from tests.waiting import wait_until

LIB = Path("/usr/lib/rabbitmq/bin")
NAMES = ("one", "two", "three")
CONFIG = """
listeners.tcp.1 = 127.0.0.1:{amqp}
mqtt.listeners.tcp.1 = 127.0.0.1:{mqtt}
mqtt.durable_queue_type = quorum
anonymous_login_user = guest
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = one-{mark}@localhost
cluster_formation.classic_config.nodes.2 = two-{mark}@localhost
cluster_formation.classic_config.nodes.3 = three-{mark}@localhost
cluster_partition_handling = pause_minority
log.console.level = error
"""


class Cluster:
    """Three nodes; started as root they become the user `rabbitmq`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rabbit-"))
        self.folder.chmod(0o755)
        self.mark, self._port_of_names = self.folder.name.removeprefix("rabbit-").replace("_", ""), free_port()
        self.amqp = {name: free_port() for name in NAMES}
        self.mqtt = {name: free_port() for name in NAMES}
        self._distribution = {name: free_port() for name in NAMES}
        self._owner = pwd.getpwnam("rabbitmq").pw_name if os.geteuid() == 0 else None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (self.folder / "plugins").write_text("[rabbitmq_mqtt].")
        for name in NAMES:
            told = CONFIG.format(amqp=self.amqp[name], mqtt=self.mqtt[name], mark=self.mark)
            (self.folder / f"{name}.conf").write_text(told)
        (self.folder / ".erlang.cookie").write_text("THREENODESOFATEST")
        (self.folder / ".erlang.cookie").chmod(0o400)
        if self._owner:
            for path in [self.folder, *self.folder.iterdir()]:
                shutil.chown(path, self._owner, self._owner)

    def __enter__(self) -> Self:
        epmd = ["epmd", "-port", str(self._port_of_names)]  # our own, since the nodes would leave theirs running
        self._names = subprocess.Popen(epmd, env=self._environment("one"), user=self._owner)
        for name in NAMES:
            self._start(name)
        for name in NAMES:
            wait_until(lambda n=name: self._is_up(n), within_s=240, every_s=2)  # type: ignore[misc]
        wait_until(lambda: self.ctl("one", "cluster_status").count("@localhost") >= 3, within_s=60, every_s=2)
        return self

    def __exit__(self, *_: object) -> None:
        for name in NAMES:
            self.kill(name)
        self._names.terminate()
        self._names.wait()
        shutil.rmtree(self.folder)

    @property
    def urls(self) -> str:
        """For pika, all three."""
        return ",".join(f"amqp://guest:guest@127.0.0.1:{port}/%2F" for port in self.amqp.values())

    def kill(self, name: str) -> None:
        """SIGKILL to a node and what it started. May be called twice."""
        process = self._processes.pop(name, None)
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def queue_kinds(self) -> str:
        """Names and kinds of all queues."""
        return self.ctl("two", "list_queues", "name", "type", "--silent")

    def _start(self, name: str) -> None:
        log = (self.folder / f"{name}.out").open("wb")
        self._processes[name] = subprocess.Popen(
            [LIB / "rabbitmq-server"], env=self._environment(name), stdout=log, stderr=log, cwd=self.folder,
            start_new_session=True, user=self._owner,
        )  # fmt: skip
        log.close()

    def _is_up(self, name: str) -> bool:
        if self._processes[name].poll() is not None:
            raise RuntimeError((self.folder / f"{name}.out").read_text()[-2000:])
        return "true" in self.ctl(name, "eval", "rabbit:is_running().")

    def ctl(self, name: str, *words: str) -> str:
        """What `rabbitmqctl` says."""
        command = [str(LIB / "rabbitmqctl"), "-n", f"{name}-{self.mark}@localhost", *words]
        done = subprocess.run(
            command, env=self._environment(name), capture_output=True, text=True, user=self._owner, cwd=self.folder,
            check=False,
        )  # fmt: skip
        return str(done.stdout)

    def _environment(self, name: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"{name}-{self.mark}@localhost", "RABBITMQ_CONFIG_FILE": str(self.folder / name),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"), "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self._distribution[name]),
            "ERL_EPMD_PORT": str(self._port_of_names), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }  # fmt: skip
