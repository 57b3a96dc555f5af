"""What was asked for besides events: done where it was acked, once, and not where it was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.answers import ACKED, FAILED, UNKNOWN, Answers, Checkout
from chaos.checks import Finding, person
from chaos.evidence import Evidence

_STANDING = frozenset({"reserved", "committed"})
_HOLD_OUT = "hold_out"


def merged(answers: Answers, found: Evidence) -> Iterator[Finding]:
    """Merges are as they were said last, and the same in every service."""
    ours = found.merged.get("orders-ingest", {})
    for absorbed, (into, answer) in answers.merges.items():
        if answer == ACKED and ours.get(absorbed) != into:
            yield Finding("lost", f"{absorbed} went into {ours.get(absorbed)}; it was accepted that into {into}")
    for absorbed in ours.keys() - answers.merges.keys():
        yield Finding("ghost", f"{absorbed} was merged, which nobody said")
    for service, theirs in found.merged.items():
        for absorbed in ours.keys() | theirs.keys():
            if theirs.get(absorbed) != ours.get(absorbed):
                into = f"{theirs.get(absorbed)}, in orders-ingest into {ours.get(absorbed)}"
                yield Finding("lost", f"{service}: {absorbed} went into {into}")


def redeemed(answers: Answers, found: Evidence) -> Iterator[Finding]:
    # A redemption stands under whom its customer is by now.
    rows = {id_: (person(customer, found), points) for id_, customer, points in found.redemptions}
    asked = {id_: (person(customer, found), points) for id_, (customer, points) in answers.points.items()}
    commands = found.applied["commands"]
    for id_, answer in answers.redemptions.items():
        times = commands[f"redemption-{id_}"]
        if answer == ACKED and (rows.get(id_) != asked[id_] or not times):
            yield Finding("lost", f"redemption {id_} was accepted and is not there as it was asked")
        if answer == FAILED and (id_ in rows or times):
            yield Finding("ghost", f"redemption {id_} was refused and is there")
        if times > 1:
            yield Finding("doubled", f"redemption {id_} was applied {times} times")


def checked_out(answers: Answers, found: Evidence) -> Iterator[Finding]:
    """What a checkout promised stands until it is voided; coupons are as many as there are, and counted as they are."""
    coupons = {use.order_id: use.status for use in found.coupon_uses}
    for order_id, checkout in answers.checkouts.items():
        for what, promised, stands in (
            ("coupon", checkout.coupon, coupons.get(order_id)),
            ("free shipping", checkout.quota, found.quota.get(order_id)),
        ):
            if checkout.answer == FAILED and stands in _STANDING:
                yield Finding("ghost", f"the checkout {order_id} was refused and its {what} is {stands}")
            if checkout.answer == ACKED and not promised and stands in _STANDING:
                yield Finding("ghost", f"the checkout {order_id} promised no {what}, and one is {stands}")
            if checkout.answer == ACKED and promised and stands not in _may_be(checkout, what):
                yield Finding("lost", f"the {what} of {order_id} is {stands} after {checkout.ended} ({checkout.end})")
    if found.coupons is not None:
        counted = sum(use.status in _STANDING for use in found.coupon_uses)
        if counted > found.coupons.limit:
            yield Finding("doubled", f"{counted} uses of a coupon stand, {found.coupons.limit} may")
        for what, uses in (("offer", found.coupons.of_offer), ("code", found.coupons.of_code)):
            if uses != counted:
                yield Finding("imbalance", f"the {what} counts {uses} uses of the coupon, {counted} stand")


def _may_be(checkout: Checkout, what: str) -> set[str | None]:
    """What may have become of that which a checkout promised. A use of free shipping is committed with the parcel."""
    before: set[str | None] = {"reserved"}
    if checkout.ended is None or checkout.end == FAILED:
        return before
    done: set[str | None] = {"released", None} if checkout.ended == "void" else {"committed"}
    return done | before if checkout.end == UNKNOWN or (checkout.ended, what) == ("commit", "free shipping") else done


def complained(answers: Answers, found: Evidence) -> Iterator[Finding]:
    """Each ticket is opened and resolved once, and messaging knows of it what feedback does."""
    for ticket_id, ticket in answers.tickets.items():
        state, entries = found.tickets.get(ticket_id, (None, Counter[str]()))
        if ticket.answer == ACKED and state is None:
            yield Finding("lost", f"the ticket {ticket_id} was accepted and is not there")
        if ticket.answer == FAILED and state is not None:
            yield Finding("ghost", f"the ticket {ticket_id} was refused and is {state}")
        if ticket.resolved == ACKED and state != "resolved":
            yield Finding("lost", f"the ticket {ticket_id} was resolved and is {state}")
        if ticket.resolved in (None, FAILED) and state == "resolved":
            yield Finding("ghost", f"the ticket {ticket_id} is resolved, which nobody said")
        for type_, times in entries.items():
            if times > 1:
                yield Finding("doubled", f"the ticket {ticket_id} has {times} times {type_}")
        known = found.complaints.get(ticket_id)
        must = None if state is None else "closed" if state == "resolved" else "open"
        if "messaging" in found.claims and known != must:
            yield Finding("lost", f"messaging knows the ticket {ticket_id} as {known}, it is {state}")


def campaigned(answers: Answers, found: Evidence) -> Iterator[Finding]:
    """Each customer is in one arm, those who are treated are written to once, and the campaign's own counts say so."""
    for name, asked in answers.campaigns.items():
        counts, arms = found.campaigns.get(name), found.arms.get(name, {})
        if counts is None or not counts.looked_at:
            if asked.start == ACKED:
                yield Finding("lost", f"the campaign {name} was started and looked at nobody")
            continue
        if asked.start == FAILED:
            yield Finding("ghost", f"the campaign {name} was not started and looked at {counts.looked_at}")
        if asked.start == ACKED and asked.resumed == ACKED and not counts.done:
            yield Finding("lost", f"the campaign {name} has not come to its end")
        held_out = {customer for customer, arm in arms.items() if arm == _HOLD_OUT}
        treated = arms.keys() - held_out
        if (len(treated), len(held_out)) != (counts.treated, counts.held_out):
            said = f"{counts.treated} treated and {counts.held_out} held out"
            yield Finding("imbalance", f"the campaign {name} says {said}; there are {len(treated)} and {len(held_out)}")
        written = found.written.get(name, Counter[str]())
        for customer, times in written.items():
            if times > 1:
                yield Finding("doubled", f"the campaign {name} has {times} messages for {customer}")
        for customer in treated - written.keys():
            yield Finding("lost", f"the campaign {name} has no message for {customer}, who is in it")
        for customer in written.keys() - treated:
            yield Finding("ghost", f"the campaign {name} has a message for {customer}, who is not treated")
