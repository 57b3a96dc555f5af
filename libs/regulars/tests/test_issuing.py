"""Coupons for a segment: everybody once, page by page (MEM-054)."""

from __future__ import annotations

from typing import Any

import pytest

from regulars.issuing import Issued, issue_to_segment
from regulars.stack.errors import Refused


class TwoServices:
    """A segment of seven customers, and an offer of which each gets one coupon a batch."""

    def __init__(self) -> None:
        self.names = [f"c{n}" for n in range(7)]
        self.held: set[str] = set()
        self.requests: list[int] = []

    async def get(self, service: str, path: str, after: str, limit: int) -> dict[str, Any]:
        assert (service, path) == ("segmentation", "/v1/shops/tea/segments/loyal/customers")
        found = [name for name in self.names if name > after]
        more = found[limit - 1] if len(found) > limit else None
        return {"customers": [{"customer": name} for name in found[:limit]], "next_after": more}

    async def call(self, service: str, method: str, path: str, json: Any) -> dict[str, Any]:
        assert (service, method, path) == ("membership", "POST", "/v1/shops/tea/offers/spring/coupons")
        left_out = {name for name in json["customers"] if json["hold_out"] and name in ("c2", "c5")}
        new = set(json["customers"]) - self.held - left_out
        self.held |= new
        self.requests.append(len(json["customers"]))
        return {"offer_id": "spring", "batch": json["batch"], "issued": len(new), "held_out": len(left_out)}


async def test_everybody_in_a_segment_gets_one_coupon_and_a_repeat_only_who_is_new() -> None:
    services: Any = TwoServices()
    assert await issue_to_segment(services, "tea", "spring", "loyal", "loyal", page=3) == Issued(7, 7)
    assert services.requests == [3, 3, 1]
    services.names.append("c9")
    assert await issue_to_segment(services, "tea", "spring", "loyal", "loyal", page=3) == Issued(8, 1)


async def test_who_is_left_out_is_counted_apart() -> None:
    """ANA-032: the share is asked for with every request of the batch."""
    services: Any = TwoServices()
    found = await issue_to_segment(services, "tea", "spring", "loyal", "loyal", page=3, hold_out=10)
    assert found == Issued(7, 5, 2)


async def test_of_an_empty_segment_nothing_is_asked() -> None:
    services: Any = TwoServices()
    services.names = []
    assert await issue_to_segment(services, "tea", "spring", "loyal", "loyal") == Issued(0, 0)
    assert services.requests == []


async def test_what_membership_refuses_ends_the_command_with_its_reason() -> None:
    services: Any = TwoServices()

    async def refusing(*_: Any, **__: Any) -> Any:
        raise Refused("the offer is over")

    services.call = refusing
    with pytest.raises(Refused, match="over"):
        await issue_to_segment(services, "tea", "spring", "loyal", "loyal", page=2)
