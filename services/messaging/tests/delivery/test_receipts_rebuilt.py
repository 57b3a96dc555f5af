"""A rebuild finds the receipts that were announced, before and after the message's own end. On a real PostgreSQL."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from common.events.messages import (
    MessageDelivered,
    MessageDoubtEnded,
    MessageSent,
    MessageUndelivered,
    SendDecision,
)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_receipts_are_read_back_in_any_order(rebuilt: Any, order: tuple[int, ...]) -> None:
    now = rebuilt.clock.now()
    about: dict[str, Any] = {
        "message_id": "m-1", "flow": "order_shipped", "purpose": "transactional", "channel": "sms",
        "template": "order_shipped",
    }  # fmt: skip
    told = [
        rebuilt.event(MessageSent(**about, queued=SendDecision(at=now, policy_version=0)), "f1", now),
        rebuilt.event(MessageUndelivered(**about, code="30003"), "f2", now),
        rebuilt.event(MessageDelivered(**about), "f3", now),
        rebuilt.event(MessageDoubtEnded(**about, taken=False, by="Li"), "f4", now),
    ]
    for n in order:
        await rebuilt.feed(told[n])
    assert await rebuilt.rows("select message_id, said, code from receipts order by 2") == [
        ("m-1", "delivered", None),
        ("m-1", "never_taken", "Li"),
        ("m-1", "undelivered", "30003"),
    ]
    assert await rebuilt.rows("select state from messages") == [("sent",)]
