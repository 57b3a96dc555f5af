"""Pages and roles: the table is complete, and each route keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

import console.app as app_module
from console.access.roles import PAGES, ROLES, Page, Role, Unlisted, check_listed
from console.app import Unguarded, build_app, names

from .conftest import Site

PARTS = {
    "customer": "ann",
    "person": "1",
    "made": "1",
    "violation": "1",
    "job": "job-1",
    "partner": "pots",
    "share": "spring",
    "version": "1",
    "message": "m-1",
    "month": "2026-03",
    "service": "membership",
    "dead_id": "1",
    "link": "nothing",
    "name": "nothing",
    "order": "o-1",
    "redemption": "r-1",
    "ticket": "t-1",
    "action": "note",
    "item": "photo",
    "claim": "c-1",
    "form_id": "usage",
    "which": "contact",
    "prefix": "abc",
    "command": "c-1",
    "shop": "tea",
    "segment": "quiet",
    "tag": "vip",
    "topic": "price",
    "view": "1",
    "flow": "nurture",
    "campaign": "spring",
    "template": "spring_tea",
    "task": "task-1",
    "content_id": "show-1",
    "question": "stars",
    "number": "0",
    "other": "0",
    "decision": "refuse",
    "offer": "spring-10",
    "batch": "b-1",
    "code": "SPRING10",
    "referral": "r-1",
    "payout": "p-1",
    "activity": "tasting",
    "community": "friends",
    "sku": "tin-20",
    "run": "march",
    "vendor": "shopify",
    "request_id": "r-1",
    "order_id": "o-1",
    "buyer_type": "habitual",
    "insert": "thanks",
    "channel": "email",
    "kind": "budget",
    "period": "week",
    "since": "2026-03-02",
    "goal": "g-1",
}


_FIELDS: dict[str, Any] = {
    "decision": "approve",
    "absorbed": "bea",
    "replaces": "0",
    "query": "stage=new",
    "enabled": "false",
    "version": "1",
}
_FIELDS |= {"ticket_id": "t-9"}
"""Fields without which a form is unreadable."""


SAME_SITE = {"sec-fetch-site": "same-origin"}
LED_TO_SIGN_IN = {(303, "/sign-in"), (401, "")}


def test_a_route_without_an_entry_fails_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC: a page that nobody thought about is seen by nobody."""
    stray = APIRouter()

    @stray.get("/s/{shop}/stray")
    async def stray_page() -> str:
        return "seen"

    monkeypatch.setattr(app_module, "ROUTERS", (*app_module.ROUTERS, stray))
    with pytest.raises(Unlisted, match="stray_page"):
        build_app(site.console)


@pytest.mark.parametrize("door", ["shop", "signed_in"])
def test_a_page_without_the_guard_fails_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, door: Literal["shop", "signed_in"]
) -> None:
    """S1: listed as a page of a shop or of a person, and answered to everybody."""
    stray = APIRouter()

    @stray.get("/s/{shop}/stray" if door == "shop" else "/stray")
    async def stray_page() -> str:
        return "seen"

    monkeypatch.setattr(app_module, "ROUTERS", (*app_module.ROUTERS, stray))
    monkeypatch.setitem(PAGES, "stray_page", Page(door=door))
    with pytest.raises(Unguarded, match="stray_page"):
        build_app(site.console)


def test_an_entry_without_a_route_is_named_too() -> None:
    with pytest.raises(Unlisted, match="health"):
        check_listed(set(PAGES) - {"health"})


def test_every_open_page_says_why() -> None:
    assert [name for name, page in PAGES.items() if page.door == "open" and not page.why] == []


def pages(site: Site, shop: str) -> Iterator[tuple[str, str, str]]:
    """Name, method and path of every page that is not open to everybody."""
    for route in iter_route_contexts(site.app.routes):
        if route.name is None or PAGES[route.name].door == "open":
            continue
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: (PARTS | {"shop": shop})[m[1]], str(getattr(route, "path", "")))
        yield from ((route.name, method, path) for method in (route.methods or set()) - {"HEAD"})


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_the_table_says(site: Site, role: Role) -> None:
    browser = await site.signed_in(role)
    page = browser.page
    differing = []
    for route in iter_route_contexts(site.app.routes):
        if route.name is None or PAGES[route.name].door != "shop":
            continue
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: PARTS[m[1]], str(getattr(route, "path", "")))
        browser.page = page  # its token
        if "POST" in (route.methods or set()):
            fields: dict[str, Any] = {"field": "email", "wanted": "ann", "layout": "online_retail", "channel": "email"}
            await browser.post(path, **fields, command="c-1", **_FIELDS)
        else:
            await browser.get(path)
        refused = browser.status == 403
        if refused == (role in PAGES[route.name].roles):
            differing.append((route.name, browser.status))
    assert differing == []


async def test_nobody_and_the_owner_of_another_shop_get_no_page(site: Site) -> None:
    """S1, SEC-001: every page, as who is not signed in, and as the owner of one shop who is nobody in the other."""
    nobody, owner = site.browser(), await site.signed_in("owner")
    found = re.search(r'name="token" value="([0-9a-f]+)"', owner.page)
    assert found is not None
    differing = []
    for name, method, path in pages(site, "wine"):
        answer = await nobody.client.request(method, path, headers=SAME_SITE)
        if (answer.status_code, answer.headers.get("location", "").partition("?")[0]) not in LED_TO_SIGN_IN:
            differing.append((name, "nobody", answer.status_code))
        if PAGES[name].door == "shop":
            sent = {"token": found[1]} if method == "POST" else None
            answer = await owner.client.request(method, path, data=sent, headers=SAME_SITE)
            if answer.status_code != 404:
                differing.append((name, "another shop's owner", answer.status_code))
    assert differing == []


async def test_who_is_not_signed_in_is_led_to_sign_in_and_back(site: Site) -> None:
    await site.signed_up("owner", "Ann")
    browser = site.browser()
    page = await browser.get("/s/tea/today")
    assert 'name="next" value="/s/tea/today"' in page
    await browser.post("/sign-in", name="Ann", password="correct horse battery staple", next="/s/tea/today")
    assert "<h1>Today</h1>" in browser.page


def test_all_routes_have_names_of_their_own(site: Site) -> None:
    found = names(site.app)
    assert len(found) == len(set(found))
