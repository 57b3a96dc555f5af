"""A cart is priced with one statement, and as it is with several, whoever asks (P9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from common.events.customers import CustomerMerged
from common.storage.database import Database
from membership.commands import pricing
from membership.coupons.cart import Cart, Line

from ..api.carts import quoted
from ..api.offering import issued, offered
from ..conftest import NOW, V1, Client, Shop, deliver, rich

LINES = (Line("s0", 1, 10_000, "tea", None), Line("s1", 2, 5_000, "cup", None))


def asked(customer: str | None, **more: Any) -> pricing.Asked:
    return pricing.Asked(customer, Cart(LINES, 800), "CNY", **more)


@contextmanager
def counted(database: Database) -> Iterator[list[bool]]:
    """Of each statement that is run meanwhile, whether it is within a transaction: that takes BEGIN and COMMIT more."""
    found = list[bool]()

    def count(connection: Connection, *more: Any) -> None:
        driver: Any = connection.connection.driver_connection
        found.append(driver.is_in_transaction())

    event.listen(database.engine.sync_engine, "after_cursor_execute", count)
    try:
        yield found
    finally:
        event.remove(database.engine.sync_engine, "after_cursor_execute", count)


async def both(client: Client, question: pricing.Asked) -> tuple[pricing.Answer | None, pricing.Answer]:
    async with client.database.transaction() as tx:
        await tx.singly()
        at_once = await pricing.ask_at_once(tx, "tea", question)
        await tx.stand_still()
        return at_once, await pricing.ask(tx, "tea", question)


async def test_every_buyer_is_answered_alike_by_one_statement_and_by_several(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client, group="g", per_customer=1)
    await offered(client, "five", percent=500, group="g")
    await offered(client, "mask", percent=None, automatic=True, gifts=[{"sku": "mask", "kind": "sample"}])
    codes = tuple(await issued(client, ["c1", "c2"]))
    await issued(client, ["c1"], "five")
    for customer in ("c1", "c2", "nobody-yet", None):
        for more in ({}, {"codes": codes}, {"codes": ("wrong",)}, {"use_quota": False}):
            at_once, several = await both(client, asked(customer, **more))
            assert at_once == several, (customer, more)
    at_once, several = await both(client, asked("c1", points=300))
    assert at_once == several
    assert several.points_worth == 300


async def test_a_question_is_one_statement(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    await issued(client, ["c1"])
    await quoted(client, 10_000)
    with counted(client.database) as statements:
        await quoted(client, 10_000)
    assert statements == [False]
    with counted(client.database) as statements:
        async with client.database.transaction() as tx:
            await tx.value("select 1")
    assert statements == [True], "as it is seen of others"


async def test_by_a_new_version_of_the_programme_the_next_question_is_answered(client: Client, shop: Shop) -> None:
    """What is kept of the rules is known to be old by the numbers of their versions."""
    await rich(client, shop)
    assert (await quoted(client, 10_000))["tier"] == "Senior"
    programme = (await client.get(f"{V1}/programme")).json()["programme"]
    programme["tiers"][1]["name"] = "Elder"
    for tier in programme["tiers"][1:]:
        tier["price"] = 9_000
    soon = (NOW + timedelta(minutes=10)).isoformat()
    put = await client.put(f"{V1}/programme", json={"programme": programme, "valid_from": soon})
    assert put.status_code == 200, put.text
    assert (await quoted(client, 10_000))["tier"] == "Senior", "not yet"
    client.clock.set(NOW + timedelta(minutes=20))
    found = await quoted(client, 10_000)
    assert (found["tier"], found["tier_discount"]) == ("Elder", 1_000)


async def test_who_takes_more_than_one_statement_is_answered_as_of_one_instant(client: Client, shop: Shop) -> None:
    """Of a person with two identifiers, of whom something is due, and of a series of gifts."""
    await rich(client, shop)
    await rich(client, shop, customer="c9", order="o9")
    gifts = [{"sku": sku, "kind": "small_gift"} for sku in ("cup", "pot")]
    await offered(client, "set", percent=None, automatic=True, gifts=gifts, gift_series=True)
    assert (await both(client, asked("c1")))[0] is None
    assert (await quoted(client, 10_000))["gifts"] == [
        {"code": "set", "sku": "cup", "kind": "small_gift", "quantity": 1}
    ]
    assert (await client.post(f"{V1}/offers/set/stop")).status_code == 200
    client.clock.set(NOW + timedelta(minutes=1))
    merged = CustomerMerged(survivor="c9", absorbed="c1", sequence=1)
    await deliver(client.database, [shop.event("c9", NOW, merged)])
    for customer in ("c1", "c9"):
        at_once, several = await both(client, asked(customer))
        assert at_once is None
        assert several.tier == "Senior"
    client.clock.set(NOW + timedelta(days=800))
    at_once, several = await both(client, asked("c9"))
    assert at_once is None, "points expired and the term ended since"
    assert (several.tier, several.points_available) == ("Regular", 0)


@pytest.mark.parametrize("customer", ["c1", None])
async def test_points_of_who_is_no_member_are_refused_by_both(client: Client, customer: str | None) -> None:
    for way in (pricing.ask_at_once, pricing.ask):
        async with client.database.transaction() as tx:
            with pytest.raises(Exception, match=r"member|customer"):
                await way(tx, "tea", asked(customer, points=1))
