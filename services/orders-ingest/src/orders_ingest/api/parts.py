"""Parts of the app that its routes share: the vault and the collector."""

from __future__ import annotations

from fastapi import FastAPI, Request

from common.process.runtime import Runtime
from orders_ingest.archive.vault import Vault
from orders_ingest.intake.collector import Collector


def runtime_of(request: Request) -> Runtime:
    """The process that answers the request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def vault_of(app: FastAPI) -> Vault:
    """The app's vault, made from the runtime at first use."""
    found: Vault | None = getattr(app.state, "vault", None)
    if found is None:
        runtime: Runtime = app.state.runtime
        found = app.state.vault = Vault(runtime.keys, runtime.master)
    return found


def collector_of(app: FastAPI) -> Collector:
    """The app's one collector, made from the runtime at first use."""
    found: Collector | None = getattr(app.state, "collector", None)
    if found is None:
        runtime: Runtime = app.state.runtime
        found = app.state.collector = Collector(runtime.database, vault_of(app))
    return found
