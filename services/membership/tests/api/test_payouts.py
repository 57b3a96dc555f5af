"""Payouts of what feedback grants, on a real PostgreSQL: each once, reversed with the order (MEM-069 to 071)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events.customers import CustomerMerged
from membership.commands.payouts import pay_out
from membership.jobs.verifying import verify
from membership.programme.payouts import PayoutRules
from membership.programme.programme import Programme
from membership.programme.store import read_rules

from ..conftest import NOW, START, V1, Client, Shop, at_once, deliver, rich
from ..payouts.test_rules import content, reward, ticket, withdrawn

END = NOW + timedelta(days=900)


async def points(client: Client) -> int:
    found: int = (await client.get(f"{V1}/members/c1")).json()["available"]
    return found


async def payouts(client: Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{V1}/payouts", params=query)).json()["items"]
    return found


async def test_compensation_in_points_is_paid_once_however_often_the_ticket_is_told(client: Client, shop: Shop) -> None:
    """FBK-029: each version of the ticket carries the compensation."""
    await rich(client, shop)
    told = [shop.event("c1", NOW + timedelta(minutes=n), ticket(decided_by="wu")) for n in range(3)]
    await deliver(client.database, told[:2])
    await deliver(client.database, told[2:])
    client.clock.set(NOW + timedelta(hours=1))
    assert await points(client) == 1_100
    (paid,) = await payouts(client, customer="c1")
    assert (paid["origin"], paid["state"], paid["points"], paid["approved_by"]) == ("compensation/t", "paid", 500, "wu")
    assert await verify(client.database) == []


async def test_compensation_as_a_coupon_is_one_coupon_of_that_worth(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    told = [shop.event("c1", NOW + timedelta(minutes=n), ticket(kind="coupon")) for n in range(2)]
    await deliver(client.database, told, size=1)
    (paid,) = await payouts(client)
    cart = {"customer": "c1", "currency": "CNY", "lines": [{"sku": "s", "quantity": 1, "price": 10_000}], "freight": 0}
    quoted = (await client.post(f"{V1}/checkout/quote", json=cart)).json()
    assert [(c["code"], c["goods"]) for c in quoted["coupons"]] == [(paid["reference"], 500)]


async def test_a_reward_in_points_goes_with_the_whole_refund_of_its_order(client: Client, shop: Shop) -> None:
    """MEM-070, MEM-071; the points that were spent meanwhile are debt."""
    await rich(client, shop, order="o")
    await deliver(client.database, [shop.event("c1", NOW - timedelta(days=2), reward())])
    assert await points(client) == 1_599
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=1), "o", 20_000)])
    assert [paid["state"] for paid in await payouts(client)] == ["paid"]
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(hours=1), "o", 40_000)])
    assert ([paid["state"] for paid in await payouts(client)], await points(client)) == (["reversed"], 0)
    assert await verify(client.database) == []


@pytest.mark.parametrize("refunded", [False, True])
async def test_a_reward_in_cash_is_paid_once_and_not_after_a_refund(client: Client, shop: Shop, refunded: bool) -> None:
    """MEM-069, MEM-070, SEC-012: confirmed by another than approved it, with a reference, once; not after a refund."""
    body = {"programme": Programme(payouts=PayoutRules(review_reward="cash", cash_alone=998)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(days=2))
    await rich(client, shop, order="o")
    await deliver(client.database, [shop.event("c1", NOW + timedelta(days=1), reward())])
    (due,) = await payouts(client, state="due")
    assert (due["amount"], due["form"], due["order_id"]) == (999, "cash", "o")
    if refunded:
        await deliver(client.database, [shop.refunded("c1", NOW + timedelta(days=1, hours=1), "o", 60_000)])
    path, paid = f"{V1}/payouts/{due['payout_id']}/paid", {"reference": "alipay-1", "by": "wu"}
    alone = await client.post(path, json={"reference": "alipay-1", "by": "Li"})
    assert (alone.status_code, alone.json()["type"].rpartition("/")[2]) == (
        (409, "payout_not_due") if refunded else (403, "payout_needs_another")
    )
    answers = [await client.post(path, json=paid) for _ in range(2)]
    other = await client.post(path, json={"reference": "alipay-2", "by": "wu"})
    expected = (409, 409, 409) if refunded else (200, 200, 409)
    assert (*(answer.status_code for answer in answers), other.status_code) == expected
    assert other.json()["state"] == ("blocked" if refunded else "paid")
    assert (await client.post(f"{V1}/payouts/none/paid", json=paid)).status_code == 404


async def test_one_person_pays_so_much_cash_a_day_to_all_customers_together(client: Client, shop: Shop) -> None:
    """SEC-012: who approved it pays up to the day's bound, however the name is written; another person pays on.

    Cash that was paid counts for that day whatever becomes of it: an order that is given back frees nothing.
    """
    rules = PayoutRules(review_reward="cash", cash_alone=998_000, cash_a_day=2_000)
    body = {"programme": Programme(payouts=rules).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(days=2))
    for n, name in enumerate(("c1", "c2", "c3")):
        await rich(client, shop, name, f"o{n}")
        told = reward().model_copy(update={"claim_id": f"w{n}", "order_id": f"o{n}"})
        await deliver(client.database, [shop.event(name, NOW + timedelta(days=1), told)])
    due = await payouts(client, state="due")
    assert [one["amount"] for one in due] == [999] * 3

    async def pay(n: int, by: str) -> int:
        path = f"{V1}/payouts/{due[n]['payout_id']}/paid"
        return (await client.post(path, json={"reference": f"alipay-{n}", "by": by})).status_code

    assert [await pay(0, "li"), await pay(1, "LI"), await pay(2, "li")] == [200, 200, 403]
    client.clock.set(NOW + timedelta(days=2, hours=1))
    await deliver(
        client.database, [shop.refunded(due[0]["customer"], NOW + timedelta(days=2), due[0]["order_id"], 60_000)]
    )
    (back,) = await payouts(client, state="reversed")
    assert (back["paid_by"], back["paid_at"]) == ("li", "2025-03-22T04:00:00Z")
    assert (await client.get(f"{V1}/report/customer-costs")).json()["kept"]["cash"] == 2 * 999, "decision 0071"
    assert [await pay(2, "li"), await pay(2, "wu")] == [403, 200]


async def test_no_reward_is_kept_for_a_void_order_however_the_news_of_it_comes(client: Client, shop: Shop) -> None:
    """MEM-070: the refund before the approval; the refund after the customer was merged away (ORD-040)."""
    await rich(client, shop, order="o")
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=2), "o", 60_000)])
    await deliver(client.database, [shop.event("c1", NOW - timedelta(days=1), reward())])
    assert [(paid["state"], paid["points"]) for paid in await payouts(client)] == [("blocked", 999)]
    assert await points(client) == 0
    await rich(client, shop, "c2", "p")
    told = reward().model_copy(update={"claim_id": "w2", "order_id": "p"})
    await deliver(client.database, [shop.event("c2", NOW - timedelta(days=1), told)])
    merged = CustomerMerged(survivor="c1", absorbed="c2", sequence=1)
    await deliver(client.database, [shop.event("c1", NOW - timedelta(hours=2), merged)])
    assert await points(client) == 1_719, "999 of the reward, 720 of an order that a Senior made"
    await deliver(client.database, [shop.refunded("c2", NOW - timedelta(hours=1), "p", 60_000)])
    assert {paid["origin"]: paid["state"] for paid in await payouts(client)} == {
        "reward/c": "blocked", "reward/w2": "reversed",
    }  # fmt: skip
    assert await points(client) == 0
    assert await verify(client.database) == []


async def test_a_review_is_paid_for_once_though_two_identifiers_of_the_person_come_at_once(
    client: Client, shop: Shop
) -> None:
    """MEM-069, ORD-040: two processes read the news of two customers who are one."""
    for name, order in (("c1", "o"), ("c2", "p")):
        await rich(client, shop, name, order)
    merged = CustomerMerged(survivor="c1", absorbed="c2", sequence=1)
    await deliver(client.database, [shop.event("c1", NOW - timedelta(hours=2), merged)])
    told = [
        shop.event(name, NOW, reward().model_copy(update={"claim_id": name, "order_id": order}))
        for name, order in (("c1", "o"), ("c2", "p"))
    ]
    async with client.database.transaction() as tx:
        rules = await read_rules(tx, {"tea"})
    await at_once(client.database, lambda tx: pay_out(tx, told[:1], rules), deliver(client.database, told[1:]))
    assert sorted((one["origin"], one["state"], one["why"]) for one in await payouts(client)) == [
        ("reward/c1", "paid", None), ("reward/c2", "blocked", "review_paid"),
    ]  # fmt: skip
    assert await verify(client.database) == []


async def test_content_earns_nothing_once_it_is_withdrawn_or_its_order_given_back(client: Client, shop: Shop) -> None:
    """FBK-043, whichever comes first: points, a coupon, a gift that is yet to be sent; each taken back once."""
    for n in range(2):
        await rich(client, shop, "c1", f"o{n}")
    body = {"name": "Thanks", "amount": 500, "starts": START.isoformat(), "ends": END.isoformat()}
    assert (await client.put(f"{V1}/offers/thanks", json=body)).status_code == 200
    forms: list[dict[str, Any]] = [
        {"form": "points", "points": 200},
        {"form": "coupon", "offer_id": "thanks"},
        {"form": "gift", "gift": "cup"},
    ]
    made = [content(form, content_id=f"u{n}", order_id="o0", revision=2) for n, form in enumerate(forms)]
    made.append(content(forms[0], content_id="late", revision=2))
    at = NOW - timedelta(days=5)
    told = [shop.event("c1", at, one) for one in (*made[:3], withdrawn(made[3]), withdrawn(made[3]), made[3])]
    await deliver(client.database, told, size=1)
    states = {paid["origin"]: paid["state"] for paid in await payouts(client)}
    assert states == {"content/u0": "paid", "content/u1": "paid", "content/u2": "due", "content/late": "blocked"}
    before = await points(client)
    await deliver(client.database, [shop.event("c1", at + timedelta(hours=1), withdrawn(made[0]))] * 2, size=1)
    assert await points(client) == before - 200
    # Dated before the approval, and learnt of after it.
    await deliver(client.database, [shop.refunded("c1", at - timedelta(days=1), "o0", 60_000)])
    stand = {paid["origin"][8:]: (paid["state"], paid["why"]) for paid in await payouts(client)}
    assert stand == {
        "u0": ("reversed", "content_withdrawn"), "u1": ("reversed", "order_void"), "u2": ("blocked", "order_void"),
        "late": ("blocked", "content_withdrawn"),
    }  # fmt: skip
    assert (await client.get(f"{V1}/members/c1/coupons")).json()["coupons"] == []
    assert await points(client) == 720, "of the other order, that a Senior made"
    assert await verify(client.database) == []
    async with client.database.transaction() as tx:
        await tx.execute("update payouts set state = 'paid' where origin = 'content/late'")
    assert await verify(client.database) == ["tea/c1: content/late is paid, and its points were not given"]


async def test_a_review_is_paid_for_once_whether_it_was_claimed_or_shown(client: Client, shop: Shop) -> None:
    """MEM-069, FBK-043: a second claim, or content that is the review, is blocked, under a merged identifier too."""
    await rich(client, shop, "c1", "o")
    await rich(client, shop, "c2", "p")
    merged = CustomerMerged(survivor="c2", absorbed="c1", sequence=1)
    earned = content({"form": "points", "points": 200}, order_id="o", review_id="v")
    told = [
        shop.event("c1", NOW - timedelta(days=4), reward()),
        shop.event("c2", NOW - timedelta(days=3), merged),
        shop.event("c2", NOW - timedelta(days=2), reward().model_copy(update={"claim_id": "again"})),
        shop.event("c1", NOW - timedelta(days=2), earned),
        shop.event("c1", NOW - timedelta(days=2), content({"form": "points", "points": 7}, content_id="other")),
    ]
    await deliver(client.database, told[:2])
    await deliver(client.database, told[2:])
    states = {paid["origin"]: paid["state"] for paid in await payouts(client)}
    assert states == {"reward/c": "paid", "reward/again": "blocked", "content/u": "blocked", "content/other": "paid"}
    said = (await client.get(f"{V1}/members/c2/statement")).json()["lines"]
    assert [(line["kind"], line["origin"]) for line in said[:3]] == [
        ("points.paid_out", "content/other"), ("points.paid_out", "reward/c"), ("merge", None),
    ]  # fmt: skip
    assert await verify(client.database) == []
