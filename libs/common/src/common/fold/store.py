"""The tables of a fold: customers with their states, and the histories that the states follow from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from common.bus.inbox import key_of
from common.events import CustomerKey, Event
from common.events.kept import Kept
from common.fold.folding import Folding, OrderKey, Turns
from common.fold.items import Items
from common.people.store import get_survivors
from common.storage.columns import Columns
from common.storage.database import CUSTOMER_COLUMNS, CustomerRow, Transaction, customer_row

_SAVED = Columns(
    "u",
    shop="text",
    customer="text",
    state="text",
    time="timestamptz",
    rank="integer",
    source="text",
    id="text",
    done="timestamptz",
    due="timestamptz",
    revision="bigint",
    inputs="integer",
)

_POSTPONED = Columns("w", key="uuid", correlation="text")
_KEYS = Columns("w", key="uuid")
_MOVED = Columns("w", key="uuid", survivor="text")
_SURVIVORS = Columns("w", shop="text", customer="text", survivor="text")
_ITEMS = Columns("w", shop="text", customer="text", name="text")
_RANGES = Columns("w", shop="text", customer="text", first="text", beyond="text")
_SAVED_ITEMS = Columns("w", shop="text", customer="text", name="text", body="text")

ITEMS_PAGE = 5_000
"""Items that one statement reads or writes of a customer: a hundred thousand at once would take seconds."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)
HISTORY = "key, shop, customer, at, source, id, type, fields, correlation"
"""The columns that an event is made of again."""

CUSTOMER = f"select {CUSTOMER_COLUMNS} from customers c"
"""A statement to which a condition is added; `customer_row` reads what it gives."""
LOCK_DUE = f"""
{CUSTOMER} where due_at <= :now and shop <> all(cast(:without as text[])) and not exists (
    select from set_aside s where s.job = :job and s.shop = c.shop and s.customer = c.customer
) and not exists (
    select from long_histories l where l.shop = c.shop and l.customer = c.customer and l.cause is not null
)
order by due_at, shop, customer limit :limit
for update skip locked
"""


async def get_history(
    tx: Transaction, kept: Kept, key: CustomerKey, without: Collection[UUID] = ()
) -> list[Event[Any]]:
    """The inputs of a customer that are neither held nor postponed, oldest first, those of the given keys left out."""
    # By the index on customer and time.
    rows = await tx.fetch(
        f"""
        select {HISTORY} from history
        where shop = :shop and customer = :customer and not held and not postponed order by at
        """,
        shop=key[0],
        customer=key[1],
    )
    inputs, turns = list[Event[Any]](), Turns()
    for row in rows:
        if row.key not in without:
            inputs.append(kept.load(row))
        await turns.take()
    return inputs


async def read_history(
    tx: Transaction, kept: Kept, key: CustomerKey, after: OrderKey | None, limit: int
) -> list[tuple[UUID, bool, Event[Any]]]:
    """The next inputs behind `after` that are not held, in order: key, whether it is postponed, and the input."""
    at, rank, source, name = after or (_BEGINNING, 0, "", "")
    # A range of the index on customer and time; of one instant are few.
    rows = await tx.fetch(
        f"""
        select {HISTORY}, rank, postponed from history
        where shop = :shop and customer = :customer and not held and at >= :at
          and (at, rank, source collate "C", id collate "C") > (:at, :rank, :source, :name)
        order by at, rank, source collate "C", id collate "C" limit :limit
        """,
        shop=key[0],
        customer=key[1],
        at=at,
        rank=rank,
        source=source,
        name=name,
        limit=limit,
    )
    return [(row.key, row.postponed, kept.load(row)) for row in rows]


async def postpone(tx: Transaction, key: CustomerKey, events: Sequence[Event[Any]]) -> None:
    """Put inputs off, which this transaction has claimed, until their customer, who is locked, is folded anew."""
    # By primary key.
    await tx.execute(
        f"update history h set postponed = true, correlation = w.correlation from {_POSTPONED} where h.key = w.key",
        **_POSTPONED.of((key_of((e.shop, e.source, e.id)), e.correlationid or e.id) for e in events),
    )
    await want_fold(tx, key)


