"""Who did it, as the body says and the key vouches for (SEC-004, SEC-012)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from common.http.api import api_keys_of
from common.http.callers import new_api_key, parts_of
from common.values.people import said_by_key
from membership.programme.payouts import PayoutRules
from membership.programme.programme import Programme

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from ..payouts.test_rules import reward
from .offering import offered
from .test_joint_campaigns import TERMS

BOTH = ["members:change", "members:approve", "members:read"]


async def a_key(client: Client, shop: str, scopes: list[str]) -> tuple[str, dict[str, str]]:
    """Its prefix, and the header."""
    key = new_api_key()
    parts = parts_of(key)
    assert parts is not None
    async with client.database.transaction() as tx:
        await tx.execute(
            "insert into api_keys (prefix, hash, shop, scopes, name, created_at)"
            " values (:prefix, :hash, :shop, :scopes, 'crm', :now)",
            prefix=parts[0], hash=api_keys_of(client.app).hash(parts[1]), shop=shop, scopes=scopes, now=NOW,
        )  # fmt: skip
    return parts[0], {"authorization": f"Bearer {key}"}


def asked(command_id: str, by: str, points: int = 200) -> dict[str, object]:
    return {"command_id": command_id, "points": points, "reason": "lost", "by": by}


@pytest.mark.parametrize("scopes", [BOTH, ["*"]])
async def test_a_key_is_one_person_whatever_names_it_gives(client: Client, shop: Shop, scopes: list[str]) -> None:
    """It does not approve what it asked for, nor have a limit of the day for each name; the record shows the key."""
    await rich(client, shop)
    await client.issue_key()
    prefix, key = await a_key(client, "tea", scopes)
    adjustments, member = f"{V1}/adjustments", f"{V1}/members/c1/adjustments"
    large = (await client.post(member, json=asked("m1", "mara", 5_000), headers=key)).json()
    assert (large["state"], large["by"]) == ("proposed", f"mara (key {prefix})")
    own = await client.post(f"{adjustments}/m1/approve", json={"by": "anna"}, headers=key)
    assert (own.status_code, own.json()["type"].rpartition("/")[2]) == (403, "same_person")
    other, second = await a_key(client, "tea", scopes)
    granted = (await client.post(f"{adjustments}/m1/approve", json={"by": "anna"}, headers=second)).json()
    assert (granted["state"], granted["decided_by"]) == ("granted", f"anna (key {other})")
    states = [
        (await client.post(member, json=asked(f"s{n}", f"person {n}"), headers=key)).json()["state"] for n in range(4)
    ]
    assert states == ["granted", "granted", "proposed", "proposed"], "500 a day alone, by all names together"


async def test_a_key_passes_no_limit_of_the_day_by_many_names_at_once(client: Client, shop: Shop) -> None:
    """SEC-012: of all members together."""
    _, key = await a_key(client, "tea", BOTH)
    for n in range(14):
        await rich(client, shop, f"m{n}", f"o{n}")
        await client.issue_key(f"m{n}")

    async def give(n: int) -> str:
        body = asked(f"b{n}", f"person {n}", 500)
        return str((await client.post(f"{V1}/members/m{n}/adjustments", json=body, headers=key)).json()["state"])

    states = await asyncio.gather(*(give(n) for n in range(14)))
    assert sorted(states) == ["granted"] * 10 + ["proposed"] * 4


async def test_a_repetition_by_the_key_that_took_its_place_is_harmless(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.issue_key()
    headers = [(await a_key(client, "tea", BOTH))[1] for _ in range(2)]
    answers = [await client.post(f"{V1}/members/c1/adjustments", json=asked("m1", "mara"), headers=h) for h in headers]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("decision", ["approve", "refuse"])
async def test_two_who_share_a_key_are_two_where_a_request_comes_again(
    client: Client, shop: Shop, decision: str
) -> None:
    """The record would name one of them, and the answer would say it was the other."""
    await rich(client, shop)
    await client.issue_key()
    (first, other, third) = [(await a_key(client, "tea", BOTH))[1] for _ in range(3)]
    member, path = f"{V1}/members/c1/adjustments", f"{V1}/adjustments/m1/{decision}"
    statuses = [
        (await client.post(member, json=asked("m1", by, 5_000), headers=key)).status_code
        for by, key in (("mara", first), ("anna", first), ("mara", other))
    ]
    assert statuses == [200, 409, 200]
    statuses = [
        (await client.post(path, json={"by": by}, headers=key)).status_code
        for by, key in (("wu", other), ("li", other), ("wu", other), ("wu", third))
    ]
    assert statuses == [200, 409, 200, 200]


async def test_what_was_granted_at_once_has_nobody_who_approved_it(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.issue_key()
    assert (await client.post(f"{V1}/members/c1/adjustments", json=asked("m1", "mara"))).json()["state"] == "granted"
    answer = await client.post(f"{V1}/adjustments/m1/approve", json={"by": "anna"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "change_decided")


async def test_a_delivery_told_again_by_the_key_that_took_its_place_is_the_same(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await offered(client)
    one = f"{V1}/joint-campaigns/potter"
    assert (await client.put(one, json={"campaign": TERMS, "by": "wu"})).status_code == 200
    assert (await client.post(f"{one}/decision", json={"decision": "approved", "by": "li"})).status_code == 200
    keys = [(await a_key(client, "tea", ["members:change"]))[1] for _ in range(2)]
    told = {"what": "aggregate", "quantity": 120}
    statuses = [
        (await client.put(f"{one}/deliveries/d1", json=told | {"by": by}, headers=key)).status_code
        for by, key in (("mara", keys[0]), ("mara", keys[1]), ("mara", client.headers), ("anna", keys[0]))
    ]
    assert statuses == [200, 200, 200, 409]


async def test_a_post_sent_again_by_the_key_that_took_its_place_is_the_same(client: Client, shop: Shop) -> None:
    circle = {"community": {"name": "Circle", "channel": "wechat_group"}, "by": "wu"}
    assert (await client.put(f"{V1}/communities/circle", json=circle)).status_code == 200
    path = f"{V1}/communities/circle/posts/p1"
    keys = [(await a_key(client, "tea", ["members:write"]))[1] for _ in range(2)]
    posts = [{"kind": "news", "words": "New tea", "by": by} for by in ("mara", "anna")]
    answers = [await client.put(path, json=posts[0], headers=key) for key in keys]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (await client.put(path, json=posts[1], headers=keys[0])).status_code == 409


async def test_what_an_answer_says_of_ones_own_key_may_be_sent_back(client: Client, shop: Shop) -> None:
    """As with a document that is read, changed and put back; another key's word stays its own."""
    path = f"{V1}/communities/circle"
    (prefix, key), (_, other) = [await a_key(client, "tea", ["programme:write"]) for _ in range(2)]
    circle = {"community": {"name": "Circle", "channel": "wechat_group"}, "by": "wu"}
    said = (await client.put(path, json=circle, headers=key)).json()["by"]
    assert said == f"wu (key {prefix})"
    back = await client.put(path, json=circle | {"by": said}, headers=key)
    assert (back.status_code, back.json()["by"]) == (200, said)
    for by in (f"{said} (key {prefix})", f" (key {prefix})", "\u200b"):
        assert (await client.put(path, json=circle | {"by": by}, headers=key)).status_code == 422
    assert (await client.put(path, json=circle | {"by": said}, headers=other)).status_code == 422


