"""The one way in, for HTTP, Kafka and files: claim, lock and read, decide, save, announce; one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from common.bus.inbox import body_hash, claim_each
from common.events import CustomerKey, Event
from common.events.activity import Activity, VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import ConsentChanged, CustomerProfile, KeyIssued
from common.events.orders import OrderDetail, OrderEvent, OrderRefunded, OrderSpecialRequest
from common.people.store import get_survivors
from common.shops.settings import ShopNotSetUp, find_set_up
from common.storage.database import Transaction
from orders_ingest.archive import store as archive
from orders_ingest.archive.vault import Vault
from orders_ingest.catalogue import store as catalogue
from orders_ingest.catalogue.rules import filled
from orders_ingest.commands.recognise import recognise
from orders_ingest.customers import store as customers
from orders_ingest.details import store as details
from orders_ingest.details.rules import is_before_shipping, request_of_remark, requests_of_returning
from orders_ingest.details.rules import name_of as detail_name_of
from orders_ingest.identity import store as identity
from orders_ingest.intake import store as intake
from orders_ingest.intake.published import Keys, Published, repeated
from orders_ingest.intake.rules import Accepted, Claims, Decision, Known, outcome_of
from orders_ingest.intake.state import Name, Offered, Outcome, name_of, refused
from orders_ingest.journeys import store as journeys
from orders_ingest.journeys.rules import KEPT, placed_lately, sign_of
from orders_ingest.orders import store as orders
from orders_ingest.orders import store_due as due
from orders_ingest.orders.rules import bought_at
from orders_ingest.orders.state import Named
from orders_ingest.refunds import store as refunds
from orders_ingest.refunds.state import KnownRefund
from orders_ingest.tallies import store as tallies
from orders_ingest.tallies.rules import tallied
from orders_ingest.visits import store as visits


async def take_events(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    """Take what is new; one outcome for each, in the order given. Idempotent: what was taken before is a duplicate.

    Call it once a transaction, before anything else is locked. Locks are taken in one order everywhere: shops against
    merges, claims, names of refunds, orders, customers. What names an absorbed customer stays that one's. Events of one
    name are answered alike: what was refused is refused for all of them.
    """
    shops = {one.event.shop for one in offered}
    await identity.hold(tx, shops)
    set_up = await find_set_up(tx, shops)
    taken = iter(await _take(tx, vault, [one for one in offered if one.event.shop in set_up]))
    outcomes = [
        next(taken) if one.event.shop in set_up else refused(one.event.id, ShopNotSetUp(one.event.shop))
        for one in offered
    ]
    await tallies.add(tx, tallied(offered, outcomes, tx.clock.now()))
    return outcomes


async def _take(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    claims = Claims(offered, await claim_each(tx, [(one.event, vault.claim(one.claimed)) for one in offered]))
    known, keys, issued = await _read(tx, vault, claims.concerned)
    decisions: Decision = []
    outcomes = [outcome_of(one, claims, known, decisions) for one in offered]
    await _save(tx, vault, known, keys, issued, decisions, claims)
    if claims.refused_any:
        await _give_back(tx, vault, claims)
    return outcomes


async def _read(
    tx: Transaction, vault: Vault, concerned: Sequence[Offered]
) -> tuple[Known, Keys, list[Event[KeyIssued]]]:
    """What is known of all that is concerned, under the locks of refunds' names, orders and customers, in this order.

    A customer's key is issued with the first event; these events are announced before what is sealed with the keys.
    """
    events = [one.event for one in concerned]
    names = {(event.shop, event.data.refund_id) for event in events if isinstance(event.data, OrderRefunded)}
    wanted = _orders_of(events, await refunds.lock_refunds(tx, names) if names else ())
    known = Known(orders=await orders.lock_orders(tx, wanted))
    known.unknown = wanted.keys() - known.orders.keys()
    if owners := {(key[0], order.customer) for key, order in known.orders.items() if order.customer}:
        # News of an order may name whoever is one person with its customer.
        named = {event.customer for event in events if isinstance(event.data, OrderEvent) and event.subject is not None}
        known.survivors = await get_survivors(tx, owners | named)
    known.refunds = await refunds.get_refunds(tx, vault, names, wanted, known.orders)
    if of_orders := [event for event in events if isinstance(event.data, OrderDetail)]:
        known.told = await details.get_told(tx, map(detail_name_of, of_orders))
    people = _customers_of(events, known)
    await tx.lock_customers(people)
    keys, issued = await vault.ring.ensure_keys(tx, people)
    known.erased = {customer for customer, key in keys.items() if key is None}
    if products := {(event.shop, event.data.sku) for event in events if isinstance(event.data, ProductChanged)}:
        known.products = await catalogue.lock_products(tx, products)
    if profiles := {event.customer for event in events if isinstance(event.data, CustomerProfile)}:
        known.numbered = {key: one.numbered for key, one in (await customers.get_profiles(tx, profiles)).items()}
    return known, keys, issued


def _orders_of(events: Iterable[Event[Any]], of_refunds: Iterable[Named]) -> dict[Named, str]:
    """The orders to lock, with the customer that a new one has, '' nobody."""
    wanted = dict.fromkeys(of_refunds, "")
    for event in events:
        if isinstance(event.data, OrderEvent | OrderRefunded | OrderDetail) and event.data.order_id is not None:
            key = event.shop, event.data.order_id
            subject = event.subject if isinstance(event.data, OrderEvent) else None
            wanted[key] = wanted.get(key) or subject or ""
    return wanted


def _customers_of(events: Iterable[Event[Any]], known: Known) -> set[CustomerKey]:
    """The orders' customers, and those who are named; what is of an order is its customer's, not theirs."""
    found = {(shop, order.customer) for (shop, _), order in known.orders.items() if order.customer}
    for event in events:
        data = event.data
        of_order = (isinstance(data, OrderRefunded) and data.order_id is not None) or (
            isinstance(data, OrderDetail) and (event.shop, data.order_id) in known.orders
        )
        if event.subject is not None and not of_order:
            found.add(event.customer)
    return found


async def _save(
    tx: Transaction,
    vault: Vault,
    known: Known,
    keys: Keys,
    issued: Sequence[Event[KeyIssued]],
    decisions: Decision,
    claims: Claims,
) -> None:
    """Save and announce what was accepted; keep what waits, and what came of orders that are nobody's."""
    accepted = [each for each in decisions if isinstance(each, Accepted)]
    published = await _publish(tx, vault, known, keys, accepted, claims)
    stated = [each.event for each in published if each.came is not None]
    versions = [(each.event, each.data) for each in published if each.came is not None]
    await orders.save_orders(tx, [each for each in versions if isinstance(each[0].data, OrderEvent)])
    if told := [(each.event, each.data) for each in published if isinstance(each.event.data, OrderDetail)]:
        await details.save_details(tx, told)
        await due.wake_orders(tx, [event for event, _ in told])
    await catalogue.save_products(tx, [each for each in versions if isinstance(each[0].data, ProductChanged)])
    await visits.save_counts(tx, [event for event in stated if isinstance(event.data, VisitsCounted)])
    if people := [event for event in stated if isinstance(event.data, CustomerProfile | ConsentChanged)]:
        await customers.save_customers(tx, people)
        await recognise(tx, vault.ring, {event.customer for event in people if isinstance(event.data, CustomerProfile)})
    counted = [event for event in stated if isinstance(event.data, OrderRefunded)]
    # One that was kept may have been counted, or replaced by another event, within this list.
    names = {each.name for each in decisions if isinstance(each, KnownRefund)}
    waiting = [refund for name in sorted(names) if (refund := known.refunds[name]).state != "counted"]
    if counted or waiting:
        await refunds.save_refunds(tx, vault, counted, waiting)
    owners = {(one.event.shop, one.event.data.order_id): one.event.subject or "" for one in accepted if one.claims}
    if owners:
        await orders.claim_orders(tx, owners)
        await refunds.claim_refunds(tx, owners)
    await _note_journeys(tx, known, published)
    await archive.insert_archive(tx, vault, stated)
    await tx.announce([*issued, *(each.event for each in published)])


