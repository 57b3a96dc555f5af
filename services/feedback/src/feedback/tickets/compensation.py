"""Who may grant what: a claim with a photo by rule, an agent up to a limit, above it two people (FBK-029, FBK-030)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events.feedback import Compensation, CompensationKind
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

    `remaining`: what was paid for the order's goods and not refunded, in `order_currency`; None: it is no order of this
    customer's. `granted_before`: of the customer, by rule, within the policy's days. `order_compensated`: the order had
    something granted or proposed already. `currency`: the shop's.
    """

    currency: str
    remaining: int | None = None
    order_currency: str | None = None
    granted_before: int = 0
    order_compensated: bool = False


def claimed(claim: Claim, photos: bool, rules: CompensationRules, seen: Circumstances, at: datetime) -> Compensation:
    """A customer's claim: it waits for a photo, is granted by rule without return, or waits for a person."""
    found = Compensation(kind=claim.kind, amount=claim.amount, currency=claim.currency, state="claimed")
    if not photos:
        return found
    if _by_rule(claim, rules, seen):
        return found.having(state="granted", automatic=True, without_return=True, decided_at=at)
    return found.having(state="proposed")


def proposed(
    stands: Compensation | None, claim: Claim, by: str, rules: CompensationRules, currency: str, at: datetime
) -> Compensation:
    """An agent's proposal, granted at once within the agent's limit; it takes the place of a claim without a photo, and
    of what was refused. Raises CompensationStands."""
    if stands is not None and stands.state in ("proposed", "granted"):
        raise refusals.CompensationStands(stands.state)
    found = Compensation(
        kind=claim.kind, amount=claim.amount, currency=claim.currency, state="proposed", proposed_by=by
    )
    if claim.currency == currency and claim.amount <= rules.agent_limit:
        return found.having(state="granted", decided_by=by, decided_at=at)
    return found


def decided(
    stands: Compensation | None, by: str, rules: CompensationRules, currency: str, at: datetime, *, grants: bool
) -> Compensation:
    """Approved or refused by a person. What an agent proposed, another grants; a customer's own claim one person grants
    within the limit. Raises NothingProposed, SecondPersonNeeded."""
    if stands is None or stands.state not in ("proposed", "claimed"):
        raise refusals.NothingProposed
    if not grants:
        return stands.having(state="refused", decided_by=by, decided_at=at)
    within = stands.currency == currency and stands.amount <= rules.agent_limit
    if stands.proposed_by == by:
        raise refusals.SecondPersonNeeded
    if stands.proposed_by is None and not within:
        # The first of two people: it is theirs from now on, and another grants it.
        return stands.having(state="proposed", proposed_by=by)
    return stands.having(state="granted", decided_by=by, decided_at=at)


def _by_rule(claim: Claim, rules: CompensationRules, seen: Circumstances) -> bool:
    return (
        claim.kind in ("refund", "reship")
        and claim.currency == seen.currency == seen.order_currency
        and seen.remaining is not None
        and 0 < claim.amount <= min(rules.automatic_limit, seen.remaining)
        and seen.granted_before < rules.automatic_most
        and not seen.order_compensated
    )