@pytest.mark.parametrize("vouching", [True, False])
async def test_a_key_that_vouches_for_people_is_believed(client: Client, shop: Shop, *, vouching: bool) -> None:
    """As the console's. Nobody's name reads as if another key had said it."""
    await rich(client, shop)
    await client.issue_key()
    prefix, key = await a_key(client, "tea", [*BOTH, *["people:vouch"] * vouching])
    made = (await client.post(f"{V1}/members/c1/adjustments", json=asked("m1", " mara "), headers=key)).json()
    assert made["by"] == ("mara" if vouching else f"mara (key {prefix})")
    false = await client.post(f"{V1}/members/c1/adjustments", json=asked("m2", "mara (Key 12345678)"), headers=key)
    assert (false.status_code, "key" in false.text) == (422, True)


async def test_a_key_does_not_pay_the_cash_that_it_approved_elsewhere(client: Client, shop: Shop) -> None:
    """SEC-012: approved at feedback by one key, under whichever name; another one pays."""
    body = {"programme": Programme(payouts=PayoutRules(review_reward="cash", cash_alone=998)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(days=2))
    await rich(client, shop, order="o")
    prefix, key = await a_key(client, "tea", BOTH)
    _, other = await a_key(client, "tea", BOTH)
    approved = reward().model_copy(update={"by": said_by_key("mara", prefix)})
    await deliver(client.database, [shop.event("c1", NOW + timedelta(days=1), approved)])
    (due,) = (await client.get(f"{V1}/payouts", params={"state": "due"})).json()["items"]
    path, paid = f"{V1}/payouts/{due['payout_id']}/paid", {"reference": "alipay-1", "by": "anna"}
    answers = [await client.post(path, json=paid, headers=headers) for headers in (key, other)]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[0].json()["type"].endswith("payout_needs_another")
