"""One-to-one care on social networks (MSG-028). On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from common.events import decode
from common.events.customers import CustomerErased
from messaging.policy.state import SocialDesk
from messaging.vip.rules import to_be_answered_on

from ..situations import TUESDAY_TEN

URL = "/v1/shops/s/customers/c1/mentions"
MENTION = {"network": "weibo", "kind": "mention", "mention_id": "w77", "text": "Where is my ring?"}


def test_each_network_has_its_person() -> None:
    desk = SocialDesk(owner="Li", by_network={"weibo": "Wang"}, answer_within_hours=2)
    assert [to_be_answered_on(desk, name, "r", TUESDAY_TEN).owner for name in ("weibo", "wechat")] == ["Wang", "Li"]
    with pytest.raises(ValidationError):
        SocialDesk(owner="Li", by_network={"Wei bo": "Wang"})


async def test_what_a_customer_says_there_is_one_persons_to_answer(messaging: Any) -> None:
    await messaging.feed(*messaging.known())
    async with messaging.client() as client:
        nobody = await client.post(URL, json=MENTION)
        assert (nobody.status_code, nobody.json()["type"].rsplit("/")[-1]) == (409, "no_social_desk")
        desk = {"policy": {"social_desk": {"owner": "Li", "by_network": {"weibo": "Wang"}}}}
        assert (await client.put("/v1/shops/s/policy", json=desk)).status_code == 200
        for wrong in ({"kind": "like"}, {"network": "Wei bo"}, {"url": "javascript:x"}, {"text": "x" * 5000}, {"a": 1}):
            assert (await client.post(URL, json={**MENTION, **wrong})).status_code == 422
        strange = await client.post(URL.replace("c1", "stranger"), json=MENTION)
        assert (strange.status_code, strange.json()["type"].rsplit("/")[-1]) == (404, "unknown_customer")
        told = [(await client.post(URL, json={**MENTION, "url": "https://weibo.example/77"})).json() for _ in range(2)]
        assert [(t["owner"], t["new"]) for t in told] == [("Wang", True), ("Wang", False)]
        shown = (await client.get("/v1/shops/s/customers/c1/replies")).json()["replies"]
        assert [r["text"] for r in shown] == ["[weibo, mention: https://weibo.example/77]\nWhere is my ring?"]
        tasks = [decode(p) for (p,) in await messaging.rows("select payload from outbox where type = 'task.wanted'")]
        assert [(t.data.owner, t.subject, t.data.task_id) for t in tasks] == [("Wang", "c1", told[0]["reply_id"])]
        await messaging.feed(messaging.event(CustomerErased(), "gone", messaging.clock.now(), customer="c1"))
        assert (await client.post(URL, json={**MENTION, "mention_id": "w78"})).status_code == 404
