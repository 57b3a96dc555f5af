"""What becomes of a ticket: clocks, priority, promises, what falls due, the end (FBK-027 to FBK-041)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.feedback import ComplaintChanged, ComplaintReopened, ComplaintResolved, TicketEvent
from common.refusals import Refusal
from feedback.tickets.compensation import Circumstances
from feedback.tickets.disputes import Disputes
from feedback.tickets.policy import TicketPolicy
from feedback.tickets.refusals import (
    AlreadyRated,
    NoPromise,
    PromiseInThePast,
    TicketIsResolved,
    TicketNotResolved,
)
from feedback.tickets.rules import next_due, open_ticket, overdue, take_step
from feedback.tickets.told import Done, NewTicket, Standing, Step

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEEN = Circumstances("CNY")
POLICY = TicketPolicy()


def opened(tier: tuple[str, ...] = (), **fields: Any) -> TicketEvent:
    return open_ticket(
        NewTicket("t1", fields.pop("kind", "complaint"), **fields), Standing(tuple(tier)), POLICY, UTC, SEEN, NOON
    )


def done(ticket: TicketEvent, *steps: tuple[Done, dict[str, Any]], at: datetime = NOON + HOUR) -> TicketEvent:
    for action, fields in steps:
        ticket = take_step(ticket, Step(f"e{ticket.revision}", action, **fields), POLICY, UTC, SEEN, at)
    return ticket


@pytest.mark.parametrize(
    ("tier", "told", "priority", "respond", "resolve"),
    [
        ((), None, "normal", 240, 72),
        (("vip", "VIP"), None, "urgent", 30, 24),
        (("supreme", "Supreme"), None, "urgent", 30, 24),
        (("senior", "Senior"), None, "normal", 240, 72),
        (("vip", "VIP"), "normal", "normal", 240, 72),
        ((), "high", "high", 60, 48),
    ],
)
def test_the_green_channel_is_for_the_tiers_of_the_policy(
    tier: tuple[str, ...], told: Any, priority: str, respond: int, resolve: int
) -> None:
    """FBK-032, FBK-034, FBK-027."""
    ticket = opened(tier, priority=told)
    assert ticket.priority == priority
    assert ticket.respond_by == NOON + timedelta(minutes=respond)
    assert ticket.resolve_by == NOON + timedelta(hours=resolve)


@pytest.mark.parametrize(("kind", "pauses"), [("complaint", True), ("return", True), ("question", False)])
def test_an_open_complaint_pauses_marketing_and_a_question_does_not(kind: str, pauses: bool) -> None:
    assert opened(kind=kind).pauses_marketing is pauses


def test_a_ticket_is_answered_promised_resolved_reopened_and_rated() -> None:
    """FBK-028, FBK-036, FBK-041."""
    ticket = done(opened(), ("assign", {"owner": "li", "by": "wang"}), ("answer", {"text": "sorry"}))
    assert (ticket.state, ticket.owner, ticket.answered_at, ticket.answers) == ("in_progress", "li", NOON + HOUR, 1)
    assert isinstance(ticket, ComplaintChanged)
    ticket = done(ticket, ("ask", {"text": "a photo?"}))
    assert ticket.state == "waiting"
    ticket = done(ticket, ("customer_said", {"text": "here"}))
    assert ticket.state == "in_progress"
    ticket = done(ticket, ("promise", {"text": "a new one", "promised_by": NOON + 3 * HOUR}))
    ticket = done(ticket, ("promise_kept", {}), at=NOON + 2 * HOUR)
    assert ticket.promise is not None
    assert ticket.promise.kept_at == NOON + 2 * HOUR
    ticket = done(ticket, ("resolve", {"outcome": "replaced"}), at=NOON + 4 * HOUR)
    assert (ticket.state, ticket.outcome, ticket.resolved_at) == ("resolved", "replaced", NOON + 4 * HOUR)
    assert isinstance(ticket, ComplaintResolved)
    assert next_due(ticket) is None
    ticket = done(ticket, ("rate", {"stars": 2}), ("reopen", {"text": "it broke again"}), at=NOON + 5 * HOUR)
    assert (ticket.state, ticket.outcome, ticket.rating, ticket.reopened) == ("in_progress", None, None, 1)
    assert isinstance(ticket, ComplaintReopened)
    assert ticket.resolve_by == NOON + 77 * HOUR
    assert ticket.revision == 10


@pytest.mark.parametrize(
    ("before", "action", "fields", "refusal"),
    [
        (("resolve", {}), "answer", {"text": "x"}, TicketIsResolved),
        (("note", {}), "rate", {"stars": 1}, TicketNotResolved),
        (("note", {}), "reopen", {}, TicketNotResolved),
        (("note", {}), "promise_kept", {}, NoPromise),
        (("note", {}), "promise", {"promised_by": NOON}, PromiseInThePast),
    ],
)
def test_what_makes_no_sense_is_refused(
    before: tuple[Done, dict[str, Any]], action: Done, fields: dict[str, Any], refusal: type[Refusal]
) -> None:
    ticket = done(opened(), before)
    with pytest.raises(refusal):
        done(ticket, (action, fields))


@pytest.mark.parametrize(("by", "same"), [("li (key 00000000)", True), ("li", True), ("wu (key 1a2b3c4d)", False)])
def test_an_entry_sent_again_by_the_key_that_took_anothers_place_is_the_same(by: str, *, same: bool) -> None:
    was = done(opened(), ("note", {"by": "li (key 1a2b3c4d)", "text": "rang"}))
    assert Step("e1", "note", by=by, text="rang").says_the_same(was, erased=False) is same


def test_a_resolution_is_rated_once() -> None:
    """FBK-036."""
    ticket = done(opened(), ("resolve", {}), ("rate", {"stars": 5}))
    with pytest.raises(AlreadyRated):
        done(ticket, ("rate", {"stars": 1}))


def test_each_due_that_passes_unmet_is_noted_once_and_dated_when_it_passed() -> None:
    """FBK-027, FBK-028: response after four hours, resolution after 72, the promise when it was promised for."""
    ticket = done(opened(), ("promise", {"promised_by": NOON + 6 * HOUR}), at=NOON + HOUR)
    passed = overdue(ticket, NOON + 1000 * HOUR)
    assert [(at, t.overdue[-1]) for at, t in passed] == [
        (NOON + 4 * HOUR, "response"),
        (NOON + 6 * HOUR, "promise"),
        (NOON + 72 * HOUR, "resolution"),
    ]
    assert overdue(passed[-1][1], NOON + 2000 * HOUR) == []


def test_a_new_promise_falls_due_anew() -> None:
    """FBK-028."""
    ticket = done(opened(), ("answer", {"text": "x"}), ("promise", {"promised_by": NOON + 6 * HOUR}))
    _, ticket = overdue(ticket, NOON + 7 * HOUR)[0]
    ticket = done(ticket, ("promise", {"promised_by": NOON + 9 * HOUR}), at=NOON + 8 * HOUR)
    assert [at for at, _ in overdue(ticket, NOON + 10 * HOUR)] == [NOON + 9 * HOUR]


STEPS: list[tuple[Done, dict[str, Any]]] = [
    ("answer", {"text": "x"}),
    ("ask", {"text": "x"}),
    ("customer_said", {"text": "x"}),
    ("note", {"text": "x"}),
    ("assign", {"owner": "li"}),
    ("prioritise", {"priority": "urgent"}),
    ("promise_kept", {}),
    ("resolve", {}),
    ("reopen", {}),
    ("rate", {"stars": 3}),
]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 60)), max_size=20), st.lists(st.integers(0, 1000)))
def test_dues_are_noted_alike_whenever_they_are_looked_for(
    given_steps: list[tuple[tuple[Done, dict[str, Any]], int]], looks: list[int]
) -> None:
    """Architecture section 3, advance then apply: how often the sweep comes by changes nothing."""

    def told(looking: set[int]) -> list[tuple[datetime, str, str]]:
        found: list[tuple[datetime, str, str]] = []
        ticket, at = opened(), NOON
        for number, ((action, fields), hours) in enumerate(given_steps):
            for hour in sorted(looking):
                if at < NOON + hour * HOUR <= at + hours * HOUR:
                    for due, after_it in overdue(ticket, NOON + hour * HOUR):
                        ticket = after_it
                        found.append((due, ticket.overdue[-1], ticket.state))
            at += hours * HOUR
            for due, after_it in overdue(ticket, at):
                ticket = after_it
                found.append((due, ticket.overdue[-1], ticket.state))
            try:
                ticket = take_step(ticket, Step(f"s{number}", action, **fields), POLICY, UTC, SEEN, at)
            except Refusal:
                continue
            found.append((at, ticket.entry.action, ticket.state))
        return found

    assert told(set(looks)) == told(set())


@pytest.mark.parametrize(("outcome", "kept"), [("solved", True), ("rejected", False)])
def test_an_open_promise_ends_with_its_ticket_and_is_not_broken_when_that_is_opened_again(
    outcome: str, kept: bool
) -> None:
    """FBK-028: promises are tracked to done."""
    ticket = done(opened(), ("promise", {"text": "a new one", "promised_by": NOON + 2 * HOUR}))
    ticket = done(ticket, ("resolve", {"outcome": outcome}))
    assert (ticket.promise is not None and ticket.promise.kept_at == NOON + HOUR) is kept
    again = done(ticket, ("reopen", {}), at=NOON + 3 * HOUR)
    assert overdue(again, NOON + 4 * HOUR) == []


def test_the_priority_of_a_reopened_ticket_counts_from_the_reopening() -> None:
    """FBK-027."""
    later = NOON + timedelta(days=30)
    ticket = done(done(opened(), ("resolve", {})), ("reopen", {}), at=later)
    ticket = done(ticket, ("prioritise", {"priority": "high"}), at=later + HOUR)
    assert ticket.resolve_by == later + timedelta(hours=48)
    assert overdue(ticket, later + 2 * HOUR) == []


@pytest.mark.parametrize(("buyer_type", "priority"), [("vip_type", "urgent"), ("cautious", "normal"), (None, "normal")])
def test_fbk_032_the_green_channel_is_for_the_vip_type_too(buyer_type: str | None, priority: str) -> None:
    ticket = open_ticket(NewTicket("t1", "question"), Standing((), buyer_type), POLICY, UTC, SEEN, NOON)
    assert ticket.priority == priority


@pytest.mark.parametrize(
    ("kind", "free", "said"), [("return", True, True), ("exchange", False, False), ("complaint", True, None)]
)
def test_fbk_031_of_what_goes_back_the_ticket_says_whether_that_is_free(
    kind: Any, free: bool, said: bool | None
) -> None:
    ticket = open_ticket(NewTicket("t1", kind), Standing(free_return=free), POLICY, UTC, SEEN, NOON)
    assert ticket.free_return is said


@pytest.mark.parametrize(
    ("orders", "disputes", "per_mille", "over"),
    [
        (0, 0, None, False),
        (0, 3, None, False),
        (19, 9, 474, False),
        (100, 2, 20, False),
        (100, 3, 30, True),
        (40, 1, 25, True),
    ],
)
def test_fbk_033_more_complaints_than_the_limit_of_enough_orders_are_an_alarm(
    orders: int, disputes: int, per_mille: int | None, over: bool
) -> None:
    found = Disputes(orders, disputes, limit=20)
    assert (found.per_mille, found.over) == (per_mille, over)
