"""What membership does when something happens elsewhere: lock, fold, save, announce."""

from __future__ import annotations

from common.bus.subscriptions import Batch, Subscription
from common.crypto.erasing import confirmed_by
from common.crypto.keys import KEY_SUBSCRIPTIONS
from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged
from common.events.feedback import (
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    ContentApproved,
    ContentChanged,
    ContentSubmitted,
    ReviewSubmitted,
    RewardDecided,
    SurveyAnswered,
)
from common.events.membership import (
    MembershipErased,
    ProgrammeChanged,
    ProgrammeWithdrawn,
    ReferralCompleted,
    ReferralReversed,
)
from common.events.messages import CouponRequested
from common.events.orders import OrderDelivered, OrderInTransit, OrderShipped
from common.fold.customers import fold_events
from common.fold.merging import fold_merge
from common.storage.database import Transaction
from membership.commands.coupons import settle_orders
from membership.commands.erasure import forget
from membership.commands.following import follow_orders_of_others, follow_shipments
from membership.commands.offers import issue_requested
from membership.commands.payouts import count_friends, pay_out
from membership.commands.places import join_places
from membership.commands.programme import refold_where_it_looks_further
from membership.commands.referrals import follow_orders, look_again
from membership.commands.satisfaction import count_again, note_marks
from membership.commands.taking_back import reverse_of_content, reverse_of_orders, reverse_of_referrals
from membership.fold import INPUTS, KEPT, MemberFolding, save, settle_announced
from membership.programme import store as programmes
from membership.programme.programme import Programme


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Credit what orders earn, take back what refunds took, and announce whose tier or points changed."""
    rules = await programmes.get_rules(tx, (event.shop for event in batch.events))
    await save(tx, await fold_events(tx, MemberFolding(rules), batch.events))
    await settle_orders(tx, batch.events, rules)
    await follow_orders_of_others(tx, batch.events, rules)
    await reverse_of_orders(tx, batch.events, rules)
    await follow_orders(tx, batch.events, rules)


async def on_shipments(tx: Transaction, batch: Batch) -> None:
    """A parcel that is on its way has used the free shipping, or whatever benefit its order was promised."""
    await follow_shipments(tx, batch.events, await programmes.get_rules(tx, (event.shop for event in batch.events)))


async def on_granted(tx: Transaction, batch: Batch) -> None:
    """Compensation, rewards that were approved and those of referrals are paid out, each once."""
    rules = await programmes.get_rules(tx, (event.shop for event in batch.events))
    await pay_out(tx, batch.events, rules)
    await count_friends(tx, batch.events, rules)


async def on_taken_back(tx: Transaction, batch: Batch) -> None:
    """What a referral has given goes, since no order of the new customer counts any more (MEM-087)."""
    rules = await programmes.get_rules(tx, (event.shop for event in batch.events))
    await reverse_of_referrals(tx, batch.events, rules)
    await count_friends(tx, batch.events, rules)


async def on_content_changed(tx: Transaction, batch: Batch) -> None:
    """Content that was withdrawn has earned nothing (FBK-043)."""
    rules = await programmes.get_rules(tx, (event.shop for event in batch.events))
    await reverse_of_content(tx, batch.events, rules)


async def on_satisfaction(tx: Transaction, batch: Batch) -> None:
    """Who is content with the shop may be asked to speak for it (MEM-093)."""
    await note_marks(tx, batch.events)


async def on_erased(tx: Transaction, batch: Batch) -> None:
    await forget(tx, sorted({event.customer for event in batch.events}))


async def on_coupon_requests(tx: Transaction, batch: Batch) -> None:
    """Coupons that flows and campaigns give: one a customer and batch, or an answer that says why not."""
    await issue_requested(tx, batch.events)


async def on_programmes(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads the programme's versions back; one met late has its members folded anew, by the sweep."""
    for event in batch.events:
        await programmes.lock_rules(tx, event.shop)
        before = (await programmes.read_rules(tx, {event.shop}))[event.shop]
        if isinstance(event.data, ProgrammeWithdrawn):
            await programmes.withdraw_version(tx, event.shop, event.data.version, event.time)
        else:
            data: ProgrammeChanged = event.data
            programme = Programme.model_validate(data.programme)
            await programmes.PROGRAMMES.insert(tx, event.shop, data.version, data.valid_from, programme, late=True)
            await programmes.save_ladders(tx, event.shop, [data.version])
        await refold_where_it_looks_further(tx, event.shop, before, f"months@{event.id}")


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Two customers are one member, or never were: points, tier and all else of both are folded anew (ORD-040)."""
    for event in sorted(batch.events, key=lambda event: event.data.sequence):
        rules = await programmes.get_rules(tx, [event.shop])
        folded = await fold_merge(tx, MemberFolding(rules), event)
        await save(tx, folded)
        await settle_announced(tx, folded)
        both = [(event.shop, name) for name in (event.data.survivor, event.data.absorbed)]
        if not tx.rebuilding:
            await join_places(tx, both, tx.clock.now())
            await look_again(tx, both, event.time, rules)
        await count_again(tx, both)


SUBSCRIPTIONS = (
    # A reason that staff give is kept encrypted.
    *KEY_SUBSCRIPTIONS,
    Subscription(on_programmes, (ProgrammeChanged, ProgrammeWithdrawn), ahead=True),
    Subscription(on_inputs, INPUTS, KEPT),
    # After the inputs of its batch, which are claimed and would be folded a second time.
    Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
    Subscription(
        on_granted,
        (
            *(ComplaintOpened, ComplaintChanged, ComplaintResolved, ComplaintReopened),
            *(RewardDecided, ContentApproved, ReferralCompleted),
        ),
    ),
    Subscription(on_satisfaction, (ReviewSubmitted, SurveyAnswered, ContentSubmitted, ContentChanged, ContentApproved)),
    # After the approvals of its batch: what was withdrawn since is not kept.
    Subscription(on_content_changed, (ContentChanged,)),
    Subscription(on_taken_back, (ReferralReversed,)),
    Subscription(on_erased, (CustomerErased,)),
    Subscription(on_coupon_requests, (CouponRequested,)),
    Subscription(on_shipments, (OrderShipped, OrderInTransit, OrderDelivered)),
    *confirmed_by(MembershipErased, keeps_keys=True),
)
