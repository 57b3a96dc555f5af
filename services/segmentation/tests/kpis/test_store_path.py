"""The way of a segment: what is a look at the shop (XCT-014)."""

from __future__ import annotations

from segmentation.activity.state import KINDS
from segmentation.kpis.store_path import LOOKS


def test_xct_014_all_that_is_counted_of_a_customer_but_chats_is_a_look() -> None:
    """What is not counted of anybody, as the shop's visits by day, could be nobody's look."""
    assert {*LOOKS, "chat.ended"} == {kind.TYPE for kind in KINDS}
    assert "checkout.interrupted" in LOOKS
