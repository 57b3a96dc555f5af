"""Tickets as people order it: opened, worked on, resolved; each under the customer's lock, announced whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.crypto.keys import KeyRing
from common.events import CustomerKey, Event, fact_id
from common.events.feedback import TicketEvent
from common.people.store import get_people, lock_survivors
from common.shops.settings import Settings, get_shop
from common.storage.database import Transaction
from feedback.buyer_types.store import get_type
from feedback.commands.earning import assert_not_the_customer
from feedback.commands.granting import as_granted
from feedback.commands.names import hold_name
from feedback.commands.sealing import as_readable, assert_not_erased, is_erased, sealed
from feedback.commands.turns import note_turns
from feedback.commands.understanding import note_texts
from feedback.metrics import AWAY_ANSWERS, CLAIM_PHOTOS_SEEN
from feedback.orders.store import get_persons_order
from feedback.photos.store import get_photos
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.tickets import photos, prints, store
from feedback.tickets.compensation import Circumstances
from feedback.tickets.policy import TicketPolicy
from feedback.tickets.refusals import EntryDiffers, TicketChanged, TicketDiffers, UnknownTicket
from feedback.tickets.rules import away_answer, open_ticket, overdue, take_step
from feedback.tickets.told import NewTicket, Standing, Step
from feedback.tiers.store import get_free_returns, get_tier


@dataclass(frozen=True, slots=True)
class Done:
    """A ticket as it stands, texts readable; `new` is False where the very same was done before."""

    ticket: TicketEvent
    new: bool


async def open_one(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, new: NewTicket, at: datetime, *, hears: bool = False
) -> Done:
    """Open a ticket; idempotent by its id. `hears`: the customer reads at once what is answered by itself (FBK-035).

    Raises TicketDiffers, UnknownCustomer (texts need the customer's key), CustomerErased and SettingsNotRead.
    """
    await hold_name(tx, customer[0], "ticket", new.ticket_id)
    person = (await lock_survivors(tx, [customer]))[customer]
    owner = await store.get_customer(tx, customer[0], new.ticket_id)
    if owner is not None:
        stood = await store.get_entry(tx, (customer[0], owner), new.ticket_id, "opened")
        if owner != customer[1] or stood is None or not await _same(tx, keys, customer, new, stood):
            raise TicketDiffers(new.ticket_id)
        now = await store.get_ticket(tx, customer[0], new.ticket_id)
        assert now is not None
        return Done(await readable(tx, keys, customer, now), False)
    await assert_not_erased(tx, keys, customer)
    policy, settings = await _rules(tx, customer[0], at)
    seen = await _seen(tx, customer, new.ticket_id, new.order_id, policy, settings, at)
    if new.claim is not None:
        if new.by is not None:
            people, origin = (await get_people(tx, [customer]))[customer], f"ticket/{new.ticket_id}"
            rules = policy.compensation
            seen = await as_granted(tx, people, new.by, origin, new.order_id, seen, rules, settings, at)
        seen = await _with_photos(tx, keys, customer, new.ticket_id, new.photos, seen)
    who = await _standing(tx, person, settings, at)
    ticket = open_ticket(new, who, policy, settings.zone, seen, at, hears=hears)
    made = await _save(tx, keys, customer, ticket, at)
    if hears and new.by is None:
        made = await _answer_away(tx, keys, customer, made, policy, settings, at)
    return Done(made, True)


async def do(
    tx: Transaction,
    keys: KeyRing,
    shop: str,
    ticket_id: str,
    step: Step,
    expects: int | None,
    *,
    hears: bool = False,
) -> Done:
    """Do something with a ticket; idempotent by the entry's id. `expects`: the revision that the caller has read.
    `hears`: the customer reads at once what is answered by itself.

    What fell due before is noted first. Raises UnknownTicket, EntryDiffers, TicketChanged, OwnWord where the customer
    grants something to themselves, and what `take_step` raises.
    """
    owner = await store.get_customer(tx, shop, ticket_id)
    if owner is None:
        raise UnknownTicket(ticket_id)
    customer, at = (shop, owner), tx.clock.now()
    # Whoever does something with another ticket of the person waits, so that what they were granted stands (SEC-012).
    await lock_survivors(tx, [customer])
    stored = await store.get_ticket(tx, shop, ticket_id)
    assert stored is not None
    ticket = await readable(tx, keys, customer, stored)
    before = await store.get_entry(tx, customer, ticket_id, step.entry_id)
    if before is not None:
        was = await readable(tx, keys, customer, before)
        if not step.says_the_same(was, erased=await is_erased(tx, keys, customer)):
            raise EntryDiffers(step.entry_id)
        return Done(ticket, False)
    if expects is not None and expects != ticket.revision:
        raise TicketChanged(ticket.revision)
    for due_at, passed in overdue(ticket, at):
        ticket = await _save(tx, keys, customer, passed, due_at)
    policy, settings = await _rules(tx, shop, at)
    seen = await _seen(tx, customer, ticket_id, ticket.order_id, policy, settings, at)
    decides = step.action in ("compensate", "approve")
    claims = ticket.compensation is not None and ticket.compensation.state == "claimed"
    if step.by is not None and (decides or claims):
        people, rules = (await get_people(tx, [customer]))[customer], policy.compensation
        if decides:
            assert_not_the_customer(people, step.by)
        origin = f"ticket/{ticket_id}"
        seen = await as_granted(tx, people, step.by, origin, ticket.order_id, seen, rules, settings, at)
    if claims:
        seen = await _with_photos(tx, keys, customer, ticket_id, (*ticket.photos, *step.photos), seen)
    made = await _save(tx, keys, customer, take_step(ticket, step, policy, settings.zone, seen, at), at)
    if hears and step.action == "customer_said":
        made = await _answer_away(tx, keys, customer, made, policy, settings, at)
    return Done(made, True)


def announced(customer: CustomerKey, ticket: TicketEvent, at: datetime) -> Event[TicketEvent]:
    """The fact of one revision of a ticket."""
    shop, name = customer
    return Event(
        id=fact_id(f"ticket/{ticket.ticket_id}/{ticket.entry.entry_id}", ticket.TYPE, shop, name, 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=name,
        time=at,
        data=ticket,
    )


async def readable_all(
    tx: Transaction, keys: KeyRing, stored: Sequence[tuple[CustomerKey, TicketEvent]]
) -> list[TicketEvent]:
    """Tickets as they are stored, with readable texts; without them for erased customers. Keys are read once."""
    found = await keys.keys_for(tx, {customer for customer, _ in stored})
    return [
        keys.open_event(
            Event(ticket.ticket_id, f"/shops/{shop}/feedback", shop, name, ticket.opened_at, ticket),
            found.get((shop, name)),
        ).data
        for (shop, name), ticket in stored
    ]


async def readable(tx: Transaction, keys: KeyRing, customer: CustomerKey, stored: TicketEvent) -> TicketEvent:
    """The same of one ticket."""
    return (await readable_all(tx, keys, [(customer, stored)]))[0]


async def _answer_away(
    tx: Transaction,
    keys: KeyRing,
    customer: CustomerKey,
    ticket: TicketEvent,
    policy: TicketPolicy,
    settings: Settings,
    at: datetime,
) -> TicketEvent:
    made = away_answer(ticket, policy, settings.zone, at)
    if made is None:
        return ticket
    AWAY_ANSWERS.inc()
    return await _save(tx, keys, customer, made, at)


async def _save(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, ticket: TicketEvent, at: datetime
) -> TicketEvent:
    personal = bool(ticket.text or ticket.photos or ticket.entry.text or (ticket.promise and ticket.promise.what))
    event = await sealed(tx, keys, announced(customer, ticket, at), personal=personal)
    await store.save(tx, [event])
    await note_texts(tx, [event])
    await tx.announce([event])
    if ticket.entry.action in ("resolve", "reopen"):
        await note_turns(tx, [customer])
    return (await as_readable(tx, keys, announced(customer, ticket, at))).data


async def _same(tx: Transaction, keys: KeyRing, customer: CustomerKey, new: NewTicket, stood: TicketEvent) -> bool:
    """Whether what is told is what was told; of an erased customer texts are gone and not compared."""
    known = await readable(tx, keys, customer, stood)
    if await is_erased(tx, keys, customer):
        known = known.having(text=new.text, photos=new.photos)
    return new.says_the_same(known)


async def _standing(tx: Transaction, person: CustomerKey, settings: Settings, at: datetime) -> Standing:
    tier, people = await get_tier(tx, person), (await get_people(tx, [person]))[person]
    returns = await get_free_returns(tx, people, tier, at, settings.zone)
    return Standing(tier, await get_type(tx, person), returns.free, returns.left)


async def _rules(tx: Transaction, shop: str, at: datetime) -> tuple[TicketPolicy, Settings]:
    settings = await get_shop(tx, shop)
    versions = (await get_versions(tx, [shop]))[shop]
    return in_force(versions, at).policy.tickets, settings.at(at)


async def _seen(
    tx: Transaction,
    customer: CustomerKey,
    ticket_id: str,
    order_id: str | None,
    policy: TicketPolicy,
    settings: Settings,
    at: datetime,
) -> Circumstances:
    since = at - timedelta(days=policy.compensation.automatic_days)
    people = (await get_people(tx, [customer]))[customer]
    before, same_order = await store.count_granted(tx, people, ticket_id, order_id, since)
    order = None if order_id is None else await get_persons_order(tx, customer, order_id)
    return Circumstances(settings.currency, order, granted_before=before, order_compensated=same_order)


async def _with_photos(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, ticket_id: str, given: Sequence[str], seen: Circumstances
) -> Circumstances:
    """With whether one of the claim's photos, or a near copy of it, came with another ticket before (FBK-040, SEC-013).

    Of a photo that is kept here its bytes and its fingerprint, turned and mirrored too, are compared, of another its
    address or id.
    """
    shop, key = customer[0], keys.derived(photos.PURPOSE)
    kept = await get_photos(tx, (await get_people(tx, [customer]))[customer], given)
    digests = [photos.digest_of(key, shop, photo) for photo in given]
    digests += [bytes.fromhex(photo.digest) for photo in kept if photo.digest is not None]
    same = await photos.take(tx, shop, ticket_id, digests)
    pictures = [
        [int(one, 16) for one in (photo.fingerprint, *(photo.turned or ()))]
        for photo in kept
        if photo.fingerprint is not None
    ]
    near = await prints.take(tx, shop, ticket_id, pictures)
    if same or near:
        CLAIM_PHOTOS_SEEN.inc()
    return replace(seen, photo_seen=same or near, photo_kept=bool(kept))
