"""The checker: a pure function from what was answered and what was found to what is wrong.

Three-valued: what was acked must have been applied once, what was refused never, and of what got no
answer nothing is known but that it is not there twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chaos import model
from chaos.evidence import Evidence, Fact, Logged
from chaos.sender import ACKED, FAILED, Answers

KINDS = ("lost", "doubled", "ghost", "order", "imbalance")
_ORDER_INPUTS = frozenset({"order.paid", "order.completed", "order.closed", "order.refunded"})
TAKEN_BY = {
    "membership": _ORDER_INPUTS,
    "segmentation": _ORDER_INPUTS | {"order.placed", "customer.registered"},
}
"""Which of the shop's events stand among a service's inputs."""
CLAIMED_BY = {
    **TAKEN_BY,
    "messaging": frozenset(
        {"customer.registered", "customer.consent_changed", "order.placed", "order.paid", "order.completed"}
        | {"tier.changed", "segment.entered", "segment.left", "customer.key_issued"}
    ),
    "feedback": _ORDER_INPUTS | {"order.placed", "customer.key_issued"},
}
"""Which published facts a service must have claimed in its inbox."""


class Finding(NamedTuple):
    kind: str
    detail: str


def check(answers: Answers, events: Mapping[str, Mapping[str, Any]], found: Evidence) -> list[Finding]:
    """Everything that is wrong; `events` are the bodies sent, by id."""
    findings = [
        *_applied(answers, events, found),
        *_effects(events, found),
        *_merged(answers, found),
        *_redeemed(answers, found),
        *_ledger(found),
        *_published(found),
        *_claimed(found),
        *_mailed(found),
    ]
    for service, rows in found.dead.items():
        findings += [Finding("lost", f"{service} laid aside as dead {row}") for row in rows]
    return findings


def _applied(answers: Answers, events: Mapping[str, Mapping[str, Any]], found: Evidence) -> Iterator[Finding]:
    taken = found.applied["taken"]
    for id_, answer in answers.events.items():
        if answer == ACKED and not taken[id_] and id_ not in found.held:
            yield Finding("lost", f"{id_} was acknowledged and was not taken")
        if answer == FAILED and (taken[id_] or id_ in found.held):
            yield Finding("ghost", f"{id_} was refused and taken")
    for id_, state in found.held.items():
        if state not in ("", "placed"):
            yield Finding("lost", f"refund {id_} waits, although its order is {state}")
        if taken[id_]:
            yield Finding("doubled", f"refund {id_} was taken and waits")
    for place in ("taken", "membership", "segmentation"):
        for id_, times in found.applied[place].items():
            if times > 1:
                yield Finding("doubled", f"{id_} stands {times} times in {place}")
            if id_ not in events or (place != "taken" and not taken[id_]):
                yield Finding("ghost", f"{id_} is in {place}, but was never taken")
    for service, types in TAKEN_BY.items():
        for id_ in taken:
            if id_ in events and events[id_]["type"] in types and not found.applied[service][id_]:
                yield Finding("lost", f"{id_} ({events[id_]['type']}) was taken and never reached {service}")


def _effects(events: Mapping[str, Mapping[str, Any]], found: Evidence) -> Iterator[Finding]:
    """What the services made of the events that they took, against a count of our own."""
    redeemed: Counter[str] = Counter()
    for _, spender, points in found.redemptions:
        redeemed[_person(spender, found)] += points
    truth = model.count(_by_person(events, found, "membership"))
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
        yield from _compare(f"membership: points of {name}", points, customer.points - redeemed[name])
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


def _person(customer: str, found: Evidence) -> str:
    """Under whom it is counted. Nobody who went on was absorbed in a run."""
    return found.merged.get("orders-ingest", {}).get(customer, customer)


def _by_person(events: Mapping[str, Mapping[str, Any]], found: Evidence, service: str) -> Iterator[Mapping[str, Any]]:
    """The events that a service has taken, of whom they count for, as if that had always been known."""
    for id_ in found.applied[service]:
        if id_ in events:
            yield {**events[id_], "subject": _person(events[id_]["subject"], found)}


def _merged(answers: Answers, found: Evidence) -> Iterator[Finding]:
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


def _is_completed(standing: Mapping[str, Any]) -> bool:
    return bool(standing.get("said_completed")) and standing.get("state") != "closed"


def _compare(what: str, seen: int, expected: int) -> Iterator[Finding]:
    if seen != expected:
        kind = "doubled" if seen > expected else "lost"
        if "points" in what or "paid for" in what:  # a repeated refund shows as too few
            kind = "lost" if seen > expected else "doubled"
        yield Finding(kind, f"{what}: {seen}, must be {expected}")


def _redeemed(answers: Answers, found: Evidence) -> Iterator[Finding]:
    # A redemption stands under whom its customer is by now.
    rows = {id_: (_person(customer, found), points) for id_, customer, points in found.redemptions}
    asked = {id_: (_person(customer, found), points) for id_, (customer, points) in answers.points.items()}
    commands = found.applied["commands"]
    for id_, answer in answers.redemptions.items():
        times = commands[f"redemption-{id_}"]
        if answer == ACKED and (rows.get(id_) != asked[id_] or not times):
            yield Finding("lost", f"redemption {id_} was accepted and is not there as it was asked")
        if answer == FAILED and (id_ in rows or times):
            yield Finding("ghost", f"redemption {id_} was refused and is there")
        if times > 1:
            yield Finding("doubled", f"redemption {id_} was applied {times} times")


def _ledger(found: Evidence) -> Iterator[Finding]:
    causes: Counter[tuple[str, str]] = Counter()
    accounts: dict[str, Counter[str]] = defaultdict(Counter)
    for leg in found.legs:
        causes[leg.customer, leg.cause] += leg.amount
        accounts[leg.customer][leg.account] += leg.amount
    for (customer, cause), amount in causes.items():
        if amount:
            yield Finding("imbalance", f"the legs of {cause} of {customer} come to {amount}")
    for (customer, account, lot, cause), times in Counter(
        (g.customer, g.account, g.lot, g.cause) for g in found.legs
    ).items():
        if times > 1:
            yield Finding("doubled", f"{times} legs of {cause} on {account} {lot} of {customer}")
    for name, state in found.members.items():
        for account in ("pending", "available", "debt", "redeemed", "issued", "reversed", "expired"):
            stored = state.get(account, 0) * (-1 if account == "debt" else 1)
            if accounts[name][account] != stored:
                yield Finding(
                    "imbalance", f"{account} of {name} is {stored}, its legs come to {accounts[name][account]}"
                )


def _published(found: Evidence) -> Iterator[Finding]:
    logged = {(r.topic, r.id) for r in found.log}
    announced = {(f.topic, f.id) for rows in found.outboxes.values() for f in rows}
    for service, rows in found.outboxes.items():
        for (topic, id_), times in Counter((f.topic, f.id) for f in rows).items():
            if times > 1:
                yield Finding("doubled", f"{service} announced {id_} on {topic} {times} times")
        for fact in rows:
            # The log of keys is compacted: older records of a customer may be gone.
            if fact.topic != "customer-keys" and (fact.topic, fact.id) not in logged:
                marked = "marked as published" if fact.published else "never published"
                yield Finding("lost", f"{service}: {fact.type} {fact.id} is {marked} and not in the log")
        yield from _in_order(service, rows, found.log)
    for topic, id_ in logged - announced:
        yield Finding("ghost", f"{id_} is in the log of {topic}, and no outbox knows it")


def _in_order(service: str, rows: Iterable[Fact], log: Iterable[Logged]) -> Iterator[Finding]:
    """By key, facts first appear in the log in the order of their `seq`: repeats behind that are harmless."""
    seqs = {(fact.topic, fact.id): fact.seq for fact in rows}
    last: dict[tuple[str, str], tuple[int, str]] = {}
    seen: set[tuple[str, str]] = set()
    for record in log:
        name = (record.topic, record.id)
        if name not in seqs or name in seen:
            continue
        seen.add(name)
        before = last.get((record.topic, record.key))
        if before is not None and before[0] > seqs[name]:
            yield Finding("order", f"{service}: {record.key} has {before[1]} before {record.id} in the log")
        last[record.topic, record.key] = (seqs[name], record.id)


def _claimed(found: Evidence) -> Iterator[Finding]:
    for service, types in CLAIMED_BY.items():
        if service not in found.claims:
            continue  # not part of this run
        for rows in found.outboxes.values():
            for fact in rows:
                if fact.type in types and fact.claim not in found.claims[service]:
                    yield Finding("lost", f"{service} never claimed {fact.type} {fact.id}")


def _mailed(found: Evidence) -> Iterator[Finding]:
    """Marketing and surveys leave at most once. An order's mails may be repeated when their sender is killed."""
    for message, times in Counter(found.mails).items():
        purpose = found.purposes.get(message.strip("<>").partition("@")[0])
        if times > 1 and purpose != "transactional":
            yield Finding("doubled", f"mail {message} ({purpose}) was handed off {times} times")
        if purpose is None:
            yield Finding("ghost", f"mail {message} belongs to no message")


def repeated_mails(found: Evidence) -> int:
    """Transactional mails handed off again after their sender died, which is meant so."""
    return sum(times - 1 for times in Counter(found.mails).values())


def totals(findings: Iterable[Finding]) -> dict[str, int]:
    counted = Counter(finding.kind for finding in findings)
    return {kind: counted[kind] for kind in KINDS}


def sentence(found: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {found[kind]}" for kind in KINDS)
