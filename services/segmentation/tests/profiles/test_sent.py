"""Life state by the addresses of orders: the newest counting order's, behind what the profile says, in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged, CustomerUpdated
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from segmentation.fold import CLAIMED
from segmentation.handlers import on_bought, on_erased, on_inputs, on_merges, on_profiles
from segmentation.jobs.verifying_facts import TABLES, expectations_of_facts
from segmentation.profiles.store import get_profile, list_off


@pytest.fixture(autouse=True)
def in_april(clock: FixedClock) -> None:
    """Nothing of what is told here waits for statistics."""
    clock.set(datetime(2025, 4, 10, tzinfo=UTC))


async def take(tx: Transaction, event: Event[Any]) -> None:
    if isinstance(event.data, CustomerUpdated):
        await on_profiles(tx, Batch([event]))
        return
    await on_inputs(tx, Batch(await claim(tx, [(event, event.encode())], CLAIMED)))
    await on_bought(tx, Batch([event] if event.data.TYPE == "order.completed" else []))


def told(events: Any, customer: str) -> list[Event[Any]]:
    """Two orders, the newer one corrected, and an order without an address."""
    return [
        events.completed(customer, "2025-01-05T10:00", order="old", life_state="homebody", revision=9),
        events.completed(customer, "2025-02-05T10:00", order="new", life_state="student", revision=1),
        events.completed(customer, "2025-02-05T10:00", order="new", life_state="white_collar", revision=2),
        events.completed(customer, "2025-03-05T10:00", order="none", revision=1),
    ]


async def state_of(tx: Transaction, customer: str) -> tuple[str | None, str | None] | None:
    row = await get_profile(tx, "tea", customer)
    return None if row is None else (row.life_state, row.gender)


async def test_seg_040_the_newest_orders_address_tells_where_the_profile_does_not(db: Database, events: Any) -> None:
    """In any order and twice; the rows are those that `verify` expects of what was told."""
    expected = dict[Any, Any]()
    for number, order in enumerate(permutations(range(4))):
        customer = f"c{number}"
        came = told(events, customer)
        async with db.transaction() as tx:
            for place in (*order, order[0]):
                await take(tx, came[place])
            assert await state_of(tx, customer) == ("white_collar", None), order
            assert await list_off(tx, [("tea", customer)]) == []
        for each in sorted((e for event in came for e in expectations_of_facts(event)), key=lambda e: e.rank):
            expected[each.name] = each.digest
    profile = events.make("c0", "2025-03-06T10:00", CustomerUpdated(gender="female", revision=1))
    own = events.make("c1", "2025-03-06T10:00", CustomerUpdated(life_state="civil_servant", revision=1))
    async with db.transaction() as tx:
        await take(tx, profile)
        await take(tx, own)
        assert await state_of(tx, "c0") == ("white_collar", "female")
        assert await state_of(tx, "c1") == ("civil_servant", None)
        for event in (profile, own):
            expected |= {each.name: each.digest for each in expectations_of_facts(event)}
        kept = [
            said
            for table in TABLES[:2]
            for row in await tx.fetch(f"select {table.columns} from {table.name} t")
            for said in table.says(row)
        ]
        assert dict(kept) == expected
        assert len(kept) == 2 + 24 * 3 * 2
        await tx.execute("update profiles set sent_state = 'student' where customer = 'c7'")
        assert await list_off(tx, [("tea", f"c{n}") for n in range(24)]) == [("tea", "c7")]


async def test_seg_040_an_order_takes_back_what_its_address_told(db: Database, events: Any) -> None:
    """Corrected or closed, in any order; an older order tells again, and one that comes back, too."""
    for number, order in enumerate(permutations(range(5))):
        customer = f"c{number}"
        came = [
            events.completed(customer, "2025-01-05T10:00", order=f"old{number}", life_state="homebody", revision=1),
            events.completed(customer, "2025-02-05T10:00", order=f"new{number}", life_state="student", revision=1),
            events.completed(customer, "2025-02-05T10:00", order=f"new{number}", revision=2),
            events.completed(
                customer, "2025-03-05T10:00", order=f"shut{number}", life_state="white_collar", revision=1
            ),
            events.closed(customer, "2025-03-06T10:00", f"shut{number}", revision=2),
        ]
        async with db.transaction() as tx:
            for place in order:
                await take(tx, came[place])
            assert await state_of(tx, customer) == ("homebody", None), order
            assert await list_off(tx, [("tea", customer)]) == []
    async with db.transaction() as tx:
        await take(tx, events.completed("c0", "2025-03-07T10:00", order="shut0", life_state="student", revision=3))
        assert await state_of(tx, "c0") == ("student", None), "it counts again, as it is now"
        await take(tx, events.closed("c0", "2025-03-08T10:00", "shut0", revision=4))
        await take(tx, events.completed("c0", "2025-01-05T10:00", order="old0", revision=2))
        assert await state_of(tx, "c0") is None, "as if no order had told anything"


async def test_seg_040_of_a_person_the_newest_order_tells_under_whichever_identifier(db: Database, events: Any) -> None:
    """ORD-040: whoever goes on, with a profile or without; what the profile says stands before it."""
    sequence = 0
    for survivor, others, found in (
        ("old", ("new",), ("white_collar", None)),
        ("bare", ("new",), ("white_collar", "female")),
        ("new", ("bare", "old"), ("white_collar", "female")),
        ("says", ("new", "old"), ("civil_servant", None)),
        ("nobody", ("old",), ("student", None)),
    ):

        def named(name: str, of: str = survivor) -> str:
            return f"{of}-{name}"

        old = events.completed(named("old"), "2025-01-05T10:00", life_state="student", revision=1)
        new = events.completed(named("new"), "2025-02-05T10:00", life_state="white_collar", revision=1)
        bare = events.make(named("bare"), "2025-03-06T10:00", CustomerUpdated(gender="female", revision=1))
        says = events.make(named("says"), "2025-03-06T10:00", CustomerUpdated(life_state="civil_servant", revision=1))
        async with db.transaction() as tx:
            for event in (old, new, bare, says):
                await take(tx, event)
            for kind in (CustomerMerged, CustomerUnmerged):
                for other in others:
                    sequence += 1
                    data = kind(survivor=named(survivor), absorbed=named(other), sequence=sequence)
                    await on_merges(tx, Batch([events.make(named(survivor), "2025-03-09T10:00", data)]))
                if kind is CustomerMerged:
                    assert await state_of(tx, named(survivor)) == found, survivor
                    assert await state_of(tx, named(others[0])) is None, "asked for by the survivor's name alone"
            assert await state_of(tx, named("old")) == ("student", None), "each again what is theirs"
            assert await state_of(tx, named("new")) == ("white_collar", None)
            everybody = [("tea", named(name)) for name in ("old", "new", "bare", "says", "nobody")]
            assert await list_off(tx, everybody) == []


async def test_seg_040_of_an_erased_customer_no_address_tells(db: Database, events: Any) -> None:
    """SEC-006: neither the row that is there nor an order that is read again."""
    async with db.transaction() as tx:
        for event in told(events, "c1"):
            await take(tx, event)
        await tx.execute(
            "insert into customer_keys (shop, customer, erased_at) values ('tea', 'c1', now())"
            " on conflict (shop, customer) do update set erased_at = now()"
        )
        erased = events.make("c1", "2025-04-01T10:00", CustomerErased())
        await on_erased(tx, Batch([erased]))
        assert await state_of(tx, "c1") is None
        await take(tx, replace(told(events, "c1")[0], id="again"))
        assert await state_of(tx, "c1") is None
        assert await tx.value("select count(*) from order_facts where life_state is not null") == 0