async def _note_journeys(tx: Transaction, known: Known, published: Sequence[Published]) -> None:
    """Orders that are new are to be measured, and those that views and chats may have led to anew (ORD-022)."""
    now = tx.clock.now()
    signs = [
        (each.event.customer, sign)
        for each in published
        if isinstance(each.event.data, Activity) and (sign := sign_of(each.event)) is not None and sign.at > now - KEPT
    ]
    await journeys.add_signs(tx, signs)
    await journeys.wake(tx, signs, now)
    new = [each.event for each in published if isinstance(each.event.data, OrderEvent) and _may_be_placed(known, each)]
    await journeys.note_orders(tx, placed_lately(new, now), now)


def _may_be_placed(known: Known, version: Published) -> bool:
    """Whether it may say when its order was placed, as far as that was not said before to its customer."""
    event, came = version.event, version.came
    is_first = came is None or came.claims or (event.shop, event.data.order_id) in known.unknown
    return is_first or event.data.state == "placed"


async def _publish(
    tx: Transaction, vault: Vault, known: Known, keys: Keys, accepted: Sequence[Accepted], claims: Claims
) -> list[Published]:
    """What is announced, in order, ready to be published.

    A version that gives a nobody's order its customer comes after all that came of the order before, now for that
    customer.
    """
    found: list[Published] = []
    for one in accepted:
        if one.claims:
            earlier = await archive.get_of_order(tx, vault, one.event.shop, one.event.data.order_id)
            found += [Published(event) for event in repeated(one, earlier, found)]
        found.append(Published(one.event, one))
    found += [Published(event) for event in await _remarks(tx, known, found)]
    await _fill_lines(tx, found)
    owners = {key: order.customer for key, order in known.orders.items()}
    numbers = await orders.number_completed(tx, [each.event for each in found], owners)
    hashes = await _hashes_of(tx, vault, accepted, claims)
    for each in found:
        each.make_ready(numbers, keys, vault.ring, None if each.came is None else hashes[name_of(each.came.came)])
    return found


