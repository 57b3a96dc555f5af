"""Receipts: one row for each kind of end that was told of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.delivery.receipts.state import Receipt, Said

_WANTED = Columns("w", shop="text", message_id="text")
_RECEIPTS = Columns("n", shop="text", customer="text", message_id="text", said="text", code="text", at="timestamptz")
_OURS = Columns("w", shop="text", customer="text", message_id="text")


async def find_messages(tx: Transaction, receipts: Sequence[Receipt]) -> Sequence[Row[Any]]:
    """The messages that the receipts are about, of those that were ever queued; `sent_to`: hash of where it went."""
    # By the index candidates_message.
    return await tx.fetch(
        f"""
        select c.shop, c.customer, c.message_id, c.flow, c.purpose, c.channel, c.causation, c.correlation, c.rank,
            c.template,
            coalesce(m.sent_to, m.address) as sent_to
        from {_WANTED} join candidates c using (shop, message_id) join messages m using (shop, customer, message_id)
        """,
        **_WANTED.of(sorted({(r.shop, r.message_id) for r in receipts})),
    )


async def insert_receipts(
    tx: Transaction, receipts: Sequence[tuple[CustomerKey, Receipt]]
) -> set[tuple[str, str, Said]]:
    """Keep them; returns (shop, message id, said) of those that are new. The customers are locked."""
    if not receipts:
        return set()
    # The first of each kind stays.
    rows = await tx.fetch(
        f"""
        insert into receipts (shop, customer, message_id, said, code, at) select * from {_RECEIPTS}
        on conflict do nothing returning shop, message_id, said
        """,
        **_RECEIPTS.of((*key, r.message_id, r.said, r.code, r.at) for key, r in receipts),
    )
    return {(row.shop, row.message_id, row.said) for row in rows}


async def list_receipts(tx: Transaction, key: CustomerKey, message_id: str) -> Sequence[Row[Any]]:
    """(said, code) of all of one message."""
    # By primary key.
    return await tx.fetch(
        "select said, code from receipts where shop = :shop and customer = :customer and message_id = :message_id",
        shop=key[0],
        customer=key[1],
        message_id=message_id,
    )


async def taken_by_gateway(tx: Transaction, messages: Sequence[tuple[CustomerKey, str]]) -> dict[str, datetime]:
    """When it was learnt, by message id, that a gateway had taken these messages; of those it had."""
    if not messages:
        return {}
    # By primary key.
    rows = await tx.fetch(
        f"""
        select w.message_id, min(r.at) as at from {_OURS} join receipts r using (shop, customer, message_id)
        group by w.message_id
        """,
        **_OURS.of((*key, message_id) for key, message_id in messages),
    )
    return {row.message_id: row.at for row in rows}
