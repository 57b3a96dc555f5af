"""The image is built, looked into, and every service and the parts of one started hardened against real servers."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from common.bus.broker import ensure_topics
from common.events.topics import SERVICES, TOPICS
from common.process.runtime import Service
from regulars.stack.databases import create_database
from regulars.stack.ports import free_port
from regulars.testing import SharedKafka, SharedPostgres

from .containers import IMAGE, WHY_NOT, Container, podman, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
    pytest.mark.usefixtures("image"),
]
GRACE_S = 30
"""As docker-compose.yml and deploy/kubernetes give it."""
READY_WITHIN_S = 120
"""No expectation of speed: the machine may be loaded."""
KEY = "an-operators-key-of-tests"
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def layers() -> list[Path]:
    """The folders of the image's layers, the base's last."""
    data = json.loads(run("podman", "image", "inspect", IMAGE).stdout)[0]["GraphDriver"]["Data"]
    return [Path(p) for p in [data["UpperDir"], *data.get("LowerDir", "").split(":")] if p]


def names_in(layers: list[Path]) -> Iterator[tuple[str, str]]:
    """Each file and folder of the layers: its path in the image, and its name."""
    for layer in layers:
        for folder, folders, files in os.walk(layer):
            inside = folder.removeprefix(str(layer)) or "/"
            for name in [*folders, *files]:
                yield f"{inside}/{name}", name


def test_no_layer_holds_a_compiler_a_cache_or_what_installs(layers: list[Path]) -> None:
    unwanted = re.compile(r"(x86_64-linux-gnu-)?(gcc|g\+\+|cc|cc1|c\+\+|clang|ld|make|cargo|rustc|go)(-[\d.]+)?")
    found = [
        path for path, name in names_in(layers) if unwanted.fullmatch(name) and re.search(r"/(s?bin|libexec)/", path)
    ]
    found += [path for path, name in names_in(layers) if name in (".cache", "uv", "uv.lock") and "/share/" not in path]
    found += [path for path, _ in names_in(layers[:-1]) if re.search(r"site-packages/(pip|setuptools|uv)(/|$)", path)]
    assert found == []


def test_no_layer_of_ours_holds_tests(layers: list[Path]) -> None:
    """Ours are those above the base: the system's Python brings tests of its own."""
    ours = list(names_in(layers[:-1]))
    assert any(path.endswith("membership/main.py") for path, _ in ours)
    folders = re.compile(r"tests|_pytest|pytest|hypothesis|regulars")
    files = re.compile(r"conftest\.py|test_\w+\.py")
    # The console's page of that name, and where a container writes, are no part of the operator's command.
    apart = ("/var/lib/regulars", "/console/regulars")
    found = [path for path, name in ours if folders.fullmatch(name) and not path.endswith(apart)]
    # A package's own module may be named test_….py, and be needed.
    found += [path for path, name in ours if path.startswith("/app/") and files.fullmatch(name)]
    assert found == []


def test_no_layer_and_no_line_of_the_history_holds_a_secret(layers: list[Path]) -> None:
    found = [
        path for path, name in names_in(layers[:-1]) if re.fullmatch(r"\.env.*|.*\.key|id_[a-z0-9]+|secrets?", name)
    ]
    for layer in layers[:-1]:
        for file in (layer / "app").rglob("*"):
            if file.is_file() and b"PRIVATE KEY-----" in file.read_bytes():
                found.append(str(file))
    assert found == []
    shown = run("podman", "image", "inspect", IMAGE).stdout + run("podman", "history", "--no-trunc", IMAGE).stdout
    assert not re.search(r"(MASTER_KEY|API_KEY|PASSWORD|DATABASE_URL)=", shown)
    assert "INDEX_URL" not in run("podman", "image", "inspect", "--format", "{{.Config.Env}}", IMAGE).stdout


def test_the_bill_of_materials_names_what_is_installed() -> None:
    """Every pinned package that is importable there, with its licence."""
    sbom = json.loads(inside("cat", "/app/bill/sbom.json"))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    components = {c["purl"]: c for c in sbom["components"]}
    assert len({c["bom-ref"] for c in sbom["components"]}) == len(sbom["components"])
    names = "import importlib.metadata as m, json; print(json.dumps([(x.name, x.version) for x in m.distributions()]))"
    installed = json.loads(inside("python", "-c", names))
    normal = {f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}" for name, version in installed}
    assert normal == {purl for purl in components if purl.startswith("pkg:pypi/")}
    assert any(purl.startswith("pkg:deb/debian/openssl") or "libssl" in purl for purl in components)
    ours = {"common", "console", *SERVICES, *(f"regulars-{name}" for name in (*SERVICES, "console"))}
    unlicensed = [c["name"] for p, c in components.items() if p.startswith("pkg:pypi/") and "licenses" not in c]
    assert set(unlicensed) <= ours
    refs = {c["bom-ref"] for c in sbom["components"]}
    assert all({d["ref"], *d["dependsOn"]} <= refs for d in sbom["dependencies"])
    licences = inside("cat", "/app/bill/licences.txt")
    assert re.search(r"^aiokafka \S+: Apache-2\.0$", licences, re.M)
    print(f"\n{len(normal)} Python packages, {len(components) - len(normal)} others")


