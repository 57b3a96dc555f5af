"""Who names a segment is said where it is to be ended. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from common.events.segments import SegmentDefined
from messaging.policy.state import Policy, SegmentWindows, VipDesk
from messaging.segments.rules import parts_of_policy

from ..campaigns_of import SPRING
from ..flows.test_documents import PLAIN

USES = "/v1/shops/s/segments/families/uses"
IN = [{"what": "segment.families", "is": "in"}]
NOT_IN = [{"what": "segment.families", "known": False}]


async def test_flows_and_campaigns_that_name_a_segment_are_said_until_they_are_over(messaging: Any) -> None:
    """MSG-049, SEG-045: in a condition of a flow, or as the group of a campaign."""
    defined = SegmentDefined(
        version=1, valid_from=messaging.clock.now(), segment="families", name="Families", expression="orders >= 1"
    )
    await messaging.feed(messaging.event(defined, "families", customer=None))
    flow = {**PLAIN, "flow": "hello", "only_if": IN, "enabled": False}
    async with messaging.client() as client:
        assert (await client.get(USES)).json() == {"flows": [], "campaigns": [], "policy": []}
        for path, document in (
            ("flows/hello", flow),
            ("flows/other", {**flow, "flow": "other", "only_if": []}),
            ("campaigns/spring", SPRING | {"group": IN}),
            ("campaigns/autumn", SPRING | {"campaign": "autumn"}),
            ("campaigns/others", SPRING | {"campaign": "others", "title": "The rest", "group": NOT_IN}),
        ):
            answer = await client.put(f"/v1/shops/s/{path}", json={"document": document})
            assert answer.status_code == 200, answer.text
        assert (await client.get(USES)).json() == {
            "flows": [{"flow": "hello", "title": PLAIN["title"], "enabled": False, "leaves_out": False}],
            "campaigns": [
                {"campaign": "others", "title": "The rest", "state": "draft", "leaves_out": True},
                {"campaign": "spring", "title": "Spring", "state": "draft", "leaves_out": False},
            ],
            "policy": [],
        }
        for campaign in ("spring", "others"):
            for action in ("start", "stop"):
                answer = await client.post(f"/v1/shops/s/campaigns/{campaign}/actions", json={"action": action})
                assert answer.status_code == 200, answer.text
        assert (await client.get(USES)).json()["campaigns"] == []
        assert (await client.get("/v1/shops/other/segments/families/uses")).json()["campaigns"] == []


def test_the_parts_of_the_policy_that_name_a_segment_are_said() -> None:
    """Each save of a policy that names a segment that has ended is refused; until then its customers have no desk."""
    desk = VipDesk(segments=("families",), owner="Ann")
    hours = SegmentWindows(segment="families", windows=Policy().windows)
    assert parts_of_policy(Policy(), "families") == []
    assert parts_of_policy(Policy(vip_desk=desk), "families") == ["vip_desk"]
    assert parts_of_policy(Policy(vip_desk=desk, segment_windows=(hours,)), "families") == [
        "segment_windows",
        "vip_desk",
    ]
    assert parts_of_policy(Policy(vip_desk=desk), "others") == []
