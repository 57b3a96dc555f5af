"""What consent allows, and the statements that events make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import Channel, ConsentChanged, Purpose
from common.events.messages import ContactAddressSuppressed, ContactOptedIn, ContactOptedOut
from messaging.consent.state import FAR, PURPOSES, ConsentState, Register, Said, Statement

Refused = Literal["no_consent", "consent_withdrawn", "opted_out"]
INSTANT = timedelta(microseconds=1)


def refusal(state: ConsentState | None) -> Refused | None:
    """Why a customer of this consent state gets no marketing and no survey; None where they may."""
    if state is None:
        return "no_consent"
    if state == "withdrawn":
        return "consent_withdrawn"
    return "opted_out" if state == "opted_out" else None


def joined(
    people: Sequence[CustomerKey],
    said: Mapping[CustomerKey, Sequence[Statement]],
    merged_at: Mapping[CustomerKey, datetime],
) -> list[Statement]:
    """All that one person said under several identifiers (ORD-040).

    Whatever any of them refused when they were merged is refused from then on, also where another one had said yes
    since; what the person says after that holds by its time.
    """
    found = [statement for one in people for statement in said[one]]
    for at in [merged_at[one] for one in people if one in merged_at]:
        for register in [Said(said[one]) for one in people]:
            standing = [register.newest(*about, at) for about in register.about()]
            found += [replace(one, at=at) for one in standing if one is not None and one.state != "granted"]
    return found


def purposes_of(purpose: Purpose | None) -> Sequence[Purpose]:
    """What a statement is about: one that names no purpose is about all but transactional."""
    return PURPOSES if purpose is None else (purpose,)


def statements_of(event: Event[Any]) -> list[tuple[CustomerKey, Statement]]:
    """What a consent, an opt-out or an opt-in says: ((shop, customer), statement), one a purpose."""
    data = event.data
    state: ConsentState
    if isinstance(data, ConsentChanged):
        state, via = "granted" if data.granted else "withdrawn", data.source
        undated = data.undated
    else:
        state, via = "opted_out" if isinstance(data, ContactOptedOut) else "granted", data.via
        undated = False
    return [
        (
            event.customer,
            Statement(
                data.channel,
                purpose,
                event.time,
                data.RANK,
                event.source,
                event.id,
                state,
                via=via,
                undated=undated,
            ),
        )
        for purpose in purposes_of(data.purpose)
    ]


def dated(register: Register, data: ContactOptedOut | ContactOptedIn, now: datetime) -> datetime | None:
    """When an opt-out or opt-in is made: now, or just after the newest statement known where that bears a later time,
    so that it holds from its commit on. None where all of it holds already."""
    wanted = "opted_out" if isinstance(data, ContactOptedOut) else "granted"
    about = [(data.channel, purpose) for purpose in purposes_of(data.purpose)]
    own = [register.own.newest(*one, FAR) for one in about]
    there = [register.there.newest(*one, FAR) for one in about]
    holding = [register.holding(*one, FAR) for one in about]
    if all(s is not None and s.state == wanted for s in (*holding, *own)):
        return None
    return max([now, *(s.at + INSTANT for s in (*own, *there) if s is not None)])


def suppression(key: CustomerKey, said: Statement) -> Event[ContactAddressSuppressed]:
    """What is announced of a refusal that outlives the customer."""
    assert said.address is not None
    assert said.state != "granted"
    shop, customer = key
    address = said.address.hex()
    data = ContactAddressSuppressed(
        channel=said.channel, purpose=said.purpose, state=said.state, said_at=said.at, address=address
    )
    event_id = fact_id(f"address/{address}/{said.purpose}@{rfc3339(said.at)}", data.TYPE, shop, customer, 0)
    return Event(event_id, f"/shops/{shop}/messaging", shop, customer, said.at, data)


def suppressed_of(event: Event[ContactAddressSuppressed]) -> tuple[CustomerKey, Statement]:
    """The statement that stays of an erased customer's refusal."""
    data = event.data
    address = bytes.fromhex(data.address)
    # A channel that this release does not know is kept as it is: nothing is sent on it.
    channel = cast(Channel, data.channel)
    return event.customer, Statement(
        channel, data.purpose, data.said_at, data.RANK, event.source, event.id, data.state, address, "erased"
    )
