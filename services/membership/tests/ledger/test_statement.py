"""A statement says of each cause what it did to the points, in words."""

from __future__ import annotations

from typing import Any

import pytest

from common.fold.folding import fold_all
from membership.fold import MemberFolding
from membership.ledger.legs import Posting
from membership.ledger.statement import Sums, kind_of, words_of

from ..stories import CUSTOMER, SHOP, adjusted, at, completed, paid, redeemed, refund, rules


@pytest.mark.parametrize(
    ("sums", "kind", "words"),
    [
        (
            Sums(pending=120, issued=-120, lots=["o1"]),
            "pending",
            "120 points of order o1 are pending until it completes.",
        ),
        (Sums(pending=-120, available=120, lots=["o1", "o1"]), "released", "120 points of order o1 became available."),
        (Sums(available=1, issued=-1, lots=["|check-in/2025-03"]), "earned", "1 points of check-ins were added."),
        (Sums(available=-30, redeemed=30, lots=["o1", "o2"]), "redeemed", "30 points were redeemed."),
        (Sums(available=30, redeemed=-30, lots=["o1"]), "returned", "30 redeemed points came back."),
        (Sums(available=-9, expired=9, lots=["o1|20260101T000000"]), "expired", "9 points of order o1 expired."),
        (Sums(pending=-120, reversed=120, lots=["o1"]), "closed", "120 pending points of order o1 fell away."),
        (Sums(available=-5, debt=-7, reversed=12), "taken_back", "12 points were taken back, 7 of them as debt."),
        (
            Sums(available=20, pending=-3, issued=-17, correction=True),
            "corrected",
            "Late news changed what is available by +20 and what is pending by -3.",
        ),
    ],
)
def test_each_kind_of_cause_has_its_sentence(sums: Sums, kind: str, words: str) -> None:
    assert (kind_of(sums), words_of(sums)) == (kind, words)


def test_the_changes_of_a_statement_add_up_to_the_balance() -> None:
    """Whatever happened: each cause is explained, and available less debt is the sum of what the causes changed."""
    events = [
        paid("2025-01-01", "a", 12_000),
        completed("2025-01-05", "a", 12_000),
        adjusted("2025-01-06", "m", 50),
        redeemed("2025-01-07", "r", 100, "b"),
        refund("2025-01-08", "a", 12_000),
    ]
    state, steps, _ = fold_all(MemberFolding({SHOP: rules()}), events, at("2027-01-01"), (SHOP, CUSTOMER))
    kinds, total = [], 0
    for step in steps:
        legs = [
            leg for e in step.effects if isinstance(e.data, Posting) and e.data.book == "points" for leg in e.data.legs
        ]
        if legs:
            found: dict[str, Any] = dict.fromkeys(Sums._fields[:7], 0)
            for leg in legs:
                found[leg.account] += leg.amount
            sums = Sums(**found, lots=[leg.earned_by for leg in legs])
            kinds.append(kind_of(sums))
            total += sums.available + sums.debt
    points = state.model_dump()["points"]
    assert total == points["available"] - points["debt"]
    assert kinds == ["pending", "released", "earned", "redeemed", "taken_back"]
