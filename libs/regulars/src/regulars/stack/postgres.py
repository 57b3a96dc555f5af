"""A PostgreSQL of our own: started, stopped, killed, and started again on the same data."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from regulars.stack import postgres_binaries as binaries
from regulars.stack.errors import PartDied, StackError
from regulars.stack.ports import free_port
from regulars.stack.process import Command, spawn, stop, tail

# A crash of PostgreSQL loses nothing with these; only a crash of the whole machine could. synchronous_commit stays
# on: switched off, kill -9 loses commits that were already answered.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_connections": "250",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "jit": "off",
}


class PostgresServer:
    """One server on ``host`` with its data in ``directory``, which is created when missing.

    With a ``password`` every connection must present one (SCRAM); without, every client that reaches it is trusted.
    ``settings`` are PostgreSQL's, besides ours. Another ``host`` than the loopback lets in whoever is of its network.
    Not thread-safe. All methods block: the longest, the first ``start``, about a second.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        bin_dir: Path | None = None,
        host: str = "127.0.0.1",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._user = binaries.account()
        self._bin = binaries.reachable_binaries(bin_dir or binaries.find_binaries(), self._user)
        # The data folder, too, must be reachable for the account that we drop to.
        self.directory = directory if binaries.may_reach(directory, self._user) else _elsewhere(directory)
        self.port = port or free_port()
        self.password = password
        self.host = host
        self._settings = SETTINGS | dict(settings or {}) | {"listen_addresses": host}
        self.log = directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises StackError when it was not started."""
        if self._process is None:
            raise StackError("PostgreSQL was not started")
        return self._process.pid

    @property
    def url(self) -> str:
        """Address of the superuser's connection to the database ``postgres``, in SQLAlchemy's form."""
        return self.url_of("postgres", user="postgres", password=self.password)

    def url_of(self, database: str, *, user: str, password: str | None) -> str:
        """Address of a database of this server, in SQLAlchemy's form."""
        return address(f"{self.host}:{self.port}", database, user, password)

    def prepare(self) -> Command:
        """Create the data folder where it is missing (0.7 s), and give the command that serves it."""
        data = self.directory / "data"
        if not (data / "PG_VERSION").exists():
            self._initdb(data)
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self._bin / "postgres"), "-D", str(data), "-p", str(self.port), *options]
        # SIGINT is the fast shutdown; SIGTERM would wait for every client to leave.
        return Command("postgres", argv, _environment(), data, self._user, signal.SIGINT)

    def _initdb(self, data: Path) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        data.mkdir(mode=0o700, exist_ok=True)
        password_file = self.directory / "superuser.tmp"
        argv = [str(self._bin / "initdb"), "-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        argv += ["--no-sync", "--auth=trust"] if self.password is None else ["--no-sync", "--auth=scram-sha-256"]
        if self.password is not None:
            password_file.touch(mode=0o600)
            password_file.write_text(self.password + "\n")
            argv.append(f"--pwfile={password_file}")
        if self._user is not None:
            for path in [data, *([password_file] if self.password is not None else [])]:
                os.chown(path, *self._user)
        command = Command("initdb", argv, _environment(), data, self._user)
        try:
            code = spawn(command, self.log).wait()
        finally:
            password_file.unlink(missing_ok=True)
        if code != 0:
            raise PartDied(f"initdb failed in {data}; remove that folder and try again:\n{tail(self.log)}")
        if self.host != "127.0.0.1":
            method = "trust" if self.password is None else "scram-sha-256"
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all samenet {method}\n")

    def start(self, timeout_s: float = 30.0) -> None:
        """Start and wait until connections are answered. Raises PartDied with the end of the log."""
        command = self.prepare()
        deadline = time.monotonic() + timeout_s
        self._process = spawn(command, self.log)
        while not self.is_ready():
            if self._process.poll() is not None:
                # After a kill -9 of the postmaster its children hold the shared memory for another moment.
                if time.monotonic() > deadline or "still in use" not in tail(self.log, 3):
                    raise PartDied(f"PostgreSQL ended while starting:\n{tail(self.log)}")
                self._process = spawn(command, self.log)
            if time.monotonic() > deadline:
                self.kill()
                raise PartDied(f"PostgreSQL was not ready within {timeout_s:.0f} s:\n{tail(self.log)}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether it answers connections now (not while it starts, recovers or stops)."""
        argv = [str(self._bin / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port), "-t", "2"]
        return subprocess.run(argv, env=_environment(), check=False).returncode == 0

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, clients are sent away. Idempotent."""
        if self._process is not None:
            stop(self._process, self.prepare())
            self._process = None

    def kill(self) -> None:
        """kill -9 of the postmaster alone, as the kernel's out-of-memory killer would do it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Start again on the same data and port, whatever the last end was."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.start()


def address(host: str, database: str, user: str, password: str | None) -> str:
    """A PostgreSQL address in SQLAlchemy's form; user and password may hold any character."""
    secret = f":{quote(password, safe='')}" if password else ""
    return f"postgresql+asyncpg://{quote(user, safe='')}{secret}@{host}/{database}"


def _environment() -> dict[str, str]:
    # PG* variables of the caller (PGDATA, PGHOST, PGOPTIONS) would steer the programs elsewhere.
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


def _elsewhere(directory: Path) -> Path:
    place = binaries.shared_place("data", directory)
    place.mkdir(exist_ok=True)
    return place
