"""Which flows an event starts, and the candidates of a flow that is one message at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from common.events import Event, EventData, rfc3339
from common.events.customers import Channel
from messaging.conditions.rules import stated
from messaging.flows.book import Book, Versioned
from messaging.flows.document import EventTrigger
from messaging.flows.state import Candidate, Start, message_id

_BRACED = re.compile(r"\{([a-z_]*)\}")


def starts(book: Book, event: Event[Any]) -> Iterator[Start]:
    """The flows that the event starts; none of an event without a customer."""
    if event.subject is None:
        return
    for flow in book.started_by(event.type):
        found = _start(flow, event)
        if found is not None:
            yield found


def candidates_of(start: Start, event: Event[Any], channels: Sequence[Channel]) -> list[Candidate]:
    """The candidates of a flow that is one message at once: one on each of its channels, else on the shop's."""
    (step,) = start.document.messages
    shop, customer = event.customer
    due_at = max(event.time, start.cause_at)
    return [
        Candidate(
            shop=shop,
            customer=customer,
            message_id=message_id(start.cause, start.document.flow, channel, shop, customer),
            flow=start.document.flow,
            purpose=step.purpose or start.document.purpose,
            rank=start.document.rank,
            channel=channel,
            cause=start.cause,
            cause_at=start.cause_at,
            due_at=due_at,
            release_at=due_at,
            details=start.details,
            condition=start.condition,
            causation=event.id,
            correlation=event.correlationid or event.id,
            template=step.template,
            untrue=start.document.untrue,
        )
        for channel in step.channels or channels
    ]


def _start(flow: Versioned, event: Event[Any]) -> Start | None:
    trigger, data = flow.document.trigger, event.data
    assert isinstance(trigger, EventTrigger)
    if not all(test.holds(getattr(data, test.what, None)) for test in trigger.where):
        return None
    said = stated(event) if trigger.stands else ()
    return Start(
        flow.document,
        flow.version,
        _cause(trigger, event),
        _instant(data, trigger.cause_at) or event.time,
        said[0] if said else None,
        {name: value for name, field in trigger.details.items() if (value := _plain(getattr(data, field))) is not None},
    )


def _cause(trigger: EventTrigger, event: Event[Any]) -> str:
    if trigger.cause is None:
        return f"{event.source}#{event.id}"
    return _BRACED.sub(lambda found: _in_words(getattr(event.data, found[1], None)), trigger.cause)


def _instant(data: EventData, field: str | None) -> datetime | None:
    value = getattr(data, field) if field is not None else None
    return value if isinstance(value, datetime) else None


def _in_words(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _plain(value: Any) -> Any:
    """A value as texts and rows hold it."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)