def inside(*argv: str) -> str:
    """What a command says in a container of the image."""
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--network", "none", "--pull", "never"]
    return podman("run", "--rm", *limits, "--entrypoint", argv[0], IMAGE, *argv[1:]).stdout


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Surroundings:
    """A database of the service's own, the run's Kafka, and the secrets in a folder that containers read."""

    def __init__(self, database_url: str, servers: str, folder: Path, started: ExitStack) -> None:
        self.servers, self.folder, self._started = servers, folder, started
        folder.chmod(0o755)  # a container's user is not who runs the tests
        secrets = {"database_url": database_url, "master_key": MASTER_KEY, "bootstrap_api_key": KEY}
        for name, text in secrets.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o444)

    def run(self, *command: str, **more: str) -> tuple[Container, int]:
        port = free_port()
        settings = {"KAFKA_BOOTSTRAP_SERVERS": self.servers, "HTTP_PORT": str(port), "HTTP_HOST": "127.0.0.1"} | more
        container = Container.start(
            f"regulars-test-{uuid.uuid4().hex[:10]}",
            *command,
            environment=settings,
            options=("--volume", f"{self.folder}:/run/secrets:ro"),
        )
        self._started.callback(container.remove)
        return container, port


def await_ready(container: Container, port: int) -> dict[str, object]:
    """The readiness that it answers with 200."""
    deadline = time.monotonic() + READY_WITHIN_S
    said: object = "nothing"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, trust_env=False)
            if answer.status_code == 200:
                ready: dict[str, object] = answer.json()
                return ready
            said = answer.text
        except httpx.TransportError as error:
            said = error
        assert container.state["Running"], container.logs()
        time.sleep(0.1)
    raise AssertionError(f"not ready: {said}\n{container.logs()}")


