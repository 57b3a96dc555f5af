"""Builds the image and runs containers of it, with podman. Where that cannot be, `WHY_NOT` says why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STANDINS = Path(__file__).parent / "standins"
BASE = "localhost/python:3.11-slim-bookworm"
IMAGE = "localhost/regulars:local"
TOOLS = "localhost/regulars-tools:local"
CERTIFICATES = Path("/etc/ssl/certs")
_LACKING = [name for name in ("podman", "buildah", "runc", "debootstrap") if shutil.which(name) is None]
WHY_NOT = (
    f"containers need {' and '.join(_LACKING)}: apt-get install podman buildah runc debootstrap"
    if _LACKING
    else "containers are run as root here"
    if os.geteuid() != 0
    else ""
)

WHY_NOT_WHOLE = WHY_NOT or (
    "" if os.environ.get("CONTAINERS") == "whole" else "minutes of containers: run it with CONTAINERS=whole"
)


def run(*argv: str | Path, check: bool = True, timeout: float = 900, **more: Any) -> subprocess.CompletedProcess[str]:
    """The ended command. Raises AssertionError with what it said where it failed and `check`."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout, **more)
    assert not check or done.returncode == 0, (
        f"{' '.join(map(str, argv))[:400]}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done


def podman(*argv: str | Path, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """A command of podman's, with the runtime that also runs where cgroups are of the old kind."""
    runtime = ["--runtime", "runc"] if shutil.which("runc") else []
    return run("podman", *runtime, *argv, check=check, timeout=timeout)


def image_exists(name: str) -> bool:
    return run("podman", "image", "exists", name, check=False).returncode == 0


def bud(file: Path, image: str, context: Path, *more: str) -> None:
    """Build an image; steps that were built before are taken from the store of images."""
    # This machine's certificates, so that a registry behind its proxy is believed; bound at build, in no layer.
    argv = ["buildah", "bud", "--layers", "--pull-never", "--network", "host", "--ulimit", "nofile=1024:1024"]
    argv += ["--isolation", "chroot", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro", *more]
    if index := os.environ.get("PIP_INDEX_URL"):
        argv += ["--build-arg", f"PIP_INDEX_URL={index}"]
    run(*argv, "-f", file, "-t", image, context)


def build() -> float:
    """Build the image of the services, and its base where that is missing; gives the seconds it took."""
    began = time.monotonic()
    if not image_exists(BASE):
        run("sh", STANDINS / "base.sh")
    deploy = ROOT / "deploy"
    bud(deploy / "Dockerfile", IMAGE, ROOT, "--ignorefile", str(deploy / "Dockerfile.dockerignore"))
    return time.monotonic() - began


def build_tools() -> None:
    """Build the image of the operator's command."""
    deploy = ROOT / "deploy"
    ignored = str(deploy / "Dockerfile.dockerignore")
    bud(deploy / "Dockerfile", TOOLS, ROOT, "--target", "tools", "--ignorefile", ignored)


HARDENED = (
    "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges",
    "--user", "10001:10001", "--pids-limit", "200",
    # Inherited limits that are higher than ours may not be raised again by the runtime.
    "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
)  # fmt: skip


@dataclass(slots=True)
class Container:
    """A container that was started; removed by `remove`."""

    name: str

    @classmethod
    def start(
        cls,
        name: str,
        *command: str,
        image: str = IMAGE,
        options: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
        hardened: bool = True,
        memory: str = "256m",
    ) -> Container:
        """Run it in the background, on the host's network unless the options say otherwise."""
        given = [f"--env={key}={value}" for key, value in (environment or {}).items()]
        limits = [*HARDENED, "--memory", memory] if hardened else list(HARDENED[-4:])
        network = [] if any(str(o).startswith(("--network", "--pod")) for o in options) else ["--network", "host"]
        podman(
            "run", "--detach", "--pull", "never", "--name", name, *network, *limits, *options, *given, image, *command
        )
        return cls(name)

    def inspect(self) -> Any:
        return json.loads(run("podman", "inspect", self.name).stdout)[0]

    @property
    def state(self) -> Any:
        return self.inspect()["State"]

    def logs(self) -> str:
        done = run("podman", "logs", self.name, check=False)
        return done.stdout + done.stderr

    def exec(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return podman("exec", self.name, *argv, check=check)

    def stop(self, grace_s: int) -> float:
        """SIGTERM, and SIGKILL after the grace; the seconds until it had ended."""
        began = time.monotonic()
        podman("stop", "--time", str(grace_s), self.name)
        return time.monotonic() - began

    def wait(self, timeout: float = 120) -> int:
        """The exit code, when it has ended."""
        return int(podman("wait", self.name, timeout=timeout).stdout.strip())

    def remove(self) -> None:
        podman("rm", "--force", "--time", "0", "--volumes", self.name, check=False)
