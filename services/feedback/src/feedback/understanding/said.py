"""Which texts of an event are to be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.events import Event
from common.events.feedback import ReviewSubmitted, SurveyAnswered, TicketEvent
from feedback.understanding.state import Said


def said_in(event: Event[Any]) -> Iterator[Said]:
    """The texts of a review, of answers and of a ticket as it was opened."""
    if event.subject is None:
        return
    data, (shop, customer) = event.data, event.customer
    if isinstance(data, ReviewSubmitted) and data.text is not None:
        yield Said(shop, customer, "review", data.review_id, "", event.time, data.stars, data.sku)
    elif isinstance(data, SurveyAnswered):
        for answer in data.answers:
            if answer.text is not None:
                yield Said(shop, customer, "answer", data.survey_id, answer.question, event.time)
    elif isinstance(data, TicketEvent) and data.entry.action == "opened" and data.text is not None:
        yield Said(shop, customer, "ticket", data.ticket_id, "", event.time, None, data.sku)
