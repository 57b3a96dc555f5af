"""All five services rebuilt beside their live ones: the same rows, and nothing is announced or sent twice."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from common.events.topics import TOPICS
from regulars.stack.mailsink import MailSink

STRANGERS = {"orders-ingest": 1}
"""Somebody else's record on a service's own topic, which a rebuild alone reads, and buries."""


async def revisions(stack: Any, topic: str) -> dict[bytes, list[int]]:
    """The revisions of each customer's facts on the topic, in the order in which they stand there."""
    found: dict[bytes, list[int]] = {}
    for record in await stack.records(topic):
        revision = orjson.loads(record.value)["data"].get("revision")
        mended = dict(record.headers)["type"] == b"mended"  # another service's event
        if revision is not None and b"/statistics" not in record.key and not mended:
            found.setdefault(record.key, []).append(revision)
    return found


async def on_topics(stack: Any) -> dict[str, int]:
    return {topic.name: len(await stack.records(topic.name)) for topic in TOPICS}


async def taken(stack: Any) -> dict[str, Any]:
    """How many events but activities each service has claimed, and how many messages and decisions there are."""
    found = {}
    for name in ("membership", "segmentation"):
        found[name] = await stack.rows(name, "select count(*) from history where rank <> 50")
    found["feedback"] = await stack.rows("feedback", "select count(*) from reviews")
    found["messaging"] = await stack.rows(
        "messaging", "select (select count(*) from messages), (select count(*) from decisions)"
    )
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_r5a_every_service_is_rebuilt_beside_the_live_one(
    stack: Any, story: Any, beside: Any, mailsink: MailSink
) -> None:
    """R5a: killed midway, read while it is live, read on to where it stopped: the same rows; then all go on so."""
    await story.beginning()
    rebuilt = [await beside(name) for name in stack.parts]
    for each in rebuilt:
        await each.kill_midway()
        assert await each.rebuild() == 0
    await story.order("ann", "ann-5", 80.5, 35_000)
    await story.at(82)
    before, mails, facts = await taken(stack), mailsink.count, await on_topics(stack)
    for each in rebuilt:
        await each.stop_live()
        assert await each.rebuild(finish=True) == 0
        assert await each.differences() == {}, each.service.name
        await each.switch()
    await story.at(82)
    assert (await taken(stack), mailsink.count, await on_topics(stack)) == (before, mails, facts)
    repeat = story.body(
        "e1", "ann", "order.completed", -1, {"order_id": "ann-1", "state": "completed", "goods_paid": 30_000}
    )
    assert (await story.send(repeat)).json()["status"] == "duplicate"
    other = await story.send(repeat | {"data": repeat["data"] | {"goods_paid": 31_000}})
    assert other.status_code == 409, other.text
    await story.afterwards()
    for topic in ("customers", "membership", "segments", "feedback"):
        for seen in (await revisions(stack, topic)).values():
            assert seen == sorted(set(seen))
    for name in stack.parts:
        left = [dead for dead in await stack.get(name, "/ops/dead") if dead["resent_at"] is None]
        assert len(left) == STRANGERS.get(name, 0), name
    received = [mail["message_id"] for mail in mailsink.mails()]
    assert len(received) == len(set(received)), "nobody gets a mail twice"
    assert {address for mail in mailsink.mails()[mails:] for address in mail["to"]}.isdisjoint(
        f"{name}@example.test" for name in ("cem", "gus", "ida", "dia")
    ), "who is erased, opted out, or never consented, gets nothing from a rebuilt service"
