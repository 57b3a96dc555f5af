"""Referrals on a real PostgreSQL: both rewarded once, reversed with the refund, refused, held (MEM-087, 088)."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.customers import CustomerErased, CustomerMerged
from membership.commands import referrals as commands
from membership.jobs.verifying import verify
from membership.programme.programme import Programme
from membership.programme.referral import ReferralReward, ReferralRules
from membership.referrals.rules import TRAITS

from ..conftest import NOW, V1, Client, Shop, deliver, rich


async def code_of(client: Client, customer: str = "c1", **traits: str) -> str:
    answer = await client.post(f"{V1}/members/{customer}/referral-code", json={"traits": traits})
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["code"]
    return found


async def brought(client: Client, code: str, customer: str = "new", **traits: str) -> Any:
    return await client.post(f"{V1}/referrals", json={"code": code, "customer": customer, "traits": traits})


class Told:
    """Hands on what membership has announced to itself, as the bus does."""

    def __init__(self, client: Client) -> None:
        self.client, self.seq = client, 0

    async def on(self) -> None:
        async with self.client.database.transaction() as tx:
            rows = await tx.fetch("select seq, payload from outbox where seq > :seq order by seq", seq=self.seq)
        self.seq = max((row.seq for row in rows), default=self.seq)
        events = [decode(row.payload) for row in rows]
        await deliver(
            self.client.database, [e for e in events if e.type in ("referral.completed", "referral.reversed")]
        )


async def points(client: Client, *customers: str) -> list[int]:
    return [(await client.get(f"{V1}/members/{customer}")).json()["available"] for customer in customers]


async def state_of(client: Client, customer: str = "new") -> str:
    found: str = (await client.get(f"{V1}/members/{customer}/referrals")).json()["brought_by"]["state"]
    return found


async def test_both_are_rewarded_once_by_an_order_and_it_goes_with_its_refund(client: Client, shop: Shop) -> None:
    """MEM-087: registers only: nothing; an order: both, once; refunded: reversed; another order: both again."""
    await rich(client, shop)
    told, code = Told(client), await code_of(client)
    assert code == await code_of(client)
    made = [await brought(client, code) for _ in range(2)]
    assert [answer.json()["state"] for answer in made] == ["made", "made"]
    assert (await client.post(f"{V1}/members", json={"customer": "new"})).status_code == 200
    await told.on()
    assert await points(client, "c1", "new") == [600, 0]
    first = shop.completed("new", NOW + timedelta(minutes=1), "n1", 10_000, revision=1)
    await deliver(client.database, [shop.paid("new", NOW + timedelta(seconds=30), "n1", 10_000), first])
    await told.on()
    await deliver(client.database, [shop.completed("new", NOW + timedelta(minutes=2), "n2", 10_000, revision=1)])
    await told.on()
    client.clock.set(NOW + timedelta(hours=1))
    assert (await points(client, "c1", "new"), await state_of(client)) == ([1_100, 400], "rewarded")
    await deliver(client.database, [shop.refunded("new", NOW + timedelta(minutes=3), "n1", 10_000)])
    await told.on()
    assert (await points(client, "c1", "new"), await state_of(client)) == ([1_100, 300], "rewarded")
    await deliver(client.database, [shop.refunded("new", NOW + timedelta(minutes=4), "n2", 10_000)])
    await told.on()
    assert (await points(client, "c1", "new"), await state_of(client)) == ([600, 0], "reversed")
    await deliver(client.database, [shop.completed("new", NOW + timedelta(minutes=5), "n3", 10_000, revision=1)])
    await told.on()
    assert (await points(client, "c1", "new"), await state_of(client)) == ([1_100, 300], "rewarded")
    (item,) = (await client.get(f"{V1}/members/c1/referrals")).json()["items"]
    assert (item["customer"], item["signals"]) == ("new", [])
    assert await verify(client.database) == []


async def test_what_is_told_of_the_referrer_waits_for_whoever_holds_the_referrer(client: Client, shop: Shop) -> None:
    """MEM-087: else what was announced of them first could be published last."""
    await rich(client, shop)
    await brought(client, await code_of(client))

    async def blocked() -> int:
        async with client.database.transaction() as tx:
            waiting = "datname = current_database() and wait_event_type = 'Lock'"
            return int(await tx.value(f"select count(*) from pg_stat_activity where {waiting}"))

    async with client.database.transaction() as tx:
        await tx.lock_customers([(shop.name, "c1")])
        order = shop.completed("new", NOW + timedelta(minutes=1), "n1", 10_000, revision=1)
        coming = asyncio.create_task(deliver(client.database, [order]))
        while not coming.done() and not await blocked():
            await asyncio.sleep(0.01)
        assert not coming.done()
    await coming
    assert await state_of(client) == "rewarded"


async def test_only_new_customers_are_brought_and_by_others(client: Client, shop: Shop) -> None:
    """MEM-088; what late news or a merge shows afterwards takes the reward back."""
    await rich(client, shop)
    await rich(client, shop, "c2", "o2")
    told, code, other = Told(client), await code_of(client), await code_of(client, "c2")
    refused = [await brought(client, *each) for each in ((code, "c1"), (code, "c2"), ("none", "new"))]
    assert [answer.json()["type"].rpartition("/")[2] for answer in refused] == [
        "self_referral", "existing_customer", "unknown_referral_code",
    ]  # fmt: skip
    assert (await client.post(f"{V1}/members/nobody/referral-code", json={})).status_code == 404
    assert (await brought(client, code)).status_code == 200
    assert (await brought(client, other)).json()["type"].endswith("referred_already")
    assert (await brought(client, other, "twin")).status_code == 200
    orders = [shop.completed(name, NOW + timedelta(minutes=1), f"{name}1", 10_000) for name in ("new", "twin")]
    await deliver(client.database, orders)
    await told.on()
    client.clock.set(NOW + timedelta(hours=1))
    assert await points(client, "c1", "c2") == [1_100, 1_100]
    await deliver(client.database, [shop.completed("new", NOW - timedelta(days=1), "n0", 10_000)])
    merged = CustomerMerged(survivor="c2", absorbed="twin", sequence=1)
    await deliver(client.database, [shop.event("c2", NOW + timedelta(minutes=9), merged)])
    await told.on()
    rows = (await client.get(f"{V1}/referrals", params={"state": "refused"})).json()["items"]
    assert sorted((row["customer"], row["refused_why"]) for row in rows) == [
        ("new", "existing_customer"), ("twin", "self_referral"),
    ]  # fmt: skip
    # Of c2, who is twin too: 600 of the own order and 120 of that of twin, who was Senior then.
    assert await points(client, "c1", "c2") == [600, 720]
    assert await verify(client.database) == []


async def test_one_person_is_brought_once_by_what_they_pay(client: Client, shop: Shop) -> None:
    """MEM-087, MEM-088: under two identifiers, with a parcel under way, with an order of nothing."""
    await rich(client, shop)
    await rich(client, shop, "c2", "o2")
    told, code, other = Told(client), await code_of(client), await code_of(client, "c2")
    await deliver(client.database, [shop.paid("waits", NOW - timedelta(days=5), "w1", 9_000)])
    assert (await brought(client, code, "waits")).json()["type"].endswith("existing_customer")
    for name, by in (("y1", code), ("y2", other), ("free", code), ("late", code)):
        client.clock.set(client.clock.now() + timedelta(seconds=1))
        assert (await brought(client, by, name)).status_code == 200
    await deliver(client.database, [shop.completed("free", NOW + timedelta(minutes=1), "f1", 0)])
    paid_before = {"paid_at": NOW - timedelta(days=1)}
    await deliver(client.database, [shop.completed("late", NOW + timedelta(minutes=1), "l1", 9_000, **paid_before)])
    merged = CustomerMerged(survivor="y1", absorbed="y2", sequence=1)
    await deliver(client.database, [shop.event("y1", NOW + timedelta(minutes=2), merged)])
    await deliver(client.database, [shop.completed("y1", NOW + timedelta(minutes=3), "y", 10_000)])
    await told.on()
    client.clock.set(NOW + timedelta(hours=1))
    assert await points(client, "c1", "c2") == [1_100, 600]
    rows = (await client.get(f"{V1}/referrals")).json()["items"]
    assert sorted((row["customer"], row["state"], row["refused_why"]) for row in rows) == [
        ("free", "made", None), ("late", "refused", "existing_customer"), ("y1", "rewarded", None),
        ("y2", "refused", "another_referral"),
    ]  # fmt: skip
    growth = (await client.get(f"{V1}/members/c1")).json()["growth"]
    assert growth == 650, "600 of the own order, 50 for the friend"
    await deliver(client.database, [shop.refunded("y1", NOW + timedelta(minutes=4), "y", 10_000)])
    await told.on()
    assert (await client.get(f"{V1}/members/c1")).json()["growth"] == 600
    assert await verify(client.database) == []


async def test_what_is_suspect_waits_for_a_person(client: Client, shop: Shop) -> None:
    """SEC-014: nothing is given before; refused for good, or approved and given at once."""
    rules = ReferralRules(referrer=ReferralReward(form="gift", gift="tea caddy"), referee=ReferralReward(form="none"))
    body = {"programme": Programme(referral=rules).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(days=1))
    await rich(client, shop)
    told, code = Told(client), await code_of(client, device="pixel")
    good, bad = [(await brought(client, code, name, device="Pixel")).json() for name in ("good", "bad")]
    assert (good["state"], good["signals"]) == ("review", ["same_device"])
    orders = [shop.completed(name, NOW + timedelta(days=1, minutes=1), name, 9_000) for name in ("good", "bad")]
    await deliver(client.database, orders)
    await told.on()
    queue = (await client.get(f"{V1}/referrals", params={"state": "review"})).json()["items"]
    assert sorted(row["customer"] for row in queue) == ["bad", "good"]
    decided = [
        await client.post(f"{V1}/referrals/{name}/{how}", json={"by": "wu"})
        for name, how in (
            (good["referral_id"], "approve"), (good["referral_id"], "approve"), (bad["referral_id"], "refuse"),
            (bad["referral_id"], "approve"), ("none", "approve"),
        )
    ]  # fmt: skip
    assert [answer.status_code for answer in decided] == [200, 200, 200, 409, 404]
    await told.on()
    (due,) = (await client.get(f"{V1}/payouts")).json()["items"]
    assert (due["form"], due["gift"], due["state"], due["customer"]) == ("gift", "tea caddy", "due", "c1")
    await deliver(client.database, [shop.event("c1", NOW + timedelta(days=1, hours=1), CustomerErased())])
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from referral_traits where customer = 'c1'") == 0
    again = await client.post(f"{V1}/members/c1/referral-code", json={"traits": {"device": "pixel"}})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/customer_erased")


async def test_ambassadors_and_affiliates_with_what_came_of_them(client: Client, shop: Shop) -> None:
    """MEM-090, MEM-091."""
    await rich(client, shop)
    await brought(client, await code_of(client))
    await deliver(client.database, [shop.completed("new", NOW + timedelta(minutes=1), "n1", 10_000)])
    path = f"{V1}/members/c1/partnerships"
    asked = [
        await client.put(f"{path}/{kind}", json={"by": "wu", **body})
        for kind, body in (
            ("ambassador", {"status": "active"}), ("affiliate", {"status": "active"}),
            ("affiliate", {"status": "active", "affiliate_id": "mm_1", "commission_source": "alimama"}),
            ("affiliate", {"status": "ended"}),
        )
    ]  # fmt: skip
    assert [answer.status_code for answer in asked] == [200, 422, 200, 200]
    nobody = await client.put(f"{V1}/members/nobody/partnerships/ambassador", json={"by": "wu", "status": "invited"})
    assert nobody.status_code == 404
    (one,) = (await client.get(f"{V1}/partners", params={"status": "active"})).json()["items"]
    (two,) = (await client.get(f"{V1}/partners", params={"kind": "affiliate"})).json()["items"]
    assert (one["customer"], one["brought"], one["rewarded"], two["affiliate_id"], two["status"]) == (
        "c1", 1, 1, "mm_1", "ended",
    )  # fmt: skip


async def test_what_a_merge_shows_against_a_referral_is_held_until_somebody_has_looked(
    client: Client, shop: Shop
) -> None:
    """SEC-014, ORD-040: a device of the referrer's second account; what was given goes. Oneself is no friend."""
    body = {"programme": Programme(referral=ReferralRules(shared_by=2)).model_dump(mode="json")}
    client.clock.set(NOW - timedelta(minutes=6))
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW)
    for name in ("c1", "second"):
        await rich(client, shop, name, f"{name}-o")
    told, code = Told(client), await code_of(client, device="ipad")
    assert (await brought(client, code, "new", device="pixel")).json()["state"] == "made"
    await code_of(client, "second", device="pixel")
    await deliver(client.database, [shop.completed("new", NOW + timedelta(minutes=1), "n", 10_000)])
    await told.on()
    client.clock.set(NOW + timedelta(hours=1))
    assert (await brought(client, await code_of(client, "new"), "third")).json()["state"] == "made"
    assert await points(client, "c1", "new") == [1_100, 300]
    at = NOW + timedelta(hours=2)
    client.clock.set(at)
    merges = [CustomerMerged(survivor="c1", absorbed=name, sequence=1) for name in ("second", "third")]
    await deliver(client.database, [shop.event("c1", at, merge) for merge in merges])
    await told.on()
    rows = (await client.get(f"{V1}/referrals", params={"state": "review"})).json()["items"]
    assert {row["customer"]: row["signals"] for row in rows} == {"new": ["same_device"]}
    # Of c1, who is second too: 600 each, the second one as a Senior.
    assert await points(client, "c1", "new") == [1_320, 100]
    third = (await client.get(f"{V1}/referrals", params={"state": "refused"})).json()["items"]
    assert [(row["customer"], row["refused_why"]) for row in third] == [("third", "existing_customer")]
    (held,) = rows
    path = f"{V1}/referrals/{held['referral_id']}/approve"
    assert (await client.post(path, json={"by": "wu"})).status_code == 200
    await told.on()
    assert await points(client, "c1", "new") == [1_820, 300]
    assert await verify(client.database) == []


