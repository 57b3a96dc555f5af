"""Locks of addresses: what is decided about an address is decided by one process at a time."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")


async def hold_addresses(tx: Transaction, keys: Sequence[CustomerKey], most: int | None = None) -> list[CustomerKey]:
    """Lock the addresses of these locked customers until the commit; returns the customers whose addresses are ours.

    Never waits: a customer who shares an address with one that another process decides about has to come again. What
    this transaction holds is not asked for again: a locked customer's addresses stay. `most`: addresses that are
    locked, of the first of these customers; the others are not ours.
    """
    wanted = [key for key in keys if key not in tx.held]
    if not wanted:
        return sorted(keys)
    # An advisory lock, so that no row of an address needs to be there; 64 bits of a keyed hash do not meet others.
    rows = await tx.fetch(
        f"""
        with current as materialized (
            select w.shop, w.customer, a.address, count(a.address) over (order by w.shop, w.customer) as place
            from {_CUSTOMERS}
            left join contacts c on c.shop = w.shop and c.customer = w.customer
            left join contact_addresses a
                on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        ), held as materialized (
            select d.address, pg_try_advisory_xact_lock(
                cast(cast('x' || encode(substring(d.address for 8), 'hex') as bit(64)) as bigint)) as ours
            from (select distinct address from current where address is not null
                and (cast(:most as bigint) is null or place <= :most)) d
        )
        select c.shop, c.customer from current c left join held h on h.address = c.address
        group by c.shop, c.customer having bool_and(h.ours is not false)
            and (cast(:most as bigint) is null or max(c.place) <= :most)
        """,
        **_CUSTOMERS.of(wanted),
        most=most,
    )
    tx.held |= {(r.shop, r.customer) for r in rows}
    return sorted(key for key in keys if key in tx.held)


async def lock_address(tx: Transaction, address: bytes) -> None:
    """Wait until nobody decides about this address, and let nobody begin before the commit.

    Customers are locked before, so that nobody who holds an address waits for a customer.
    """
    # The counterpart of hold_addresses.
    await tx.fetch(
        "select pg_advisory_xact_lock(cast(cast('x' || encode(substring(cast(:address as bytea) for 8), 'hex')"
        " as bit(64)) as bigint))",
        address=address,
    )
