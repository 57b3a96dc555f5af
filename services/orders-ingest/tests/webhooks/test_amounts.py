"""Amounts of deliveries in minor units: what no order may have is a dead delivery, and no failure of ours."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders_ingest.webhooks.state import UnreadableDelivery
from orders_ingest.webhooks.vendor import minor


@pytest.mark.parametrize("amount", ["1e30", "-1e30", "NaN", "Infinity", "10000000000001"])
def test_an_amount_that_no_order_may_have_is_refused(amount: str) -> None:
    with pytest.raises(UnreadableDelivery):
        minor(Decimal(amount), "EUR")


def test_amounts_are_rounded_half_up_in_the_units_of_their_currency() -> None:
    assert [minor(Decimal(text), unit) for text, unit in (("0.125", "EUR"), ("1.5", "JPY"), ("1.2345", "KWD"))] == [
        *(13, 2),
        1235,
    ]
