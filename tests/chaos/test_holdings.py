"""What a process holds is read from its readiness, and counted over its restarts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from chaos.holdings import Holding, Holdings, read
from common.bus.consumer import EventConsumer
from common.bus.relay import Relay
from common.http.health import check_consumer, check_relay, check_sweeps
from common.work.sweeps import Sweeper


async def test_readiness_says_what_is_held() -> None:
    broker = SimpleNamespace(assigned=range(12), seconds_since_progress=0)
    consumer = cast(EventConsumer, SimpleNamespace(state="reading", broker=broker))
    sweeper: Any = SimpleNamespace(held=False, waiting=False, done=7)
    checks = {
        "consumer": await check_consumer(consumer) or "",
        "relay": await check_relay(cast(Relay, SimpleNamespace(holder=True))) or "",
        "sweeps": await check_sweeps(cast(Sweeper, sweeper)) or "",
    }
    assert read(checks) == Holding(12, relay=True, swept=7)
    checks["relay"] = await check_relay(cast(Relay, SimpleNamespace(holder=False))) or ""
    assert not read(checks).relay
    assert read({}) == Holding(0, relay=False, swept=0)


def test_rows_and_relays_are_counted_over_restarts() -> None:
    held, before = Holdings({"a": "", "b": ""}), None
    for seen in [Holding(3, True, 5), Holding(6, True, 9), Holding(0, False, 2), Holding(1, True, 2)]:
        held.note("a", before, seen)
        before = seen
    assert held.summary() == {
        "a": {"partitions": 6, "relay": 2, "swept": 11},
        "b": {"partitions": 0, "relay": 0, "swept": 0},
    }