async def test_accounts_that_share_a_device_are_shown_with_what_each_has_had(client: Client, shop: Shop) -> None:
    """SEC-014: many accounts that check in and use coupons on one device; those of one person are one."""
    names = [f"c{n}" for n in range(4)]
    for name in names:
        await rich(client, shop, name, f"{name}-o")
        told = {"device": "pixel", "address": "Mill Lane 3" if name == "c0" else name}
        answers = [(await client.put(f"{V1}/members/{name}/traits", json=told)).json()["new"] for _ in range(2)]
        assert answers == [2, 0]
    await client.post(f"{V1}/members/c0/check-ins")
    assert (await client.put(f"{V1}/members/nobody/traits", json={"device": "x"})).status_code == 404
    (shared,) = (await client.get(f"{V1}/shared-traits")).json()["items"]
    assert (shared["kind"], shared["accounts"], shared["people"]) == ("device", 4, 4)
    assert [(one["customer"], one["tier"], one["orders"]) for one in shared["customers"]][:1] == [("c0", "senior", 1)]
    merges = [CustomerMerged(survivor="c0", absorbed=name, sequence=1) for name in ("c1", "c2")]
    await deliver(client.database, [shop.event("c0", NOW, merge) for merge in merges])
    assert (await client.get(f"{V1}/shared-traits")).json() == {"items": [], "after": None}
    (shared,) = (await client.get(f"{V1}/shared-traits", params={"least": 2})).json()["items"]
    assert (shared["accounts"], shared["people"]) == (4, 2)
    assert (await client.get(f"{V1}/shared-traits", params={"least": 1})).status_code == 422


