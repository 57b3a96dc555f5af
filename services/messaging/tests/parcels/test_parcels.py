"""Parcel plans (MSG-066 to MSG-074): what goes in and in which order, codes that are scanned. On a real PostgreSQL."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import decode
from common.events.customers import CustomerErased, CustomerMerged
from common.events.orders import OrderLine, OrderPaid
from messaging.flows.running.state import Run
from messaging.parcels.document import ParcelPlan
from messaging.parcels.links import InsertLinks, Scanned, drawn
from messaging.parcels.rules import NEVER_TOO_MANY, ON_TOP, Parcel, pack
from regulars.testing import OwnTopics

from ..conftest import MASTER
from ..delivery.test_clicks import FIREFOX
from ..test_rebuild import announced, rebuild
from ..verification.test_verifying import verify

AT = datetime(2025, 3, 4, 2, tzinfo=UTC)
RUN = Run("s", "c", "", "parcel", 1, "o1", AT)
LINKS = InsertLinks(MASTER, "https://shop.example")
DOCUMENT: dict[str, Any] = {
    "most": 2,
    "outside": ["own_box", "own_tape"],
    "fragile": ["cup"],
    "sticker": {"en": {"delivery": "Please ring.", "brand": "Tea is time."}},
    "inserts": [
        {"insert": "air", "title": "Paper wool", "kind": "filler"},
        {"insert": "welcome", "title": "Who we are", "kind": "brand_card", "first_order": True},
        {
            "insert": "next_tea",
            "title": "Goes with it",
            "kind": "related_products",
            "products": ["tea"],
            "says": {"en": "Try oolong", "zh": "试试乌龙"},
            "code": {"url": "https://shop.test/oolong", "offer": "second"},
        },
        {
            "insert": "vip_gift",
            "title": "For the best",
            "kind": "gift",
            "when": [{"what": "tier", "is": "VIP"}],
        },
        {"insert": "ribbon", "title": "Ribbon", "kind": "gift_wrap"},
        {"insert": "list", "title": "What is inside", "kind": "goods_list"},
    ],
}
PLAN = ParcelPlan.model_validate(DOCUMENT)
FIRST = Parcel({"tea"}, 1, {})


def names(parcel: Parcel, plan: ParcelPlan = PLAN) -> list[str]:
    return [insert.insert for insert in pack(plan, parcel, RUN, "en").inserts]


@pytest.mark.parametrize(
    ("parcel", "inside"),
    [
        (FIRST, ["list", "welcome", "next_tea", "air"]),
        (replace(FIRST, number=2), ["list", "next_tea", "air"]),
        (replace(FIRST, number=2, standings={"tier": "VIP"}), ["list", "vip_gift", "next_tea", "air"]),
        (replace(FIRST, standings={"tier": "VIP"}), ["list", "welcome", "next_tea", "air"]),
        (replace(FIRST, products={"cup"}, number=2), ["list", "air"]),
        (replace(FIRST, number=2, gift=True), ["list", "ribbon", "next_tea", "air"]),
    ],
)
def test_the_goods_list_and_gifts_lie_on_top_and_not_too_much_is_inside(parcel: Parcel, inside: list[str]) -> None:
    assert names(parcel) == inside


@pytest.mark.parametrize(
    ("gift", "show_price", "prices"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_a_present_shows_its_price_where_the_giver_wants_it(gift: bool, show_price: bool, prices: bool) -> None:
    """MSG-072."""
    assert pack(PLAN, replace(FIRST, gift=gift, show_price=show_price), RUN, "en").prices is prices


def test_outside_stand_the_two_parts_and_what_is_fragile() -> None:
    """MSG-067, MSG-074."""
    packed = pack(PLAN, replace(FIRST, products={"cup", "tea"}), RUN, "zh")
    assert packed.outside == ("own_box", "own_tape", "fragile_sticker")
    assert packed.sticker is not None
    assert (packed.sticker.delivery, packed.sticker.brand) == ("Please ring.", "Tea is time.")


@given(st.permutations(DOCUMENT["inserts"]), st.integers(1, 3), st.booleans(), st.integers(1, 4))
def test_however_the_plan_is_ordered_top_is_top_and_most_is_most(
    inserts: list[Any], number: int, gift: bool, most: int
) -> None:
    plan = ParcelPlan.model_validate({**DOCUMENT, "inserts": inserts, "most": most})
    packed = pack(plan, replace(FIRST, number=number, gift=gift, standings={"tier": "VIP"}), RUN, "en").inserts
    depths = [ON_TOP.index(i.kind) if i.kind in ON_TOP else 9 for i in packed]
    assert depths == sorted(depths)
    assert sum(i.kind not in NEVER_TOO_MANY for i in packed) <= most
    assert packed[-1].insert == "air"


@given(st.text(max_size=60))
def test_no_code_but_ours_leads_anywhere(token: str) -> None:
    assert LINKS.read(token) is None


def test_a_code_names_customer_order_and_insert() -> None:
    scanned = Scanned("s", "c", "o1", "next_tea", "https://shop.test/oolong", "second")
    url = LINKS.url(scanned)
    assert LINKS.read(urlsplit(url).path.removeprefix("/q/")) == scanned
    assert re.match(r"<svg [^>]*viewBox", drawn(url))


@given(st.text(max_size=30), st.text(max_size=30))
def test_sec_009_a_code_shows_nobody_who_bought(customer: str, order_id: str) -> None:
    """A card lies in a present for somebody else; printed again it is the same."""
    scanned = Scanned(
        "shop7", f"+49170{customer}", f"order9{order_id}", "next_tea", "https://shop.test/oolong", "second"
    )
    url = LINKS.url(scanned)
    token = urlsplit(url).path.removeprefix("/q/")
    shown = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert not any(part in shown for part in (b"49170", b"order9", b"shop7", b"oolong"))
    assert (LINKS.url(scanned), LINKS.read(token)) == (url, scanned)
    assert InsertLinks(bytes(32), "https://shop.example").read(token) is None


async def test_a_parcel_is_planned_once_and_its_code_scanned_once(
    messaging: Any, rebuilt: Any, topics: OwnTopics
) -> None:
    base, now = "/v1/shops/s", messaging.clock.now()
    for customer in ("ann", "ben"):
        await messaging.feed(*messaging.known(customer, language="zh"))

    def paid(order: str, customer: str) -> Any:
        line = OrderLine(sku="tea", quantity=1)
        data = OrderPaid(order_id=order, state="paid", currency="CNY", goods_paid=100, lines=(line,))
        return messaging.event(data, f"{order}-paid", messaging.clock.now(), customer=customer)

    await messaging.feed(paid("o1", "ann"), paid("o2", "ben"), paid("o4", "ben"))
    async with messaging.client() as client:

        async def parcel(order: str, customer: str, status: int = 200, **asked: bool) -> Any:
            answer = await client.post(f"{base}/customers/{customer}/orders/{order}/parcel", json=asked)
            assert answer.status_code == status, answer.text
            return answer.json()

        await parcel("o0", "ann", 404)
        wrong = {**DOCUMENT, "inserts": [{**DOCUMENT["inserts"][0], "when": [{"what": "luck", "is": "1"}]}]}
        refused = await client.put(f"{base}/parcel-plan", json={"document": wrong})
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "parcel_plan_refused")
        unknown = await client.put(f"{base}/parcel-plan", json={"document": DOCUMENT})
        assert (unknown.status_code, "there is no offer 'second'" in unknown.text) == (422, True)
        # MSG-056: however many offers of the shop end later than the one that is asked for.
        await messaging.feed(messaging.offer("second"), *(messaging.offer(f"f{n}", days=400) for n in range(25)))
        saved = await client.put(f"{base}/parcel-plan", json={"document": DOCUMENT, "replaces": 0})
        assert (saved.status_code, saved.json()["version"]) == (200, 1)
        assert (await client.put(f"{base}/parcel-plan", json={"document": DOCUMENT, "replaces": 0})).status_code == 409
        first = await parcel("o1", "ann")
        assert [i["insert"] for i in first["inserts"]] == ["list", "welcome", "next_tea", "air"]
        (tea,) = [i for i in first["inserts"] if i["code"]]
        assert (tea["says"], tea["code"][:4]) == ("试试乌龙", "<svg")
        await parcel("o2", "ben")
        await parcel("o2", "ann", 404)
        await client.put(f"{base}/parcel-plan", json={"document": {**DOCUMENT, "inserts": []}})
        again = await parcel("o1", "ann")
        assert (again["inserts"], again["version"]) == (first["inserts"], 1), "as it was printed"
        # MSG-072: a present stays one on the second print, and hides its prices.
        present = await parcel("o4", "ben", gift=True)
        assert (present["prices"], await parcel("o4", "ben")) == (False, present)
        assert (await parcel("o4", "ben", gift=True, show_price=False)) == present
        assert (await parcel("o4", "ben", 409, show_price=True))["gift"] is True
        assert (await parcel("o2", "ben", 409, gift=True))["type"].endswith("/parcel_was_planned")
        path = urlsplit(tea["link"]).path
        for agent, method in (("Googlebot/2.1", "GET"), (FIREFOX, "HEAD"), (FIREFOX, "GET"), (FIREFOX, "GET")):
            led = await client.request(method, path, headers={"user-agent": agent})
            assert (led.status_code, led.headers["location"]) == (302, "https://shop.test/oolong")
        assert (await client.get("/q/guessed")).status_code == 404
        said = [decode(p) for (p,) in await messaging.rows("select payload from outbox order by seq")]
        assert [(e.subject, e.data.insert) for e in said if e.data.TYPE == "insert.scanned"] == [("ann", "next_tea")]
        (wanted,) = [e.data for e in said if e.data.TYPE == "coupon.requested"]
        assert (wanted.offer_id, "/" in wanted.batch) == ("second", False)
        messaging.clock.instant = now + timedelta(days=3)
        # ORD-040: the next order of the same person's, under the identifier that stands for both.
        await messaging.feed(*messaging.known("anna", language="zh"))
        merged = CustomerMerged(survivor="anna", absorbed="ann", sequence=1)
        await messaging.feed(messaging.event(merged, "m1", messaging.clock.now(), customer="anna"))
        assert await parcel("o1", "anna") == first, "the same codes"
        await messaging.feed(paid("o3", "anna"))
        effects = (await client.get(f"{base}/parcel-plan/effects")).json()["inserts"]
        found = {
            e["insert"]: (e["parcels"], e["scanned"], e["ordered_again"], e["scanned_and_ordered"]) for e in effects
        }
        assert found["next_tea"] == (2, 1, 1, 1)
        assert found["welcome"] == (2, 0, 1, 0)
        await messaging.feed(messaging.event(CustomerErased(), "erased", messaging.clock.now(), customer="ben"))
        of_ben = LINKS.url(Scanned("s", "ben", "o2", "next_tea", "https://shop.test/oolong", "second"))
        assert (await client.get(urlsplit(of_ben).path, headers={"user-agent": FIREFOX})).status_code == 302
    assert await messaging.rows("select customer from insert_scans") == [("ann",)]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 2)
    for table in ("parcels", "parcel_inserts", "insert_scans", "parcel_plans"):
        kept = f"select cast(t as text) from {table} t order by 1"
        assert await rebuilt.rows(kept) == await messaging.rows(kept), table
    assert await verify(messaging, topics) == []
