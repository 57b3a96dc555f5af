"""What orders-ingest announced, read back by a rebuild: its topics are all that an empty database has.

An event that came from outside bears the hash under which it was claimed (`claimed`), and `common.bus.inbox` claims it
by that. Everything else was derived here: it is not claimed, and says whose an order is, or its number. Handlers are
idempotent, and topics may be read in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from common.bus.subscriptions import Batch, Subscription
from common.crypto.keys import KeyRing, on_keys
from common.events import Event, EventData
from common.events.activity import Activity, VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import (
    ConsentChanged,
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    KeyIssued,
)
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderClaimed,
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderDetail,
    OrderInTransit,
    OrderJourneyMeasured,
    OrderPaid,
    OrderPlaced,
    OrderReceiptDue,
    OrderRefunded,
    OrderShipped,
)
from common.storage.database import Transaction
from orders_ingest.archive.store import insert_archive
from orders_ingest.archive.vault import Vault
from orders_ingest.catalogue import store as catalogue
from orders_ingest.commands.recognise import recognise
from orders_ingest.customers.store import erase_profiles, save_customers
from orders_ingest.details import store as details
from orders_ingest.handlers.erasures import READ_BACK
from orders_ingest.identity.store import save_merges
from orders_ingest.intake.published import claimed_by, numbers_in, owners_in, refunds_in, versions_in
from orders_ingest.intake.state import name_of
from orders_ingest.intake.store import delete_claims
from orders_ingest.journeys import store as journeys
from orders_ingest.journeys.rules import KEPT, sign_of
from orders_ingest.orders import store_rebuilding as orders
from orders_ingest.refunds import store as refunds
from orders_ingest.visits import store as visits

ORDERS = (
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderInTransit,
    OrderDelivered,
    OrderCompleted,
    OrderClosed,
    OrderRefunded,
    OrderClaimed,
)
DETAILS: tuple[type[EventData], ...] = (*OrderDetail.__subclasses__(), DeliveryPromiseBroken, OrderReceiptDue)


async def on_orders(vault: Vault, tx: Transaction, batch: Batch) -> None:
    """Orders and refunds as they stand, whose they are, and the numbers that were given."""
    came = [event for event in batch.events if claimed_by(event)]
    owners = owners_in(batch.events)
    await orders.restore_orders(tx, versions_in(came), owners)
    await refunds.save_refunds(tx, vault, refunds_in(came), ())
    await refunds.claim_refunds(tx, await orders.get_owners(tx, owners))
    await orders.restore_numbers(tx, numbers_in(batch.events))
    await insert_archive(tx, vault, came)
    await _unclaim(tx, batch.events)


async def on_details(vault: Vault, tx: Transaction, batch: Batch) -> None:
    """What orders have several of. Of what fell due: that it was announced."""
    told = [event for event in batch.events if isinstance(event.data, OrderDetail)]
    await details.save_details(tx, [(event, event.data.as_json()) for event in told])
    await details.save_announced(tx, [event for event in batch.events if not isinstance(event.data, OrderDetail)])
    await insert_archive(tx, vault, [event for event in told if claimed_by(event)])
    await _unclaim(tx, batch.events)


async def on_customers(keys: KeyRing, tx: Transaction, batch: Batch) -> None:
    """Profiles and consents as they stand; and what customers are recognised by, as far as their keys are here."""
    await save_customers(tx, batch.events)
    await recognise(tx, keys, {event.customer for event in batch.events})


async def on_merges(tx: Transaction, batch: Batch) -> None:
    """Who absorbed whom, and what of that was undone."""
    await save_merges(tx, batch.events)
    await _unclaim(tx, batch.events)


async def on_customer_keys(keys: KeyRing, tx: Transaction, batch: Batch) -> None:
    """Customers' keys, and the markers of those who were erased, of whom no profile is kept."""
    await on_keys(tx, batch)
    await erase_profiles(tx, [event.customer for event in batch.events if isinstance(event.data, CustomerErased)])
    await recognise(tx, keys, {event.customer for event in batch.events})
    await _unclaim(tx, batch.events)


async def on_products(tx: Transaction, batch: Batch) -> None:
    """The catalogue as it stands."""
    await catalogue.save_products(tx, [(event, event.data.as_json()) for event in batch.events])


async def on_visits(tx: Transaction, batch: Batch) -> None:
    """Visits as they were counted, by the shop or here."""
    await visits.save_counts(tx, batch.events)
    await _unclaim(tx, batch.events)


async def on_activity(tx: Transaction, batch: Batch) -> None:
    """The last days' signs of interest, by which orders are measured; of the rest that it was taken, by its claim."""
    oldest = tx.clock.now() - KEPT
    signs = [(event.customer, sign) for event in batch.events if (sign := sign_of(event)) is not None]
    await journeys.add_signs(tx, [(customer, sign) for customer, sign in signs if sign.at > oldest])


async def on_journeys(tx: Transaction, batch: Batch) -> None:
    """The way to each order as it was measured last; what was not measured before the topics' end is not measured."""
    await journeys.save_measured(tx, batch.events)
    await _unclaim(tx, batch.events)


async def _unclaim(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """What was derived here was never claimed: nobody may send it."""
    await delete_claims(tx, [name_of(event) for event in events if not claimed_by(event)])


def read_back(keys: KeyRing) -> tuple[Subscription, ...]:
    """What a rebuild reads of our own topics; `shops` is read by whoever runs."""
    return (
        Subscription(partial(on_customer_keys, keys), (KeyIssued, CustomerErased)),
        Subscription(on_merges, (CustomerMerged, CustomerUnmerged)),
        Subscription(partial(on_customers, keys), (CustomerRegistered, CustomerUpdated, ConsentChanged)),
        Subscription(partial(on_orders, Vault(keys)), ORDERS),
        Subscription(partial(on_details, Vault(keys)), DETAILS),
        Subscription(on_products, (ProductChanged,)),
        Subscription(on_visits, (VisitsCounted,)),
        Subscription(on_journeys, (OrderJourneyMeasured,)),
        Subscription(on_activity, tuple(Activity.__subclasses__())),
        *READ_BACK,
    )
