"""What customers write by chat, mail or text message: an answer to a survey, or something for the desk (FBK-001)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Literal, NamedTuple

from common.crypto.keys import KeyRing
from common.events import CustomerKey, fact_id
from common.events.feedback import TicketEvent, TicketKind
from common.people.store import get_people, lock_survivors
from common.storage.database import Transaction
from feedback.commands.answers import AlreadyAnswered, accept_answers
from feedback.commands.tickets import do, open_one
from feedback.forms.reply import read_reply
from feedback.policy.state import form_of, in_force
from feedback.policy.store import get_versions
from feedback.surveys import store as surveys
from feedback.tickets import store as tickets
from feedback.tickets.told import NewTicket, Step
from feedback.understanding.rules import read

SENT_TWICE = timedelta(minutes=10)
"""The same words within are a form that was sent twice, though its ticket is resolved already."""


@dataclass(frozen=True, slots=True)
class Message:
    """`message_id` is the channel's own, so it names a message together with its `source` alone.

    `source`: chat, email, sms, community, or another. `kind`: what the customer chose, None: nothing, it is about what
    is open, or what its words say.
    """

    message_id: str
    source: str
    text: str | None
    photos: tuple[str, ...] = ()
    order_id: str | None = None
    kind: TicketKind | None = None


class Taken(NamedTuple):
    """The ticket, whether it was opened or there was one to add to, and whether this is new.

    `answer`: what the customer is answered by itself: thanks for a suggestion, or that nobody is there.
    """

    ticket_id: str
    became: Literal["opened", "added"]
    new: bool
    answer: str | None


async def take_message(
    tx: Transaction, keys: KeyRing, customer: CustomerKey, message: Message, *, hears: bool
) -> Taken:
    """Take a message; idempotent. `hears`: the customer reads at once what is answered by itself (FBK-035).

    It goes to the person's open ticket that was opened last, about that order and of that kind where they are named;
    where there is none it opens one, if no kind is chosen a complaint where it speaks ill, else a question. Raises
    EntryDiffers or TicketDiffers where other words came under that id, UnknownCustomer, CustomerErased.
    """
    await lock_survivors(tx, [customer])
    people = (await get_people(tx, [customer]))[customer]
    step = Step(entry_id_of(message), "customer_said", text=message.text, photos=message.photos, source=message.source)
    writer = await _opened_by(tx, people, message)
    known = await tickets.find_entry(tx, people, step.entry_id) if writer is None else None
    if known is None and writer is None:
        known = await tickets.find_open(tx, people, message.order_id, message.kind)
    if known is not None:
        done = await do(tx, keys, customer[0], known, step, None, hears=hears)
        return Taken(known, "added", done.new, _away(done.ticket, tx.clock.now()))
    writer = writer or customer
    opens = _ticket_id(writer, message)
    new = NewTicket(
        opens,
        message.kind or _kind_of(message.text),
        source=message.source,
        order_id=message.order_id,
        text=message.text,
        photos=message.photos,
    )
    done = await open_one(tx, keys, writer, new, tx.clock.now(), hears=hears)
    said = (done.ticket.acknowledged, _away(done.ticket, tx.clock.now()))
    return Taken(opens, "opened", done.new, " ".join(filter(None, said)) or None)


async def take_card(tx: Transaction, keys: KeyRing, customer: CustomerKey, message: Message) -> Taken:
    """As take_message, for a page that names a message by its words: said before, of a ticket that was resolved some
    time ago, they are said anew. The card lies in a drawer until the goods fail once more."""
    await lock_survivors(tx, [customer])
    people = (await get_people(tx, [customer]))[customer]
    said, since = message, tx.clock.now() - SENT_TWICE
    for number in count(2):
        ticket = await _ticket_of(tx, people, said)
        if ticket is None or ticket.state != "resolved" or ticket.resolved_at is None or ticket.resolved_at > since:
            break
        said = replace(message, message_id=f"{message.message_id}-{number}")
    return await take_message(tx, keys, customer, said, hears=True)


async def _ticket_of(tx: Transaction, people: Collection[CustomerKey], message: Message) -> TicketEvent | None:
    """The ticket that this message opened, or was added to."""
    writer = await _opened_by(tx, people, message)
    if writer is not None:
        return await tickets.get_ticket(tx, writer[0], _ticket_id(writer, message))
    found = await tickets.find_entry(tx, people, entry_id_of(message))
    return None if found is None else await tickets.get_ticket(tx, next(iter(people))[0], found)


def entry_id_of(message: Message) -> str:
    """The id of the entry that adds a message to a ticket: of its source and id, which holds no `/`, of one length."""
    name = f"{message.source}/{message.message_id}"
    return f"message-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _away(ticket: TicketEvent, now: datetime) -> str | None:
    return ticket.away.text if ticket.away is not None and now < ticket.away.until else None


def _ticket_id(customer: CustomerKey, message: Message) -> str:
    return fact_id(f"message/{message.source}/{message.message_id}", "ticket", *customer, 0)


async def _opened_by(tx: Transaction, people: Iterable[CustomerKey], message: Message) -> CustomerKey | None:
    """Under which of the person's identifiers this message opened a ticket: they may have been merged since."""
    for customer in people:
        if await tickets.get_customer(tx, customer[0], _ticket_id(customer, message)) is not None:
            return customer
    return None


def _kind_of(text: str | None) -> TicketKind:
    return "complaint" if text is not None and read(text, None).sentiment < 0 else "question"


async def take_reply(tx: Transaction, keys: KeyRing, customer: CustomerKey, text: str, at: datetime) -> bool:
    """Let a text message answer a survey, where it does; the customer is locked.

    Whether nothing of it is left for the desk: all that was written stands in the answer.
    """
    people = (await get_people(tx, [customer]))[customer]
    versions = (await get_versions(tx, [customer[0]]))[customer[0]]
    days = in_force(versions, at).policy.surveys.reply_days
    for survey in await surveys.list_unanswered(tx, people, at - timedelta(days=days), at) if days else ():
        form = form_of(versions, survey.form_id, survey.form_version)
        reply = None if form is None else read_reply(form, text)
        if reply is not None:
            with suppress(AlreadyAnswered):
                await accept_answers(tx, keys, survey, reply.answers)
                return reply.whole
    return False