TOLD = {
    "code": ("c1", {"payment": "visa 1", "address": "Mill Lane 3"}),
    "new": ("new", {"device": "pixel"}),
    "twin": ("twin", {"payment": "visa 1"}),
    "others": ("c2", {"device": "pixel", "address": "Mill Lane 3"}),
    "later": ("new", {"address": "Mill Lane 3"}),
}
"""What is known of whom; twin turns out to be new, who is brought by c1."""


@pytest.mark.parametrize("seed", range(8))
async def test_what_speaks_against_a_referral_does_so_in_whatever_order_it_comes(
    client: Client, shop: Shop, seed: int
) -> None:
    """SEC-014: a device, a card and an address, told before, with and after the referral, of whichever identifier."""
    draw = random.Random(seed)
    await rich(client, shop)
    for name in ("new", "twin", "c2"):
        assert (await client.post(f"{V1}/members", json={"customer": name})).status_code == 200
    told, code = Told(client), await code_of(client)
    steps = [*TOLD, "referral", "merge", "order"]
    draw.shuffle(steps)
    # An order makes a customer who is not new: the referral comes before it.
    made, bought = sorted((steps.index("referral"), steps.index("order")))
    steps[made], steps[bought] = "referral", "order"
    sent = {name for name in ("new", "later") if draw.random() < 0.4}
    for number, step in enumerate(steps):
        at = NOW + timedelta(minutes=number)
        client.clock.set(at)
        if step == "referral":
            traits = {kind: value for name in sent for kind, value in TOLD[name][1].items()}
            assert (await brought(client, code, **traits)).status_code == 200
        elif step == "merge":
            await deliver(
                client.database, [shop.event("new", at, CustomerMerged(survivor="new", absorbed="twin", sequence=1))]
            )
        elif step == "order":
            await deliver(client.database, [shop.completed("new", at, "n1", 10_000)])
        elif step not in sent:
            customer, known = TOLD[step]
            answer = await client.put(f"{V1}/members/{customer}/traits", json=known)
            assert answer.json()["new"] == len(known), steps
        await told.on()
    (row,) = (await client.get(f"{V1}/referrals")).json()["items"]
    assert (row["state"], row["signals"]) == (
        "review",
        ["same_payment", "same_address", "shared_device", "shared_address"],
    ), steps
    client.clock.set(NOW + timedelta(hours=1))
    assert await points(client, "c1", "new") == [600, 100]
    assert await verify(client.database) == []


