"""Every pod of deploy/kubernetes keeps the profile `restricted` of the Pod Security Standards, and more."""

from __future__ import annotations

import os
from pathlib import Path

import kubernetes_validate
import pytest

from .manifests import CUSTOM, NAME, VERSIONS, of
from .rendering import KUBERNETES, OVERLAYS, Document, pod_spec, rendered

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


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
