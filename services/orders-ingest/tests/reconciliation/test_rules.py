"""How an order of the shop's list stands to ours (L5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders_ingest.reconciliation.rules import compared
from orders_ingest.reconciliation.state import Ours

AT = datetime(2025, 3, 4, tzinfo=UTC)
OURS = Ours("paid", AT, "CNY", 100, 0, "ann")
THEIRS: dict[str, Any] = {"state": "paid", "time": AT, "currency": "CNY", "goods_paid": 100, "customer": "ann"}


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        (THEIRS, OURS, None),
        (THEIRS, None, "missed"),
        ({**THEIRS, "state": "completed", "time": AT + timedelta(days=1)}, OURS, "behind"),
        ({**THEIRS, "goods_paid": 90}, OURS, "behind"),
        (THEIRS, OURS._replace(state="shipped", at=AT + timedelta(hours=1)), "ahead"),
        (THEIRS, OURS._replace(customer=""), "behind"),
        ({**THEIRS, "freight": 0}, OURS, None),
        ({name: value for name, value in THEIRS.items() if name != "customer"}, OURS, None),
    ],
)
def test_an_order_is_the_same_or_missed_or_older_or_newer_here(
    theirs: dict[str, Any], ours: Ours | None, kind: str | None
) -> None:
    found = compared(theirs, ours)
    assert (None if found is None else found[0]) == kind


def test_the_words_say_what_differs() -> None:
    found = compared({**THEIRS, "state": "completed", "goods_paid": 90}, OURS)
    assert found == ("behind", "state paid here, completed in the list; goods_paid 100 here, 90 in the list")
