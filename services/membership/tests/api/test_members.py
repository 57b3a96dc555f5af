"""What membership answers over HTTP and what it refuses, on a real PostgreSQL, without a bus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.fold.store_long import want_fold
from membership.programme.programme import Programme

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from .redeeming import redemption


async def test_a_member_is_shown_with_tier_term_and_points(client: Client, shop: Shop) -> None:
    """MEM-024, MEM-026, C-5: points, growth value and contribution are three fields, beside the tier."""
    await rich(client, shop)
    found = (await client.get(f"{V1}/members/c1")).json()
    assert found == {
        "customer": "c1",
        "enrolled_at": "2025-03-10T04:00:00Z",
        "tier": "Senior",
        "tier_id": "senior",
        "level": 1,
        "price": 9_800,
        "factor": 12_000,
        "since": "2025-03-10",
        "term": "2026-03-10",
        "grace": None,
        "pending": 0,
        "available": 600,
        "debt": 0,
        "next_expiry": {"points": 600, "at": "2026-03-31T16:00:00Z"},
        "orders": 1,
        "contribution": 60_000,
        "growth": 600,
        "catching_up": False,
    }


async def test_a_member_whose_late_orders_are_not_worked_in_yet_says_so(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    async with client.database.transaction() as tx:
        await want_fold(tx, ("tea", "c1"))
    assert (await client.get(f"{V1}/members/c1")).json()["catching_up"] is True


async def test_what_fell_due_but_was_not_swept_yet_is_shown_as_done(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    client.clock.set(NOW + timedelta(days=500))
    found = (await client.get(f"{V1}/members/c1")).json()
    assert (found["tier"], found["available"]) == ("Regular", 0)
    changes = (await client.get(f"{V1}/members/c1/tier-changes")).json()["changes"]
    assert (changes[0]["old"], changes[0]["new"], changes[0]["direction"]) == ("Senior", "Regular", "down")
    assert (changes[-1]["new"], changes[-1]["direction"]) == ("Senior", "up")
    assert [c["at"] for c in changes] == sorted((c["at"] for c in changes), reverse=True)
    page = (await client.get(f"{V1}/members/c1/tier-changes?limit=1")).json()
    assert page == {"changes": changes[:1], "next_after": 1}


async def test_the_way_up_names_the_next_tier_and_both_gaps(client: Client, shop: Shop) -> None:
    """MEM-018."""
    await rich(client, shop)
    found = (await client.get(f"{V1}/members/c1/path")).json()
    assert (found["tier"], found["next_tier"]) == ("Senior", "VIP")
    assert (found["missing_spend"], found["missing_orders"]) == (140_000, 7)


async def test_registration_is_idempotent_and_tells_its_source(client: Client) -> None:
    """MEM-010."""
    first = (await client.post(f"{V1}/members", json={"customer": "new", "source": "poster"})).json()
    second = (await client.post(f"{V1}/members", json={"customer": "new"})).json()
    assert (first["status"], second["status"], first["tier"]) == ("registered", "member_already", "Regular")
    async with client.database.transaction() as tx:
        types = [row.type for row in await tx.fetch("select type from outbox order by seq")]
    assert types == ["member.registered", "member.enrolled"]


async def test_a_new_programme_is_in_force_from_its_instant(client: Client, shop: Shop) -> None:
    """MEM-012, MEM-023: history is kept, what was earned before stays; XCT-001, of the programme's values."""
    await rich(client, shop)
    programme = (await client.get(f"{V1}/programme")).json()["programme"]
    assert Programme.model_validate(programme) == Programme()
    programme["tiers"][0]["factor"] = 30_000
    programme["tiers"][1]["factor"] = 30_000
    put = await client.put(f"{V1}/programme", json={"programme": programme})
    assert (put.status_code, put.json()["version"]) == (200, 1)
    assert (await client.get(f"{V1}/programme")).json()["coming"][0]["version"] == 1
    client.clock.set(NOW + timedelta(minutes=5))
    await deliver(client.database, [shop.completed("c1", NOW + timedelta(minutes=4), "o2", 10_000)])
    await deliver(client.database, [shop.completed("c1", NOW + timedelta(minutes=5), "o3", 10_000)])
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 600 + 120 + 300
    assert (await client.get(f"{V1}/programme")).json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"programme": {}, "valid_from": "2025-03-20T04:04:59Z"}, "too_soon"),
        ({"programme": {"tiers": []}}, "invalid_request"),
        ({"programme": {"tiers": [{"name": "A"}, {"name": "A", "orders": 2}]}}, "invalid_request"),
        ({"programme": {"tiers": [{"name": "A", "price": 9000}, {"name": "B", "orders": 2}]}}, "invalid_request"),
        ({"programme": {"points": {"per_unit": 1.5}}}, "invalid_request"),
        ({"programme": {"typo": 1}}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_a_programme_that_cannot_be_is_refused(client: Client, body: dict[str, Any], slug: str) -> None:
    answer = await client.put(f"{V1}/programme", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_the_report_counts_members_by_tier_and_what_is_owed(client: Client, shop: Shop) -> None:
    """MEM-012, C-3: the default scheme is the four tiers, from low to high."""
    await rich(client, shop)
    await deliver(
        client.database,
        [
            shop.completed("c2", NOW - timedelta(days=1), "p1", 10_000),
            shop.paid("c3", NOW, "q1", 30_000),
        ],
    )
    found = (await client.get(f"{V1}/report")).json()
    assert [(t["tier"], t["members"]) for t in found["tiers"]] == [
        ("Regular", 1),
        ("Senior", 1),
        ("VIP", 0),
        ("Supreme", 0),
    ]
    assert (found["members"], found["pending"], found["available"], found["liability"]) == (2, 300, 700, 1_000)


async def test_the_ledger_is_paged(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(f"{V1}/redemptions", json=redemption())
    first = (await client.get(f"{V1}/members/c1/ledger", params={"limit": 3})).json()
    rest = (await client.get(f"{V1}/members/c1/ledger", params={"limit": 3, "after": first["after"]})).json()
    entries = [*first["entries"], *rest["entries"]]
    assert (len(entries), rest["after"], sum(e["amount"] for e in entries)) == (4, None, 0)


@pytest.mark.parametrize(
    "path", [*(f"members/nobody{p}" for p in ("", "/ledger", "/path", "/tier-changes")), "redemptions/none"]
)
async def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    answer = await client.get(f"{V1}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
