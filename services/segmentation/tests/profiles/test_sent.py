"""Life state by the addresses of orders: the newest order's, behind what the profile says, whatever comes first."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerErased, CustomerUpdated
from common.storage.database import Database, Transaction
from segmentation.handlers import on_bought, on_erased, on_profiles
from segmentation.jobs.verifying_facts import TABLES, expectations_of_facts
from segmentation.profiles.store import get_profile


async def take(tx: Transaction, event: Event[Any]) -> None:
    await (on_profiles if isinstance(event.data, CustomerUpdated) else on_bought)(tx, Batch([event]))


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
            for row in await tx.fetch(f"select {TABLES[0].columns} from profiles t")
            for said in TABLES[0].says(row)
        ]
        assert dict(kept) == {name: held for name, held in expected.items() if name[0] in ("profile", "sent")}
        assert len(kept) == 24 + 2


async def test_seg_040_of_a_person_the_newest_order_tells_under_whichever_identifier(db: Database, events: Any) -> None:
    """ORD-040: whoever goes on, with a profile or without; what the profile says stands before it."""
    old = events.completed("old", "2025-01-05T10:00", order="a", life_state="student", revision=1)
    new = events.completed("new", "2025-02-05T10:00", order="b", life_state="white_collar", revision=1)
    bare = events.make("bare", "2025-03-06T10:00", CustomerUpdated(gender="female", revision=1))
    says = events.make("says", "2025-03-06T10:00", CustomerUpdated(life_state="civil_servant", revision=1))
    async with db.transaction() as tx:
        for event in (old, new, bare, says):
            await take(tx, event)
        for survivor, others, found in (
            ("old", ("new",), ("white_collar", None)),
            ("bare", ("new",), ("white_collar", "female")),
            ("new", ("bare", "old"), ("white_collar", "female")),
            ("says", ("new", "old"), ("civil_servant", None)),
            ("nobody", ("old",), ("student", None)),
        ):
            await tx.execute("delete from people")
            for name in (survivor, *others):
                await tx.execute("insert into people values ('tea', :name, :person)", name=name, person=survivor)
            assert await state_of(tx, survivor) == found, survivor
            assert await state_of(tx, others[0]) is None, "asked for by the survivor's name alone"


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
        await take(tx, told(events, "c1")[0])
        assert await state_of(tx, "c1") is None
