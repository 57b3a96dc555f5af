"""Who looked at which customer is in the record (SEC-004)."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from console.access.roles import PAGES

from .answering import Answering
from .conftest import Site
from .test_roles import PARTS

OPENED = ("open_customer", "customers/ann", "opened")


async def entries(site: Site) -> list[tuple[str, str, str]]:
    return [each for each in await site.entries() if each[0] != "invite"]


async def test_each_page_of_a_customer_is_recorded_before_it_is_shown(site: Site) -> None:
    """SEC-004: whatever its part, and whoever makes a new one."""
    paths = [
        re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: PARTS[m[1]], str(getattr(route, "path", "")))
        for route in iter_route_contexts(site.app.routes)
        if "GET" in (route.methods or ()) and "{customer}" in str(getattr(route, "path", "")) and route.name in PAGES
    ]
    assert len(paths) > 10
    for path in paths:
        before = len(await entries(site))
        browser = await site.signed_in("owner")
        await browser.get(path)
        assert (await entries(site))[before:] == [OPENED], path


BODIES: dict[str, dict[str, Any]] = {
    "tickets/t-1": {"/tickets/t-1": {"customer": "ann"}},
    "orders/o-1": {"/orders/o-1": {"customer": "ann"}},
    "messages/m-1": {"/messages/m-1": {"customer": "ann"}},
    "redemptions/r-1": {"/redemptions/r-1": {"customer": "ann"}},
    "tasks/task-1": {"/staff-tasks/task-1": {"customer": "ann", "topic": None}},
    "calls/m-1": {"/call-tasks/m-1": {"customer": "ann"}},
    "content/show-1": {"/ugc/show-1": {"customer": "ann"}},
}


@pytest.mark.parametrize("page", BODIES)
async def test_a_page_that_shows_what_is_a_customers_is_recorded_too(site: Site, page: str) -> None:
    """SEC-004: a ticket, an order, a message, a redemption, a task, a call, a contribution."""
    site.console.services = Answering(BODIES[page])
    browser = await site.signed_in("owner")
    # The rest of the answer is not there, so that the page cannot be drawn: the entry is, all the same.
    await browser.client.get(f"/s/tea/{page}")
    assert await entries(site) == [OPENED]


WRONG_FORMS: dict[str, dict[str, Any]] = {
    "customers/ann/tags": {"tag": "", "form": "f-1"},
    "customers/ann/adjust": {"command": "c-1", "points": "many", "form": "f-1"},
    "customers/ann/adjust/check": {"command": "c-1"},
    "customers/ann/redeem": {"command": "c-1", "points": "many", "form": "f-1"},
    "customers/ann/redeem/check": {"command": "c-1"},
    "customers/ann/erasure/check": {"written": "bea"},
    "templates/tier_up/preview": {"customer": " ann "},
}


@pytest.mark.parametrize("path", WRONG_FORMS)
async def test_a_form_that_orders_nothing_and_shows_a_customer_is_a_look_as_well(site: Site, path: str) -> None:
    """SEC-004: a wrong form has its page again, one to be checked what it is about; none that is not ours."""
    browser = await site.signed_in("owner")
    await browser.client.post(f"/s/tea/{path}", data=WRONG_FORMS[path], headers={"sec-fetch-site": "same-origin"})
    assert await entries(site) == [], "not our form"
    await browser.post(f"/s/tea/{path}", **WRONG_FORMS[path])
    assert await entries(site) == [OPENED]


async def test_what_is_recommended_to_a_customer_is_a_look_and_to_nobody_none(site: Site) -> None:
    """SEC-004: it says what they bought; the customer stands in the query."""
    browser = await site.signed_in("viewer")
    await browser.get("/s/tea/recommendations?customer=&sku=tin-20")
    assert await entries(site) == []
    await browser.get("/s/tea/recommendations?customer=+ann+")
    assert await entries(site) == [OPENED]


async def test_one_entry_an_hour_says_that_somebody_works_with_a_customer(site: Site) -> None:
    """SEC-004: not one for each page and reload; one for each person and customer, and the next hour its own."""
    ann, bob = await site.signed_in("owner", "Ann"), await site.signed_in("agent", "Bob")
    paths = [f"/s/tea/customers/{path}" for path in ("ann", "ann/orders", "ann", "ann/timeline?wait=1", "bea")]
    await asyncio.gather(*(ann.client.get(path) for path in paths))
    await bob.get(paths[0])
    async with site.console.database.transaction() as tx:
        rows = await tx.fetch("select person, shop, object from audit order by person, object")
        assert [tuple(row) for row in rows] == [
            ("Ann", "tea", "customers/ann"),
            ("Ann", "tea", "customers/bea"),
            ("Bob", "tea", "customers/ann"),
        ]
        assert await tx.value("select max(until) - now() from looks") > timedelta(minutes=50)
        await tx.execute("update looks set until = now()")
    await ann.get(paths[0])
    assert len(await entries(site)) == 4


@pytest.mark.parametrize(
    ("wanted", "kind"), [("ann@shop.example", "email"), ("+44 20 7946 0001", "phone"), ("Ann Lee", "name")]
)
async def test_a_search_that_found_somebody_says_whom_and_not_what_was_written(
    site: Site, wanted: str, kind: str
) -> None:
    """SEC-004: it tells whose mailbox, number or name it is."""
    found = [{"customer": name, "goes_on_as": None} for name in ("ann", "bea")]
    site.console.services = Answering(
        {"/customers/find": {"customers": found, "next_after": None}, "/customers/names": {"names": {}}}
    )
    browser = await site.signed_in("agent")
    await browser.get("/s/tea/customers")
    await browser.post("/s/tea/customers", wanted=wanted)
    assert await entries(site) == [(f"find_by_{kind}", "customers/ann customers/bea", "found")]
    site.console.services = Answering({"/customers/find": {"customers": [], "next_after": None}})
    await browser.post("/s/tea/customers", wanted=wanted)
    assert len(await entries(site)) == 1


async def test_an_id_that_nobody_can_have_is_looked_for_without_an_entry(site: Site) -> None:
    browser = await site.signed_in("agent")
    await browser.get(f"/s/tea/customers/{'a' * 4_000}")
    assert (browser.status, await entries(site)) == (200, [])
