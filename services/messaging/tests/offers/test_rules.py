"""Offers that a campaign, a flow or a parcel plan names (MSG-026, MSG-056). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messaging.flows.document import FlowDocument
from messaging.offers.rules import Offer, offers_of_flow, unusable

AT = datetime(2025, 3, 4, tzinfo=UTC)
KNOWN = {
    "spring": Offer(AT + timedelta(days=1), needs_coupons=True),
    "over": Offer(AT, needs_coupons=True),
    "own": Offer(AT + timedelta(days=1), needs_coupons=False),
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("spring", None),
        ("over", "the offer 'over' is over since 2025-03-04 00:00 UTC"),
        ("own", "the offer 'own' is used without a coupon: nobody has one of it"),
        ("sprnig", "there is no offer 'sprnig'; there are spring (one that was set a moment ago may be read soon)"),
    ],
)
def test_an_offer_of_which_nobody_will_ever_have_a_coupon_is_refused(name: str, said: str | None) -> None:
    assert unusable([name], KNOWN, AT) == ([] if said is None else [said])


def test_a_shop_without_offers_is_told_that_there_are_none() -> None:
    (said,) = unusable(["spring"], {}, AT)
    assert "there are none" in said


def test_a_flow_names_the_offers_of_its_steps_and_of_its_messages() -> None:
    document = FlowDocument.model_validate(
        {
            "flow": "two",
            "title": "Two offers",
            "trigger": {"on": "event", "event": "tier.changed"},
            "untrue": {"offer": "spring"},
            "steps": [
                {"id": "give", "do": "coupon", "offer": "ring"},
                {"id": "say", "do": "message", "template": "win_back"},
            ],
        }
    )
    assert offers_of_flow(document) == {"ring", "spring"}
