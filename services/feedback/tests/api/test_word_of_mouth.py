"""Where new customers come from and who brought them, on a real PostgreSQL (ANA-008, ANA-009, FBK-048)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from common.events import Event
from common.events.customers import CustomerErased, CustomerRegistered, CustomerUpdated
from common.events.membership import ReferralCompleted, ReferralMade, ReferralReversed

from ..conftest import MARCH, Feedback, completed, refunded

PATH = "/v1/shops/s/word-of-mouth"


def said(customer: str, data: Any, name: str) -> Event[Any]:
    return Event(f"{name}-{customer}", "/shops/s/membership", "s", customer, MARCH, data)


def brought(customer: str, referrer: str, *ends: str) -> list[Event[Any]]:
    """The events of one who was brought: `1+` found true in the first round, `1-` not any more."""
    events = [said(customer, ReferralMade(referral_id=f"r-{customer}", referrer=referrer), "made")]
    for end in ends:
        told: dict[str, Any] = {"referral_id": f"r-{customer}", "round": int(end[0]), "role": "referee"}
        data: Any = ReferralCompleted(**told, form="none") if end[1] == "+" else ReferralReversed(**told)
        events.append(said(customer, data, end))
    return events


async def test_new_customers_are_counted_by_source_in_whatever_order_it_is_read(
    feedback: Feedback, rebuilt: Feedback
) -> None:
    profiles: list[Event[Any]] = [
        said(name, CustomerRegistered(source=source, revision=1), "registered")
        for name, source in (("ann", "ads"), ("bob", "ads"), ("cleo", "ugc"), ("dan", None))
    ]
    referrals: list[Event[Any]] = [
        *brought("bob", "ann", "1+"),
        *brought("eve", "ann", "1+", "1-", "2+"),
        *brought("fay", "bob", "1+", "1-"),
        *brought("gil", "bob"),
    ]
    orders: list[Event[Any]] = [
        *(completed(f"o-{name}", customer=name) for name in ("ann", "bob", "cleo", "dan", "eve", "fay")),
        completed("o2-bob", 1, "bob"),
        refunded("o2-bob", 2, 40, "bob"),
        completed("late", 60, "hal"),
    ]
    await feedback.handle(*profiles, *referrals, *orders)
    await rebuilt.handle(*random.Random(2).sample([*profiles, *referrals, *orders], len(profiles + referrals + orders)))
    period = {"since": (MARCH - timedelta(days=1)).isoformat(), "until": (MARCH + timedelta(days=30)).isoformat()}
    for each in (feedback, rebuilt):
        found = (await each.client.get(PATH, params=period)).json()
        assert (found["new_customers"], found["referred"], found["referred_per_mille"]) == (6, 2, 333)
        by_source = {one["source"]: one for one in found["sources"]}
        assert {source: one["customers"] for source, one in by_source.items()} == {
            "referral": 2, "ads": 1, "ugc": 1, None: 2
        }  # fmt: skip
        assert (by_source["referral"]["again_per_mille"], by_source["referral"]["orders_hundredths"]) == (500, 150)
        page = (await each.client.get(f"{PATH}/referred", params={"limit": 2})).json()
        rest = (await each.client.get(f"{PATH}/referred", params={"after": page["after"]})).json()
        assert [(o["customer"], o["referrer"], o["confirmed"], o["orders"], o["paid"]) for o in page["items"]] == [
            ("bob", "ann", True, 2, 160),
            ("eve", "ann", True, 1, 100),
        ]
        assert [(o["customer"], o["confirmed"], o["orders"]) for o in rest["items"]] == [
            ("fay", False, 1),
            ("gil", False, 0),
        ]
        of_ann = (await each.client.get(f"{PATH}/referred", params={"referrer": "ann"})).json()
        assert [one["customer"] for one in of_ann["items"]] == ["bob", "eve"]
    # What was said of an erased customer goes, whichever is read first (SEC-006); the count stays.
    erased = said("ann", CustomerErased(), "erased")
    await feedback.handle(erased)
    await feedback.handle(said("ann", CustomerUpdated(source="ads", revision=2), "updated"))
    assert await feedback.rows("select customer from customer_sources where customer = 'ann'") == []
    found = (await feedback.client.get(PATH, params=period)).json()
    assert found["new_customers"] == 6
    assert {one["source"]: one["customers"] for one in found["sources"]}[None] == 3
    for bad in (
        {"until": "0001-01-01T00:00:00Z"},
        {"since": "2020-01-01T00:00:00Z"},
        {"since": "2030-01-01T00:00:00Z"},
    ):
        assert (await feedback.client.get(PATH, params=bad)).status_code == 422, bad


async def test_ana_009_what_was_paid_in_another_currency_is_added_to_nothing(feedback: Feedback) -> None:
    """The shop's currency of now is the one that is told; of an order its newest version says which it is."""
    yen = completed("yen", 1, "fred")
    corrected = completed("corrected", 2, "fred")
    await feedback.handle(
        *brought("fred", "ann", "1+"),
        completed("cny", customer="fred"),
        replace(yen, data=yen.data.model_copy(update={"currency": "JPY", "goods_paid": 30_000})),
        corrected,
        replace(
            corrected,
            id="corrected-2",
            data=corrected.data.model_copy(update={"currency": "JPY", "goods_paid": 500, "revision": 2, "again": True}),
        ),
        refunded("cny", 3, 40, "fred"),
        refunded("yen", 3, 7, "fred"),
    )
    told = ("orders", "priced", "paid", "currency")
    [fred] = (await feedback.client.get(f"{PATH}/referred")).json()["items"]
    assert tuple(fred[name] for name in told) == (3, 1, 60, "CNY")
