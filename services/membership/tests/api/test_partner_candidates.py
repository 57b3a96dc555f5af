"""Ambassadors are picked among satisfied members, on a real PostgreSQL (MEM-090, MEM-093)."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from common.events.customers import CustomerErased, CustomerMerged
from common.events.feedback import QuestionAnswer, ReviewSubmitted, SurveyAnswered
from membership.jobs.verifying import verify
from membership.programme.partners import PartnerRules
from membership.programme.programme import Programme

from ..conftest import NOW, V1, Client, Shop, deliver, rich


def recommends(score: int) -> SurveyAnswered:
    return SurveyAnswered(
        survey_id=f"s{score}", kind="nps", answers=(QuestionAnswer(question="recommend", score=score),)
    )


async def candidates(client: Client, **asked: Any) -> list[tuple[str, int, int | None]]:
    found = (await client.get(f"{V1}/partner-candidates", params=asked)).json()
    return [(row["customer"], row["good"], row["recommends"]) for row in found["items"]]


async def ask_for(client: Client, rules: PartnerRules) -> None:
    body = {"programme": Programme(partners=rules).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(client.clock.now() + timedelta(hours=1))  # in force after its notice


async def test_who_is_satisfied_may_be_asked(client: Client, shop: Shop) -> None:
    """Whatever their order; one bad word of the last year is enough; the last answer counts; nobody is asked again."""
    for n in range(5):
        await rich(client, shop, f"c{n}", f"o{n}")
    day = timedelta(days=1)
    said = [
        shop.event("c0", NOW - 3 * day, ReviewSubmitted(review_id="r0", stars=5)),
        shop.event("c1", NOW - 3 * day, ReviewSubmitted(review_id="r1", stars=5)),
        shop.event("c1", NOW - 3 * day, ReviewSubmitted(review_id="r2", stars=1)),
        shop.event("c2", NOW - 3 * day, recommends(3)),
        shop.event("c2", NOW - 1 * day, recommends(10)),
        shop.event("c3", NOW - 1 * day, recommends(7)),
        shop.event("c4", NOW - 1 * day, ReviewSubmitted(review_id="r4", stars=4)),
        shop.event("stranger", NOW - 1 * day, recommends(10)),
    ]
    random.Random(3).shuffle(said)
    await deliver(client.database, said, size=2)
    assert await candidates(client) == [("c0", 1, None), ("c2", 1, 10), ("c4", 1, None)]
    assert await candidates(client, bad_days=2) == [("c0", 1, None), ("c1", 1, None), ("c2", 1, 10), ("c4", 1, None)]
    await ask_for(client, PartnerRules(good=2, bad_days=2))
    assert await candidates(client) == [], "the programme says how many good marks, and how long a bad one speaks"
    assert await candidates(client, good=1) == await candidates(client, good=1, bad_days=2)
    assert len(await candidates(client, good=1)) == 4
    await ask_for(client, PartnerRules())
    assert await candidates(client, tier_from="vip") == []
    assert await candidates(client, good=2) == []
    assert (await client.get(f"{V1}/partner-candidates", params={"tier_from": "gold"})).status_code == 422
    await client.put(f"{V1}/members/c4/partnerships/ambassador", json={"status": "declined", "by": "wu"})
    merged = CustomerMerged(survivor="c0", absorbed="c2", sequence=1)
    await deliver(client.database, [shop.event("c0", NOW, merged)])
    assert await candidates(client) == [("c0", 2, 10)]
    assert await verify(client.database) == []
    await deliver(client.database, [shop.event("c0", NOW, CustomerErased())])
    await deliver(client.database, [shop.event("c0", NOW - day, ReviewSubmitted(review_id="r9", stars=5))])
    assert await candidates(client) == []
