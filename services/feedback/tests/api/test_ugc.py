"""Content over HTTP on a real PostgreSQL: only buyers post as buyers, moderated, selected, forgotten, rebuilt."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import ContentEvent, SurveyPolicyChanged
from common.events.orders import OrderLine
from common.storage.database import Transaction
from feedback.earned.store import list_differing
from feedback.jobs.verifying import CONTENTS
from feedback.ugc.store import list_contents
from feedback.verification.expected import expectations

from ..conftest import MARCH, Feedback, completed, refunded
from .ticketing import act, open_one

UGC = "/v1/shops/s/ugc"
ROWS = "select customer, content_id, revision, newest, state, kind, grade, type, at, cast(body as text) from contents"


def bought(order_id: str, sku: str, customer: str = "ann") -> Event[Any]:
    event = completed(order_id, customer=customer)
    return event.with_data(event.data.having(lines=(OrderLine(sku=sku, quantity=1, paid=100),)))


async def post(feedback: Feedback, content_id: str, path: str = "", **body: Any) -> tuple[int, Any]:
    told = (
        body if path else {"content_id": content_id, "kind": "buyer_show", "customer": "ann", "text": "My cup"} | body
    )
    answer = await feedback.client.post(f"{UGC}{path and f'/{content_id}{path}'}", json=told)
    return answer.status_code, answer.json()


async def selected(feedback: Feedback, **params: Any) -> list[str]:
    answer = await feedback.client.get(f"{UGC}/selection", params=params)
    assert answer.status_code == 200, answer.text
    assert not any({"customer", "order_id"} & item.keys() for item in answer.json()["items"])
    return [item["content_id"] for item in answer.json()["items"]]


async def test_content_is_submitted_moderated_shown_and_forgotten(feedback: Feedback, rebuilt: Feedback) -> None:
    """FBK-042, FBK-044, FBK-048: a repetition is harmless, and an erased customer's words are shown no more."""
    await feedback.issue_key()
    await feedback.issue_key("bob")
    await feedback.handle(
        bought("o1", "tea"), bought("o2", "tea"), refunded("o2", 1, whole=True), bought("b1", "tea", "bob")
    )
    as_buyer: dict[str, Any] = {"as_buyer": True, "order_id": "o1", "sku": "tea"}
    assert (await post(feedback, "c1", **as_buyer))[0] == 201
    assert (await post(feedback, "c1", **as_buyer))[0] == 200
    assert (await post(feedback, "c1", **as_buyer | {"text": "other"}))[1]["type"] == "/problems/content_differs"
    wrongs: list[dict[str, Any]] = [{"order_id": "o2"}, {"order_id": "b1"}, {"order_id": "none"}, {"sku": "cup"}]
    for wrong in wrongs:
        assert (await post(feedback, "c2", **as_buyer | wrong))[1]["type"] == "/problems/not_a_buyer", wrong
    hostile = "<script>alert(1)</script>\u202e\u200bgnp.exe"
    assert (await post(feedback, "c2", customer="bob", text=hostile))[1]["text"] == hostile, "as it was written"
    library: dict[str, Any] = {
        "kind": "guarantee",
        "customer": None,
        "text": None,
        "title": "30 days",
        "link": "https://s.example/g",
    }
    assert (await post(feedback, "g1", **library))[0] == 201
    waiting = (await feedback.client.get(UGC, params={"limit": 2})).json()
    assert [item["content_id"] for item in waiting["items"]] == ["c1", "c2"]
    rest = (await feedback.client.get(UGC, params={"after": waiting["after"]})).json()
    assert ([item["content_id"] for item in rest["items"]], rest["after"]) == (["g1"], None)
    assert await selected(feedback) == []
    for content_id in ("c1", "c2", "g1"):
        assert (await post(feedback, content_id, "/decision", decision="approve", grade="A", by="li"))[0] == 201
    assert (await post(feedback, "c1", "/decision", decision="approve", grade="A", by="li"))[0] == 200
    assert (await post(feedback, "c1", "/decision", decision="refuse", by="li"))[1][
        "type"
    ] == "/problems/content_stands"
    assert await selected(feedback, shown_to="cautious") == ["g1"]
    assert await selected(feedback, shown_to="opinion_led", sku="tea") == ["c1"]
    assert sorted(await selected(feedback)) == ["c1", "c2", "g1"]
    events = [event for event in await feedback.announced() if isinstance(event.data, ContentEvent)]
    assert all(e.data.text is None or e.data.text.startswith("enc:") for e in events)
    await rebuilt.handle(*random.Random(4).sample(events, len(events)), *events)
    assert sorted(await rebuilt.rows(ROWS)) == sorted(await feedback.rows(ROWS))
    said = {e.name: e.digest for event in events for e in expectations(event.as_dict())}
    async with feedback.database.transaction() as tx:
        rows = await tx.fetch(f"select {CONTENTS.columns} from contents t")
    assert dict(kept for row in rows for kept in CONTENTS.says(row)) == said, "as `verify` compares them"
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased())
    await feedback.handle(erased)
    assert await feedback.rows("select 1 from contents where customer = 'ann' and body::text like '%enc:%'") == []
    assert sorted(await selected(feedback)) == ["c2", "g1"]
    assert (await post(feedback, "c9"))[1]["type"] == "/problems/customer_erased"


