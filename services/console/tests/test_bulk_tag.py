"""A tag for all who fit the filters: as many as were shown, once, and never without a look at the number."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from console.client import Answer, Services
from console.customers import exporting
from console.customers.as_segment import condition_of
from console.web.tags import tag_of

from .conftest import Site

QUERY = "life_cycle=sleeping"


class Listing(Services):
    """Answers a list of customers, and takes tags."""

    customers: list[str]
    tagged: list[tuple[str, list[str]]]

    async def _call(self, method: str, service: str, path: str, **more: Any) -> Answer:
        if method == "POST" and "/tags/" in path:
            self.tagged.append((path, more["json"]["customers"]))
            return Answer(service, "ok", {"changed": len(more["json"]["customers"]), "unknown": []})
        if path.endswith("/customers"):
            after, limit = more["params"].get("after", ""), int(more["params"]["limit"])
            left = [name for name in self.customers if name > after]
            facts = dict.fromkeys(("tier_id", "stage", "life_cycle", "rfm_class", "rfm_cell"))
            rows = [{"customer": name, "completed_orders": 1} | facts for name in left[:limit]]
            return Answer(
                service, "ok", {"customers": rows, "next_after": left[limit - 1] if len(left) > limit else None}
            )
        return Answer(service, "unavailable")


@pytest.fixture
def listing(site: Site) -> Listing:
    given = site.console.settings
    made = Listing(given.addresses(), "", 1, 1)
    made.customers, made.tagged = [f"c{number:05}" for number in range(1_200)], []
    site.console.services = made
    return made


@pytest.mark.parametrize("typed", ["", "  ", "a/b", 'say "x"', "x" * 101, "a\x00b"])
def test_what_is_no_tag_is_refused(typed: str) -> None:
    assert tag_of(typed) is None


async def test_all_who_fit_get_the_tag_once(site: Site, listing: Listing) -> None:
    """Trap 12: the number, some of them and the effect are shown first, and all pages of the list are meant."""
    browser = await site.signed_in("marketer", "Max")
    page = await browser.get(f"/s/tea/bulk-tag?query={QUERY.replace('=', '%3D')}")
    assert ("1,200 customers fit now." in page, "c00004" in page, "c00005" in page) == (True, True, False)
    sent: dict[str, Any] = {"query": QUERY, "expected": "1200", "tag": "spring  list"}
    await browser.post("/s/tea/bulk-tag", **sent)
    assert [(path, len(names)) for path, names in listing.tagged] == [
        ("/v1/shops/tea/tags/spring%20list/customers", 1_200)
    ]
    await browser.get(f"/s/tea/bulk-tag?query={QUERY.replace('=', '%3D')}")
    form: dict[str, Any] = {"form": "one-form-alone"}
    for _ in range(2):
        await browser.get(f"/s/tea/bulk-tag?query={QUERY.replace('=', '%3D')}")
        await browser.post("/s/tea/bulk-tag", **sent, **form)
    assert len(listing.tagged) == 2, "one form is one command"
    assert ("tag_in_bulk", "tags/spring%20list/1200", "ok") in await site.entries()


async def test_a_number_that_has_moved_is_shown_again(site: Site, listing: Listing) -> None:
    browser = await site.signed_in("owner", "Ann")
    await browser.get(f"/s/tea/bulk-tag?query={QUERY.replace('=', '%3D')}")
    listing.customers = listing.customers[:1_000]
    await browser.post("/s/tea/bulk-tag", query=QUERY, expected="1200", tag="spring")
    assert (browser.status, listing.tagged) == (409, [])
    assert ("look at it again" in browser.page, "1,000 customers fit now." in browser.page) == (True, True)
    listing.customers = [f"c{number:05}" for number in range(10_001)]
    await browser.get(f"/s/tea/bulk-tag?query={QUERY.replace('=', '%3D')}")
    assert "More than 10,000 fit" in browser.page
    await browser.post("/s/tea/bulk-tag", query=QUERY, expected="10000", tag="spring", form="another-form")
    assert (browser.status, listing.tagged) == (409, [])


async def test_the_list_is_downloaded_whole_and_recorded(site: Site, listing: Listing) -> None:
    """All pages of it; a spreadsheet takes no id for a formula."""
    listing.customers = ["=1+1", *listing.customers]
    browser = await site.signed_in("owner", "Olga")
    page = await browser.get(f"/s/tea/customers?{QUERY}")
    assert "Download all who fit as a table" in page
    assert f"/segment-builder?expression={quote('life_cycle = sleeping')}" in page
    await browser.post("/s/tea/customers-export", query=QUERY)
    lines = browser.page.splitlines()
    assert (browser.headers["content-type"], len(lines)) == ("text/csv; charset=utf-8", 1_202)
    assert lines[:3] == [",".join(exporting.COLUMNS), "'=1+1,,,,,,1", "c00000,,,,,,1"]
    exported = [entry for entry in await site.entries() if entry[0] == "export_customers"]
    assert exported == [("export_customers", "customers/life_cycle=sleeping/1201", "downloaded")]
    marketer = await site.signed_in("marketer", "Max")
    assert "Download all" not in await marketer.get("/s/tea/customers")
    await marketer.post("/s/tea/customers-export", query=QUERY)
    assert marketer.status == 403


@pytest.mark.parametrize(
    ("chosen", "condition"),
    [
        ({"stage": "new", "rfm": "important_keep"}, "stage = new and rfm_class = important_keep"),
        ({"tier": "gold"}, 'tier = "Gold tea"'),
        ({"tier": "odd"}, ""),
        ({"tier": "never"}, ""),
        ({"stage": "new", "cell": "101"}, "stage = new and rfm_cell = 101"),
        ({}, ""),
    ],
)
def test_filters_become_the_condition_of_a_segment(chosen: dict[str, str], condition: str) -> None:
    """A tier by the name that segments know, a cell of the RFM map as it is called."""
    assert condition_of(chosen, {"gold": "Gold tea", "odd": 'The "odd"'}) == condition
