"""Calls by people: what an outcome leads to, and a task's whole way (MSG-021, MSG-022). On a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.crypto.sealing import seal
from common.events.customers import ConsentChanged, CustomerErased, CustomerUpdated
from common.values.people import said_by_key
from messaging.calls.rules import (
    LATEST,
    NEXT_ATTEMPT,
    TOLD_AGAIN_WITHIN,
    Call,
    Outcome,
    is_told_again,
    number_called,
    tried_again_at,
)
from messaging.channels.phone.channel import PhoneChannel
from messaging.commands import calls
from messaging.commands.calls import Told
from messaging.jobs.sending import sender_of
from regulars.testing import OwnTopics

from ..flows.test_on_a_database import switch_on
from ..test_rebuild import TABLES, announced, kept, rebuild
from ..verification.test_verifying import verify

AT = datetime(2025, 3, 4, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
BASE = "/v1/shops/s/call-tasks"


@pytest.mark.parametrize(
    ("outcome", "number", "wished", "again"),
    [
        ("reached", 1, AT + HOUR, None),
        ("refused", 1, None, None),
        ("wrong_number", 1, AT + HOUR, None),
        ("no_answer", 1, None, AT + NEXT_ATTEMPT),
        ("no_answer", 2, AT + 30 * HOUR, AT + 30 * HOUR),
        ("no_answer", 3, None, None),
        ("call_again", 1, AT - HOUR, AT + NEXT_ATTEMPT),
        ("call_again", 1, AT + LATEST, None),
    ],
)
def test_only_who_was_not_reached_is_called_again_and_not_for_ever(
    outcome: Outcome, number: int, wished: datetime | None, again: datetime | None
) -> None:
    assert tried_again_at(outcome, number, AT, wished, AT) == again


@pytest.mark.parametrize(
    ("after", "told", "again"),
    [
        (timedelta(0), {}, True),
        (TOLD_AGAIN_WITHIN, {}, False),
        (TOLD_AGAIN_WITHIN, {"numbered": True}, True),
        (timedelta(0), {"by": "wu"}, False),
        (timedelta(0), {"by": said_by_key("li", "1a2b3c4d")}, True),
        (timedelta(0), {"outcome": "reached"}, False),
        (timedelta(0), {"wished": AT + 9 * HOUR}, False),
        (10 * HOUR, {"call": Call(3, AT, "no_answer", "li", None, None)}, True),
        (2 * timedelta(minutes=1), {"call": Call(1, AT, "call_again", "li", None, AT + timedelta(minutes=1)),
            "outcome": "call_again", "wished": AT + timedelta(minutes=1)}, False),
    ],
)  # fmt: skip
def test_an_outcome_told_again_is_the_same_call(after: timedelta, told: dict[str, Any], again: bool) -> None:
    """MSG-022: a lost answer makes no attempt of its own."""
    first = Call(1, AT, "no_answer", "li", None, AT + NEXT_ATTEMPT)
    said = {"call": first, "outcome": "no_answer", "by": "li", "wished": None, "numbered": False} | told
    assert is_told_again(at=AT + after, handed_at=AT, **said) == again


@pytest.mark.parametrize(
    ("taken_by", "shown", "handed_to", "now_has", "called"),
    [
        ("li", b"old", b"old", b"new", b"old"),
        ("li", b"new", b"old", b"newest", b"new"),
        ("li", None, b"old", b"new", None),
        (None, None, b"old", b"old", b"old"),
        (None, None, b"old", b"new", None),
        ("wu", b"old", b"old", b"new", None),
        (said_by_key("li", "1a2b3c4d"), b"old", b"old", b"new", b"old"),
        (None, None, None, None, None),
    ],
)
def test_the_wrong_number_is_the_one_that_was_shown(
    taken_by: str | None, shown: bytes | None, handed_to: bytes | None, now_has: bytes | None, called: bytes | None
) -> None:
    """MSG-022: the customer's number may have changed between the call and its outcome."""
    assert number_called("li", taken_by, shown, handed_to, now_has) == called


async def known(messaging: Any, customer: str, number: str) -> None:
    await messaging.feed(*messaging.known(customer, language="en"))
    await has_number(messaging, customer, number, 5)


async def has_number(messaging: Any, customer: str, number: str, revision: int) -> None:
    sealed: dict[str, Any] = {
        name: seal(text, messaging.data_keys[customer], "k1", "s", customer, name)
        for name, text in (("email", f"{customer}@example.test"), ("phone", number), ("name", f"Name of {customer}"))
    }
    agreed = ConsentChanged(channel="phone", granted=True)
    said = [CustomerUpdated(revision=revision, language="en", **sealed), agreed]
    before = messaging.clock.now() - timedelta(days=1)
    name = f"{customer}-{revision}"
    await messaging.feed(*[messaging.event(d, f"{name}-{n}", before, customer=customer) for n, d in enumerate(said)])


async def hand_over(messaging: Any) -> None:
    await messaging.decide()
    channel = PhoneChannel()
    sender, connection = sender_of(messaging.database, messaging.keys, messaging.links, channel), channel.connect()
    while await sender.step(connection):
        pass


