"""An offer's amounts are of the currency that the shop had: 500 yen off are not 5.00 euros off (0070)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from membership.coupons.offer import Offer
from membership.coupons.refusals import CouponNotUsable
from membership.coupons.using import check_offer_currency, currency_of

CHANGED = datetime(2025, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def currency_at(instant: datetime) -> str:
    return "JPY" if instant < CHANGED else "EUR"


def offer(starts: datetime, **terms: Any) -> Offer:
    return Offer.model_validate({"name": "x", "starts": starts, "ends": CHANGED + 90 * DAY, **terms})


@pytest.mark.parametrize(
    ("terms", "starts", "recorded", "currency"),
    [
        ({"amount": 500}, CHANGED - DAY, CHANGED - DAY, "JPY"),
        ({"amount": 500}, CHANGED + DAY, CHANGED - DAY, "EUR"),  # set for the time after
        ({"amount": 500}, CHANGED - 90 * DAY, CHANGED, "EUR"),  # set after, with a start of long ago
        ({"steps": [{"spend": 500, "save": 50}]}, CHANGED - DAY, CHANGED - DAY, "JPY"),
        ({"percent": 1_000, "most": 500}, CHANGED - DAY, CHANGED - DAY, "JPY"),
        ({"percent": 1_000, "minimum": 500}, CHANGED - DAY, CHANGED - DAY, "JPY"),
        ({"percent": 1_000, "budget": 500}, CHANGED - DAY, CHANGED - DAY, "JPY"),
        ({"percent": 1_000}, CHANGED - DAY, CHANGED - DAY, None),
        ({"free_shipping": True}, CHANGED - DAY, CHANGED - DAY, None),
    ],
)
def test_amounts_are_of_the_currency_of_when_the_offer_was_set_or_begins(
    terms: dict[str, Any], starts: datetime, recorded: datetime, currency: str | None
) -> None:
    assert currency_of(offer(starts, **terms), recorded, currency_at) == currency


def test_an_offer_in_another_currency_is_refused_with_what_to_do() -> None:
    check_offer_currency("K", None, "EUR")
    check_offer_currency("K", "EUR", "EUR")
    with pytest.raises(CouponNotUsable, match="in JPY, and the shop counts in EUR: set another offer") as refused:
        check_offer_currency("K", "JPY", "EUR")
    assert refused.value.more["reason"] == "other_currency"
