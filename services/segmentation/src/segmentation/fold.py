"""The fold of a customer's inputs, in the order of their times: purchases first, then each attribute.

An input that comes late folds the customer anew, and what was announced wrongly is announced again as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any, cast

from common.events import CustomerKey, Event, EventData
from common.events.activity import Activity
from common.events.customers import CustomerRegistered
from common.events.feedback import LeaveReasonGiven
from common.events.kept import Fields, Kept
from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderInTransit,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
)
from common.events.segments import ChurnReasonRecorded
from common.events.standing import REFUND_FIELDS, VERSION_FIELDS
from common.fold.folding import Due, Effect, Folding, Step
from common.fold.items import Items, Wanted
from common.fold.working import Folded
from common.shops.settings import get_shops
from common.storage.database import Transaction
from segmentation.activity.state import KINDS
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.churn_risk.state import ChurnRiskAttribute
from segmentation.attributes.lifecycle.state import LifeCycleAttribute
from segmentation.attributes.passing import SINGLY, pass_over
from segmentation.attributes.stage.rules import shows_interest
from segmentation.customers.state import CustomerState
from segmentation.monthly_flows.correcting import correct, first_open_day, take_out
from segmentation.monthly_flows.rules import Sold, sold
from segmentation.profiles.store import follow_orders
from segmentation.purchases import rules as purchases
from segmentation.purchases.entries import Item, sale_of
from segmentation.purchases.store import delete_sales, save_sales
from segmentation.segments.store_dues import mark
from segmentation.shop_statistics.store import get_statistics
from segmentation.shop_statistics.store_late import note_late
from segmentation.shops.state import Shop, shop_with
from segmentation.shops.store import share_shops
from segmentation.thresholds.store import get_versions

PARTS = tuple(name for name, each in CustomerState.model_fields.items() if isinstance(each.default, Attribute))
"""The attributes, in the order of their announcements: each brings its state, what it is on an occasion, when the date
changes it, and what is announced of it."""
TURNING = tuple(
    name for name in PARTS if type(CustomerState.model_fields[name].default).next_turn is not Attribute.next_turn
)
"""Those that the date alone changes."""
PASSED_THROUGH = (LifeCycleAttribute, ChurnRiskAttribute)
"""Of whose changes long ago the last of those in a row is enough; messaging goes back to every lapse there was."""
STATISTICS, NEW_THRESHOLDS = "statistics", "thresholds"

_parts = attrgetter(*PARTS)
_ORDERS = (OrderPlaced, OrderPaid, OrderShipped, OrderInTransit, OrderDelivered, OrderCompleted, OrderClosed)
_ALWAYS: dict[type[EventData], Fields] = {
    CustomerRegistered: (),
    **dict.fromkeys(_ORDERS, VERSION_FIELDS),
    OrderRefunded: REFUND_FIELDS,
    ChurnReasonRecorded: ("reason", "source"),
    LeaveReasonGiven: ("reason",),
}
CLAIMED = Kept(_ALWAYS)
"""What is claimed in the histories as it comes; of activity it shows only then whether it is folded."""
KEPT = Kept({**_ALWAYS, **dict.fromkeys(KINDS, ())})
"""What the histories keep of what is folded."""
INPUTS = KEPT.types


@dataclass(frozen=True, slots=True)
class Change(Due):
    """A change of statistics or thresholds at which an attribute differs, with what all of them are then.

    `found`: of the state that was looked at, as long as that stands still.
    """

    occasion: Occasion = field(kw_only=True, compare=False, repr=False)
    found: tuple[Attribute, ...] = field(kw_only=True, compare=False, repr=False)


class SegmentFolding(Folding[CustomerState]):
    """The fold, given what is known of the shops; a state depends on inputs, statistics and thresholds alone."""

    state = CustomerState
    kept = KEPT
    item = cast(type[Any], Item)

    def __init__(self, shops: Mapping[str, Shop]) -> None:
        self.shops = shops

    def rules_of(self, shop: str) -> object:
        of_shop = self.shops[shop]
        return of_shop.settings.versions, of_shop.statistics, of_shop.versions, of_shop.withdrawn_months

    def wants(self, state: CustomerState, cause: Event[Any] | Due) -> Wanted:
        if isinstance(cause, Due):
            return ()
        return purchases.wants(state.items, cause, self.shops[cause.shop].settings.date_of(cause.time))

    def apply(self, state: CustomerState, event: Event[Any]) -> list[Effect]:
        """An input of the customer's own: every attribute is evaluated as of its time.

        Of activity the first sign of interest alone counts: any other that stands in a history changes nothing.
        """
        if isinstance(event.data, Activity) and state.interest_at is not None:
            return []
        shop = self.shops[event.shop]
        if state.interest_at is None and shows_interest(event.data):
            state.interest_at = event.time
        state.shop = event.shop
        today = shop.settings.date_of(event.time)
        purchases.remember(state.purchases, state.items, event, today, shop.first_day_looked_at(today))
        return _evaluate(state, Occasion(shop, state.purchases, event.time, "input", event.data))

    def next_due(self, state: CustomerState) -> Due | None:
        """The first instant after the last evaluation at which an attribute differs, by all that is known of the shop.

        Most customers are not changed by most months, so what is due is not "the next month": nobody is folded, or
        written, for a month that changes nothing. Between two changes of statistics or thresholds only the date counts,
        so there the next turn is computed; at each change everything is evaluated. What is not known yet changes the
        due time when it comes: the rescheduling asks again then.
        """
        return self.due_after(state, state.evaluated_at)

    def due_after(
        self, state: CustomerState, since: datetime | None, no_turn_before: datetime | None = None
    ) -> Due | None:
        """The same, where no change of statistics or thresholds and no turn up to `since` makes a difference.

        `no_turn_before`: an instant before which the date alone changes nothing, where that is known.
        """
        if state.purchases.last_day is None or since is None:
            return None
        shop = self.shops[state.shop]
        for change in shop.changes_after(since):
            if no_turn_before is None or change > no_turn_before:
                turn = next_turn(state, shop, since)
                if turn is not None and turn.at < change:
                    return turn
            occasion = Occasion(shop, state.purchases, change, "change")
            found = _evaluated(state, occasion)
            if any(map(_differs, _parts(state), found)):
                kind = STATISTICS if shop.brings_statistics(change) else NEW_THRESHOLDS
                return Change(change, kind, occasion=occasion, found=found)
            since = change
        return next_turn(state, shop, since)

    def fall_due(self, state: CustomerState, due: Due) -> list[Effect]:
        """Every attribute is evaluated as of `due.at`; of a change that `next_due` found for this state it was."""
        if isinstance(due, Change):
            return _turn(state, due.occasion, due.found)
        by_change = due.kind in (STATISTICS, NEW_THRESHOLDS)
        occasion = Occasion(self.shops[state.shop], state.purchases, due.at, "change" if by_change else "turn")
        return _evaluate(state, occasion)

    def pass_over(self, steps: Sequence[Step], now: datetime) -> None:
        pass_over(steps, PASSED_THROUGH, now - SINGLY)

    async def moved(self, tx: Transaction, customers: Collection[CustomerKey]) -> None:
        await take_out(tx, read_shops, customers)
        await delete_sales(tx, customers)  # those of the items that are folded anew are stored again

    def difference(self, before: CustomerState, posted: None, after: CustomerState, at: datetime) -> list[Effect]:
        """What to announce so that what was announced becomes what is true; nothing of it was promised to anybody."""
        # A state without inputs knows no shop: it is the empty one, of somebody whose merge was undone.
        shop = after.shop or before.shop
        if not shop:
            return []
        occasion = Occasion(self.shops[shop], after.purchases, after.evaluated_at or at, "change")
        return [
            Effect(fact, at)
            for name in PARTS
            for fact in getattr(after, name).announcements(getattr(before, name), occasion)
        ]


def next_turn(state: CustomerState, shop: Shop, since: datetime) -> Due | None:
    """When the date alone next changes an attribute after `since`, if statistics and thresholds stay as then."""
    occasion = Occasion(shop, state.purchases, since, "turn")
    turns = [(day, name) for name in TURNING if (day := getattr(state, name).next_turn(occasion)) is not None]
    if not turns:
        return None
    day, name = min(turns)
    return Due(shop.settings.start_of(day), name)


def show(state: CustomerState, shop: Shop, now: datetime) -> None:
    """Bring what drifts of a state that is shown, not stored, up to `now`."""
    occasion = Occasion(shop, state.purchases, now, "turn")
    for name in PARTS:
        setattr(state, name, getattr(state, name).as_shown(occasion))


async def read_shops(tx: Transaction, shops: Iterable[str]) -> dict[str, Shop]:
    """The shops as they stand now; more may be stored meanwhile, so not for folding."""
    wanted = sorted(set(shops))
    settings = await get_shops(tx, set(wanted))
    statistics, now = await get_statistics(tx, wanted), tx.clock.now()
    return {
        shop: shop_with(settings[shop], statistics[shop], now, versions.live, versions.window_months)
        for shop, versions in (await get_versions(tx, wanted)).items()
    }


async def folding_of(tx: Transaction, shops: Iterable[str]) -> SegmentFolding:
    """The fold for these shops; until the transaction ends nothing that folds read of them is committed."""
    await share_shops(tx)
    return SegmentFolding(await read_shops(tx, shops))


async def keep(tx: Transaction, folded: Folded[CustomerState]) -> None:
    """Announce what a fold found, and store what reports read of it beside the states."""
    items = {key: state.items for key, state in folded.states.items()}
    late = late_sales(items, first_open_day(tx.clock.now()))
    if late:
        await correct(tx, read_shops, late)
    await save_sales(tx, items)
    # What the address of an order tells changes with an order alone.
    await follow_orders(tx, [key for key, of in items.items() if of.whole or of.changed])
    await mark(tx, folded.states.keys())
    await tx.announce(folded.facts())


async def keep_long(tx: Transaction, folded: Folded[CustomerState]) -> None:
    """The same of a long history: what was postponed of it is folded now, so that statistics can count it."""
    await note_late_orders(tx, await read_shops(tx, {event.shop for event in folded.events}), folded.events)
    await keep(tx, folded)


async def note_late_orders(tx: Transaction, shops: Mapping[str, Shop], folded: Sequence[Event[Any]]) -> None:
    """Count the orders among what was folded that came too late for the statistics that they belong to.

    Not when they are told: what is postponed is no sale yet, and a count of a month would miss it and forget it.
    """
    now = tx.clock.now()
    if late := Counter(event.shop for event in folded if _is_late(event, shops[event.shop], now)):
        await note_late(tx, late)


def _is_late(event: Event[Any], shop: Shop, now: datetime) -> bool:
    """Whether it is an order that the shop's newest statistics would have counted, had they known it.

    Where a new month has begun, its statistics are those: they may have been begun to be counted.
    """
    if not isinstance(event.data, OrderCompleted):
        return False
    known = shop.statistics[-1].as_of if shop.statistics else None
    as_of = shop.pending_at if shop.pending_at <= now else known
    return as_of is not None and event.time < as_of


def late_sales(of: Mapping[CustomerKey, Items[Any]], before: date) -> dict[CustomerKey, dict[str, Sold | None]]:
    """Changed sales of days before that one, as they are to be stored."""
    found: dict[CustomerKey, dict[str, Sold | None]] = {}
    for key, items in of.items():
        known = items.all()
        for name in items.changed:
            sale = sale_of(name, known[name]) if name in known else None
            if sale is not None and sale.day < before:
                found.setdefault(key, {})[name] = sold(*sale[1:])
    return found


def _evaluate(state: CustomerState, occasion: Occasion) -> list[Effect]:
    """Give every attribute its value on the occasion, and say what is to be announced (SEG-013)."""
    return _turn(state, occasion, _evaluated(state, occasion))


def _evaluated(state: CustomerState, occasion: Occasion) -> tuple[Attribute, ...]:
    """The value of every attribute on the occasion."""
    return tuple([attribute.evaluate(occasion) for attribute in _parts(state)])


def _turn(state: CustomerState, occasion: Occasion, found: tuple[Attribute, ...]) -> list[Effect]:
    effects = list[Effect]()
    state.evaluated_at = occasion.at
    for name, before, after in zip(PARTS, _parts(state), found, strict=True):
        if after is before:
            continue  # as it was, with nothing to say: most attributes on most occasions
        setattr(state, name, after)
        effects += [Effect(fact, occasion.at) for fact in after.announcements(before, occasion)]
    return effects


def _differs(before: Attribute, after: Attribute) -> bool:
    return after is not before and before.differs(after)
