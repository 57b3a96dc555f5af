"""The pods of overlays/small and of migrate, as they are rendered, are started with `podman kube play`.

PostgreSQL, Kafka and the mail sink are those of docker-compose.yml's walk, on one network; what a cluster of one's own
would change in an overlay (addresses, TLS) is changed in the rendered ConfigMaps, and nothing else.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from ruamel.yaml import YAML

from common.events.topics import SERVICES

from .containers import HARDENED, IMAGE, ROOT, WHY_NOT_WHOLE, run
from .rendering import KUBERNETES, Document, load, pod_spec, render
from .walking import Standins, Walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(WHY_NOT_WHOLE), reason=WHY_NOT_WHOLE),
    pytest.mark.usefixtures("image"),
]
WITHIN_S = 120


class Cluster:
    """Manifests played into the walk's network; removed by `down`."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk, self.folder = walk, folder
        self._played, self._secrets = list[Path](), list[str]()
        # Of the runtime's own defaults: `kube play` takes no such options.
        limits = ", ".join(f'"{HARDENED[at + 1]}"' for at, each in enumerate(HARDENED) if each == "--ulimit")
        (folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = [{limits}]\n[engine]\nruntime = "runc"\n'
        )
        self._environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}

    def play(self, name: str, documents: list[Document]) -> None:
        text = io.StringIO()
        YAML(typ="safe").dump_all(documents, text)
        file = self.folder / f"{name}.yaml"
        file.write_text(text.getvalue())
        self._played.append(file)
        run("podman", "kube", "play", "--network", self.walk.project, file, env=self._environment, timeout=200)

    def keep(self, secrets: list[Document]) -> None:
        """The Secrets, decoded: podman 4.3 hands on what `kube play` was given of them as it stands, in base64."""
        for each in secrets:
            name = each["metadata"]["name"]
            plain = {key: base64.b64decode(text).decode() for key, text in (each["data"] or {}).items()}
            run("podman", "secret", "rm", name, check=False)
            run("podman", "secret", "create", name, "-", input=json.dumps({**each, "data": plain}))
            self._secrets.append(name)

    def down(self) -> None:
        for file in reversed(self._played):
            run("podman", "kube", "down", file, check=False, env=self._environment)
        for name in self._secrets:
            run("podman", "secret", "rm", name, check=False)
            run("podman", "volume", "rm", "--force", name, check=False)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("kube")
    secrets, env = folder / "secrets", folder / "env"
    subprocess.run(["sh", ROOT / "deploy/new-secrets.sh", secrets, env], check=True, capture_output=True)
    variables = dict(line.split("=", 1) for line in env.read_text().splitlines()) | {"SECRETS_FOLDER": str(secrets)}
    walk = Walk(folder, variables, Standins(folder))
    cluster = Cluster(walk, folder)
    try:
        walk.up("postgres", "kafka", "mailpit")
        where = {"DATABASE_SERVER": "postgres:5432", "DATABASE_OPTIONS": ""}
        made = run("sh", KUBERNETES / "secrets.sh", secrets, env={**os.environ, **where}).stdout
        (folder / "made.yaml").write_text(made)
        cluster.keep(load(folder / "made.yaml"))
        yield cluster
    finally:
        cluster.down()
        walk.down()


