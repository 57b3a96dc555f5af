"""What a running stack keeps on disk, so that another process can find it, ask it and stop it."""

import base64
import json
import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from regulars.stack.errors import StackError


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process for certain: a number alone may belong to somebody else by now."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The process that has this number now; None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def is_alive(self) -> bool:
        """Whether this very process still runs; one that ended and awaits its parent does not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 0.5
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


@dataclass(slots=True)
class StackState:
    """One stack. ``phase`` is a sentence while it starts, then ``ready``, or ``failed`` with ``error``."""

    phase: str
    supervisor: ProcessId
    error: str = ""
    processes: dict[str, ProcessId] = field(default_factory=dict)
    kafka: str = ""
    postgres: str = ""
    smtp: str = ""
    mails_url: str = ""
    api_key: str = ""
    # By service: the settings its process got. They hold secrets, so the file is for its owner alone.
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    # By process: those of the further processes of a service, `membership-2` and so on.
    others: dict[str, dict[str, str]] = field(default_factory=dict)
    console: dict[str, str] = field(default_factory=dict)
    """The settings of the console's process; empty where it is no part of the stack."""

    def of_service(self, service: str) -> dict[str, dict[str, str]]:
        """The settings of all processes of the service, by the process's name, the first one first."""
        mine = {service: self.services[service]} if service in self.services else {}
        return mine | {name: each for name, each in self.others.items() if service_of(name) == service}

    def all_processes(self) -> dict[str, dict[str, str]]:
        """The settings of all processes of all services, by the process's name."""
        return {name: each for service in self.services for name, each in self.of_service(service).items()}

    def save(self, file: Path) -> None:
        """Replace the file in one step, readable by its owner alone."""
        write_private(file, asdict(self))

    @classmethod
    def load(cls, file: Path) -> "StackState | None":
        """The state that the file holds; None when there is no file."""
        try:
            raw: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        raw["supervisor"] = ProcessId(**raw["supervisor"])
        raw["processes"] = {name: ProcessId(**each) for name, each in raw["processes"].items()}
        return cls(**raw)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Drawn when a stack is first started, and kept as long as its data: the keys in there are wrapped with them."""

    postgres: str
    master_key: str
    api_key: str
    databases: dict[str, str]
    master_keys: str = ""
    """Further master keys, as MASTER_KEYS has them, which the operator writes here, and which of them seals."""
    master_key_id: str = ""

    @property
    def further_keys(self) -> dict[str, str]:
        """The settings of the further master keys; none where there are none."""
        settings = {"MASTER_KEYS": self.master_keys, "MASTER_KEY_ID": self.master_key_id}
        return {name: value for name, value in settings.items() if value}

    @classmethod
    def load_or_draw(cls, file: Path, databases: Sequence[str]) -> "Secrets":
        """The secrets of the folder; draws what is missing."""
        known = json.loads(file.read_text()) if file.exists() else {}
        drawn = cls(
            known.get("postgres") or secrets.token_urlsafe(24),
            known.get("master_key") or base64.b64encode(secrets.token_bytes(32)).decode(),
            known.get("api_key") or "rk_" + secrets.token_urlsafe(32),
            {name: secrets.token_urlsafe(24) for name in databases} | known.get("databases", {}),
            known.get("master_keys", ""),
            known.get("master_key_id", ""),
        )
        write_private(file, asdict(drawn))
        return drawn


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old or the new whole, and other accounts see neither."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(descriptor, "w") as output:
        json.dump(content, output, indent=1)
    os.replace(aside, file)


def process_name(service: str, number: int) -> str:
    """Of the service's process with this number, counted from 1: the first one has the service's own name."""
    return service if number == 1 else f"{service}-{number}"


def service_of(process: str) -> str:
    """The service that the process is of."""
    service, _, number = process.rpartition("-")
    return service if number.isdigit() else process


def address_of(settings: Mapping[str, str]) -> str:
    """Where a process answers; PUBLIC_URL is the service's, whichever process gets what is sent there."""
    return f"http://{settings['HTTP_HOST']}:{settings['HTTP_PORT']}"


def running(folder: Path) -> StackState:
    """The stack that runs from this folder. Raises StackError when none does."""
    state = StackState.load(state_file(folder))
    if state is None or not state.supervisor.is_alive():
        raise StackError(f"no stack runs from {folder}; start one with: regulars up")
    return state


def state_file(folder: Path) -> Path:
    """Where the state of the folder's stack stands."""
    return folder / "stack.json"