@pytest.mark.parametrize("kind", TRAITS)
@pytest.mark.parametrize("last", ["referral", "repeated", "new", "other"])
async def test_what_the_new_customer_shares_with_others_holds_the_referral(
    client: Client, shop: Shop, kind: str, last: str
) -> None:
    """SEC-014: many accounts on one device, means of payment or address, whichever is known last."""
    await rich(client, shop)
    code, trait = await code_of(client), {kind: "the same"}
    for name in ("new", "c2"):
        assert (await client.post(f"{V1}/members", json={"customer": name})).status_code == 200

    async def tell(name: str) -> None:
        assert (await client.put(f"{V1}/members/{name}/traits", json=trait)).json()["new"] == 1

    if last != "other":
        await tell("c2")
    if last == "referral":
        await tell("new")
    assert (await brought(client, code, **(trait if last == "other" else {}))).status_code == 200
    if last == "repeated":
        assert (await brought(client, code, **trait)).json()["state"] == "review"
    if last in ("new", "other"):
        assert await state_of(client) == "made"
        await tell("new" if last == "new" else "c2")
    (row,) = (await client.get(f"{V1}/referrals")).json()["items"]
    assert (row["state"], row["signals"]) == ("review", [f"shared_{kind}"])


async def test_each_of_many_accounts_on_one_device_is_held_once_one_more_than_the_shop_allows_is_there(
    client: Client, shop: Shop
) -> None:
    """SEC-014: `shared_by` others; also whose reward was taken back; nobody who was rewarded, or looked at."""
    body = {"programme": Programme(referral=ReferralRules(shared_by=2, a_day=50)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(at := NOW + timedelta(days=1))
    await rich(client, shop)
    told, code = Told(client), await code_of(client)
    for name in ("n1", "n2"):
        assert (await brought(client, code, name, device="pixel")).json()["state"] == "made"
    minute = timedelta(minutes=1)
    await deliver(client.database, [shop.completed(name, at + minute, name, 9_000) for name in ("n1", "n2")])
    await deliver(client.database, [shop.refunded("n2", at + 2 * minute, "n2", 9_000)])
    await told.on()
    assert [await state_of(client, name) for name in ("n1", "n2")] == ["rewarded", "reversed"]
    assert (await brought(client, code, "n3", device="pixel")).json()["state"] == "review"
    assert [await state_of(client, name) for name in ("n1", "n2", "n3")] == ["rewarded", "review", "review"]
    held = await client.get(f"{V1}/members/n2/referrals")
    path = f"{V1}/referrals/{held.json()['brought_by']['referral_id']}/approve"
    assert (await client.post(path, json={"by": "wu"})).status_code == 200
    assert (await brought(client, code, "n4", device="pixel")).json()["state"] == "review"
    assert [await state_of(client, name) for name in ("n1", "n2")] == ["rewarded", "reversed"]


async def test_who_was_rewarded_keeps_it_until_something_is_told_of_themselves_that_others_have(
    client: Client, shop: Shop
) -> None:
    """SEC-014: whoever comes later on a family's tablet takes nobody's points away, whatever is told besides."""
    client.clock.set(at := NOW + timedelta(days=1))
    await rich(client, shop)
    told, code = Told(client), await code_of(client)
    assert (await brought(client, code, device="pixel")).json()["state"] == "made"
    minute = timedelta(minutes=1)
    await deliver(client.database, [shop.completed(name, at + minute, name, 9_000) for name in ("new", "c2")])
    await told.on()

    async def tell(customer: str, **traits: str) -> str:
        assert (await client.put(f"{V1}/members/{customer}/traits", json=traits)).json()["new"] == 1
        return await state_of(client)

    assert await tell("c2", device="pixel") == "rewarded", "the sister"
    assert await tell("c1", device="a new phone") == "rewarded", "the referrer's"
    assert await tell("new", address="1 Lane") == "rewarded"
    assert await tell("c2", payment="card") == "rewarded"
    assert await tell("new", payment="card") == "review"


async def test_one_device_told_of_two_at_once_is_seen_by_one_of_them(client: Client, shop: Shop) -> None:
    """SEC-014: each would commit without the other's; who comes second waits for the first."""
    await rich(client, shop)
    code = await code_of(client)
    for name in ("new", "c2"):
        assert (await client.post(f"{V1}/members", json={"customer": name})).status_code == 200
    assert (await brought(client, code)).json()["state"] == "made"
    trait = ("tea", "device", "h")

    async def tell(name: str, sure: asyncio.Event, go: asyncio.Event) -> None:
        async with client.database.transaction() as tx:
            await commands.tell_traits(tx, ("tea", name), {trait[1]: trait[2]})
            sure.set()
            await go.wait()

    told, go = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(tell("new", told, go))
    await told.wait()
    second = asyncio.create_task(tell("c2", asyncio.Event(), go))
    async with asyncio.timeout(10):
        while True:
            async with client.database.transaction() as tx:
                waiting = "datname = current_database() and wait_event_type = 'Lock'"
                if await tx.value(f"select count(*) from pg_stat_activity where {waiting}") or second.done():
                    break
            await asyncio.sleep(0.01)
    go.set()
    await asyncio.gather(first, second)
    assert await state_of(client) == "review"
