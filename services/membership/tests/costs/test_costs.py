"""What winning a customer costs beside keeping one (ANA-024)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from common.events.membership import PointsPaidOut
from common.events.orders import PromotionUse
from membership.costs.rules import FRIENDS_LOTS, Costs, times
from membership.points.state import REDEMPTION

from ..conftest import NOW, V1, Client, Shop, deliver
from ..stories import completed, event, fold, redeemed

AMOUNTS = {"WELCOME": 1_000, "AGAIN": 700}


@pytest.mark.parametrize(
    ("won", "kept", "each", "ratio"),
    [
        (Costs(900, 100, 0, 0, 10), Costs(500, 400, 50, 50, 100), (100, 10), "10.00"),
        (Costs(0, 0, 0, 0, 10), Costs(500, 0, 0, 0, 100), (0, 5), "0.00"),
        (Costs(900, 0, 0, 0, 0), Costs(500, 0, 0, 0, 100), (None, 5), None),
        (Costs(900, 0, 0, 0, 9), Costs(0, 0, 0, 0, 100), (100, 0), None),
        (Costs(900, 0, 0, 0, 9), Costs(10, 0, 0, 0, 0), (100, None), None),
    ],
)
def test_a_cost_by_customer_is_told_where_there_is_one(
    won: Costs, kept: Costs, each: tuple[int | None, int | None], ratio: str | None
) -> None:
    assert (won.each, kept.each) == each
    assert times(won, kept) == (None if ratio is None else Decimal(ratio))


def test_spent_points_say_whether_they_were_given_for_friends() -> None:
    """The lots that a redemption burnt are what costs are told apart by."""
    given = event("2025-01-02", PointsPaidOut(origin="referral/r1-referrer-1", points=300))
    state, _ = fold([completed("2025-01-01", "a", 10_000), given, redeemed("2025-01-03", "r", 350)])
    burnt = REDEMPTION.get(state, "r")
    assert burnt is not None
    friends = FRIENDS_LOTS.removesuffix("%")
    assert sum(burn.points for burn in burnt.burns if burn.lot.startswith(friends)) in (250, 300)
    assert sum(burn.points for burn in burnt.burns) == 350


async def test_each_amount_counts_once_on_its_side(client: Client, shop: Shop) -> None:
    """Points for friends when they are spent; an offer to new customers; who is no member yet is nobody's cost."""
    path = f"{V1}/report/customer-costs"
    empty = (await client.get(path)).json()
    assert (empty["won"]["reason"], empty["kept"]["reason"], empty["times"]) == ("nobody_new", "nobody_kept", None)
    for offer, purpose in (("welcome", "new_customer"), ("again", "repurchase")):
        terms = {"name": offer, "purpose": purpose, "amount": 1_000, "starts": "2020-01-01T00:00:00Z",
                 "ends": "2099-01-01T00:00:00Z"}  # fmt: skip
        assert (await client.put(f"{V1}/offers/{offer}", json=terms)).status_code == 200
        word = {"code": offer.upper()}
        assert (await client.post(f"{V1}/offers/{offer}/coupons", json=word)).status_code == 200

    def days(number: int) -> datetime:
        return NOW - timedelta(days=number)

    used = {word: (PromotionUse(kind="coupon", code=word, amount=amount),) for word, amount in AMOUNTS.items()}
    await deliver(
        client.database,
        [
            shop.completed("old", days(200), "o0", 10_000),
            shop.completed("new", days(5), "o1", 10_000, promotions=used["WELCOME"]),
            shop.completed("old", days(4), "o2", 9_000, promotions=used["AGAIN"]),
            shop.completed("old", days(120), "o3", 9_000, promotions=used["AGAIN"]),
            shop.event("new", days(3), PointsPaidOut(origin="referral/r1-referee-1", points=400)),
        ],
    )
    for name, points in (("r1", 500), ("back", 100)):
        body = {"redemption_id": name, "customer": "new", "points": points, "order_total": 2_000, "currency": "CNY"}
        if name == "back":
            await deliver(client.database, [shop.completed("new", days(2), "o4", 10_000)])
        answer = await client.post(f"{V1}/redemptions", json=body | {"order_id": f"of-{name}"})
        assert answer.status_code == 200, answer.text
    await deliver(client.database, [shop.paid("new", NOW, "of-r1", 1_500, redemption_id="r1")])
    found = (await client.get(path)).json()
    assert (found["won"]["offers"], found["won"]["points"], found["won"]["customers"]) == (1_000, 400, 1)
    assert (found["kept"]["offers"], found["kept"]["points"], found["kept"]["customers"]) == (700, 100, 1)
    assert (found["won"]["each"], found["kept"]["each"], found["times"]) == (1_400, 800, "1.75")
    wide = (await client.get(path, params={"days": 365})).json()
    assert (wide["kept"]["offers"], wide["won"]["customers"], wide["kept"]["reason"]) == (1_400, 2, "nobody_kept")
    assert (await client.get(path, params={"days": 0})).status_code == 422