async def test_what_cannot_be_content_is_refused_and_nothing_is_kept(feedback: Feedback) -> None:
    await feedback.issue_key()
    bad: list[dict[str, Any]] = [
        {"text": None},
        {"text": "\u200b\u200b"},
        {"text": " ", "photos": ["https://shop.example/1.jpg"]},
        {"text": "x" * 4_001},
        {"text": None, "photos": ["http://plain.example/1.jpg"]},
        {"photos": ["p"] * 21},
        {"customer": None},
        {"kind": "song"},
        {"kind": "tutorial", "customer": None, "text": None, "title": "x", "link": "javascript:alert(1)"},
        {"as_buyer": True},
        {"more": 1},
    ]
    for fields in bad:
        status, problem = await post(feedback, "c1", **fields)
        assert status == 422, (fields, problem)
    assert (await post(feedback, "c1", "/decision", decision="refuse", by="li"))[1][
        "type"
    ] == "/problems/unknown_content"
    for after in ("x", "2025-03-01T00:00:00 c", "0001-01-01T00:00:00+14:00 c", "9999-12-31T23:59:59-14:00 c"):
        assert (await feedback.client.get(UGC, params={"after": after})).status_code == 422, after
    assert await feedback.rows("select count(*) from contents") == [(0,)]


async def rewarding(feedback: Feedback, most: int, **policy: Any) -> None:
    rules = {"grades": {"A": {"form": "points", "points": 200, "worth": 100}}, "most": most}
    answer = await feedback.client.put("/v1/shops/s/policy", json={"policy": {"content_rewards": rules, **policy}})
    assert answer.status_code == 200, answer.text
    feedback.clock.set(feedback.clock.now() + timedelta(minutes=10))


async def approved(feedback: Feedback, content_id: str, grade: str = "A") -> Any:
    """What it earned, or why nothing."""
    told = (await post(feedback, content_id, "/decision", decision="approve", grade=grade, by="li"))[1]
    return (told["reward"] and told["reward"]["points"]) or told["no_reward"]


