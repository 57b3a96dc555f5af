"""deploy/kubernetes is valid, names nothing that is not there, and keeps the restricted profile."""

from __future__ import annotations

import copy
import functools
import importlib
import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from common.bus.subscriptions import topics_of
from common.crypto.keys import KeyRing
from common.events.topics import PARTITIONS, SERVICES, TOPICS
from common.process.runtime import Service
from common.process.settings import Settings
from console.settings import ConsoleSettings

from .containers import ROOT
from .rendering import KUBERNETES, KUSTOMIZE, OVERLAYS, Document, kustomized, load, normal, pod_spec, render, rendered

VERSIONS = ("1.35", "1.37")
CUSTOM = {
    "ScaledObject": {
        "scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "fallback",
        "advanced", "triggers",
    },
    "TriggerAuthentication": {"secretTargetRef"},
}  # fmt: skip
"""Of KEDA, whose schema is not at hand: the fields that its documentation names."""
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
NAME = "app.kubernetes.io/name"
APPS = ("overlays/small", "overlays/large")


@functools.cache
def manifests(folder: str) -> list[Document]:
    return render(folder)


def of(folder: str, *kinds: str) -> list[Document]:
    return [each for each in manifests(folder) if each["kind"] in kinds]


def service_of(name: str) -> Service:
    found: Service = importlib.import_module(f"{name.replace('-', '_')}.main").SERVICE
    return found


@pytest.mark.skipif(
    KUSTOMIZE is None, reason="kustomize is not installed: what renders in its place is compared with it"
)
@pytest.mark.parametrize("folder", OVERLAYS)
def test_kustomize_renders_what_the_tests_render(folder: str) -> None:
    assert normal(kustomized(folder)) == normal(rendered(KUBERNETES / folder))


@pytest.mark.parametrize(
    ("folder", "version"), [*((each, VERSIONS[-1]) for each in OVERLAYS), (OVERLAYS[0], VERSIONS[0])]
)
def test_every_manifest_is_valid_strictly(folder: str, version: str) -> None:
    assert len({(m["kind"], m["metadata"]["name"]) for m in manifests(folder)}) == len(manifests(folder))
    for manifest in manifests(folder):
        if manifest["kind"] in CUSTOM:
            assert set(manifest["spec"]) <= CUSTOM[manifest["kind"]], manifest["metadata"]["name"]
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    ("component", "setting", "brought"),
    [("photos-volume", "PHOTO_DIR", "PersistentVolumeClaim"), ("photos-s3", "PHOTO_STORE", "NetworkPolicy")],
)
def test_photos_have_a_place_where_an_overlay_gives_them_one(
    component: str, setting: str, brought: str, tmp_path: Path
) -> None:
    """FBK-040: every process of feedback, and nobody else's; the pods stay restricted."""
    ours = os.path.relpath(KUBERNETES, tmp_path)
    parts = f"resources: [{ours}/overlays/large]\ncomponents: [{ours}/components/{component}]\n"
    (tmp_path / "kustomization.yaml").write_text(f"kind: Kustomization\nnamespace: regulars\n{parts}")
    found = rendered(tmp_path)
    assert brought in {each["kind"] for each in found if each["metadata"].get("labels", {}).get(NAME) == "feedback"}
    given = {True: set[str](), False: set[str]()}
    for manifest in found:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)
        spec = pod_spec(manifest)
        if spec is not None and manifest["kind"] == "Deployment":
            assert violations(spec) == []
            keeps = any(e["name"] == setting for container in spec["containers"] for e in container.get("env", []))
            given[keeps].add(manifest["metadata"]["labels"][NAME])
    assert given[True] == {"feedback"}
    assert "feedback" not in given[False]


