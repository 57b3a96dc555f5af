"""deploy/kubernetes is valid, and its processes are those that the services have."""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest
from pydantic_settings import BaseSettings

from common.events.topics import PARTITIONS, SERVICES
from common.process.settings import Settings
from console.settings import ConsoleSettings

from .manifests import APPS, CUSTOM, VERSIONS, manifests, of, service_of
from .rendering import KUBERNETES, KUSTOMIZE, OVERLAYS, kustomized, normal, rendered


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


def test_a_planted_unknown_field_is_refused() -> None:
    planted = copy.deepcopy(of("overlays/small", "Deployment")[0])
    planted["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(planted, VERSIONS[-1], strict=True)


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
            kinds: list[type[BaseSettings]] = [Settings, *service_of(name).settings]
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
