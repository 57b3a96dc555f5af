"""Candidates and messages agree with the decisions about them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from messaging.conditions.rules import LAPSED
from messaging.decisions.state import MISSED
from messaging.flows.state import message_id as id_of
from messaging.verification.state import History


def of_candidates(h: History) -> Iterator[str]:
    decided: dict[str, set[tuple[str, str, datetime]]] = {}
    for d in h.decisions:
        decided.setdefault(d.message_id, set()).add((d.outcome, d.reason, d.at))
    for message_id, standing in h.candidates.items():
        c = standing.candidate
        if message_id != id_of(c.cause, c.flow, c.channel, c.shop, c.customer):
            yield f"message {message_id} does not bear the id that follows from {c.flow} of {c.cause}"
        mine = decided.get(message_id, set())
        if standing.outcome is None:
            if mine:
                yield f"message {message_id} counts as undecided, but was decided"
        elif standing.reason == MISSED and not any(outcome == "send" for outcome, _, _ in mine):
            yield f"message {message_id} missed its window, but was never decided to be sent"
        elif (standing.outcome, standing.reason, standing.decided_at) not in mine:
            yield f"message {message_id} stands at {standing.outcome} ({standing.reason}), which nobody decided"
        if standing.outcome == "send" and message_id not in h.messages:
            yield f"message {message_id} was decided to be sent, but is not in the queue"
    lapses = {s.candidate.cause for s in h.candidates.values() if s.candidate.flow == "lapse"}
    for _, at, condition in h.conditions:
        begun = condition.subject.startswith(f"{LAPSED}/") and condition.value == "in"
        if begun and condition.subject not in lapses and h.books.at(at).sends_at_once("lapse"):
            yield f"{condition.subject} made no message"


def of_messages(h: History) -> Iterator[str]:
    for message_id, m in h.messages.items():
        standing = h.candidates.get(message_id)
        if standing is None:
            yield f"message {message_id} is {m.state}, but nothing asked for it"
            continue
        c = standing.candidate
        if (m.purpose, m.channel) != (c.purpose, c.channel):
            asked = f"asked for as {c.purpose} by {c.channel}"
            yield f"message {message_id} is queued as {m.purpose} by {m.channel}, {asked}"
        if m.state == "suppressed":
            if standing.outcome != "suppress":
                yield f"message {message_id} was taken back, but nobody decided that"
        elif (standing.outcome, standing.decided_at) != ("send", m.at):
            yield f"message {message_id} is {m.state}, but was not decided to be sent at {m.at.isoformat()}"
        if (m.state == "sent") != (m.sent_at is not None):
            yield f"message {message_id} is {m.state}, sent at {m.sent_at}"