async def test_a_task_is_taken_by_one_and_told_of(messaging: Any, rebuilt: Any, topics: OwnTopics) -> None:
    document = {"steps": [{"id": "say", "do": "message", "template": "tier", "channels": ["phone"]}]}
    await switch_on(messaging, "tier", **document)
    messaging.clock.instant += timedelta(seconds=1)
    people = {"ann": "+8613800138000", "ben": "+8613800138001", "cid": "+8613800138002", "dan": "+8613800138003"}
    for customer, number in {**people, "eve": "+8613800138004"}.items():
        await known(messaging, customer, number)
    now = messaging.clock.now()
    await messaging.feed(*[messaging.tier_up(1, now, customer=c) for c in (*people, "eve")])
    await hand_over(messaging)
    async with messaging.client() as client:

        async def due() -> dict[str, str]:
            tasks = (await client.get(BASE)).json()["tasks"]
            return {task["customer"]: task["message_id"] for task in tasks}

        async def tell(customer: str, outcome: str, status: int = 200, **more: Any) -> Any:
            body = {"by": "li", "outcome": outcome, **more}
            answer = await client.post(f"{BASE}/{ids[customer]}/outcome", json=body)
            assert answer.status_code == status, answer.text
            return answer.json()

        ids = await due()
        assert sorted(ids) == sorted([*people, "eve"])
        # Opted out since: off the list at once, and not to be taken by who has seen it before (MSG-009).
        out = {"customer": "eve", "channel": "phone"}
        assert (await client.post("/v1/shops/s/opt-outs", json=out)).status_code == 200
        assert sorted(await due()) == sorted(people)
        seen = await client.post(f"{BASE}/{ids['eve']}/claim", json={"by": "li"})
        assert (seen.status_code, seen.json()["reason"]) == (409, "opted_out")
        page = (await client.get(f"{BASE}?limit=3")).json()
        rest = (await client.get(BASE, params={"after": page["next_after"]})).json()
        assert {t["customer"] for t in [*page["tasks"], *rest["tasks"]]} == set(people)
        taken = await client.post(f"{BASE}/{ids['ann']}/claim", json={"by": "li"})
        assert taken.status_code == 200, taken.text
        shown = taken.json()
        assert (shown["phone"], shown["name"], shown["habits"]) == (people["ann"], "Name of ann", {"tier": "VIP"})
        assert "Name of ann" in shown["script"]
        assert "nsubscribe" not in shown["script"]
        late = await client.post(f"{BASE}/{ids['ann']}/claim", json={"by": "wu"})
        assert (late.status_code, late.json()["taken_by"]) == (409, "li")
        # A key takes another's place, and its holder is the same person; two who share a key are two.
        async with messaging.database.transaction() as tx:
            await calls.claim_task(tx, "s", ids["ben"], "li (key 1a2b3c4d)")
            await calls.claim_task(tx, "s", ids["ben"], "li (key 00000000)")
            with pytest.raises(calls.TaskTaken):
                await calls.claim_task(tx, "s", ids["ben"], "wu (key 00000000)")
        wu = {"by": "wu", "outcome": "reached"}
        assert (await client.post(f"{BASE}/{ids['ann']}/outcome", json=wu)).status_code == 409
        told = await tell("ann", "no_answer", note="rang for long")
        assert (told["number"], told["note"]) == (1, "rang for long")
        assert await tell("ann", "no_answer", note="rang for long") == told, "the answer was lost: the same call"
        assert await tell("ann", "no_answer", note="rang for long", number=1) == told
        assert (await tell("ann", "reached", 409, number=1))["number"] == 2, "another one of that number"
        assert (await tell("ann", "reached", 409, number=3))["type"].endswith("not_the_next_attempt")
        assert "ann" not in await due(), "later"
        messaging.clock.instant += NEXT_ATTEMPT
        assert "ann" in await due()
        assert [c["note"] for c in (await client.get(f"{BASE}/{ids['ann']}")).json()["calls"]] == ["rang for long"]
        await tell("ann", "reached")
        assert (await tell("ann", "reached"))["number"] == 2
        await tell("ann", "no_answer", 409)
        keys, said = messaging.keys, Told("refused", "li")
        await messaging.database.run(lambda tx: calls.tell(tx, keys=keys, shop="s", message_id=ids["ben"], told=said))
        refused = "select customer, state from permissions where via = 'call'"
        assert set(await messaging.rows(refused)) == {("ben", "opted_out")}, "in one transaction with it (SEC-011)"
        assert (await tell("ben", "refused"))["number"] == 1, "told again"
        types = "select type, count(*) from outbox where type like 'contact.%' group by 1 order by 1"
        assert await messaging.rows(types) == [("contact.called", 3), ("contact.opted_out", 2)], "each once"
        assert (await client.post(f"{BASE}/{ids['cid']}/claim", json={"by": "li"})).status_code == 200
        await has_number(messaging, "cid", "+8613800138009", 6)
        await tell("cid", "wrong_number")
        rang = "select address from contact_addresses where customer = 'cid' and channel = 'phone' and revision = 5"
        assert await messaging.rows("select address from bounces") == await messaging.rows(rang), "not the new number"
        await has_number(messaging, "cid", people["cid"], 7)
        await messaging.feed(messaging.event(CustomerErased(), "erased", messaging.clock.now(), customer="dan"))
        assert await due() == {}
        assert (await client.get(f"{BASE}/{ids['dan']}")).json()["phone"] is None
        assert (await client.get(f"{BASE}/nothing")).status_code == 404
        assert (await client.get(BASE, params={"after": "x"})).status_code == 422
    messaging.clock.instant += timedelta(days=2)
    await messaging.feed(*[messaging.tier_up(2, messaging.clock.now(), customer=c) for c in ("ann", "ben", "cid")])
    await messaging.decide()
    reasons = "select customer, reason from candidates where release_at is null order by cause_at desc, 1 limit 3"
    assert {*await messaging.rows(reasons)} >= {("ben", "opted_out"), ("cid", "bounced")}
    await hand_over(messaging)
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 8)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in ("messages", "permissions", "bounces"):
        assert after[table] == before[table], table
    assert set(TABLES) >= {"messages"}
    made = "select * from calls order by 1, 2, 3, 4"
    assert await rebuilt.rows(made) == await messaging.rows(made)
    assert await verify(messaging, topics) == []
