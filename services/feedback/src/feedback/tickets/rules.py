"""What becomes of a ticket: opened, worked on, overdue, resolved; pure functions from one state to the next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo
from typing import Any

from common.events.feedback import (
    MOST_PHOTOS,
    Compensation,
    ComplaintChanged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    Outcome,
    Overdue,
    Priority,
    TicketAction,
    TicketAway,
    TicketEntry,
    TicketEvent,
    TicketKind,
    TicketPromise,
)
from feedback.tickets import refusals
from feedback.tickets.checklist import assert_done, check, checklist_of
from feedback.tickets.compensation import Circumstances, Claim, claimed, decided, proposed
from feedback.tickets.policy import TicketPolicy
from feedback.tickets.service_hours import after, opens_at
from feedback.tickets.told import Done, NewTicket, Standing, Step

_CLASSES: dict[TicketAction, type[TicketEvent]] = {"resolve": ComplaintResolved, "reopen": ComplaintReopened}
_ALWAYS: Collection[Done] = ("note", "reopen", "rate")
"""What may be done with a resolved ticket; the last two only then."""


RETURNS: Collection[TicketKind] = ("return", "exchange")


def open_ticket(
    new: NewTicket,
    who: Standing,
    policy: TicketPolicy,
    zone: tzinfo,
    seen: Circumstances,
    at: datetime,
    *,
    hears: bool = False,
) -> ComplaintOpened:
    """The ticket with its clocks; urgent where the customer has the green channel (FBK-032, FBK-034). Of goods that are
    to go back it says whether that is free (FBK-031). `hears`: the customer reads at once what is answered by itself.

    A claim with a photo is judged at once; one without waits for it, which is the first answer (FBK-030).
    """
    priority: Priority = new.priority or ("urgent" if has_green_channel(who, policy) else "normal")
    clocks = policy.clocks(priority)
    given = None
    if new.claim is not None:
        given = claimed(new.claim, bool(new.photos), policy.compensation, seen, at, new.by)
    asks = given is not None and given.state == "claimed"
    return ComplaintOpened(
        ticket_id=new.ticket_id,
        kind=new.kind,
        state="waiting" if asks else "open",
        answered_at=at if asks or (given is not None and given.automatic) else None,
        reason=new.reason,
        compensation=given,
        checklist=checklist_of(policy.checklists.get(new.kind, ())),
        priority=priority,
        source=new.source,
        order_id=new.order_id,
        sku=new.sku,
        text=new.text,
        photos=new.photos,
        owner=new.owner,
        opened_at=at,
        respond_by=after(at, timedelta(minutes=clocks.respond), policy.hours, zone),
        resolve_by=after(at, timedelta(minutes=clocks.resolve), policy.hours, zone),
        pauses_marketing=new.kind in policy.pausing,
        free_return=who.free_return if new.kind in RETURNS else None,
        free_returns_left=who.free_returns_left if new.kind in RETURNS else None,
        acknowledged=policy.suggestion_answer if hears and new.kind == "suggestion" and new.by is None else None,
        entry=TicketEntry(entry_id="opened", action="opened", by=new.by, source=new.source),
        revision=1,
    )


def has_green_channel(who: Standing, policy: TicketPolicy) -> bool:
    """By tier, or by buyer type."""
    return any(name in policy.green_channel for name in who.tier) or who.buyer_type in policy.green_types


def take_step(
    ticket: TicketEvent, step: Step, policy: TicketPolicy, zone: tzinfo, seen: Circumstances, at: datetime
) -> TicketEvent:
    """The ticket once that was done at `at`. Raises the refusals of `feedback.tickets.refusals`."""
    if ticket.state == "resolved" and step.action not in _ALWAYS:
        raise refusals.TicketIsResolved
    if ticket.state != "resolved" and step.action in ("reopen", "rate"):
        raise refusals.TicketNotResolved
    entry = TicketEntry(entry_id=step.entry_id, action=step.action, by=step.by, text=step.text, source=step.source)
    if step.action in ("compensate", "approve", "refuse"):
        return _next(ticket, entry, {"compensation": _compensated(ticket, step, policy, seen, at)})
    if step.action == "customer_said":
        return _next(ticket, entry, _heard(ticket, step, policy, seen, at))
    return _next(ticket, entry, _changes(ticket, step, policy, zone, at))


def away_answer(ticket: TicketEvent, policy: TicketPolicy, zone: tzinfo, at: datetime) -> TicketEvent | None:
    """The ticket once the customer was answered by itself, out of service hours; None where somebody is there, or that
    was said since it closed (FBK-035). It is no answer of an agent: the clocks go on."""
    opens = opens_at(at, policy.hours, zone)
    if opens is None or policy.away_answer is None or (ticket.away is not None and at < ticket.away.until):
        return None
    text = policy.away_answer.replace("{opens}", f"{opens.astimezone(zone):%Y-%m-%d %H:%M}")
    entry = TicketEntry(entry_id=f"away-{ticket.revision + 1}", action="auto_answer")
    return _next(ticket, entry, {"away": TicketAway(text=text, until=opens)})


def overdue(ticket: TicketEvent, until: datetime) -> list[tuple[datetime, TicketEvent]]:
    """The ticket after each of its dues that passed unmet up to `until` (inclusive), with the time of each."""
    found: list[tuple[datetime, TicketEvent]] = []
    while (due := next_due(ticket)) is not None and due[0] <= until:
        at, what = due
        entry = TicketEntry(entry_id=f"overdue-{what}-{ticket.revision + 1}", action="overdue")
        ticket = _next(ticket, entry, {"overdue": (*ticket.overdue, what)})
        found.append((at, ticket))
    return found


def next_due(ticket: TicketEvent) -> tuple[datetime, Overdue] | None:
    """What falls due next, and when: the first answer, the end, or what was promised."""
    if ticket.state == "resolved":
        return None
    dues: list[tuple[datetime, Overdue]] = [(ticket.resolve_by, "resolution")]
    if ticket.answered_at is None:
        dues.append((ticket.respond_by, "response"))
    if ticket.promise is not None and ticket.promise.kept_at is None:
        dues.append((ticket.promise.by, "promise"))
    return min((due for due in dues if due[1] not in ticket.overdue), default=None)


def _changes(ticket: TicketEvent, step: Step, policy: TicketPolicy, zone: tzinfo, at: datetime) -> dict[str, Any]:
    match step.action:
        case "answer" | "ask":
            state = "waiting" if step.action == "ask" else "in_progress"
            return {"state": state, "answers": ticket.answers + 1, "answered_at": ticket.answered_at or at}
        case "check":
            return {"checklist": check(ticket.checklist, step.item or "", step.by, at)}
        case "assign":
            return {"owner": step.owner}
        case "prioritise":
            return _prioritised(ticket, step.priority or ticket.priority, policy, zone)
        case "promise":
            if step.promised_by is None or step.promised_by <= at:
                raise refusals.PromiseInThePast(step.promised_by or at, at)
            made = TicketPromise(what=step.text, by=step.promised_by)
            return {"promise": made, "overdue": _without(ticket, "promise")}
        case "promise_kept":
            if ticket.promise is None or ticket.promise.kept_at is not None:
                raise refusals.NoPromise
            return {"promise": ticket.promise.having(kept_at=at)}
        case "resolve":
            assert_done(ticket.checklist, step.outcome or "solved")
            answered = ticket.answered_at or at
            return {
                "state": "resolved",
                "resolved_at": at,
                "answered_at": answered,
                "outcome": step.outcome or "solved",
                "promise": _settled(ticket.promise, step.outcome or "solved", at),
            }
        case "reopen":
            clocks = policy.clocks(ticket.priority)
            return {
                "state": "in_progress",
                "resolved_at": None,
                "outcome": None,
                "rating": None,
                "reopened": ticket.reopened + 1,
                "reopened_at": at,
                "resolve_by": after(at, timedelta(minutes=clocks.resolve), policy.hours, zone),
                "overdue": _without(ticket, "resolution"),
            }
        case "rate":
            if ticket.rating is not None:
                raise refusals.AlreadyRated
            return {"rating": step.stars}
        case _:
            return {}


def _compensated(
    ticket: TicketEvent, step: Step, policy: TicketPolicy, seen: Circumstances, at: datetime
) -> Compensation:
    rules, by, stands = policy.compensation, step.by or "", ticket.compensation
    if step.action == "compensate" and step.claim is not None:
        return proposed(stands, step.claim, by, rules, seen, at)
    return decided(stands, by, rules, seen, at, grants=step.action == "approve")


def _heard(ticket: TicketEvent, step: Step, policy: TicketPolicy, seen: Circumstances, at: datetime) -> dict[str, Any]:
    """What the customer wrote or sent; the photo that a claim waited for has it judged (FBK-030)."""
    photos = (*ticket.photos, *(photo for photo in step.photos if photo not in ticket.photos))
    if len(photos) > MOST_PHOTOS:
        raise refusals.TooManyPhotos(MOST_PHOTOS)
    changes: dict[str, Any] = {"photos": photos} if step.photos else {}
    given = ticket.compensation
    if given is not None and given.state == "claimed":
        if not photos:
            return changes
        claim = Claim(given.kind, given.amount, given.currency)
        changes["compensation"] = claimed(claim, True, policy.compensation, seen, at, step.by)
    return changes | ({"state": "in_progress"} if ticket.state == "waiting" else {})


def _prioritised(ticket: TicketEvent, priority: Priority, policy: TicketPolicy, zone: tzinfo) -> dict[str, Any]:
    """The clocks run from the opening on, that of the end from the last reopening, as if it had had that priority
    then; a due that passed stays passed."""
    clocks, begun = policy.clocks(priority), ticket.reopened_at or ticket.opened_at
    return {
        "priority": priority,
        "respond_by": after(ticket.opened_at, timedelta(minutes=clocks.respond), policy.hours, zone),
        "resolve_by": after(begun, timedelta(minutes=clocks.resolve), policy.hours, zone),
    }


def _settled(promise: TicketPromise | None, outcome: Outcome, at: datetime) -> TicketPromise | None:
    """An open promise ends with its ticket: kept where the matter was solved, else there is nothing to keep."""
    if promise is None or promise.kept_at is not None:
        return promise
    return promise.having(kept_at=at) if outcome == "solved" else None


def _without(ticket: TicketEvent, what: Overdue) -> tuple[Overdue, ...]:
    return tuple(one for one in ticket.overdue if one != what)


def _next(ticket: TicketEvent, entry: TicketEntry, changes: dict[str, Any]) -> TicketEvent:
    """The next revision, as the class of event that the action is announced by."""
    kept = {name: getattr(ticket, name) for name in TicketEvent.model_fields}
    kind = _CLASSES.get(entry.action, ComplaintChanged)
    return kind(**kept | changes | {"entry": entry, "revision": ticket.revision + 1})
