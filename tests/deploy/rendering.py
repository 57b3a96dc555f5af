"""Renders what deploy/kubernetes uses of kustomize, where kustomize itself is not installed: resources, components,
strategic merge patches with a target, a namespace, tags of images. Anything else is an error.

`test_kubernetes.py` compares it with kustomize's own output wherever that is on the PATH.
"""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .containers import ROOT, run

KUBERNETES = ROOT / "deploy/kubernetes"
OVERLAYS = ("overlays/small", "overlays/large", "migrate")
KUSTOMIZE = shutil.which("kustomize")
_MERGED_BY = {
    "containers": "name",
    "volumes": "name",
    "ports": "containerPort",
    "env": "name",
    "volumeMounts": "mountPath",
}
"""Lists whose items are merged by a key; others are replaced."""
_CLUSTER_WIDE = {"Namespace"}

Document = dict[str, Any]


def load(path: Path) -> list[Document]:
    return [document for document in YAML(typ="safe").load_all(path.read_text("utf-8")) if document]


def render(folder: str) -> list[Document]:
    """The manifests of an overlay, by kustomize where it is installed, else by what is written here."""
    if KUSTOMIZE:
        return kustomized(folder)
    return rendered(KUBERNETES / folder)


def kustomized(folder: str) -> list[Document]:
    text = run("kustomize", "build", KUBERNETES / folder).stdout
    return [document for document in YAML(typ="safe").load_all(text) if document]


def rendered(folder: Path) -> list[Document]:
    kustomization = load(folder / "kustomization.yaml")[0]
    known = {"apiVersion", "kind", "namespace", "resources", "components", "patches", "images"}
    assert set(kustomization) <= known, f"{folder}: {set(kustomization) - known} is not rendered here"
    documents: list[Document] = []
    for resource in kustomization.get("resources", []):
        path = folder / resource
        documents += rendered(path) if path.is_dir() else load(path)
    for component in kustomization.get("components", []):
        for resource in load(folder / component / "kustomization.yaml")[0].get("resources", []):
            documents += load(folder / component / resource)
        _patch(documents, folder / component)
    _patch(documents, folder)
    for document in documents:
        if "namespace" in kustomization and document["kind"] not in _CLUSTER_WIDE:
            document["metadata"]["namespace"] = kustomization["namespace"]
        for image in kustomization.get("images", []):
            for container in _containers(document):
                if container["image"].partition(":")[0] == image["name"]:
                    container["image"] = f"{image['name']}:{image['newTag']}"
    return documents


def _patch(documents: list[Document], folder: Path) -> None:
    for patch in load(folder / "kustomization.yaml")[0].get("patches", []):
        (change,) = load(folder / patch["path"])
        target = patch["target"]
        assert set(target) <= {"kind", "labelSelector"}
        for document in documents:
            if document["kind"] == target["kind"] and _selected(document, target.get("labelSelector")):
                wanted = {key: value for key, value in change.items() if key != "metadata"}
                document.update(_merged(document, wanted))


def _selected(document: Document, selector: str | None) -> bool:
    if selector is None:
        return True
    found = re.fullmatch(r"(\S+) (!?=) (\S+)", selector)
    assert found, selector
    labels: dict[str, str] = document["metadata"]["labels"]
    return (labels.get(found[1]) == found[3]) == (found[2] == "=")


def _merged(old: Any, new: Any, name: str = "") -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            **old,
            **{key: _merged(old[key], value, key) if key in old else _copied(value) for key, value in new.items()},
        }
    if isinstance(old, list) and isinstance(new, list) and name in _MERGED_BY:
        key = _MERGED_BY[name]
        known = {item[key]: item for item in old}
        changed = [_merged(known[item[key]], item) if item[key] in known else _copied(item) for item in new]
        names = {item[key] for item in new}
        return [*changed, *(item for item in old if item[key] not in names)]
    return _copied(new)


def _copied(value: Any) -> Any:
    return copy.deepcopy(value)


def _containers(document: Mapping[str, Any]) -> list[Document]:
    spec = pod_spec(document)
    return [*spec.get("containers", []), *spec.get("initContainers", [])] if spec else []


def pod_spec(document: Mapping[str, Any]) -> Document | None:
    """Of a workload; None of anything else."""
    if document["kind"] == "Pod":
        found: Document = document["spec"]
        return found
    if document["kind"] in ("Deployment", "Job", "StatefulSet", "DaemonSet"):
        inner: Document = document["spec"]["template"]["spec"]
        return inner
    return None


def normal(documents: list[Document]) -> dict[tuple[str, str], Any]:
    """By kind and name, lists with a merge key by that key, for a comparison."""

    def sort(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: sort(each, key) for key, each in value.items()}
        if isinstance(value, list) and name in _MERGED_BY and all(_MERGED_BY[name] in each for each in value):
            return sorted((sort(each) for each in value), key=lambda each: str(each[_MERGED_BY[name]]))
        return [sort(each) for each in value] if isinstance(value, list) else value

    return {(each["kind"], each["metadata"]["name"]): sort(each) for each in documents}
