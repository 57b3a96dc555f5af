"""The examples beside deploy/kubernetes, and the Secrets that its script writes, are what the pods need."""

from __future__ import annotations

import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from common.bus.subscriptions import topics_of
from common.crypto.keys import KeyRing
from common.events.topics import SERVICES, TOPICS

from .containers import ROOT
from .manifests import VERSIONS, secrets, service_of
from .rendering import KUBERNETES, load


@pytest.mark.parametrize("name", SERVICES)
def test_the_example_of_strimzi_lets_a_service_write_its_own_topics_alone(name: str) -> None:
    users = {
        each["metadata"]["name"]: each
        for each in load(KUBERNETES / "examples/strimzi.yaml")
        if each["kind"] == "KafkaUser"
    }
    may: dict[str, set[str]] = {}
    for rule in users[name]["spec"]["authorization"]["acls"]:
        if rule["resource"]["type"] == "topic":
            for operation in rule["operations"]:
                may.setdefault(operation, set()).add(rule["resource"]["name"])
    service = service_of(name)
    own = {topic.name for topic in TOPICS if topic.owner == name}
    read = topics_of(service.subscribed(KeyRing(bytes(32)), rebuilding=True)) | {"shops", "customer-keys"}
    assert may["Write"] == own
    assert read | own <= may["Read"]


def test_the_example_of_strimzi_lets_one_user_make_topics_and_raise_their_limits() -> None:
    """`python -m common.bus.broker topics`, and `limits`, which describes a topic's configuration and alters it."""
    (user,) = (each for each in load(KUBERNETES / "examples/strimzi.yaml") if each["metadata"]["name"] == "topics")
    rules = user["spec"]["authorization"]["acls"]
    (topics,) = (rule for rule in rules if rule["resource"] == {"type": "topic", "name": "*"})
    assert set(topics["operations"]) == {"Create", "Describe", "DescribeConfigs", "AlterConfigs"}


def test_the_examples_name_what_is_used(tmp_path: Path) -> None:
    strimzi = load(KUBERNETES / "examples/strimzi.yaml")
    assert {each["metadata"]["name"] for each in strimzi if each["kind"] == "KafkaUser"} == {
        *SERVICES,
        "topics",
        "keda",
    }
    databases = load(KUBERNETES / "examples/cloudnativepg.yaml")
    names = {name.replace("-", "_") for name in (*SERVICES, "console")}
    assert {each["spec"]["name"]: each["spec"]["owner"] for each in databases if each["kind"] == "Database"} == {
        name: name for name in names
    }
    (cluster,) = (each for each in databases if each["kind"] == "Cluster")
    assert {role["name"] for role in cluster["spec"]["managed"]["roles"]} == names | {
        f"{name}_service" for name in names
    }


def test_secrets_are_written_from_the_folder_of_compose(tmp_path: Path) -> None:
    """`secrets.sh` makes each Secret that a pod names; a service's has no owner's address."""
    folder = tmp_path / "secrets"
    subprocess.run(["sh", ROOT / "deploy/new-secrets.sh", folder, tmp_path / "env"], check=True, capture_output=True)
    done = subprocess.run(["sh", KUBERNETES / "secrets.sh", folder], check=True, capture_output=True, text=True)
    (tmp_path / "made.yaml").write_text(done.stdout)
    made = {each["metadata"]["name"]: each for each in load(tmp_path / "made.yaml")}
    assert set(made) == secrets() - {"keda"}
    for name in (*SERVICES, "console"):
        kubernetes_validate.validate(made[name], VERSIONS[-1], strict=True)
        assert "owner_database_url" not in made[name]["data"]
        assert {"owner_database_url", "database_url", "master_key"} <= set(made[f"{name}-owner"]["data"])
    assert set(made["topics"]["data"] or {}) <= {"kafka_sasl_user", "kafka_sasl_password", "kafka_ca.pem"}
