"""Manifests of deploy/kubernetes name nothing that is not there."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from .manifests import manifests, of, secrets
from .rendering import OVERLAYS, Document, pod_spec


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
