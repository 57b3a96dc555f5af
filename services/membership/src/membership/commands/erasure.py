"""Of customers who were erased nothing is kept that names them, and they take part in nothing any more (SEC-006)."""

from __future__ import annotations

from collections.abc import Collection

from common.events import CustomerKey
from common.storage.database import Transaction
from membership.activities import store as activities
from membership.communities import store as communities
from membership.coupons import store_hold_outs as hold_outs
from membership.partners import store as partners
from membership.referrals import store_traits as traits
from membership.satisfaction import store as satisfaction
from membership.surprises import store as surprises


async def forget(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Idempotent. Words of theirs are sealed with the key, which is gone."""
    now = tx.clock.now()
    await traits.delete_traits(tx, customers)
    await satisfaction.delete(tx, customers)
    await hold_outs.delete(tx, customers)
    await partners.end(tx, customers, now)
    await surprises.blank(tx, customers)
    await communities.remove(tx, customers, now)
    await activities.leave(tx, customers, now)
