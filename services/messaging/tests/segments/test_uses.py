"""Who names a segment is said where it is to be ended. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from common.events.segments import SegmentDefined

from ..campaigns_of import SPRING
from ..flows.test_documents import PLAIN

USES = "/v1/shops/s/segments/families/uses"
IN = [{"what": "segment.families", "is": "in"}]


async def test_flows_and_campaigns_that_name_a_segment_are_said_until_they_are_over(messaging: Any) -> None:
    """MSG-049, SEG-045: in a condition of a flow, or as the group of a campaign."""
    defined = SegmentDefined(
        version=1, valid_from=messaging.clock.now(), segment="families", name="Families", expression="orders >= 1"
    )
    await messaging.feed(messaging.event(defined, "families", customer=None))
    flow = {**PLAIN, "flow": "hello", "only_if": IN, "enabled": False}
    async with messaging.client() as client:
        assert (await client.get(USES)).json() == {"flows": [], "campaigns": []}
        for path, document in (
            ("flows/hello", flow),
            ("flows/other", {**flow, "flow": "other", "only_if": []}),
            ("campaigns/spring", SPRING | {"group": IN}),
            ("campaigns/autumn", SPRING | {"campaign": "autumn"}),
        ):
            answer = await client.put(f"/v1/shops/s/{path}", json={"document": document})
            assert answer.status_code == 200, answer.text
        assert (await client.get(USES)).json() == {
            "flows": [{"flow": "hello", "title": PLAIN["title"], "enabled": False}],
            "campaigns": [{"campaign": "spring", "title": "Spring", "state": "draft"}],
        }
        for action in ("start", "stop"):
            answer = await client.post("/v1/shops/s/campaigns/spring/actions", json={"action": action})
            assert answer.status_code == 200, answer.text
        assert (await client.get(USES)).json()["campaigns"] == []
        assert (await client.get("/v1/shops/other/segments/families/uses")).json()["campaigns"] == []
