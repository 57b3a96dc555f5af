"""Ids that a shop gives, each once over all its customers: held before the customer that is named is locked."""

from __future__ import annotations

from common.storage.database import Transaction


async def hold_name(tx: Transaction, shop: str, what: str, name: str) -> None:
    """Nobody else gives the shop's `what` that name before the commit; call it before customers are locked.

    Two requests for two customers under one id would else both find it free, each under its own customer's lock.
    """
    await tx.fetch(
        "select pg_advisory_xact_lock(hashtext(:what), hashtext(:name))", what=f"feedback/{what}", name=f"{shop}/{name}"
    )
