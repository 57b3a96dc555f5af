"""Saved views of the list of customers: one's own and the shop's, and whose they are to save and delete."""

from __future__ import annotations

import secrets

import pytest

from console.access.store_views import MOST
from console.customers.views import filters_of

from .conftest import Site

BENS = "Ben's <b>"
QUERY = "stage=returning&life_cycle=sleeping"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (QUERY, {"stage": "returning", "life_cycle": "sleeping"}),
        ("stage=new&after=c1&wanted=mia%40tea.example&next=//evil", {"stage": "new"}),
        ("tier=gold&stage=%00", {"tier": "gold"}),
        ("", {}),
        ("%zz&=&&", {}),
    ],
)
def test_a_view_keeps_filters_and_nothing_else_of_an_address(query: str, kept: dict[str, str]) -> None:
    assert filters_of(query) == kept


async def test_views_are_ones_own_or_the_shops_and_deleted_by_whose_they_are(site: Site) -> None:
    """Trap 1: state in the address alone; a view is a name for it."""
    ann, ben = await site.signed_in("owner", "Ann"), await site.signed_in("viewer", "Ben")
    for browser, path, name in ((ben, "customer-views", BENS), (ann, "shared-customer-views", "Asleep")):
        await browser.get(f"/s/tea/customers?{QUERY}")
        await browser.post(f"/s/tea/{path}", query=QUERY, name=name)
        assert browser.status == 200, browser.page
    assert "Saved views" in await ann.get("/s/tea/customers")
    assert ("Asleep" in ann.page, "Ben's" in ann.page) == (True, False)
    page = await ben.get(f"/s/tea/customers?{QUERY}")
    assert ("Asleep" in page, BENS in page, "Delete the view Asleep" in page) == (True, True, False)
    await ben.post("/s/tea/shared-customer-views", query=QUERY, name="mine for all")
    assert ben.status == 403
    async with site.console.database.transaction() as tx:
        found = {row.name: row.view_id for row in await tx.fetch("select name, view_id from views")}
    await ben.get(f"/s/tea/customers?{QUERY}")
    await ben.post(f"/s/tea/customer-views/{found['Asleep']}/delete", form=secrets.token_urlsafe())
    assert ben.status == 404, "the shop's is not a viewer's to delete"
    await ann.get(f"/s/tea/customers?{QUERY}")
    await ann.post(
        f"/s/tea/customer-views/{found[chr(66) + 'en' + chr(39) + 's <b>']}/delete", form=secrets.token_urlsafe()
    )
    assert ann.status == 404, "nor somebody else's own"
    wine = await site.signed_in("owner", "Wu", "wine")
    await wine.get("/s/wine/customers")
    assert "Asleep" not in wine.page
    await wine.post(f"/s/wine/customer-views/{found['Asleep']}/delete", form=secrets.token_urlsafe())
    assert wine.status == 404
    await ann.get(f"/s/tea/customers?{QUERY}")
    await ann.post(f"/s/tea/customer-views/{found['Asleep']}/delete", form=secrets.token_urlsafe())
    assert "Asleep" not in ann.page
    assert [each for each in await site.entries() if "view" in each[0]] == [
        ("save_view", f"views/{BENS}", "done"),
        ("save_view", "views/Asleep", "done"),
        ("delete_view", "views/Asleep", "done"),
    ]


@pytest.mark.parametrize(("query", "name"), [(QUERY, ""), (QUERY, "x" * 61), ("after=1", "a place")])
async def test_what_is_no_view_is_refused_and_the_filters_stay(site: Site, query: str, name: str) -> None:
    browser = await site.signed_in("viewer", "Vi")
    await browser.get(f"/s/tea/customers?{QUERY}")
    await browser.post("/s/tea/customer-views", query=query, name=name)
    assert (browser.status, "at most 60 characters" in browser.page) == (422, True)


async def test_one_name_is_one_view_and_there_are_thirty_at_most(site: Site) -> None:
    browser = await site.signed_in("viewer", "Vi")
    await browser.get(f"/s/tea/customers?{QUERY}")
    for number in range(MOST + 1):
        await browser.post("/s/tea/customer-views", query=QUERY, name=f"view {number}")
        if number < MOST:
            assert browser.status == 200
    assert (browser.status, "30 views already" in browser.page) == (422, True)
    await browser.post("/s/tea/customer-views", query="stage=new", name="VIEW 3")
    assert browser.status == 200, "the newest filters count under a name"
    async with site.console.database.transaction() as tx:
        rows = await tx.fetch("select name from views where query = 'stage=new'")
        assert [row.name for row in rows] == ["VIEW 3"]
