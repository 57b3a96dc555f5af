"""A statement explains every point: what moved it, how it was earned, and what was left after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.membership import MemberCheckedIn

from ..conftest import NOW, V1, Client, Shop, deliver


async def lines(client: Client, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"{V1}/members/c1/statement", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


async def test_each_line_says_what_moved_points_and_what_was_left(client: Client, shop: Shop) -> None:
    """MEM-036, MEM-052: the newest balance is the member's; earned = floor(paid x factor), and its refund names it."""
    days = [NOW - timedelta(days=each) for each in range(40)]
    events = [
        shop.paid("c1", days[30], "o1", 60_090),
        shop.completed("c1", days[29], "o1", 60_090),
        shop.event("c1", days[20], MemberCheckedIn()),
        shop.paid("c1", days[10], "o2", 9_990),
    ]
    await deliver(client.database, events)
    redeemed = {"redemption_id": "r1", "customer": "c1", "points": 200, "order_total": 50_000, "currency": "CNY"}
    assert (await client.post(f"{V1}/redemptions", json=redeemed)).status_code == 200
    await deliver(client.database, [shop.refunded("c1", NOW + timedelta(seconds=1), "o1", 30_000)])
    client.clock.set(NOW + timedelta(minutes=1))
    found = await lines(client)
    seen = [(e["kind"], e["points"], e["balance"], e["pending"], e["pending_balance"], e["order_id"]) for e in found]
    assert seen == [
        ("order.refunded", -300, 101, 0, 119, "o1"),
        ("points.redeemed", -200, 401, 0, 119, None),
        ("order.paid", 0, 601, 119, 119, "o2"),
        ("member.checked_in", 1, 601, 0, 0, None),
        ("order.completed", 600, 600, -600, 0, "o1"),
        ("order.paid", 0, 0, 600, 600, "o1"),
    ]
    member = (await client.get(f"{V1}/members/c1")).json()
    assert (found[0]["balance"], found[0]["pending_balance"]) == (member["available"], member["pending"])
    assert found[2]["earned"] == {"paid": 9_990, "unit": 100, "factor": 12_000, "held": 119}, "Senior: 99.90 x 1.2"
    assert found[0]["earned"] == {"paid": 30_090, "unit": 100, "factor": 10_000, "held": 300}
    assert (found[1]["earned"], found[1]["order_id"]) == (None, None), "points of an order, spent on none that is known"
    assert found[1]["redemption_id"] == "r1"
    assert found[0]["refund_id"] is not None
    first = (await client.get(f"{V1}/members/c1/statement", params={"limit": 4})).json()
    rest = await lines(client, before=first["before"], limit=4)
    assert [*first["lines"], *rest] == found, "pages hold each line once, with the same balances"


async def test_what_expired_or_was_corrected_says_so(client: Client, shop: Shop) -> None:
    """MEM-051, architecture 2a: late news posts the difference as a line of its own."""
    await deliver(client.database, [shop.completed("c1", NOW - timedelta(days=10), "o1", 60_000)])
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=9), "o1", 10_000)])
    await deliver(client.database, [shop.completed("c1", NOW - timedelta(days=11), "o0", 210_000)])
    late = (await lines(client))[0]
    assert (late["correction"], late["balance"]) == (True, (await client.get(f"{V1}/members/c1")).json()["available"])
    by_time = await lines(client, order="happened")
    assert [line["occurred_at"] for line in by_time] == sorted((e["occurred_at"] for e in by_time), reverse=True)
    assert sorted(by_time, key=lambda line: -line["entry"]) == await lines(client)
    rest = await lines(client, order="happened", before=by_time[0]["entry"], limit=1)
    assert rest == by_time[1:2]
    client.clock.set(NOW + timedelta(days=500))
    await deliver(client.database, [shop.event("c1", client.clock.now(), MemberCheckedIn())])
    expired = next(line for line in await lines(client) if line["expired"])
    assert (expired["kind"], expired["balance"], -expired["points"]) == ("expiry", 0, expired["expired"])


async def test_a_statement_of_nobody_is_not_found(client: Client) -> None:
    assert (await client.get(f"{V1}/members/nobody/statement")).status_code == 404
