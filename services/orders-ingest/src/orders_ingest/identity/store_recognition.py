"""SQL of what customers are recognised by: who shares an e-mail, a phone or an account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.identity.recognition import NAME, Recognised

CUSTOMERS = Columns("w", shop="text", customer="text")
SIGNS = Columns("n", shop="text", customer="text", kind="text", hash="bytea")
_PERSON = "case when a.merged_into is null then i.customer else survivor_of(i.shop, i.customer) end"


async def save_signs(tx: Transaction, customers: Collection[CustomerKey], signs: Sequence[Recognised]) -> None:
    """These are all signs of these customers; the caller holds their locks. Idempotent."""
    if not customers:
        return
    await tx.execute(
        f"delete from recognised_by r using {CUSTOMERS} where r.shop = w.shop and r.customer = w.customer",
        **CUSTOMERS.of(sorted(customers)),
    )
    if signs:
        await tx.execute(
            f"insert into recognised_by (shop, customer, kind, hash) select * from {SIGNS}", **SIGNS.of(sorted(signs))
        )


async def list_candidates(
    tx: Transaction, shop: str, customer: str, people: Sequence[str], limit: int
) -> Sequence[Any]:
    """Others who share signs with any of `people`, who are this customer, most signs first: customer, kinds."""
    # The customer's few signs, and who else has each, by the index of signs; of a merged one the survivor stands.
    return await tx.fetch(
        f"""
        select {_PERSON} as customer, array_agg(distinct i.kind order by i.kind) as kinds
        from recognised_by m
        join recognised_by i on i.shop = m.shop and i.kind = m.kind and i.hash = m.hash and i.customer <> m.customer
          and m.kind <> '{NAME}'
        left join customers a on a.shop = i.shop and a.customer = i.customer and a.merged_into is not null
        where m.shop = :shop and m.customer = any(:people) and {_PERSON} <> :customer
        group by 1 order by count(distinct i.kind) desc, 1 limit :limit
        """,
        shop=shop,
        customer=customer,
        people=list(people),
        limit=limit,
    )


async def list_having(tx: Transaction, shop: str, kind: str, sought: bytes, after: str, limit: int) -> Sequence[Any]:
    """Customers behind `after` who have the sign, in order of id, with whom each goes on as since a merge (or null)."""
    # Along the index of signs, from `after` on; who was absorbed by primary key.
    return await tx.fetch(
        """
        select r.customer, case when a.merged_into is not null then survivor_of(r.shop, r.customer) end as goes_on_as
        from recognised_by r
        left join customers a on a.shop = r.shop and a.customer = r.customer and a.merged_into is not null
        where r.shop = :shop and r.kind = :kind and r.hash = :sought and r.customer > :after
        order by r.customer limit :limit
        """,
        shop=shop,
        kind=kind,
        sought=sought,
        after=after,
        limit=limit,
    )


async def list_shared(tx: Transaction, shop: str, kind: str, after: str, limit: int, most: int) -> Sequence[Any]:
    """Signs of a kind that several people share, in order of hash: hash in hex, people (`most` of them), count."""
    # Along the index of signs, from the page before on.
    return await tx.fetch(
        f"""
        select encode(i.hash, 'hex') as sign, count(distinct {_PERSON}) as count,
               (array_agg(distinct {_PERSON}))[1:cast(:most as int)] as people
        from recognised_by i
        left join customers a on a.shop = i.shop and a.customer = i.customer and a.merged_into is not null
        where i.shop = :shop and i.kind = :kind and i.hash > decode(:after, 'hex')
        group by i.hash having count(distinct {_PERSON}) > 1
        order by i.hash limit :limit
        """,
        shop=shop,
        kind=kind,
        after=after,
        limit=limit,
        most=most,
    )
