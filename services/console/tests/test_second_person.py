"""What one person may not grant alone: pages say who approves it, and why no rule did (SEC-012, SEC-013)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Site
from .test_ticket_photos import AT, CONTENT, TICKET

GIVEN: dict[str, Any] = {
    **{"kind": "refund", "amount": 900, "currency": "EUR", "state": "proposed", "automatic": False},
    **{"proposed_by": None, "decided_by": None, "decided_at": None, "without_return": False, "photo_seen": False},
    "not_by_rule": ["too_many", "order_compensated"],
}
CLAIM: dict[str, Any] = {
    **{"claim_id": "c1", "customer": "ann", "review_id": "r1", "order_id": "o1", "state": "claimed", "at": AT},
    **{"amount": 50, "currency": "EUR", "proposed_by": "Li", "by": None},
}


async def answering(site: Site, answers: dict[str, Any]) -> None:
    """Feedback answers so by path; everything else is away."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/shops/tea/")
        return httpx.Response(200, json=answers[path]) if path in answers else httpx.Response(503)

    await site.console.services.close()
    site.console.services._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("proposed_by", "said", "not_said"),
    [
        (None, "within the limit one person approves it", "Another person than"),
        ("Li", "Another person than who proposed it approves it", "within the limit"),
    ],
)
async def test_a_ticket_says_why_no_rule_granted_it_and_who_approves_it(
    site: Site, proposed_by: str | None, said: str, not_said: str
) -> None:
    given = GIVEN | {"proposed_by": proposed_by}
    await answering(site, {"tickets/t-1": TICKET | {"compensation": given, "photos": []}})
    page = await (await site.signed_in("agent")).get("/s/tea/tickets/t-1")
    for text in (said, "as many claims as it may of late", "another ticket compensated the same order"):
        assert text in page, text
    assert not_said not in page


@pytest.mark.parametrize(
    ("state", "told"), [("claimed", "another one has to approve it, too."), ("approved", "Done: the claim is decided.")]
)
async def test_a_reward_that_waits_for_a_second_person_is_not_said_to_be_decided(
    site: Site, state: str, told: str
) -> None:
    decided = {"reward-claims/c1/decision": CLAIM | {"state": state}}
    await answering(site, {"reward-claims": {"items": [CLAIM], "after": None}} | decided)
    browser = await site.signed_in("agent")
    page = await browser.get("/s/tea/rewards")
    assert "Li approved it, and it is more than one person grants alone" in page
    assert told not in page
    assert told in await browser.post("/s/tea/rewards/c1", decision="approve")


async def test_content_says_that_its_reward_waits(site: Site) -> None:
    """Who is the second person sees what was proposed, how much, and by whom, also in the list."""
    earns = {"form": "points", "points": 7_000, "offer_id": None, "gift": None, "worth": 12_300, "currency": "EUR"}
    proposed = earns | {"by": "Li", "proposed_by": None, "at": AT}
    waits = CONTENT | {"state": "approved", "grade": "A", "no_reward": "another_person", "proposed": proposed}
    await answering(site, {"ugc/show-1": waits, "ugc": {"items": [waits], "after": None}})
    browser = await site.signed_in("agent")
    page = await browser.get("/s/tea/content/show-1")
    assert "another one gives the same grade" in page
    for each in (page, await browser.get("/s/tea/content?state=waits")):
        for text in ("7,000 points", "123.00", "proposed by Li"):
            assert text in each, text
