"""The HTTP side of one service: its own routes, and those that every service has."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, FastAPI

from common.events.topics import SERVICES
from common.http import exporting, health, limits, metrics, openapi, ops, problems
from common.http.api import assert_scoped, route_name
from common.http.callers import ApiKeys
from common.process.runtime import Runtime


def build_app(runtime: Runtime, readiness: health.Readiness) -> FastAPI:
    """The service's HTTP side: those routes that every service has, and its own where the process runs its API."""
    # As they stand: to include a router makes each of its routes anew, and each request looks through two lists then.
    # Routes are tried one after the other: the service's own, which are asked for all the time, come first.
    routes = [route for router in _routers(runtime) for route in router.routes]
    app = FastAPI(
        title=f"Regulars {runtime.name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a client that does not follow would take the empty answer for a success
        generate_unique_id_function=route_name,
        routes=routes,
    )
    app.state.runtime = runtime
    bootstrap, watching = runtime.settings.bootstrap_api_key, runtime.settings.metrics_key
    keys = ApiKeys(
        runtime.database,
        runtime.master,
        bootstrap.get_secret_value() if bootstrap else None,
        metrics=watching.get_secret_value() if watching else None,
        rate=runtime.settings.rate_limit,
    )
    app.state.api_keys = keys
    runtime.on_key_changed.append(keys.forget)
    problems.install(app)
    limits.install(app)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]  # as FastAPI's documentation does
    app.include_router(openapi.router(app))
    app.include_router(health.router(readiness))
    assert_scoped(app)
    return app


def _routers(runtime: Runtime) -> list[APIRouter]:
    own = [*runtime.service.routers] if "api" in runtime.parts else []
    export = [exporting.router] if own and runtime.name in SERVICES else []
    return [*own, *export, metrics.router, ops.router]