async def want_fold(tx: Transaction, key: CustomerKey, cause: str | None = None, at: datetime | None = None) -> None:
    """The customer, who is locked, is to be folded anew in turns; `cause` and `at` as of a refold."""
    # By primary key. Looked for first: an insert that meets a worker's lease would wait for it, with the customer.
    await tx.execute(
        """
        insert into long_histories (shop, customer) select :shop, :customer
        where not exists (select from long_histories where shop = :shop and customer = :customer)
        """,
        shop=key[0],
        customer=key[1],
    )
    if cause is not None:
        await tx.execute(
            "update long_histories set cause = :cause, at = :at where shop = :shop and customer = :customer",
            shop=key[0],
            customer=key[1],
            cause=cause,
            at=at,
        )


async def lease_long_history(tx: Transaction, job: str, worker: UUID) -> CustomerKey | None:
    """The customer whom the worker is at, else the one who waits longest and whom no other is at; None: nobody waits.

    Left out is who is set aside of the job. The lease ends by the database's clock, minutes after the last turn.
    """
    # Few rows at any time.
    row = await tx.fetch_one(
        """
        update long_histories l set worker = :worker, leased_until = now() + interval '5 minutes'
        from (
            select shop, customer from long_histories c
            where (worker = :worker or coalesce(leased_until < now(), true)) and not exists (
                select from set_aside s where s.job = :job and s.shop = c.shop and s.customer = c.customer
            )
            order by coalesce(worker <> :worker, true), since limit 1 for update skip locked
        ) as w
        where l.shop = w.shop and l.customer = w.customer returning l.shop, l.customer
        """,
        job=job,
        worker=worker,
    )
    return None if row is None else (row.shop, row.customer)


async def get_reason(tx: Transaction, key: CustomerKey) -> tuple[str, datetime] | None:
    """Cause and date of the change for which the customer is to be folded anew; None: late inputs alone, or nothing."""
    # By primary key.
    row = await tx.fetch_one(
        "select cause, at from long_histories where shop = :shop and customer = :customer and cause is not null",
        shop=key[0],
        customer=key[1],
    )
    return None if row is None else (row.cause, row.at)


async def end_postponing(tx: Transaction, key: CustomerKey, folded: Collection[UUID]) -> None:
    """These inputs of the customer, who is locked, are folded; the customer waits on only for those that came since."""
    # By primary key.
    await tx.execute(
        f"update history h set postponed = false, correlation = null from {_KEYS} where h.key = w.key",
        **_KEYS.of((one,) for one in folded),
    )
    await tx.execute(
        """
        with came as (
            select from history where shop = :shop and customer = :customer and postponed limit 1
        ), waits as (
            update long_histories set cause = null, at = null, since = now(), worker = null, leased_until = null
            where shop = :shop and customer = :customer and exists (select from came)
        )
        delete from long_histories where shop = :shop and customer = :customer and not exists (select from came)
        """,
        shop=key[0],
        customer=key[1],
    )


async def is_catching_up(tx: Transaction, key: CustomerKey) -> bool:
    """Whether late inputs of this customer, who has many, or a changed rule have yet to be worked in, in turns."""
    # By primary key.
    sql = "select exists (select from long_histories where shop = :shop and customer = :customer)"
    return bool(await tx.value(sql, shop=key[0], customer=key[1]))


async def count_long_histories(tx: Transaction) -> int:
    """Customers who wait to be folded anew in turns."""
    # Few rows at any time.
    return int(await tx.value("select count(*) from long_histories"))


async def read_customer(tx: Transaction, key: CustomerKey) -> CustomerRow | None:
    """The customer's row, or that of who absorbed them, not locked; None where nothing was ever heard of them."""
    # By primary key.
    sql = f"{CUSTOMER} where shop = :shop and customer = :customer"
    row = await tx.fetch_one(sql, shop=key[0], customer=key[1])
    if row is not None and row.merged_into is not None:
        shop, survivor = (await get_survivors(tx, [key])).get(key, key)
        row = await tx.fetch_one(sql, shop=shop, customer=survivor)
    return None if row is None else customer_row(row)


