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
