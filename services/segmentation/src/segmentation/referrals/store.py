"""Referrals of new customers: whether membership finds each true; who brought them is feedback's to tell."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event
from common.events.membership import ReferralCompleted, ReferralNews, ReferralReversed
from common.storage.columns import Columns
from common.storage.database import Transaction

_REFERRALS = Columns("e", shop="text", customer="text", referral_id="text", round="integer", confirmed="boolean")


async def save_referrals(tx: Transaction, events: Sequence[Event[ReferralNews]]) -> None:
    """Remember how each referral ended, by its newest round, within which it is found true first.

    Idempotent, in any order.
    """
    newest = {
        (*event.customer, event.data.referral_id): (event.data.round, isinstance(event.data, ReferralCompleted))
        for event in sorted(events, key=lambda each: (each.data.round, isinstance(each.data, ReferralReversed)))
    }
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into referrals as r (shop, customer, referral_id, round, confirmed) select * from {_REFERRALS}
        on conflict (shop, customer, referral_id) do update
        set round = excluded.round, confirmed = excluded.confirmed
        where excluded.round > r.round or (excluded.round = r.round and not excluded.confirmed)
        """,
        **_REFERRALS.of((*name, *end) for name, end in sorted(newest.items())),
    )