def prepared(folder: str) -> list[Document]:
    """What podman knows of the rendered manifests, with the addresses of the walk."""
    documents = copy.deepcopy(render(folder))
    for each in documents:
        if each["kind"] == "ConfigMap":
            data = each["data"]
            data |= {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"} if "KAFKA_BOOTSTRAP_SERVERS" in data else {}
            data |= {"SMTP_HOST": "mailpit", "SMTP_PORT": "1025", "SMTP_TLS": "off"} if "SMTP_HOST" in data else {}
            for name in ("KAFKA_SECURITY_PROTOCOL", "KAFKA_CA_FILE", "KAFKA_SASL_MECHANISM", "SMTP_USER"):
                data.pop(name, None)
    return documents


def alone(documents: list[Document], workload: Document) -> list[Document]:
    """A workload with the ConfigMaps that it reads."""
    spec = pod_spec(workload)
    assert spec is not None
    spec["containers"][0]["image"] = IMAGE
    for container in spec["containers"]:
        container.pop("ports", None)  # podman 4.3 takes each port of the host, whether or not hostPort is said
    for volume in spec["volumes"]:
        if "secret" in volume:
            volume["secret"].setdefault("optional", False)  # podman 4.3 panics where this is not said
    read = {source["configMapRef"]["name"] for c in spec["containers"] for source in c["envFrom"]}
    return [*(d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"] in read), workload]


def test_the_migrations_run_and_every_pod_becomes_ready(cluster: Cluster) -> None:
    documents = prepared("migrate")
    jobs = [each for each in documents if each["kind"] == "Job"]
    for job in sorted(jobs, key=lambda each: str(each["metadata"]["name"]) != "topics"):
        # podman 4 plays no Job: its pod, as it stands in the manifest.
        name = job["metadata"]["name"]
        pod: Document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, **job["spec"]["template"]["metadata"]},
        }
        pod["spec"] = job["spec"]["template"]["spec"]
        if name == "topics":
            pod["spec"]["volumes"] = [v for v in pod["spec"]["volumes"] if v["name"] != "secrets"]
            mounts = pod["spec"]["containers"][0]["volumeMounts"]
            pod["spec"]["containers"][0]["volumeMounts"] = [m for m in mounts if m["name"] != "secrets"]
        cluster.play(f"{name}-job", alone(documents, pod))
    for job in jobs:
        ended(f"{job['metadata']['name']}-process")
    documents = prepared("overlays/small")
    deployments = [each for each in documents if each["kind"] == "Deployment"]
    assert {each["metadata"]["name"] for each in deployments} == {*SERVICES, "console"}
    for each in deployments:
        cluster.play(each["metadata"]["name"], alone(documents, each))
    for each in deployments:
        containers = replicas(each["metadata"]["name"])
        assert len(containers) == each["spec"].get("replicas", 1), containers
        for container in containers:
            address = address_of(container)
            ready(f"http://{address}:8080/health/ready", container)
            if each["metadata"]["name"] != "console":
                ready(f"http://{address}:8081/health/live", container)
            assert_restricted(container)


def replicas(deployment: str) -> list[str]:
    """The containers of its pods: podman names them <deployment>-pod[-<number>]-process."""
    names = run("podman", "ps", "--all", "--format", "{{.Names}}").stdout.split()
    return sorted(name for name in names if re.fullmatch(rf"{deployment}-pod(-\d+)?-process", name))


def assert_restricted(container: str) -> None:
    """Of the container and of its process: what the restricted profile asks for is so."""
    said = run("podman", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}}", container).stdout
    assert said.split() == ["true", "10001:10001"]
    pid = run("podman", "inspect", "--format", "{{.State.Pid}}", container).stdout.strip()
    status = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    of_process = {name: value.split() for name, _, value in status}
    assert [of_process[name] for name in ("CapEff", "CapBnd", "NoNewPrivs")] == [["0" * 16], ["0" * 16], ["1"]]
    assert set(of_process["Uid"]) == {"10001"}


def ended(container: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = run("podman", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container).stdout.split()
        if found == ["exited", "0"]:
            return
        time.sleep(0.3)
    raise AssertionError(f"{container}: {found}\n{said_by(container)}")


def said_by(container: str) -> str:
    logs = run("podman", "logs", container, check=False)
    return (logs.stdout + logs.stderr)[-3000:]


def address_of(container: str) -> str:
    pod = run("podman", "inspect", "--format", "{{.Pod}}", container).stdout.strip()
    infra = run("podman", "pod", "inspect", "--format", "{{.InfraContainerID}}", pod).stdout.strip()
    found = run(
        "podman", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", infra
    ).stdout
    return found.strip()


def ready(url: str, container: str) -> None:
    deadline, said = time.monotonic() + WITHIN_S, "nothing"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(url, timeout=5, trust_env=False)
            if answer.status_code == 200:
                print(f"{container}: {url.rpartition(':')[2]} answers", flush=True)
                return
            said = answer.text
        except httpx.TransportError as error:
            said = repr(error)
        time.sleep(0.3)
    raise AssertionError(f"{container}: {said}\n{said_by(container)}")
