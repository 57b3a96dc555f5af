"""Communities on a real PostgreSQL: who may be in one, what is said in it (MEM-040, 094 to 100, 106, 108)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..conftest import NOW, V1, Client, Shop, deliver, rich


async def made(client: Client, **terms: Any) -> Any:
    community = {"name": "Oolong circle", "channel": "wechat_group", "owner": "adviser wu", "theme": "oolong", **terms}
    return await client.put(f"{V1}/communities/circle", json={"community": community, "by": "wu"})


async def say(client: Client, customer: str, status: str) -> Any:
    return await client.put(f"{V1}/communities/circle/members/{customer}", json={"status": status, "by": "wu"})


async def test_who_may_be_in_a_community_follows_the_tier(client: Client, shop: Shop) -> None:
    for n in range(3):
        await rich(client, shop, f"c{n}", f"o{n}")
    await deliver(client.database, [shop.completed("small", NOW - timedelta(days=3), "s", 1_000)])
    assert (await made(client, tier_from="gold")).status_code == 422
    assert (await say(client, "c0", "joined")).status_code == 404
    blank = await made(client, theme=" ")
    assert (blank.status_code, "`theme` must show" in blank.text) == (422, True)
    assert (await made(client, tier_from="senior")).status_code == 200
    asked = [(await say(client, *each)).status_code for each in (
        ("c0", "invited"), ("c0", "joined"), ("c1", "joined"), ("small", "joined"), ("nobody", "joined"),
    )]  # fmt: skip
    assert asked == [200, 200, 200, 409, 404]
    eligible = (await client.get(f"{V1}/communities/circle/eligible", params={"limit": 2})).json()
    assert [(row["customer"], row["status"]) for row in eligible["items"]] == [("c0", "joined"), ("c1", "joined")]
    last = (await client.get(f"{V1}/communities/circle/eligible", params={"after": eligible["after"]})).json()
    assert (last["items"], last["after"]) == ([{"customer": "c2", "tier": "senior", "status": None}], None)
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=1), "o1", 60_000)])
    members = (await client.get(f"{V1}/communities/circle/members")).json()["items"]
    assert [(row["customer"], row["eligible"]) for row in members] == [("c0", True), ("c1", False)]
    assert (await say(client, "c1", "removed")).json()["status"] == "removed"
    assert (await made(client, open=False)).status_code == 200
    assert (await say(client, "c2", "joined")).json()["type"].endswith("community_closed")
    (one,) = (await client.get(f"{V1}/communities")).json()["items"]
    assert (one["community"]["theme"], one["community"]["open"]) == ("oolong", False)


async def written(client: Client, post: str, **said: Any) -> Any:
    return await client.put(f"{V1}/communities/circle/posts/{post}", json={"words": f"Words of {post}", **said})


async def test_a_question_waits_for_the_shop_and_no_words_of_a_member_stand_open(client: Client, shop: Shop) -> None:
    """MEM-099, MEM-100, MEM-108."""
    for n in range(2):
        await rich(client, shop, f"c{n}", f"o{n}")
    await made(client)
    ask = {"kind": "question", "customer": "c0"}
    assert (await written(client, "q1", **ask)).json()["type"].endswith("not_in_community")
    await say(client, "c0", "joined")
    await say(client, "c1", "joined")
    assert (await written(client, "q1", **ask)).json()["type"].endswith("unknown_customer")
    for name in ("c0", "c1"):
        await client.issue_key(name)
    for post in ("q1", "q1", "q2", "q3"):
        client.clock.set(client.clock.now() + timedelta(minutes=1))
        assert (await written(client, post, **ask)).status_code == 200
    assert (await written(client, "q1", **ask, about="tea")).json()["type"].endswith("post_differs")
    answer = {"kind": "answer", "replies_to": "q1"}
    assert (await written(client, "a1", customer="c1", **answer)).status_code == 200
    assert (
        (await written(client, "a2", by="wu", **{**answer, "replies_to": "a1"}))
        .json()["type"]
        .endswith("not_answerable")
    )
    assert (await written(client, "a2", by="wu", **{**answer, "replies_to": "q9"})).status_code == 404
    first = (await client.get(f"{V1}/community-questions", params={"limit": 2})).json()
    assert [(row["post_id"], row["answers"], row["words"]) for row in first["items"]] == [
        ("q1", 1, "Words of q1"), ("q2", 0, "Words of q2"),
    ]  # fmt: skip
    assert first["after"] == "q2"
    await written(client, "a3", by="wu", **answer)
    settled = await client.post(f"{V1}/communities/circle/posts/q2/settle", json={"by": "wu"})
    assert settled.json()["answered_by"] == "wu"
    waiting = (await client.get(f"{V1}/community-questions")).json()["items"]
    assert [row["post_id"] for row in waiting] == ["q3"]
    await client.post(f"{V1}/communities/circle/posts/q3/hide", json={"by": "wu"})
    await written(client, "n1", kind="offer", by="wu", about="spring")
    posts = f"{V1}/communities/circle/posts"
    page = (await client.get(posts, params={"limit": 2})).json()
    rest = (await client.get(posts, params={"after": page["after"]})).json()
    assert [row["post_id"] for row in (*page["items"], *rest["items"])] == ["n1", "q2", "q1"]
    answers = (await client.get(f"{posts}/q1/answers")).json()["items"]
    assert [(row["customer"], row["by"]) for row in answers] == [("c1", None), (None, "wu")]
    async with client.database.transaction() as tx:
        stored = await tx.fetch("select words from community_posts where customer is not null")
        assert all(row.words.startswith("enc:") for row in stored)