def test_a_planted_unknown_field_is_refused() -> None:
    planted = copy.deepcopy(of("overlays/small", "Deployment")[0])
    planted["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(planted, VERSIONS[-1], strict=True)


def violations(spec: Document) -> list[str]:
    """What the pod does that the profile `restricted` of the Pod Security Standards forbids."""
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += [f"volume {v['name']}" for v in spec.get("volumes", []) if not VOLUMES & set(v)]
    whole = spec.get("securityContext", {})
    found += ["sysctls"] if whole.get("sysctls") else []
    for container in [*spec["containers"], *spec.get("initContainers", []), *spec.get("ephemeralContainers", [])]:
        own = container.get("securityContext", {})
        both = {**whole, **own}
        found += ["privileged"] if own.get("privileged") else []
        found += ["allowPrivilegeEscalation"] if own.get("allowPrivilegeEscalation") is not False else []
        found += ["runAsNonRoot"] if both.get("runAsNonRoot") is not True else []
        found += ["runAsUser"] if both.get("runAsUser") == 0 else []
        found += (
            ["seccompProfile"]
            if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost")
            else []
        )
        rights = own.get("capabilities", {})
        found += (
            ["capabilities"]
            if rights.get("drop") != ["ALL"] or set(rights.get("add", [])) - {"NET_BIND_SERVICE"}
            else []
        )
        found += ["hostPort"] if any(port.get("hostPort") for port in container.get("ports", [])) else []
        found += ["procMount"] if own.get("procMount", "Default") != "Default" else []
    return found


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_pod_keeps_the_restricted_profile_and_more(folder: str) -> None:
    """SEC-001: also a read-only root, no token of the cluster, a limit of memory."""
    (namespace,) = of(folder, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for manifest in of(folder, "Deployment", "Job"):
        spec = pod_spec(manifest)
        assert spec is not None
        assert violations(spec) == [], manifest["metadata"]["name"]
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert all("KEY" not in e["name"] and "PASSWORD" not in e["name"] for e in container.get("env", []))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volume v"),
        ({"securityContext": {"runAsNonRoot": True}}, "seccompProfile"),
        ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, "runAsNonRoot"),
        ({"containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": False}}]}, "capabilities"),
        ({"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 1}]}]}, "hostPort"),
    ],
)
def test_a_planted_violation_of_the_profile_is_found(change: Document, found: str) -> None:
    spec = pod_spec(of("overlays/small", "Deployment")[0])
    assert spec is not None
    assert found in violations(spec | change)


def _named(folder: str, kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in of(folder, kind)}


def undefined(folder: str, documents: list[Document]) -> list[str]:
    """What is named in these manifests and stands in none of them."""
    pods = [each["spec"]["template"] for each in documents if each["kind"] in ("Deployment", "Job")]
    found: list[str] = []

    def chosen(selector: dict[str, Any]) -> list[Document]:
        wanted = selector.get("matchLabels", selector) if selector else {}
        return [pod for pod in pods if wanted.items() <= pod["metadata"]["labels"].items()]

    def port(name: Any, where: str, of_pods: list[Document]) -> None:
        for pod in of_pods:
            ports = [p["name"] for c in pod["spec"]["containers"] for p in c.get("ports", [])]
            if isinstance(name, str) and name not in ports:
                found.append(f"{where}: port {name}")

    targets = {each["metadata"]["name"] for each in documents if each["kind"] == "Deployment"}
    for each in documents:
        name, kind, spec = each["metadata"]["name"], each["kind"], each.get("spec", {})
        if kind in ("Deployment", "Job"):
            pod = pod_spec(each)
            assert pod is not None
            if (
                kind == "Deployment"
                and not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
            ):
                found.append(f"{name}: its own selector")
            if pod["serviceAccountName"] not in _named(folder, "ServiceAccount"):
                found.append(f"{name}: account")
            volumes = {volume["name"] for volume in pod["volumes"]}
            for volume in pod["volumes"]:
                if "secret" in volume and volume["secret"]["secretName"] not in secrets():
                    found.append(f"{name}: secret {volume['secret']['secretName']}")
            for container in pod["containers"]:
                found += [f"{name}: volume {m['name']}" for m in container["volumeMounts"] if m["name"] not in volumes]
                for source in container.get("envFrom", []):
                    if source["configMapRef"]["name"] not in _named(folder, "ConfigMap"):
                        found.append(f"{name}: settings {source['configMapRef']['name']}")
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    if probe in container:
                        port(container[probe]["httpGet"]["port"], name, [{"spec": pod}])
        elif kind == "Service":
            found += [] if chosen(spec["selector"]) else [f"{name}: selects nothing"]
            port(spec["ports"][0]["targetPort"], name, chosen(spec["selector"]))
        elif kind == "PodDisruptionBudget":
            found += [] if chosen(spec["selector"]) else [f"{name}: selects nothing"]
        elif kind == "NetworkPolicy":
            found += [] if chosen(spec["podSelector"]) else [f"{name}: selects nothing"]
            for rule in spec.get("ingress", []):
                for entry in rule["ports"]:
                    port(entry["port"], name, chosen(spec["podSelector"]))
            for rule in [*spec.get("egress", []), *spec.get("ingress", [])]:
                for peer in [*rule.get("to", []), *rule.get("from", [])]:
                    if "podSelector" in peer and not chosen(peer["podSelector"]):
                        found.append(f"{name}: a peer that is not there")
        elif kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            found += [] if spec["scaleTargetRef"]["name"] in targets else [f"{name}: target"]
            for trigger in spec.get("triggers", []):
                if trigger["authenticationRef"]["name"] not in _named(folder, "TriggerAuthentication"):
                    found.append(f"{name}: authentication")
        elif kind == "TriggerAuthentication":
            found += [f"{name}: secret {r['name']}" for r in spec["secretTargetRef"] if r["name"] not in secrets()]
    return found


