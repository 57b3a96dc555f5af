"""Content as it is submitted and moderated; each step once, announced whole (FBK-042 to FBK-048)."""

from __future__ import annotations

from common.crypto.keys import KeyRing
from common.events import Event, fact_id
from common.events.feedback import ContentEvent
from common.events.orders import OrderRefunded
from common.people.store import get_people
from common.storage.database import Transaction
from feedback.commands.names import hold_name
from feedback.commands.sealing import assert_not_erased, is_erased, opened, sealed
from feedback.orders.store import get_inputs, get_stood
from feedback.rewards.rules import count_shown
from feedback.ugc import rules, store

Told = tuple[str | None, ContentEvent, bool]
"""The customer, None: the shop's own; the content as it stands, readable; whether this is new."""


async def submit(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, new: rules.NewContent) -> Told:
    """Submit content; idempotent by its id.

    Raises ContentDiffers, ContentUnfit, NotABuyer, UnknownCustomer and CustomerErased.
    """
    await hold_name(tx, shop, "content", new.content_id)
    found = await store.get_content(tx, shop, new.content_id)
    if found is not None:
        owner, stands = found
        first = await store.get_first(tx, shop, owner, new.content_id)
        if owner != customer or first is None or not await _same(tx, keys, shop, customer, first, new):
            raise rules.ContentDiffers(new.content_id)
        return customer, await readable(tx, keys, shop, customer, stands), False
    made = rules.submitted(new, customer, count_shown(new.text or ""), tx.clock.now())
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
        await assert_not_erased(tx, keys, (shop, customer))
        if new.as_buyer and not await _bought(tx, shop, customer, new.order_id or "", new.sku):
            raise rules.NotABuyer
    await _announce(tx, keys, shop, customer, made)
    return customer, made, True


async def decide(tx: Transaction, keys: KeyRing, shop: str, content_id: str, verdict: rules.Verdict) -> Told:
    """A person approves, refuses or withdraws content; the very same again changes nothing.

    Raises UnknownContent, ContentStands, ContentUnfit; CustomerErased where somebody who was erased is approved.
    """
    await hold_name(tx, shop, "content", content_id)
    found = await store.get_content(tx, shop, content_id)
    if found is None:
        raise rules.UnknownContent(content_id)
    customer, stored = found
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
        if verdict.decision == "approve":
            await assert_not_erased(tx, keys, (shop, customer))
    stands = await readable(tx, keys, shop, customer, stored)
    made = rules.decided(stands, verdict, tx.clock.now())
    if made is None:
        return customer, stands, False
    await _announce(tx, keys, shop, customer, made)
    return customer, made, True


async def readable(
    tx: Transaction, keys: KeyRing, shop: str, customer: str | None, stored: ContentEvent
) -> ContentEvent:
    """Content as it is stored, with readable texts; without them for an erased customer."""
    if customer is None:
        return stored
    told = Event(stored.content_id, f"/shops/{shop}/feedback", shop, customer, stored.submitted_at, stored)
    return (await opened(tx, keys, told)).data


async def _bought(tx: Transaction, shop: str, customer: str, order_id: str, sku: str | None) -> bool:
    """Whether the person paid for that order, under any identifier, with that product, and it is not void."""
    for one in (await get_people(tx, [(shop, customer)]))[shop, customer]:
        order = await get_stood(tx, (*one, order_id))
        if order is None or order.void or not order.remaining:
            continue
        if sku is None:
            return True
        versions = [i.body for i in await get_inputs(tx, [(*one, order_id)]) if not isinstance(i.body, OrderRefunded)]
        if any(line.sku == sku for version in versions for line in version.lines):
            return True
    return False


async def _same(
    tx: Transaction, keys: KeyRing, shop: str, customer: str | None, first: ContentEvent, new: rules.NewContent
) -> bool:
    """Whether what is told is what was told; of an erased customer words are gone and not compared."""
    known = await readable(tx, keys, shop, customer, first)
    if customer is not None and await is_erased(tx, keys, (shop, customer)):
        known = known.having(text=new.text, photos=new.photos)
    return new.says_the_same(known)


async def _announce(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, content: ContentEvent) -> None:
    event: Event[ContentEvent] = Event(
        id=fact_id(f"content/{content.content_id}/{content.revision}", content.TYPE, shop, customer or "", 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=customer,
        time=tx.clock.now(),
        data=content,
        partitionkey="" if customer is not None else f"content-{content.content_id}",
    )
    if customer is not None:
        event = await sealed(tx, keys, event, personal=content.text is not None or bool(content.photos))
    await store.save(tx, event)
    await tx.announce([event])
