"""Customers of whom nothing is known that sets them apart, by page; and messages that are queued as they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.events.customers import Channel
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.decisions.alike import Unhindered
from messaging.decisions.state import Decided
from messaging.decisions.store import wake_senders

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ASKED = Columns("w", shop="text", customer="text", message_id="text")
_QUEUED = Columns(
    "n", customer="text", message_id="text", template="text", variant="text", leave_before="timestamptz",
    address="bytea",
)  # fmt: skip


def _any(rows: str) -> str:
    """Whether there is such a row: one probe of an index for each customer. PostgreSQL may turn `exists` into a hash of
    the whole table, which grows; this it cannot. A partial index needs its condition said."""
    return f"(select true from {rows} limit 1) is not null"


def _there(rows: str) -> str:
    """The same of any of the customer's addresses, one after the other: of a list of them PostgreSQL does not know how
    long it is, and reads a small table that was never analysed by the shop alone."""
    return (
        f"(select bool_or({_any(f'{rows} and p.shop = w.shop and p.address is not null and p.address = x.address')})"
        " from unnest(a.address || o.others) x(address))"
    )


_OWN = "p.shop = w.shop and p.customer = w.customer"
_CONTACTED = " or ".join(
    (
        _any(f"messages p where {_OWN} and p.at > :since"),
        _there("messages p where p.at > :since"),
    )
)
_HINDERED = " or ".join(
    (
        "k.erased_at is not null",
        _any("customers p where p.shop = w.shop and p.merged_into = w.customer"),
        _any("bounces p where p.shop = w.shop and p.address = a.address"),
        _any(f"permissions p where {_OWN} and p.state <> 'granted'"),
        "not " + _any(f"permissions p where {_OWN} and p.channel = a.channel and p.purpose = 'marketing'"),
        _there("permissions p where p.customer <> w.customer"),
        _any(f"conditions p where {_OWN} and starts_with(p.subject, 'complaint/') and p.value = 'open'"),
        _any(f"candidates p where {_OWN} and p.release_at is not null"),
        _any(f"candidates p where {_OWN} and p.message_id = w.message_id"),
        _any(f"set_aside p where {_OWN}"),
    )
)


async def lock_free(tx: Transaction, keys: Sequence[CustomerKey]) -> list[CustomerKey]:
    """Lock those of these customers whom nobody else holds, and who were not absorbed; never waits."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer from {_CUSTOMERS} join customers c using (shop, customer)
        where c.merged_into is null for update of c skip locked
        """,
        **_CUSTOMERS.of(sorted(keys)),
    )
    return sorted((r.shop, r.customer) for r in rows)


async def list_unhindered(
    tx: Transaction, keys: Sequence[CustomerKey], messages: Mapping[str, str], channel: Channel, since: datetime
) -> list[Unhindered]:
    """Those of these customers of a shop, who are locked with their addresses, as `Unhindered` says, `contacted` since
    `since`; who has another message to be decided, or this one already, is not among them. `messages`: their ids."""
    # A plan that was made while the tables were empty may read by the shop alone, and is kept until they are analysed.
    await tx.execute("set local plan_cache_mode = force_custom_plan")
    # A row a customer, with probes of primary keys and indexes.
    rows = await tx.fetch(
        f"""
        select u.customer, u.address, u.zone, u.others, u.contacted from (
            select w.customer, a.address, c.zone, o.others, {_CONTACTED} as contacted, {_HINDERED} as hindered
            from {_ASKED}
            join contacts c on c.shop = w.shop and c.customer = w.customer
            join contact_addresses a on a.shop = c.shop and a.customer = c.customer and a.channel = :channel
                and a.revision = c.revision and a.at = c.at
            join customer_keys k on k.shop = w.shop and k.customer = w.customer
            cross join lateral (select array(
                select o.address from contact_addresses o where o.shop = c.shop and o.customer = c.customer
                    and o.channel <> a.channel and o.revision = c.revision and o.at = c.at and o.address is not null
            ) as others) o
            where a.address is not null
        ) u where not u.hindered
        """,
        **_ASKED.of((*key, messages[key[1]]) for key in keys),
        channel=channel,
        since=since,
    )
    await tx.execute("set local plan_cache_mode = auto")
    return [Unhindered(r.customer, r.address, r.zone, r.others, r.contacted) for r in rows]


async def insert_queued(tx: Transaction, decided: Sequence[Decided]) -> None:
    """Messages of one cause on one channel that are decided as they are made: candidate, decision and message of each.

    The customers are locked with their addresses, and have no message of this cause.
    """
    if not decided:
        return
    like, version = decided[0].candidate, decided[0].policy_version
    # The three rows of each, with what all have in common said once.
    await tx.execute(
        f"""
        with n as materialized (select * from {_QUEUED}), candidate as (
            insert into candidates (shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at,
                outcome, reason, decided_at, details, causation, correlation, template)
            select :shop, n.customer, n.message_id, :flow, :purpose, :rank, :channel, :cause, :cause_at, :cause_at,
                'send', 'allowed', cast(:at as timestamptz),
                jsonb_build_object('campaign', cast(:campaign as text), 'variant', n.variant),
                :causation, :correlation, n.template
            from n
        ), decision as (
            insert into decisions (shop, customer, message_id, at, outcome, reason, policy_version)
            select :shop, n.customer, n.message_id, :at, 'send', 'allowed', :policy_version from n
        )
        insert into messages (shop, customer, message_id, flow, purpose, rank, channel, at, leave_before, address)
        select :shop, n.customer, n.message_id, :flow, :purpose, :rank, :channel, :at, n.leave_before, n.address from n
        """,
        **_QUEUED.of(
            (
                d.candidate.customer,
                d.candidate.message_id,
                d.candidate.template,
                d.candidate.details["variant"],
                d.decision.opening.end if d.decision.opening else None,
                d.address,
            )
            for d in decided
        ),
        shop=like.shop,
        flow=like.flow,
        purpose=like.purpose,
        rank=like.rank,
        channel=like.channel,
        cause=like.cause,
        cause_at=like.cause_at,
        at=decided[0].decision.at,
        campaign=like.details["campaign"],
        causation=like.causation,
        correlation=like.correlation,
        policy_version=version,
    )
    await wake_senders(tx, {like.channel})
