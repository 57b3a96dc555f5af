"""Today raises the alert on what was not as usual (ANA-045)."""

from __future__ import annotations

from typing import Any

from .answering import Answering
from .conftest import Site


async def test_an_unusual_week_stands_first_on_today_and_a_usual_one_does_not(site: Site) -> None:
    """ANA-045: the key figure, its size and the period."""
    fell = {"kpi": "orders", "value": 26, "usual": "70.00", "change": "-62.9", "worse": True}
    week: dict[str, Any] = {"week": "2026-11-23", "weeks": 4, "currency": "GBP", "anomalies": [fell]}
    browser = await site.signed_in("agent")
    services = site.console.services = Answering({"/kpis/anomalies": week})
    page = await browser.get("/s/tea/today")
    alert = page[page.index('id="unusual"') : page.index('id="weeks"')]
    assert all(said in alert for said in ("2026-11-23", "Orders", "26", "\u221263 % against the weeks before"))
    services.bodies["/kpis/anomalies"] = week | {"anomalies": []}
    assert 'id="unusual"' not in await browser.get("/s/tea/today")


async def test_a_value_that_nobody_knows_is_not_shown_as_known(site: Site) -> None:
    """SEG-025, ANA-024, ANA-040: a degenerate fit is named wherever its values are, and no cost is no zero."""
    quality = {"value_per_member": 1_758_95, "value_fit": "degenerate"}
    quality |= dict.fromkeys(("repurchasers_percent", "active_percent", "buying_percent", "net_per_member"))
    side = {"each": 0, "total": 0, "customers": 3}
    browser = await site.signed_in("owner")
    site.console.services = Answering(
        {
            "/kpis/assets": {"members": 3, "currency": "GBP", "quality": quality},
            "/report/customer-costs": {"currency": "GBP", "won": side, "kept": side, "times": None},
            "/kpis/seasons": {"currency": "GBP", "categories": []},
            "/lifetime-value": {"status": "degenerate"},
            "/segment-facts": {"facts": []},
            "/segments/preview": {
                **{"in_english": "grade", "in_chinese": "-", "customers": 7, "looked_at": 9, "sample": []},
                "as_of": "2026-11-30T08:00:00Z",
            },
        }
    )
    page = await browser.get("/s/tea/kpis")
    assert page.count("cannot be relied on") == 1
    assert page.count("n/a: no cost is known") == 2
    assert "0.00" not in page
    assert "Nothing was bought of which the category is known." in page
    for expression, named in (("value_grade = 5 and orders >= 1", 1), ("orders >= 1", 0)):
        page = await browser.post("/s/tea/segment-builder", segment="best", name="Best", expression=expression)
        assert (browser.status, page.count("cannot be relied on")) == (200, named), expression