def written(container: Container) -> list[str]:
    """What the container's user may write to besides /tmp, and what the kernel and the runtime keep in memory (S8)."""
    apart = ("/proc", "/sys", "/dev", "/tmp")
    pruned = [word for path in apart for word in ("-path", path, "-prune", "-o")]
    return container.exec("find", "/", *pruned, "!", "-type", "l", "-writable", "-print", check=False).stdout.split()


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_starts_hardened_answers_and_stops(
    name: str, postgres: SharedPostgres, kafka: SharedKafka, tmp_path: Path, started: ExitStack
) -> None:
    """SEC-001: non-root, read-only, no capabilities, no new privileges, 256 MB; secrets are files."""
    package = name.replace("-", "_")
    service: Service = importlib.import_module(f"{package}.main").SERVICE
    asyncio.run(ensure_topics(kafka.bootstrap_servers, TOPICS))
    url = asyncio.run(create_database(postgres.url, f"image_{package}_{uuid.uuid4().hex[:8]}"))
    around = Surroundings(url.replace("+asyncpg", ""), kafka.bootstrap_servers, tmp_path, started)

    early, _ = around.run(f"{package}.main", "serve")
    assert early.wait() == 1
    assert "migrate" in early.logs()
    migrating, _ = around.run(f"{package}.main", "migrate")
    assert migrating.wait() == 0, migrating.logs()

    began = time.monotonic()
    whole, port = around.run(f"{package}.main", "serve")
    ready = await_ready(whole, port)
    took = time.monotonic() - began
    assert ready["parts"] == list(service.parts)
    ask = f"http://127.0.0.1:{port}/ops/dead"
    assert httpx.get(ask, timeout=60, trust_env=False).status_code == 401
    assert httpx.get(ask, headers={"authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False).status_code == 200
    health = whole.exec("python", "/app/deploy/healthcheck.py", check=False)
    assert health.returncode == 0, health.stderr
    shown = json.dumps(whole.inspect())
    assert MASTER_KEY not in shown
    assert KEY not in shown
    status = dict(re.findall(r"^(\w+):\s+(.*)$", whole.exec("cat", "/proc/1/status").stdout, re.M))
    assert (status["Uid"].split()[0], status["NoNewPrivs"]) == ("10001", "1")
    assert {int(status[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert written(whole) == [], "outside of /tmp"
    memory = re.search(r"VmRSS:\s+(\d+)", whole.exec("cat", "/proc/1/status").stdout)
    assert memory is not None
    stopped = whole.stop(GRACE_S)
    assert (whole.state["ExitCode"], whole.state["OOMKilled"]) == (0, False), whole.logs()
    assert stopped < GRACE_S
    print(f"\n{name}: ready after {took:.1f} s, {int(memory.group(1)) // 1024} MB, stopped within {stopped:.1f} s")


def test_each_part_starts_alone_answers_and_stops(
    postgres: SharedPostgres, kafka: SharedKafka, tmp_path: Path, started: ExitStack
) -> None:
    """Of one service: what starts a part is the same for all (common.service), and messaging has each of them."""
    service: Service = importlib.import_module("messaging.main").SERVICE
    asyncio.run(ensure_topics(kafka.bootstrap_servers, TOPICS))
    url = asyncio.run(create_database(postgres.url, f"image_parts_{uuid.uuid4().hex[:8]}"))
    around = Surroundings(url.replace("+asyncpg", ""), kafka.bootstrap_servers, tmp_path, started)
    migrating, _ = around.run("messaging.main", "migrate")
    assert migrating.wait() == 0, migrating.logs()
    parts = {part: around.run("messaging.main", "serve", "--only", part) for part in service.parts}
    for part, (container, port) in parts.items():
        assert await_ready(container, port)["parts"] == [part]
    for part, (container, _) in parts.items():
        stopped = container.stop(GRACE_S)
        assert container.state["ExitCode"] == 0, container.logs()
        assert stopped < GRACE_S
        print(f"messaging --only {part}: stopped within {stopped:.1f} s")


def test_secrets_that_its_user_may_not_read_end_it_with_a_sentence(tmp_path: Path, started: ExitStack) -> None:
    around = Surroundings("postgresql://nobody:x@127.0.0.1:9/nowhere", "127.0.0.1:9", tmp_path, started)
    tmp_path.chmod(0o700)
    container, _ = around.run("membership.main", "serve")
    assert container.wait() == 1
    assert "SECRETS_DIR (/run/secrets) cannot be read (PermissionError)" in container.logs()
    assert "Traceback" not in container.logs()


def test_a_service_that_waits_for_its_servers_stops_at_once(tmp_path: Path, started: ExitStack) -> None:
    nowhere = "postgresql://nobody:x@127.0.0.1:9/nowhere"
    container, port = Surroundings(nowhere, "127.0.0.1:9", tmp_path, started).run("membership.main", "serve")
    deadline = time.monotonic() + READY_WITHIN_S
    while "waiting_for_database" not in container.logs():
        assert container.state["Running"], container.logs()
        assert time.monotonic() < deadline, container.logs()
        time.sleep(0.2)
    assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=60, trust_env=False).status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=60, trust_env=False).status_code == 503
    assert container.stop(GRACE_S) < GRACE_S
    assert container.state["ExitCode"] == 0, container.logs()


@pytest.mark.parametrize("after_s", [0.1, 0.4, 0.8, 1.5])
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_stop_in_the_first_moments_takes_no_grace(
    command: str, after_s: float, tmp_path: Path, started: ExitStack
) -> None:
    """As process 1, without `--init`, while Python still reads its libraries or waits for its servers."""
    nowhere = "postgresql://nobody:x@127.0.0.1:9/nowhere"
    container, _ = Surroundings(nowhere, "127.0.0.1:9", tmp_path, started).run("membership.main", command)
    time.sleep(after_s)
    took = container.stop(GRACE_S)
    code = container.state["ExitCode"]
    print(f"\n{command}, stopped {after_s} s after its start: ended with {code} after {took:.1f} s")
    assert took < 5, container.logs()
    # 143: before it served; 0: it served, and stopped; 1: `migrate` had said by then that there is no server.
    assert code in (143, 0, 1), container.logs()


def test_the_image_is_of_a_bearable_size(image: float) -> None:
    size, base = (int(run("podman", "image", "inspect", "--format", "{{.Size}}", name).stdout)
                  for name in (IMAGE, "localhost/python:3.11-slim-bookworm"))  # fmt: skip
    print(f"\n{size / 1e6:.0f} MB, of which the base {base / 1e6:.0f} MB; built within {image:.0f} s")
    assert size - base < 300e6  # with what reads texts and photos (numpy, opencc, Pillow), some 105 MB
