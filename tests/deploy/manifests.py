"""The manifests of deploy/kubernetes by overlay and kind, and what the tests ask of all of them."""

from __future__ import annotations

import functools
import importlib

from common.events.topics import SERVICES
from common.process.runtime import Service

from .rendering import Document, render

VERSIONS = ("1.35", "1.37")
CUSTOM = {
    "ScaledObject": {
        "scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "fallback",
        "advanced", "triggers",
    },
    "TriggerAuthentication": {"secretTargetRef"},
}  # fmt: skip
"""Of KEDA, whose schema is not at hand: the fields that its documentation names."""
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


def secrets() -> set[str]:
    """The Secrets that `secrets.sh` writes; KEDA's is Strimzi's user."""
    return {*SERVICES, "console", *(f"{name}-owner" for name in (*SERVICES, "console")), "topics", "keda"}
