"""What the services made of the events that they took, against a count of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chaos import model
from chaos.answers import ACKED, FAILED, Answers
from chaos.checks import Finding, person
from chaos.evidence import Evidence


def effects(answers: Answers, events: Mapping[str, Mapping[str, Any]], found: Evidence) -> Iterator[Finding]:
    """What the services made of the events that they took, against a count of our own."""
    redeemed: Counter[str] = Counter()
    for _, spender, points in found.redemptions:
        redeemed[person(spender, found)] += points
    truth = model.count(_by_person(events, found, "membership"))
    given = model.rewards(truth, answers.referrals.values())
    yield from _referred(answers, truth, found)
    for name, customer in truth.items():
        state = found.members.get(name, {})
        stored = state.get("orders", {})
        for order_id, order in customer.orders.items():
            seen = stored.get(order_id, {})
            refunded = sum(amount for _, amount, *_ in seen.get("refunds", []))
            yield from _compare(f"membership: refunds of {order_id}", refunded, order.refunded)
            yield from _compare(f"membership: paid for {order_id}", seen.get("goods", 0), order.paid)
            yield from _compare(f"membership: points held by {order_id}", seen.get("held", 0), order.points)
        completed = sum(1 for seen in stored.values() if seen.get("said_completed"))
        expected = sum(order.completed for order in customer.orders.values())
        yield from _compare(f"membership: completed orders of {name}", completed, expected)
        points = state.get("pending", 0) + state.get("available", 0) - state.get("debt", 0)
        yield from _compare(f"membership: points of {name}", points, customer.points + given[name] - redeemed[name])
        yield from _compare(f"membership: pending points of {name}", state.get("pending", 0), customer.pending)
    truth = model.count(_by_person(events, found, "segmentation"))
    for name, customer in truth.items():
        kept = found.buyers.get(name, {})
        ended = {id_ for id_, seen in kept.get("order", {}).items() if _is_completed(seen)}
        for order_id, order in customer.orders.items():
            expected = int(order.completed and not order.closed)
            yield from _compare(f"segmentation: completions of {order_id}", int(order_id in ended), expected)
        expected = sum(order.completed and not order.closed for order in customer.orders.values())
        yield from _compare(f"segmentation: completed orders of {name}", len(ended), expected)
        refunds = sum(seen["amount"] for seen in kept.get("refund", {}).values())
        expected = sum(order.refunded for order in customer.orders.values())
        yield from _compare(f"segmentation: refunds of {name}", refunds, expected)


def _referred(answers: Answers, truth: Mapping[str, model.Customer], found: Evidence) -> Iterator[Finding]:
    """Who brought a friend whose order counts is rewarded, and nobody else."""
    for friend, referral in answers.referrals.items():
        state = found.referrals.get(friend)
        if referral.answer == ACKED and state is None:
            yield Finding("lost", f"the referral of {friend} was accepted and is not there")
        if referral.answer == FAILED and state is not None:
            yield Finding("ghost", f"the referral of {friend} was refused and is {state}")
        counts = friend in truth and truth[friend].counts
        if state is not None and (state == "rewarded") != counts:
            yield Finding(
                "lost" if counts else "doubled", f"the referral of {friend} is {state}; order counts: {counts}"
            )


def _by_person(events: Mapping[str, Mapping[str, Any]], found: Evidence, service: str) -> Iterator[Mapping[str, Any]]:
    """The events that a service has taken, of whom they count for, as if that had always been known."""
    for id_ in found.applied[service]:
        if id_ in events:
            yield {**events[id_], "subject": person(events[id_]["subject"], found)}


def _is_completed(standing: Mapping[str, Any]) -> bool:
    return bool(standing.get("said_completed")) and standing.get("state") != "closed"


def _compare(what: str, seen: int, expected: int) -> Iterator[Finding]:
    if seen != expected:
        kind = "doubled" if seen > expected else "lost"
        if "points" in what or "paid for" in what:  # a repeated refund shows as too few
            kind = "lost" if seen > expected else "doubled"
        yield Finding(kind, f"{what}: {seen}, must be {expected}")