async def test_good_content_earns_once_whatever_is_decided_after(feedback: Feedback, rebuilt: Feedback) -> None:
    """FBK-043: the reward stands in `ugc.approved`, of which membership pays each content once."""
    await feedback.issue_key()
    await feedback.handle(bought("o1", "tea"))
    await rewarding(feedback, most=1)
    for content_id in ("c1", "c2", "c3"):
        told: dict[str, Any] = {"as_buyer": True, "order_id": "o1", "sku": "tea", "text": f"Fine {content_id[:2]}"}
        assert (await post(feedback, content_id, **told))[0] == 201
    graded = [await approved(feedback, *one) for one in (("c1", "B"), ("c1", "A"), ("c1", "A"), ("c1", "B"), ("c2",))]
    assert graded == [None, 200, 200, 200, "most"], "the second of the customer is beyond the shop's limit"
    withdrawn = (await post(feedback, "c1", "/decision", decision="withdraw", by="li"))[1]
    assert (withdrawn["state"], withdrawn["reward"]["points"]) == ("withdrawn", 200), "what membership takes back"
    assert await approved(feedback, "c3") == 200, "what was withdrawn counts for no limit"
    events = [event for event in await feedback.announced() if isinstance(event.data, ContentEvent)]
    await rebuilt.handle(*random.Random(5).sample(events, len(events)))
    grounds = "select ground, origin from reward_grounds order by 1, 2"
    assert await rebuilt.rows(grounds) == await feedback.rows(grounds)
    assert {origin for _, origin in await feedback.rows(grounds)} == {"content/c3"}
    async with rebuilt.database.transaction() as tx:
        assert await list_differing(tx, 9) == [], "as `verify` asks"
        await tx.execute("update reward_grounds set origin = 'claim/k1'")
        assert await list_differing(tx, 9) == [("s", "claim/k1"), ("s", "content/c3")]


async def graded(feedback: Feedback, by: str, content_id: str = "c1") -> Any:
    return (await post(feedback, content_id, "/decision", decision="approve", grade="A", by=by))[1]


