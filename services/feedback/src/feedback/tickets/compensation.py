"""Who may grant what: a claim with a photo by rule, an agent up to a limit, above it two people (FBK-029, FBK-030)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.events.feedback import Compensation, CompensationKind, NotByRule
from common.values.people import is_same_person
from feedback.standing.rules import Stood
from feedback.tickets import refusals
from feedback.tickets.policy import CompensationRules


@dataclass(frozen=True, slots=True)
class Claim:
    """What a customer asks for, or an agent proposes, in minor units of the currency."""

    kind: CompensationKind
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a claim is judged by.

    `order`: how the order stands, None: it is none of this customer's. `granted_before`: how often the customer was
    granted something by rule within the policy's days. `order_compensated`: another ticket of the same order has
    granted or proposed something. `photo_seen`: a photo of the claim was given with another ticket before, or a near
    copy of it. `photo_kept`: one of them is kept here, and so was looked at. `given`: what the customer was granted or
    is proposed besides, for the same order or within those days, `by_agent`: what the one who grants has granted alone
    today, to whomever; both of compensation and rewards together, in minor units of `currency`, the shop's.
    """

    currency: str
    order: Stood | None = None
    granted_before: int = 0
    given: int = 0
    order_compensated: bool = False
    photo_seen: bool = False
    photo_kept: bool = False
    by_agent: int = 0


def claimed(
    claim: Claim, photos: bool, rules: CompensationRules, seen: Circumstances, at: datetime, by: str | None = None
) -> Compensation:
    """A customer's claim: it waits for a photo, is granted by rule without return, or waits for a person.

    `by`: who of the shop told it or its photo. What the rule grants then is theirs, within what an agent may, and above
    it another person's: nobody grants more by a photo of their own (SEC-012).
    """
    found = Compensation(kind=claim.kind, amount=claim.amount, currency=claim.currency, state="claimed")
    if not photos:
        return found
    found = found.having(photo_seen=seen.photo_seen)
    against = _against_rule(claim, rules, seen, at)
    if against:
        return found.having(state="proposed", not_by_rule=against)
    if by is not None and not _agent_may(claim, rules, seen):
        return found.having(state="proposed", proposed_by=by)
    return found.having(state="granted", automatic=True, without_return=True, decided_by=by, decided_at=at)


def proposed(
    stands: Compensation | None, claim: Claim, by: str, rules: CompensationRules, seen: Circumstances, at: datetime
) -> Compensation:
    """An agent's proposal, granted at once within what an agent may; it takes the place of a claim without a photo, and
    of what was refused. Raises CompensationStands."""
    if stands is not None and stands.state in ("proposed", "granted"):
        raise refusals.CompensationStands(stands.state)
    found = Compensation(
        kind=claim.kind, amount=claim.amount, currency=claim.currency, state="proposed", proposed_by=by
    )
    if _agent_may(claim, rules, seen):
        return found.having(state="granted", decided_by=by, decided_at=at)
    return found


def decided(
    stands: Compensation | None, by: str, rules: CompensationRules, seen: Circumstances, at: datetime, *, grants: bool
) -> Compensation:
    """Approved or refused by a person. What an agent proposed, another grants; a customer's own claim one person grants
    within what an agent may, as the order stands now. Raises NothingProposed, SecondPersonNeeded."""
    if stands is None or stands.state not in ("proposed", "claimed"):
        raise refusals.NothingProposed
    if not grants:
        return stands.having(state="refused", decided_by=by, decided_at=at)
    if stands.proposed_by is not None and is_same_person(stands.proposed_by, by):
        raise refusals.SecondPersonNeeded
    claim = Claim(stands.kind, stands.amount, stands.currency)
    if stands.proposed_by is None and not _agent_may(claim, rules, seen):
        # The first of two people: it is theirs from now on, and another grants it.
        return stands.having(state="proposed", proposed_by=by)
    return stands.having(state="granted", decided_by=by, decided_at=at)


def is_alone(stands: Compensation) -> bool:
    """Whether one person granted it, or told of it what the rule granted, and nobody else has looked at it."""
    if stands.state != "granted" or stands.decided_by is None:
        return False
    return stands.proposed_by is None or is_same_person(stands.proposed_by, stands.decided_by)


def within_agents_limit(amount: int, currency: str, rules: CompensationRules, seen: Circumstances) -> bool:
    """Whether one person may grant it, whatever it is, with all that the customer got of late, and that they gave today
    (SEC-012)."""
    return (
        currency == seen.currency
        and amount + seen.given <= rules.agent_limit
        and amount + seen.by_agent <= rules.agent_a_day
    )


def _agent_may(claim: Claim, rules: CompensationRules, seen: Circumstances) -> bool:
    """The same of compensation: a refund within what remains paid for its order, too."""
    if not within_agents_limit(claim.amount, claim.currency, rules, seen):
        return False
    order = seen.order
    if claim.kind != "refund" or order is None:
        return True
    return claim.currency == order.currency and claim.amount <= order.remaining


def _against_rule(claim: Claim, rules: CompensationRules, seen: Circumstances, at: datetime) -> tuple[NotByRule, ...]:
    """All that keeps the shop's rule from granting the claim; nothing: it grants it."""
    order = seen.order
    domestic = claim.currency == seen.currency and (order is None or order.currency == seen.currency)
    late = order is not None and order.came_at is not None and at - order.came_at > timedelta(days=rules.claim_days)
    found: dict[NotByRule, bool] = {
        "kind": claim.kind not in ("refund", "reship"),
        "no_order": order is None,
        "currency": not domestic,
        "above_limit": domestic and not 0 < claim.amount <= rules.automatic_limit,
        "above_paid": domestic and order is not None and claim.amount > order.remaining,
        "not_come": order is not None and order.came_at is None,
        "too_late": late,
        "too_many": seen.granted_before >= rules.automatic_most,
        "order_compensated": seen.order_compensated,
        "photo_seen": seen.photo_seen,
        "photo_not_kept": rules.automatic_kept_photos and not seen.photo_kept,
    }
    return tuple(reason for reason, is_so in found.items() if is_so)