async def _remarks(tx: Transaction, known: Known, published: Sequence[Published]) -> list[Event[OrderSpecialRequest]]:
    """Special requests made of what returning customers remarked on orders that are not shipped yet (ORD-011)."""
    asked = [
        request
        for each in published
        if (request := request_of_remark(each.event)) is not None
        and is_before_shipping(known.orders[request.shop, request.data.order_id].reached)
    ]
    if not asked:
        return []
    told = await details.get_told(tx, map(detail_name_of, asked))
    ordered = await orders.last_numbers(tx, {request.customer for request in asked})
    returning = {customer for customer, last in ordered.items() if last}
    return requests_of_returning([each.event for each in published], asked, returning, told)


async def _fill_lines(tx: Transaction, published: Sequence[Published]) -> None:
    """Give the lines of orders what the shop did not say of them and its catalogue does (ORD-008)."""
    orders = [each for each in published if isinstance(each.event.data, OrderEvent) and each.event.data.lines]
    wanted = {(each.event.shop, line.sku) for each in orders for line in each.event.data.lines}
    if not (known := await catalogue.get_products(tx, wanted)):
        return
    for each in orders:
        event = each.event
        products = {line.sku: known[name] for line in event.data.lines if (name := (event.shop, line.sku)) in known}
        lines = filled(event.data.lines, products, bought_at(event.data, event.time))
        if lines is not event.data.lines:
            each.event = event.with_data(event.data.having(lines=lines))


async def _hashes_of(tx: Transaction, vault: Vault, accepted: Sequence[Accepted], claims: Claims) -> dict[Name, bytes]:
    """The hashes under which these events stand claimed: published with them, a rebuild recognises their repeats."""
    hashes = {name: body_hash(vault.claim(one.claimed)) for name, one in claims.accepted.items()}
    # Refunds that waited were claimed when they came.
    waited = {name_of(one.came) for one in accepted} - hashes.keys()
    return hashes | await intake.get_claims(tx, waited) if waited else hashes


async def _give_back(tx: Transaction, vault: Vault, claims: Claims) -> None:
    """Remove the claims of what was refused, so that a mended event may keep its id; and what was locked for it."""
    await intake.delete_claims(tx, [one.name for one in claims.lost])
    await intake.update_claims(tx, [(one.name, body_hash(vault.claim(one.claimed))) for one in claims.replaced])
    of_orders = [one.event for one in claims.lost if isinstance(one.event.data, OrderRefunded | OrderDetail)]
    await orders.delete_unknown(tx, _orders_of(of_orders, ()))
