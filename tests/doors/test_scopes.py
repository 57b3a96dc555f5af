"""S1, SEC-001: which scope opens which route is a decision: scopes.tsv lists them all, kept by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from common.http.api import Route
from common.http.app import build_app
from common.http.health import Readiness
from common.http.scopes import SCOPES
from common.process.runtime import build_runtime
from common.process.settings import Settings

from .conftest import MODULES

LISTED = Path(__file__).with_name("scopes.tsv")
"""Service, method, path and scope of each route that asks for a key. Nothing writes this file: who changes what a
scope opens, or adds a route, says so here."""


def wanted(service: str, app: FastAPI) -> Iterator[str]:
    for route in iter_route_contexts(app.routes):
        original = getattr(route, "original_route", None)
        scopes = [each.wanted for each in original.required] if isinstance(original, Route) else []
        yield from ("\t".join((service, method, str(route.path), *scopes)) for method in route.methods or () if scopes)


def apps() -> Iterator[tuple[str, FastAPI]]:
    """Each service's routes, over a database that is not there."""
    for module in MODULES:
        settings = Settings(
            database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none",
            kafka_bootstrap_servers="127.0.0.1:1",
            master_key=SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        )
        yield module.SERVICE.name, build_app(build_runtime(module.SERVICE, settings), Readiness())


def test_each_route_wants_the_scope_that_is_listed() -> None:
    """The other tests of scopes read the scope out of the route's own answer, so they would take any."""
    found = [line for name, app in apps() for line in wanted(name, app)]
    assert sorted(found) == LISTED.read_text("utf-8").splitlines(), "in the order of `LC_ALL=C sort`"
    assert {line.rpartition("\t")[2] for line in found} == SCOPES.keys(), "a scope that opens nothing, or no scope"


def test_who_seeks_a_customer_by_an_address_or_a_name_or_sets_how_long_all_are_kept_is_recorded() -> None:
    """SEC-004: a search tells that this mailbox is customer X."""
    recorded = {
        (method, route.path)
        for _, app in apps()
        for route in iter_route_contexts(app.routes)
        if isinstance(original := getattr(route, "original_route", None), Route)
        for method in route.methods or ()
        if any(each.recorded for each in original.required)
    }
    shop = "/v1/shops/{shop}"
    searches = {("POST", f"{shop}/customers/find"), ("POST", f"{shop}/customers/search")}
    settings = {("PUT", f"{shop}/{what}") for what in ("retention", "webhooks/{vendor}", "order-lists/{vendor}")}
    assert searches | settings <= recorded
