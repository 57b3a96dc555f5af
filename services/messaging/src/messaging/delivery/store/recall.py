"""Messages taken back by what speaks against them while they are under way, and those that an opt-out waits for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from common.events import CustomerKey
from common.events.customers import Channel
from common.events.messages import MessagePurpose, SendDecision
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Address
from messaging.decisions.facts import Subject, subject_of
from messaging.delivery.state import send_decision
from messaging.delivery.store.queue import SENT_BY

WHILE_QUEUED = "while it was queued"
"""The detail of a decision that took a message out of the queue."""
_CUSTOMERS = Columns("w", shop="text", customer="text")
_ADDRESSES = Columns("w", shop="text", address="bytea")


class TakenBack(NamedTuple):
    """A message taken out of the queue, the decision to send it, and the version of the policy that holds now."""

    about: Subject
    queued: SendDecision
    policy_version: int


async def customers_with_queued(
    tx: Transaction, shop: str, address: bytes | None, channel: Channel
) -> list[CustomerKey]:
    """Whose messages wait to be sent to this address. Few: the caps are the address's."""
    # Partial index on address.
    rows = await tx.fetch(
        """
        select distinct shop, customer from messages
        where shop = :shop and address = cast(:address as bytea) and channel = :channel and state = 'queued'
        """,
        shop=shop,
        address=address,
        channel=channel,
    )
    return [(r.shop, r.customer) for r in rows]


async def suppress_queued(
    tx: Transaction,
    key: CustomerKey,
    locked: Sequence[CustomerKey],
    address: bytes | None,
    channel: Channel,
    purposes: Sequence[MessagePurpose],
    reason: str,
    at: datetime,
) -> list[TakenBack]:
    """Take back what is queued for the customer or for the address, and recall what is leased.

    `locked`: the customers whose messages may be taken back. Returns what was.
    """
    wanted = {
        "shop": key[0],
        "customer": key[1],
        "address": address,
        "channel": channel,
        "purposes": list(purposes),
    }
    # Of customers who are locked, since a fact is announced of each. Who else was queued meanwhile is found by the look
    # that every sender has before it leases.
    rows = await tx.fetch(
        f"""
        with taken as (
            update messages m set state = 'suppressed', reason = :reason
            where m.shop = :shop and (m.customer = :customer or m.address = cast(:address as bytea))
                and m.customer = any(:locked) and m.channel = :channel and m.purpose = any(:purposes)
                and m.state = 'queued'
            returning m.shop, m.customer, m.message_id, m.at, m.leave_before, m.address, m.attempts, {SENT_BY}
        ), changed as (
            update candidates c set outcome = 'suppress', reason = :reason, decided_at = :at
            from taken t where c.shop = t.shop and c.customer = t.customer and c.message_id = t.message_id
            returning c.shop, c.customer, c.message_id, c.flow, c.purpose, c.channel, c.causation, c.correlation,
                c.rank, c.template
        ), noted as (
            insert into decisions (shop, customer, message_id, at, outcome, reason, detail, policy_version)
            select shop, customer, message_id, :at, 'suppress', :reason, :detail,
                coalesce((select max(p.version) from policies p where p.shop = :shop), 0)
            from taken
            returning shop, customer, message_id, policy_version as suppressed_by
        )
        select * from changed
        join taken using (shop, customer, message_id) join noted using (shop, customer, message_id)
        """,
        **wanted,
        detail=WHILE_QUEUED,
        locked=[customer for _, customer in locked],
        reason=reason,
        at=at,
    )
    # A leased one may be leaving: the caller waits for those that may leave without asking again. A statement of its
    # own, which sees what a sender has leased while the one above waited for its rows.
    await tx.execute(
        """
        update messages m set recalled = true
        where m.shop = :shop and (m.customer = :customer or m.address = cast(:address as bytea))
            and m.channel = :channel and m.purpose = any(:purposes) and m.state = 'leased'
        """,
        **wanted,
    )
    return [
        TakenBack(
            subject_of(r),
            send_decision(r.at, r.policy_version, r.leave_before, r.address, r.attempts, r.rank),
            r.suppressed_by,
        )
        for r in rows
    ]


async def look_again(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """Send what is leased of these customers back to the queue, to be looked at by what is so now.

    What may leave at this moment without being looked at again leaves.
    """
    if not keys:
        return
    # By the primary key. A sender holds the rows of what it starts or records at this moment: that is leaving, and who
    # waited for several of them could wait in a circle.
    await tx.execute(
        f"""
        update messages m set recalled = true
        from (
            select shop, customer, message_id from {_CUSTOMERS} join messages l using (shop, customer)
            where l.state = 'leased' for update of l skip locked
        ) f
        where m.shop = f.shop and m.customer = f.customer and m.message_id = f.message_id and m.state = 'leased'
        """,
        **_CUSTOMERS.of(sorted(keys)),
    )


async def look_again_at(tx: Transaction, addresses: Collection[Address]) -> None:
    """The same of what is leased of everybody who has, or had, one of these addresses."""
    if not addresses:
        return
    # By the index on addresses and the primary key. Rows that a sender holds are leaving, as above.
    await tx.execute(
        f"""
        update messages m set recalled = true
        from (
            select l.shop, l.customer, l.message_id
            from {_ADDRESSES} join contact_addresses a using (shop, address) join messages l using (shop, customer)
            where l.state = 'leased' for update of l skip locked
        ) f
        where m.shop = f.shop and m.customer = f.customer and m.message_id = f.message_id and m.state = 'leased'
        """,
        **_ADDRESSES.of(sorted(addresses)),
    )


async def count_leaving(tx: Transaction, key: CustomerKey, address: bytes | None, channel: Channel) -> int:
    """Messages but transactional, of the customer or to the address, that may be given to a provider at this moment
    without being looked at again."""
    # A leased one that has not started, or whose permit has run out, is looked at first, and finds itself recalled.
    return int(
        await tx.value(
            """
            select count(*) from messages
            where shop = :shop and (customer = :customer or address = cast(:address as bytea)) and channel = :channel
                and state = 'leased' and purpose <> 'transactional' and may_leave_until >= clock_timestamp()
            """,
            shop=key[0],
            customer=key[1],
            address=address,
            channel=channel,
        )
    )
