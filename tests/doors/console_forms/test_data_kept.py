"""Forms of how long customers are kept, and of what partners are given."""

from __future__ import annotations

import re

from ..desk import Desk


async def test_how_long_customers_are_kept_is_tried_set_and_taken_back(desk: Desk) -> None:
    """SEC-006: what makes no sense is said beside the field; an empty one keeps everybody."""
    assert "everybody is kept for ever" in await desk.get("/retention?months=12")
    assert "gave no sign since" in desk.page
    await desk.get("/retention-form")
    page = await desk.send("/retention", 422, command=desk.command(), months="0")
    assert "Write a whole number within its bounds." in page
    page = await desk.follow("/retention", command=desk.command(), months="24")
    assert "Nobody is erased before" in page
    assert "Set by</dt><dd>Olga," in page, "SEC-004"
    assert (await desk.services.json("orders-ingest", "/retention"))["months"] == 24
    await desk.get("/retention-form")
    assert 'value="24"' in desk.page
    page = await desk.send("/retention", 422, command=desk.command(), months="36", version="0")
    assert "customers are kept for 24 months" in page, "never over another owner's period"
    await desk.get("/retention-form")
    page = await desk.follow("/retention", command=desk.command(), months="", version="1")
    assert "everybody is kept for ever" in page
    assert (await desk.services.json("orders-ingest", "/retention"))["months"] is None


async def test_what_a_partner_is_given_is_agreed_registered_and_revoked(desk: Desk) -> None:
    """SEC-007: the pages show who agreed, what was given and under which key; a file is the service's own."""
    assert "Nothing is given to anybody." in await desk.get("/sharing")
    await desk.get("/sharing-form")
    terms = {"partner": "pots", "name": "Teapot Works", "purpose": "spring", "basis": "pseudonyms", "command": "agree"}
    page = await desk.send("/sharing", 422, **terms)
    assert "name at least one field" in page
    page = await desk.follow("/sharing", **terms, **{"customer-orders": "yes", "customer-region": "yes"})
    assert "Number of orders, Region" in page
    page = await desk.send("/sharing/pots/files", 422, share_id="of-orders", what="orders")
    assert 'value="of-orders"' in page, "the agreement names no field of orders"
    page = await desk.follow("/sharing/pots/files", share_id="march", what="customers")
    assert "asked for by Olga" in page
    assert "customer,orders,region" in await desk.send("/sharing/pots/files/march", 200)
    await desk.get("/sharing/pots")
    assert "customer,because" in await desk.send("/sharing/pots/gone", 200)
    assert re.search(r"of \d+ customers?, \d+ without a description, key 1", await desk.get("/sharing/pots"))
    assert "key 2, since" in await desk.follow("/sharing/pots/key", replaces="1")
    await desk.get("/sharing-form?partner=pots")
    assert 'value="Teapot Works"' in desk.page
    assert "nobody can say whom its rows meant" in await desk.follow("/sharing/pots/revocation")
    assert "Download as it stands now" not in desk.page
    assert "revoked" in await desk.get("/sharing")
    (kept,) = (await desk.services.json("orders-ingest", "/sharing/partners"))["items"]
    assert (kept["agreed_by"], kept["revoked_by"]) == ("Olga", "Olga")