async def move_inputs(tx: Transaction, moved: Sequence[tuple[Event[Any], CustomerKey]]) -> None:
    """Put inputs that this transaction has claimed into the histories of the survivors of their customers."""
    if moved:
        # By primary key.
        await tx.execute(
            f"""
            update history h set customer = w.survivor, origin = coalesce(h.origin, h.customer)
            from {_MOVED} where h.key = w.key and h.customer <> w.survivor
            """,
            **_MOVED.of((key_of((e.shop, e.source, e.id)), survivor) for e, (_, survivor) in moved),
        )


async def move_histories(tx: Transaction, survivors: Mapping[CustomerKey, CustomerKey]) -> None:
    """Put the inputs of these customers, who are locked, into the histories of their survivors, held ones included."""
    # By the index on customer and time; an input knows under whose identifier it came.
    await tx.execute(
        f"""
        update history h set customer = w.survivor, origin = nullif(w.customer, w.survivor)
        from {_SURVIVORS}
        where h.shop = w.shop and h.customer = any(:customers) and coalesce(h.origin, h.customer) = w.customer
            and h.customer <> w.survivor
        """,
        customers=[customer for _, customer in survivors],
        **_SURVIVORS.of((*key, survivor) for key, (_, survivor) in survivors.items()),
    )
    # By primary key: nothing of an absorbed customer is folded in turns any more.
    await tx.execute(
        f"""
        delete from long_histories l using {_SURVIVORS}
        where l.shop = w.shop and l.customer = w.customer and w.customer <> w.survivor
        """,
        **_SURVIVORS.of((*key, survivor) for key, (_, survivor) in survivors.items()),
    )


async def get_extent(tx: Transaction, key: CustomerKey) -> tuple[OrderKey | None, int, bool]:
    """Of a customer's history: the key of the newest input, how many are folded, and whether some are postponed."""
    # By the index on customer and time.
    newest = await tx.fetch_one(
        """
        select at, rank, source, id from history where shop = :shop and customer = :customer and not held
        order by at desc, rank desc, source collate "C" desc, id collate "C" desc limit 1
        """,
        shop=key[0],
        customer=key[1],
    )
    if newest is None:
        return None, 0, False
    # The same index.
    row = await tx.fetch_one(
        """
        select count(*) filter (where not postponed) as folded, coalesce(bool_or(postponed), false) as postponed
        from history where shop = :shop and customer = :customer and not held
        """,
        shop=key[0],
        customer=key[1],
    )
    assert row is not None  # an aggregate without a group has one row
    return (newest.at, newest.rank, newest.source, newest.id), int(row.folded), bool(row.postponed)


async def keep_merged_state(tx: Transaction, key: CustomerKey, state: str | None) -> None:
    """Keep what was announced last of a customer who was absorbed; None where they are one of their own again."""
    # By primary key.
    await tx.execute(
        "update customers set merged_state = cast(:state as jsonb) where shop = :shop and customer = :customer",
        shop=key[0],
        customer=key[1],
        state=state,
    )


async def get_merged_state(tx: Transaction, key: CustomerKey) -> str | None:
    """What was announced last of a customer before they were absorbed."""
    # By primary key.
    found: str | None = await tx.value(
        "select cast(merged_state as text) from customers where shop = :shop and customer = :customer",
        shop=key[0],
        customer=key[1],
    )
    return found


async def get_items(
    tx: Transaction, folding: Folding[Any], wanted: Sequence[tuple[CustomerKey, str]]
) -> dict[CustomerKey, dict[str, Any]]:
    """What is stored under these names, and under those that begin with a name that ends in `/`."""
    found: dict[CustomerKey, dict[str, Any]] = {}
    names = [(*key, name) for key, name in wanted if not name.endswith("/")]
    ranges = [(*key, name, f"{name[:-1]}0") for key, name in wanted if name.endswith("/")]
    rows: list[Row[Any]] = []
    if names:
        # By primary key.
        rows += await tx.fetch(
            f"select i.shop, i.customer, i.name, i.body from {_ITEMS} join items i using (shop, customer, name)",
            **_ITEMS.of(names),
        )
    if ranges:
        # Ranges of the primary key: `0` is what follows `/`.
        rows += await tx.fetch(
            f"""
            select i.shop, i.customer, i.name, i.body
            from {_RANGES} join items i on i.shop = w.shop and i.customer = w.customer
                 and i.name >= w.first collate "C" and i.name < w.beyond collate "C"
            """,
            **_RANGES.of(ranges),
        )
    read = folding.items.validate_json
    for row in rows:
        found.setdefault((row.shop, row.customer), {})[row.name] = read(row.body)
    return found