async def test_another_person_grants_what_was_proposed_whatever_the_policy_says_by_then(feedback: Feedback) -> None:
    """SEC-012: they see what, how much and by whom, and nothing else is granted."""
    await feedback.issue_key()
    await feedback.handle(bought("o1", "tea"))
    bounds: dict[str, Any] = {"tickets": {"compensation": {"agent_limit": 60}}}
    await rewarding(feedback, most=1, **bounds)
    assert (await post(feedback, "c1", as_buyer=True, order_id="o1"))[0] == 201
    assert (await graded(feedback, "li"))["reward"] is None
    assert (await open_one(feedback, "t1")).status_code == 201
    given = {"kind": "points", "amount": 10, "currency": "CNY"}
    beyond = (await act(feedback, "t1", "e1", "compensate", claim=given)).json()["compensation"]
    assert beyond["state"] == "proposed", "what is proposed counts, too: 110 to ann"
    grades = {"A": {"form": "points", "points": 1_000_000, "worth": 900_000}}
    policy = bounds | {"content_rewards": {"grades": grades}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(feedback.clock.now() + timedelta(minutes=10))
    [waits] = (await feedback.client.get(UGC, params={"state": "approved", "to_approve": True})).json()["items"]
    what = ("form", "points", "worth", "currency", "by")
    assert [waits["proposed"][name] for name in what] == ["points", 200, 100, "CNY", "li"]
    earned = await graded(feedback, "wu")
    assert [earned["reward"][name] for name in what] == ["points", 200, 100, "CNY", "wu"]
    assert (earned["reward"]["proposed_by"], earned["proposed"]) == ("li", None)
    assert (await feedback.client.get(UGC, params={"state": "approved", "to_approve": True})).json()["items"] == []
    assert await feedback.verify() == []


async def test_a_policy_of_before_is_read_and_two_people_grant_what_it_says_no_worth_of(feedback: Feedback) -> None:
    """R10, SEC-012: `worth` is asked for where a policy is saved."""
    await feedback.issue_key()
    rules = {"grades": {"A": {"form": "points", "points": 200}}, "buyers_only": False}
    refused = await feedback.client.put("/v1/shops/s/policy", json={"policy": {"content_rewards": rules}})
    assert (refused.status_code, "worth" in refused.text) == (422, True)
    before = SurveyPolicyChanged(version=1, valid_from=MARCH - timedelta(days=1), policy={"content_rewards": rules})
    await feedback.handle(Event("policy-1", "/shops/s/feedback", "s", None, MARCH, before, partitionkey="policy"))
    assert (await feedback.client.get("/v1/shops/s/policy")).json()["version"] == 1
    assert (await post(feedback, "c1"))[0] == 201
    waits = await graded(feedback, "li")
    assert (waits["no_reward"], waits["proposed"]["points"], waits["proposed"]["worth"]) == (
        *("another_person", 200),
        None,
    )
    assert (await graded(feedback, "wu"))["reward"]["points"] == 200
    await rewarding(feedback, most=1)


async def test_what_waits_for_another_person_is_found_by_an_index(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all that was ever approved nothing is read where nothing waits."""
    fetch = Transaction.fetch

    async def explained(tx: Transaction, query: str, **given: Any) -> Any:
        return await fetch(tx, f"explain {query}", **given)

    async with feedback.database.transaction() as tx:
        await tx.execute(
            """
            insert into contents (shop, customer, content_id, revision, newest, state, kind, featured, submitted_at,
                                  type, at, body)
            select 's', 'ann', 'c' || n, 2, true, 'approved', 'review', false, now(), 'ugc.approved', now(), '{}'
            from generate_series(1, 500) n
            """
        )
        await tx.execute("analyze contents")
        monkeypatch.setattr(Transaction, "fetch", explained)
        planned = await list_contents(tx, "s", "approved", None, 1, None, to_approve=True)
    assert any("contents_waiting" in row[0] for row in planned), planned


async def test_nothing_is_earned_twice_or_of_an_order_that_came_back_or_on_ones_own_word(feedback: Feedback) -> None:
    """FBK-043, FBK-047, FBK-048, SEC-012: the same words, photo or review, under whatever name, earn once."""
    for customer in ("ann", "bob"):
        await feedback.issue_key(customer)
    await feedback.handle(bought("o1", "tea"), bought("o2", "tea"), bought("b1", "tea", "bob"))
    await rewarding(feedback, most=9, review_reward={"enabled": True})
    long = "The tea in my new cup, so good it is that I drink it daily."
    buyer: dict[str, Any] = {"as_buyer": True, "order_id": "o1", "text": long}
    told: dict[str, dict[str, Any]] = {
        "c1": {},
        "same": {"text": long.upper().replace(".", "!")},
        "bobs": {"customer": "bob", "order_id": "b1"},
        "photo": {"text": "Another", "photos": ["https://x.example/1.jpg"]},
        "photo2": {"text": "A third", "photos": ["https://x.example/1.jpg"]},
        "back": {"order_id": "o2", "text": "Of another order"},
    }
    for content_id, more in told.items():
        assert (await post(feedback, content_id, **buyer | more))[0] == 201, content_id
    await feedback.handle(refunded("o2", 0.001, whole=True))
    own = await post(feedback, "c1", "/decision", decision="approve", grade="A", by=" ANN")
    assert (own[0], own[1]["type"]) == (403, "/problems/own_word")
    gone = await post(feedback, "back", "/decision", decision="approve", grade="A", by="li")
    assert (gone[0], gone[1]["type"]) == (409, "/problems/order_came_back")
    assert (await post(feedback, "back", "/decision", decision="refuse", by="li"))[0] == 201
    earned = [await approved(feedback, name) for name in ("c1", "same", "bobs", "photo", "photo2")]
    assert earned == [200, "earned_before", "earned_before", 200, "earned_before"]
    # A review that was rewarded as such, submitted as content; and one whose words earned as content.
    for review_id, order_id, text in (
        ("r1", "o1", "A review, with characters enough for any rule"),
        ("r2", "o1", long),
    ):
        review = {"review_id": review_id, "customer": "ann", "order_id": order_id, "stars": 5, "text": text}
        assert (await feedback.client.post("/v1/shops/s/reviews", json=review)).status_code == 202
    path = "/v1/shops/s/reward-claims"
    claims = [
        (await feedback.client.post(path, json={"claim_id": f"k-{name}", "customer": "ann", "review_id": name})).json()
        for name in ("r2", "r1")
    ]
    assert claims[0]["type"] == "/problems/already_rewarded"
    assert "content 'c1'" in claims[0]["detail"]
    assert claims[1]["state"] == "claimed"
    assert (await feedback.client.post(f"{path}/k-r1/decision", json={"decision": "approve", "by": "Ann"})).json()[
        "type"
    ] == "/problems/own_word"
    assert (await post(feedback, "cr", kind="review", text=None, review_id="r1", as_buyer=True))[0] == 201
    assert await approved(feedback, "cr") == "earned_before"
    # What was refused has earned nothing.
    refused = await feedback.client.post(f"{path}/k-r1/decision", json={"decision": "refuse", "by": "li"})
    assert refused.json()["state"] == "refused"
    assert (await post(feedback, "cr", "/decision", decision="approve", grade="B", by="li"))[1]["no_reward"] is None
    assert await approved(feedback, "cr") == 200


async def test_a_stored_review_is_submitted_as_content_with_its_words(feedback: Feedback) -> None:
    """FBK-042, FBK-048: as a buyer of the review's order; once."""
    await feedback.issue_key()
    await feedback.handle(bought("o1", "tea"))
    review = {"review_id": "r1", "customer": "ann", "order_id": "o1", "sku": "tea", "stars": 5, "text": "Fine tea"}
    review |= {"photos": ["p1"], "source": "taobao"}
    assert (await feedback.client.post("/v1/shops/s/reviews", json=review)).status_code == 202
    told: dict[str, Any] = {"kind": "review", "text": None, "review_id": "r1", "as_buyer": True}
    status, content = await post(feedback, "c1", **told)
    assert (status, content["text"], content["photos"], content["sku"], content["source"]) == (
        *(201, "Fine tea", ["p1"], "tea", "taobao"),
    )
    assert (await post(feedback, "c1", **told))[0] == 200
    assert (await post(feedback, "c2", **told | {"review_id": "r2"}))[1]["type"] == "/problems/unknown_review"
    for wrong in ({"text": "other words"}, {"kind": "buyer_show"}, {"customer": None}, {"sku": "cup"}):
        assert (await post(feedback, "c2", **told | wrong))[0] == 422, wrong


async def test_a_ticket_shows_what_the_library_holds_of_its_product(feedback: Feedback) -> None:
    """FBK-039, FBK-045: the shop's own, approved, of that product alone."""
    await feedback.issue_key()
    own: dict[str, Any] = {"kind": "tutorial", "customer": None, "text": None, "link": "https://s.example/brew"}
    for content_id, sku in (("brew", "tea"), ("clean", "cup"), ("waits", "tea")):
        assert (await post(feedback, content_id, title=content_id, sku=sku, **own))[0] == 201
    assert (await post(feedback, "mine", kind="tutorial", sku="tea"))[0] == 201
    for content_id in ("brew", "clean", "mine"):
        assert (await post(feedback, content_id, "/decision", decision="approve", grade="A", by="li"))[0] == 201
    for ticket_id, more in (("t1", {"sku": "tea"}), ("t2", {})):
        told = {"ticket_id": ticket_id, "customer": "ann", "kind": "question", **more}
        assert (await feedback.client.post("/v1/shops/s/tickets", json=told)).status_code == 201
    shown = [(await feedback.client.get(f"/v1/shops/s/tickets/{name}")).json()["articles"] for name in ("t1", "t2")]
    assert shown == [[{"content_id": "brew", "kind": "tutorial", "title": "brew", "link": own["link"]}], []]
