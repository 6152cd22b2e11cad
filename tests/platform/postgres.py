"""A real PostgreSQL 17 for tests: a cluster in a temporary folder on a Unix socket, as an unprivileged user."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.ports import free_port

BIN = Path("/usr/lib/postgresql/17/bin")
CONFIG = "max_connections = 40\nshared_buffers = 64MB\nmax_wal_size = 512MB\n"
QUICK = "fsync = off\nfull_page_writes = off\nautovacuum = off\n"  # for what is not about restarts


class Postgres:
    """One server. Started as root it becomes the user `postgres`, since PostgreSQL refuses root."""

    def __init__(self, config: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self.owner = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.owner)
        self._data = self.folder / "data"
        self._run("initdb", "-D", str(self._data), "-U", "fieldeye", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust",
                  "--no-sync")  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nport = {self.port}\n")
            conf.write(CONFIG + config)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def start(self) -> Self:
        """With the data of before."""
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self.folder / "log"), "-w", "start")
        return self

    def kill(self) -> None:
        """As a power cut does, but for what the operating system had not written yet. May be called twice."""
        if (self._data / "postmaster.pid").exists():  # immediate: no checkpoint, recovery at the next start
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def url(self, database: str = "postgres", user: str = "fieldeye") -> str:
        """For psycopg."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def _run(self, program: str, *arguments: str) -> None:
        become = {"user": self.owner} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [str(BIN / program), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            cwd=self.folder, check=False, **become,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program}: {done.stderr}{log.read_text() if log.exists() else ''}")
