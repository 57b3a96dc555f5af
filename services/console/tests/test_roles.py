"""Pages and roles: the table is complete, and each route keeps to it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

import console.app as app_module
from console.access.roles import PAGES, ROLES, Role, Unlisted, check_listed
from console.app import build_app, names

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


def test_a_route_without_an_entry_fails_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC: a page that nobody thought about is seen by nobody."""
    stray = APIRouter()

    @stray.get("/s/{shop}/stray")
    async def stray_page() -> str:
        return "seen"

    monkeypatch.setattr(app_module, "ROUTERS", (*app_module.ROUTERS, stray))
    with pytest.raises(Unlisted, match="stray_page"):
        build_app(site.console)


def test_an_entry_without_a_route_is_named_too() -> None:
    with pytest.raises(Unlisted, match="health"):
        check_listed(set(PAGES) - {"health"})


def test_every_open_page_says_why() -> None:
    assert [name for name, page in PAGES.items() if page.door == "open" and not page.why] == []


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


async def test_another_shops_pages_are_not_there(site: Site) -> None:
    """SEC-001: an owner of one shop is nobody in another."""
    browser = await site.signed_in("owner")
    for path in ("today", "customers", "customers/ann", "imports", "dead-letters", "audit"):
        await browser.get(f"/s/wine/{path}")
        assert browser.status == 404, path


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
