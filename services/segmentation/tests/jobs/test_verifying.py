"""Whatever is changed or missing in what segmentation keeps, `verify` says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from common.bus.dead import publish_mended
from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events.membership import MemberEnrolled
from common.storage.database import Database
from common.time.clock import FixedClock
from segmentation.handlers import on_members
from segmentation.jobs.verifying import verify

from ..shop_life import START, live, shop_life

PLANTED = {
    "a customer is gone": ("delete from customers where customer = :c", "is no customer"),
    "a state is gone": ("update customers set state = null where customer = :c", "is no customer"),
    "an order's amount": (
        "update customers set state = jsonb_set(state, '{orders,0,3}', '1') where customer = :c", "orders"),
    "a lapse": ("update customers set state = state || '{\"lapsed\": \"2025-01-09\"}' where customer = :c", "lapsed"),
    "an input is gone": ("delete from inputs where customer = :c and type = 'order.completed'", "differ"),
    "a member is gone": ("delete from members where customer = :c", "enrolments"),
    "a fact is gone": (
        "delete from outbox where seq = (select min(seq) + 1 from outbox where aggregateid = 'tea/' || :c)", "gone"),
    "the newest fact is gone": (
        "delete from outbox where seq = (select max(seq) from outbox where aggregateid = 'tea/' || :c)", "gone"),
    "a fact was changed": (
        """
        update outbox set payload = replace(payload, '"new":"active"', '"new":"dead"')
        where seq = (select min(seq) from outbox where aggregateid = 'tea/' || :c and type = 'lifecycle.changed')
        """, "life"),
    "a month's figures were changed": (
        "update shop_figures set buyers = buyers + 1 where month = '2025-03-01' or :c = ''",
        "the figures of 2025-03-01"),
    "a month is gone": ("delete from shop_figures where month = '2025-02-01' or :c = ''", "missing"),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
async def test_what_is_planted_is_found(db: Database, clock: FixedClock, events: Any, planted: str) -> None:
    await live(
        db, clock, shop_life(events, seed=5, customers=8, days=120), timedelta(days=9), START + timedelta(days=120)
    )
    async with db.transaction() as tx:
        enrolled = [
            replace(
                events.make(f"c00{n}", START, MemberEnrolled(enrolled_at=START, tier="Regular")),
                source="/shops/tea/membership",
            )
            for n in range(4)
        ]
        await claim(tx, [(event, event.encode()) for event in enrolled])
        await on_members(tx, Batch(enrolled))
        await publish_mended(tx, enrolled[0], enrolled[0].encode())  # beside the facts, and none of them
    async with db.transaction() as tx:
        assert await verify(tx) == []
        statement, expected = PLANTED[planted]
        assert await tx.execute(statement, c="c003") >= 1
        found = await verify(tx)
    assert any(expected in line for line in found), found
