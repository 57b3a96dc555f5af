"""The one way in, for HTTP, Kafka and files: claim, lock, decide, save, announce; one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from common.events import Event
from common.events.customers import ConsentChanged, CustomerProfile, KeyIssued
from common.events.orders import OrderEvent, OrderRefunded
from common.refusals import Conflict
from common.shops.settings import ShopNotSetUp, find_set_up
from common.storage.database import Transaction
from orders_ingest.archive import keeping
from orders_ingest.archive.keeping import Came
from orders_ingest.archive.vault import Vault
from orders_ingest.customers import projection as customers
from orders_ingest.identity.rules import for_survivor
from orders_ingest.identity.survivors import hold, survivors_of
from orders_ingest.intake.claims import Claims, claim
from orders_ingest.intake.decisions import Accepted, Decision, Known
from orders_ingest.intake.known import Keys, read
from orders_ingest.intake.published import Published, publish
from orders_ingest.intake.state import Offered, Outcome, refused
from orders_ingest.orders import projection as orders
from orders_ingest.orders.rules import rank_of
from orders_ingest.refunds import projection as refunds
from orders_ingest.refunds.state import KnownRefund


async def take(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    """Take what is new; one outcome for each, in the order given. Idempotent: what was taken before is a duplicate.

    Call it once a transaction, before anything else is locked. Locks are taken in one order everywhere: shops against
    merges, claims, names of refunds, orders, customers. What names an absorbed customer is the survivor's. Events of
    one name are answered alike: what was refused is refused for all of them.
    """
    shops = {one.event.shop for one in offered}
    await hold(tx, shops)
    survivors = await survivors_of(tx, (one.event.customer for one in offered if one.event.subject is not None))
    if survivors:
        offered = [replace(one, event=for_survivor(one.event, survivors)) for one in offered]
    set_up = await find_set_up(tx, shops)
    taken = iter(await _take(tx, vault, [one for one in offered if one.event.shop in set_up]))
    return [
        next(taken) if one.event.shop in set_up else refused(one.event.id, ShopNotSetUp(one.event.shop))
        for one in offered
    ]


async def _take(tx: Transaction, vault: Vault, offered: Sequence[Offered]) -> list[Outcome]:
    claims = await claim(tx, offered)
    known, keys, issued = await read(tx, vault, claims.concerned)
    decisions: Decision = []
    outcomes = [_outcome(one, claims, known, decisions) for one in offered]
    await _save(tx, vault, known, keys, issued, decisions)
    if claims.refused_any:
        await claims.give_back(tx)
        await orders.forget_unknown(tx, _orders_of_refunds(claims.lost))
    return outcomes


def _outcome(one: Offered, claims: Claims, known: Known, decisions: Decision) -> Outcome:
    """What becomes of one event; what is to be published or kept is added to the decisions."""
    event = one.event
    if claims.is_late(one):
        order = known.orders.get((event.shop, event.data.order_id))
        if order is not None and order.rank > rank_of(event):
            # The state was sent before, at this time; what is newer counts.
            return Outcome(event.id, "duplicate")
    if (repeated := claims.known(one)) is not None:
        return repeated
    try:
        decided = known.decide(one)
    except Conflict as refusal:
        outcome = refused(event.id, refusal)
        claims.refuse(one, outcome)
        return outcome
    claims.accept(one)
    decisions += decided
    waits = any(isinstance(each, KnownRefund) and each.event is event for each in decided)
    detail = f"kept until order {event.data.order_id} comes, or is paid" if waits else None
    return Outcome(event.id, "accepted", detail=detail, left_out=one.left_out)


async def _save(
    tx: Transaction, vault: Vault, known: Known, keys: Keys, issued: Sequence[Event[KeyIssued]], decisions: Decision
) -> None:
    """Project, archive and announce what was accepted; keep what waits."""
    accepted = [each for each in decisions if isinstance(each, Accepted)]
    published = await publish(tx, vault, keys, accepted)
    stated = [each.event for each in published if each.came is not None]
    await orders.save(tx, [event for event in stated if isinstance(event.data, OrderEvent)])
    if people := [event for event in stated if isinstance(event.data, CustomerProfile | ConsentChanged)]:
        await customers.save(tx, people)
    counted = [event for event in stated if isinstance(event.data, OrderRefunded)]
    # One that was kept may have been counted, or replaced by another event, within this list.
    names = {each.name for each in decisions if isinstance(each, KnownRefund)}
    waiting = [refund for name in sorted(names) if (refund := known.refunds[name]).state != "counted"]
    if counted or waiting:
        await refunds.save(tx, vault, counted, waiting)
    owners = {(one.event.shop, one.event.data.order_id): one.event.subject or "" for one in accepted if one.claims}
    if owners:
        await orders.give_to(tx, owners)
        await refunds.give_to(tx, owners)
    await keeping.keep(tx, vault, _came(published, keys))
    await tx.announce([*issued, *(each.event for each in published)])


def _came(published: Iterable[Published], keys: Keys) -> list[Came]:
    return [
        Came(
            each.came.came,
            each.came.body,
            each.event.subject,
            keys[each.event.customer] if each.event.subject is not None else None,
        )
        for each in published
        if each.came is not None
    ]


def _orders_of_refunds(offered: Iterable[Offered]) -> list[tuple[str, str]]:
    return [
        (one.event.shop, one.event.data.order_id)
        for one in offered
        if isinstance(one.event.data, OrderRefunded) and one.event.data.order_id is not None
    ]