async def save_items(
    tx: Transaction, folding: Folding[Any], of: Mapping[CustomerKey, Items[Any]], anew: Collection[CustomerKey] = ()
) -> None:
    """Store the items that were changed, and delete those that are no more.

    Who is among `anew` was folded from the start: what is stored is compared with what was made, a page at a time, and
    the items that differ are written; of a long history most are as they were.
    """
    kept, gone = list[tuple[str, ...]](), list[tuple[str, ...]]()
    turns = Turns()
    for key, items in of.items():
        known = items.all()
        names = known.keys() if key in anew else items.changed
        bodies = dict[str, str]()
        for name in sorted(known.keys() & names):
            bodies[name] = _body(folding, known[name])
            await turns.take()
        if key in anew:
            async for row in _stored_items(tx, key):
                if row.name not in bodies:
                    gone.append((*key, row.name))
                elif bodies[row.name] == row.body:
                    del bodies[row.name]
                await turns.take()
        else:
            gone += [(*key, name) for name in sorted(items.changed - known.keys())]
        kept += [(*key, name, body) for name, body in bodies.items()]
        await turns.take()
    for first in range(0, len(kept), ITEMS_PAGE):
        # By primary key.
        await tx.execute(
            f"""
            insert into items (shop, customer, name, body) select shop, customer, name, body from {_SAVED_ITEMS}
            on conflict (shop, customer, name) do update set body = excluded.body
            """,
            **_SAVED_ITEMS.of(kept[first : first + ITEMS_PAGE]),
        )
    for first in range(0, len(gone), ITEMS_PAGE):
        # By primary key.
        await tx.execute(
            f"""
            delete from items i using {_ITEMS}
            where i.shop = w.shop and i.customer = w.customer and i.name = w.name
            """,
            **_ITEMS.of(gone[first : first + ITEMS_PAGE]),
        )


def _body(folding: Folding[Any], item: Any) -> str:
    """The item as it is stored: equal items have equal texts."""
    return folding.items.dump_json(item, exclude_defaults=True).decode()


async def _stored_items(tx: Transaction, key: CustomerKey) -> AsyncIterator[Row[Any]]:
    """All stored items of the customer, `name` and `body`, in order of name."""
    after = ""
    while True:
        # A range of the primary key.
        rows = await tx.fetch(
            "select name, body from items where shop = :shop and customer = :customer and name > :after "
            "order by name limit :limit",
            shop=key[0],
            customer=key[1],
            after=after,
            limit=ITEMS_PAGE,
        )
        for row in rows:
            yield row
        if len(rows) < ITEMS_PAGE:
            return
        after = rows[-1].name


async def save_customers(tx: Transaction, rows: Sequence[CustomerRow]) -> None:
    """Store the new states of locked customers, all at once."""
    if not rows:
        return
    nothing = (None, None, None, None)
    await tx.execute(
        f"""
        update customers c set state = cast(u.state as jsonb), last_time = u.time, last_rank = u.rank,
               last_source = u.source, last_id = u.id, done_until = u.done, due_at = u.due, revision = u.revision,
               inputs = u.inputs
        from {_SAVED} where c.shop = u.shop and c.customer = u.customer
        """,
        **_SAVED.of(
            (*r.key, r.state, *(r.last or nothing), r.done_until, r.due_at, r.revision, r.inputs) for r in rows
        ),
    )


async def lock_due_customers(
    tx: Transaction, job: str, now: datetime, limit: int, without: Sequence[str]
) -> list[CustomerRow]:
    """Lock those that are due first; left out are those held elsewhere or set aside of the job, and some shops."""
    # The index on (due_at, shop, customer) has them in this order: many are due at one midnight.
    rows = await tx.fetch(
        LOCK_DUE,
        job=job,
        now=now,
        limit=limit,
        without=list(without),
    )
    return [customer_row(row) for row in rows]