def secrets() -> set[str]:
    """The Secrets that `secrets.sh` writes; KEDA's is Strimzi's user."""
    return {*SERVICES, "console", *(f"{name}-owner" for name in (*SERVICES, "console")), "topics", "keda"}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_everything_that_is_named_is_there(folder: str) -> None:
    assert undefined(folder, manifests(folder)) == []


def test_planted_names_that_are_not_there_are_found() -> None:
    documents = copy.deepcopy(manifests("overlays/large"))
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in documents}
    by_name["Deployment", "membership-api"]["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"][
        "name"
    ] = "no"
    by_name["Service", "feedback"]["spec"]["selector"]["app.kubernetes.io/name"] = "no"
    by_name["ScaledObject", "messaging-consumer"]["spec"]["scaleTargetRef"]["name"] = "no"
    found = undefined("overlays/large", documents)
    assert found == [
        "feedback: selects nothing",
        "membership-api: settings no",
        "messaging-consumer: target",
    ] or sorted(found) == sorted(
        ["feedback: selects nothing", "membership-api: settings no", "messaging-consumer: target"]
    )


@pytest.mark.parametrize("folder", APPS)
@pytest.mark.parametrize("name", SERVICES)
def test_the_processes_of_a_service_run_all_of_its_parts(folder: str, name: str) -> None:
    parts: list[str] = []
    service = service_of(name)
    for manifest in of(folder, "Deployment"):
        template = manifest["spec"]["template"]
        if template["metadata"]["labels"]["app.kubernetes.io/name"] != name:
            continue
        (container,) = template["spec"]["containers"]
        module, verb, *more = container["args"]
        assert (module, verb) == (f"{name.replace('-', '_')}.main", "serve")
        own = list(service.parts) if not more else [more[1]]
        assert ("regulars/api" in template["metadata"]["labels"]) == ("api" in own)
        parts += own
    assert sorted(parts) == sorted(service.parts)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_setting_is_one_that_the_process_reads(folder: str) -> None:
    settings = {each["metadata"]["name"]: set(each["data"]) for each in of(folder, "ConfigMap")}
    kafka = {f"KAFKA_{name}" for name in ("SECURITY_PROTOCOL", "CA_FILE", "SASL_MECHANISM")}
    for manifest in of(folder, "Deployment", "Job"):
        name = manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        given = {key for source in container["envFrom"] for key in settings[source["configMapRef"]["name"]]}
        if name == "console":
            assert given <= {field.upper() for field in ConsoleSettings.model_fields}
        elif name in SERVICES:
            kinds = (Settings, *service_of(name).settings)
            assert given - kafka <= {field.upper() for kind in kinds for field in kind.model_fields}, name


def test_migrations_come_before_and_as_the_owner() -> None:
    jobs = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in of("migrate", "Job")}
    assert set(jobs) == {"topics", *(f"{name}-migrate" for name in (*SERVICES, "console"))}
    for name in (*SERVICES, "console"):
        spec = jobs[f"{name}-migrate"]
        assert spec["containers"][0]["args"] == [f"{name.replace('-', '_')}.main", "migrate"]
        assert spec["volumes"][0]["secret"]["secretName"] == f"{name}-owner"
    for folder in APPS:
        assert of(folder, "Job") == []
        for manifest in of(folder, "Deployment"):
            assert "--migrate" not in manifest["spec"]["template"]["spec"]["containers"][0]["args"]
            named = [
                v["secret"]["secretName"] for v in manifest["spec"]["template"]["spec"]["volumes"] if "secret" in v
            ]
            assert not any(name.endswith("-owner") for name in named), "SEC-001"


@pytest.mark.parametrize("folder", APPS)
def test_every_deployment_survives_a_drained_node(folder: str) -> None:
    budgets = {each["metadata"]["name"]: each["spec"] for each in of(folder, "PodDisruptionBudget")}
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"].get("minReplicas", each["spec"].get("minReplicaCount"))
        for each in of(folder, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for manifest in of(folder, "Deployment"):
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        assert budgets[name]["maxUnavailable"] == 1
        assert spec.get("replicas", scaled.get(name, 0)) >= 2, name
        assert ("replicas" in spec) != (name in scaled), "a scaled Deployment leaves its number to its scaler"
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        keys = {each["topologyKey"] for each in spec["template"]["spec"]["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def test_consumers_grow_with_their_lag_and_never_beyond_the_partitions() -> None:
    scaled = {each["metadata"]["name"]: each["spec"] for each in of("overlays/large", "ScaledObject")}
    assert set(scaled) == {f"{name}-consumer" for name in SERVICES}
    for name in SERVICES:
        spec = scaled[f"{name}-consumer"]
        assert spec["maxReplicaCount"] <= PARTITIONS
        assert spec["fallback"]["replicas"] <= PARTITIONS
        assert spec["triggers"][0]["metadata"]["consumerGroup"] == name


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
